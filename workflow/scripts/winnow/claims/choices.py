"""Sensitivity: what becomes of each claim when a choice is made otherwise."""

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from winnow.claims.paper import CLAIMS
from winnow.claims.seeds import NO_EFFECT, effect

Columns = dict[str, list[Any]]
"""Columns of the table `sensitivity`."""

_COLUMNS = (
    *("dataset", "choice", "changes", "claim", "statistic", "effect", "low", "high", "no_effect", "threshold"),
    *("difference", "difference_low", "difference_high", "n_seeds", "verdict", "differs", "reason"),
)


def compare_choices(
    claims: pd.DataFrame,
    of_choices: pd.DataFrame,
    *,
    dataset: str,
    choices: Mapping[str, str],
    changes: Mapping[str, str],
) -> Columns:
    """Each claim under the experiment's own settings and under each choice.

    A choice's difference is taken seed by seed: its runs have the images, and where their shapes are the same also the
    initial weights and the batches, of the experiment's own.

    Args:
        claims: table `claims` of the experiment.
        of_choices: table `claims` of the runs under all choices.
        dataset: the dataset that is varied.
        choices: what it is called in `of_choices` under each choice.
        changes: what each choice changes, in words.

    Returns:
        Columns of the table `sensitivity`: a row a claim, first under the experiment's own settings, for which `choice`
        is null, then under each choice.
    """
    own = _deciding(claims, dataset)
    rows = [_row(own, own, claim.number, None, None) for claim in CLAIMS]
    for choice, name in choices.items():
        under = _deciding(of_choices, name)
        rows += [_row(under, own, claim.number, choice, changes[choice]) for claim in CLAIMS]
    return {name: [dataset if name == "dataset" else row[name] for row in rows] for name in _COLUMNS}


def _deciding(claims: pd.DataFrame, dataset: str) -> pd.DataFrame:
    """The rows of the statistics that decide, on one dataset."""
    return claims[(claims["dataset"] == dataset) & claims["rule"].notna()]


def _row(
    under: pd.DataFrame, own: pd.DataFrame, number: str, choice: str | None, changes: str | None
) -> dict[str, Any]:
    claim = next(claim for claim in CLAIMS if claim.number == number)
    here, there = under[under["claim"] == number], own[own["claim"] == number]
    (summary,) = here[here["seed"].isna()].to_dict("records")
    (before,) = there[there["seed"].isna()].to_dict("records")
    row = {
        "choice": choice,
        "changes": changes,
        "claim": number,
        "statistic": summary["statistic"],
        "effect": summary["value"],
        "low": summary["interval_low"],
        "high": summary["interval_high"],
        "no_effect": summary["null"],
        "threshold": claim.threshold,
        "n_seeds": summary["n_seeds"],
        "verdict": summary["verdict"],
        "reason": summary["reason"],
    }
    if choice is None:
        return dict.fromkeys(_COLUMNS) | row
    differences = (_by_seed(here) - _by_seed(there)).to_numpy()
    known = NO_EFFECT if np.isnan(differences).any() or not len(differences) else effect(differences.tolist(), 0)
    return row | {
        "difference": differences.mean() if len(differences) else np.nan,
        "difference_low": known.low,
        "difference_high": known.high,
        "differs": summary["verdict"] != before["verdict"],
    }


def _by_seed(rows: pd.DataFrame) -> "pd.Series[float]":
    return rows[rows["seed"].notna()].set_index("seed")["value"]


def summarise_choices(columns: Columns) -> str:
    """The table as CSV for people: three digits, verdict and what has changed it early."""
    table = pd.DataFrame(columns)
    order = [
        *("dataset", "choice", "changes", "claim", "verdict", "differs", "effect", "low", "high"),
        *("difference", "difference_low", "difference_high", "no_effect", "threshold", "n_seeds", "statistic"),
        "reason",
    ]
    content = io.StringIO()
    table[order].to_csv(content, index=False, float_format="%.3g")
    return content.getvalue()

"""The table `claims`, and its summary for people."""

import io
from collections.abc import Sequence

import numpy as np
import pandas as pd

from winnow.claims.paper import CLAIMS, UNDETERMINED, Claim, Statistic
from winnow.claims.seeds import NO_EFFECT, adjust, chance_of, effect, in_words
from winnow.claims.statistics import NothingToCompute, Tables

Columns = dict[str, list[str | int | float | None]]
"""Columns of the table `claims`."""


def check_claims(
    locality: pd.DataFrame,
    pair_correlation: pd.DataFrame,
    kurtosis: pd.DataFrame,
    cavity: pd.DataFrame,
    *,
    datasets: Sequence[str],
    clone_suffix: str,
) -> Columns:
    """Check each claim on each dataset.

    Args:
        locality: table `locality` of all runs.
        pair_correlation: table `pair_correlation` of all runs.
        kurtosis: table `kurtosis_by_class` of all runs.
        cavity: table `cavity` of all runs.
        datasets: the datasets to check the claims on; claims that need a clone are undetermined without one.
        clone_suffix: what a clone's name adds to its dataset's.

    Returns:
        Columns of the table `claims`: for each claim and statistic, a row a seed and the summary.
    """
    rows: list[dict[str, str | int | float | None]] = []
    for dataset in datasets:
        clone = dataset + clone_suffix
        seeds = sorted(locality.loc[locality["dataset"] == dataset, "seed"].unique().tolist())
        tables = [
            Tables(
                *(_rows(table, dataset, seed) for table in (locality, pair_correlation, kurtosis, cavity)),
                *(_rows(table, clone, seed) for table in (locality, pair_correlation, cavity)),
            )
            for seed in seeds
        ]
        for claim in CLAIMS:
            for statistic in (claim.decides, *claim.beside):
                rows += _rows_of(claim, statistic, seeds, tables, dataset)
    _adjust(rows)
    return {name: [row[name] for row in rows] for name in rows[0]} if rows else {name: [] for name in _COLUMNS}


_COLUMNS = (
    *("dataset", "claim", "statement", "place", "statistic", "seed", "value", "minimum", "maximum"),
    *("null", "interval_low", "interval_high", "effect_size", "p_value", "p_adjusted"),
    *("n_seeds", "n_agree", "chance", "agreement", "rule", "verdict", "reason"),
)


def _rows_of(
    claim: Claim, statistic: Statistic, seeds: Sequence[int], tables: Sequence[Tables], dataset: str
) -> list[dict[str, str | int | float | None]]:
    """A row a seed and one for all of them; verdict, rule and agreement only for the deciding statistic."""
    what = {
        "dataset": dataset,
        "claim": claim.number,
        "statement": claim.statement,
        "place": claim.place,
        "statistic": statistic.name,
        "null": statistic.null,
    }
    decides = statistic is claim.decides
    values, reasons = zip(*(_compute(statistic, of_seed) for of_seed in tables), strict=True) if tables else ((), ())
    rows = [
        _row(
            **what,
            seed=seed,
            value=value,
            reason=reason,
            **({"rule": claim.rule, "verdict": claim.verdict([value])} if decides else {}),
        )
        for seed, value, reason in zip(seeds, values, reasons, strict=True)
    ]
    if not values or np.isnan(values).any():
        why = _why(seeds, reasons) if values else "there is no run"
        return [*rows, _row(**what, reason=why, **({"rule": claim.rule, "verdict": UNDETERMINED} if decides else {}))]
    known = effect(values, statistic.null) if statistic.null is not None else NO_EFFECT
    summary = _row(
        **what,
        value=float(np.mean(values)),
        minimum=min(values),
        maximum=max(values),
        interval_low=known.low,
        interval_high=known.high,
        effect_size=known.size,
        p_value=known.p,
        n_seeds=len(values),
    )
    if decides:
        agree = sum(claim.holds(value) for value in values)
        chance = float(chance_of(agree, len(values), claim.chance))
        verdict = claim.verdict(values)
        summary |= {
            "n_agree": agree,
            "chance": chance,
            "agreement": in_words(agree, len(values), chance, claim.at_most),
            "rule": claim.rule,
            "verdict": verdict,
            "reason": "the seeds disagree" if verdict == UNDETERMINED else None,
        }
    return [*rows, summary]


def _row(**entries: str | int | float | None) -> dict[str, str | int | float | None]:
    if entries.get("seed") is not None:
        entries |= {"minimum": entries["value"], "maximum": entries["value"]}
    return dict.fromkeys(_COLUMNS) | entries


def _compute(statistic: Statistic, tables: Tables) -> tuple[float, str | None]:
    """The value of a seed, and why it has none."""
    try:
        return float(statistic.compute(tables)), None
    except NothingToCompute as reason:
        return np.nan, str(reason)


def _why(seeds: Sequence[int], reasons: Sequence[str | None]) -> str:
    """The reasons of all seeds; those that not all seeds share with their seed."""
    if len(set(reasons)) == 1:
        return str(reasons[0])
    return "; ".join(f"seed {seed}: {reason}" for seed, reason in zip(seeds, reasons, strict=True) if reason)


def _adjust(rows: list[dict[str, str | int | float | None]]) -> None:
    """Fill in `p_adjusted` of the deciding statistics: the claims are what is tested, and are as many as the tests."""
    tested = [row for row in rows if row["seed"] is None and row["rule"] is not None and row["p_value"] is not None]
    for row, p in zip(tested, adjust([float(row["p_value"] or np.nan) for row in tested]), strict=True):
        row["p_adjusted"] = p


def _rows(table: pd.DataFrame, dataset: str, seed: int) -> pd.DataFrame:
    return table[(table["dataset"] == dataset) & (table["seed"] == seed)]


def summarise_claims(columns: Columns) -> str:
    """The claims table without the rows of single seeds, as CSV for people: three digits, the verdict early."""
    table = pd.DataFrame(columns)
    order = [
        *("dataset", "claim", "verdict", "agreement", "reason", "statement", "place", "statistic"),
        *("value", "minimum", "maximum", "interval_low", "interval_high", "effect_size", "p_value", "p_adjusted"),
        "rule",
    ]
    content = io.StringIO()
    summary = table.loc[table["seed"].isna(), order].rename(columns={"value": "mean"})
    summary.to_csv(content, index=False, float_format="%.3g")
    return content.getvalue()

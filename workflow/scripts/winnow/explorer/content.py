"""What the page says in numbers, as plain lists and dictionaries: curves over seeds, the verdicts on the claims."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from winnow.figures.bands import converged_widths, over_seeds

COLUMNS = {
    "sigma_x": 2,
    "sigma_y": 2,
    "converged": 0,
    "chance_sigma_x": 2,
    "close_pairs": 0,
    "close_pairs_expected": 1,
    "kurtosis": 3,
}
"""What the page holds of every unit after every round, and with how many digits after the point."""

_DIGITS = 5  # of numbers that stand in the page as text


def unit_columns(locality: pd.DataFrame, kurtosis: pd.DataFrame, n_rounds: int) -> dict[str, np.ndarray]:
    """The `COLUMNS` of one run, each (rounds + 1, H) float64, NaN where there is no value.

    Args:
        locality: rows of the run in the table `locality`.
        kurtosis: the same in the table `kurtosis_by_unit`.
        n_rounds: rounds of pruning.

    Raises:
        ValueError: a table has not one row for each round and unit.
    """
    columns = {}
    for name in COLUMNS:
        table = kurtosis if name == "kurtosis" else locality
        values = table.sort_values(["round", "unit"])[name].astype(np.float64).to_numpy()
        if not len(values) or len(values) % (n_rounds + 1):
            raise ValueError(f"{len(values)} rows of {name} are not those of {n_rounds} rounds and the dense network")
        columns[name] = values.reshape(n_rounds + 1, -1)
    return columns


def curves(locality: pd.DataFrame, kurtosis: pd.DataFrame, training: pd.DataFrame) -> list[dict[str, Any]]:
    """Each statistic by round: mean over the seeds of each seed's mean over units, and the seeds' minimum and maximum.

    Args:
        locality: table `locality` of all runs; only converged fits have a width.
        kurtosis: table `kurtosis_by_unit` of all runs.
        training: table `training` of all runs; the last step of each training counts.
    """
    keys = ["dataset", "method", "seed", "round"]
    last = training.sort_values("step").groupby(keys, as_index=False).last() if len(training) else training
    found = []
    for name, table, column in (
        ("sigma_x", converged_widths(locality), "sigma_x"),
        ("chance_sigma_x", locality, "chance_sigma_x"),
        ("kurtosis", kurtosis, "kurtosis"),
        ("validation_accuracy", last, "validation_accuracy"),
    ):
        summary = over_seeds(table, column, ["dataset", "method", "round"])
        for (dataset, method), points in summary.groupby(["dataset", "method"]):
            found.append(
                {
                    "statistic": name,
                    "dataset": dataset,
                    "method": method,
                    "rounds": [int(n) for n in points["round"]],
                    "density": numbers(1 - points["sparsity"]),
                    **{
                        key: numbers(points[kind])
                        for key, kind in (("mean", "mean"), ("min", "minimum"), ("max", "maximum"))
                    },
                }
            )
    return found


def verdicts(claims: pd.DataFrame) -> list[dict[str, Any]]:
    """The deciding row of each claim and dataset, over all seeds."""
    rows = claims[claims["seed"].isna() & claims["verdict"].notna()]
    text = ("dataset", "claim", "statement", "place", "statistic", "rule", "verdict", "agreement", "reason")
    number = ("value", "minimum", "maximum", "null", "interval_low", "interval_high")
    return [
        {name: row[name] if isinstance(row[name], str) else None for name in text}
        | {name: numbers([row[name]])[0] for name in number}
        for row in rows.to_dict("records")
    ]


def score_means(details: Mapping[str, np.ndarray], lasts: np.ndarray) -> dict[str, list[list[float | None]]]:
    """Mean cavity score of a unit's weights that go in the next round, and of those that stay longer, by round.

    Args:
        details: of `measure_details`.
        lasts: (n, D), rounds that each weight of these units survives.

    Returns:
        `next` and `later`, each a list a round of a number a unit; None where there is no such weight.
    """
    scores, known = details["scores"].astype(np.float64), details["has_score"]
    means: dict[str, list[list[float | None]]] = {"next": [], "later": []}
    for n, (of_round, has_score) in enumerate(zip(scores, known, strict=True)):
        for name, chosen in (("next", lasts == n), ("later", lasts > n)):
            among = chosen & has_score
            count = among.sum(axis=1)
            mean = np.divide((of_round * among).sum(axis=1), count, out=np.full(len(count), np.nan), where=count > 0)
            means[name].append(numbers(mean))
    return means


def numbers(values: Sequence[float] | np.ndarray | pd.Series) -> list[float | None]:
    """Numbers for JSON: a few digits, None where there is none."""
    return [float(f"{value:.{_DIGITS}g}") if np.isfinite(value) else None for value in np.asarray(values, float)]

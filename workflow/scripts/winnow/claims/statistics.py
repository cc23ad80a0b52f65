"""Numbers of one seed that the claims are about, from the tables of its runs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

NEAR = (1, 2, 3)
"""Radii in pixels over which `short_range_order` is averaged; the close pairs of table `locality` are as close."""

CLUSTERED = 0.01
"""A unit is clustered if no more than this share of random masks has as many close pairs: beyond the 99 % quantile."""


class NothingToCompute(Exception):
    """A statistic has no value here; the message says why, for the claims table."""


@dataclass(frozen=True)
class Tables:
    """The tables of one dataset, its clone, and one seed; those of the clone are empty where there is none."""

    locality: pd.DataFrame
    pair_correlation: pd.DataFrame
    kurtosis: pd.DataFrame
    cavity: pd.DataFrame
    clone_locality: pd.DataFrame
    clone_pair_correlation: pd.DataFrame
    clone_cavity: pd.DataFrame


def final_width(table: pd.DataFrame, method: str, average: str = "mean") -> float:
    """Mean or median of the converged `sigma_x` of the units after the last round, in pixels (Figs. 3C, 4A)."""
    last = _last_round(table, method)
    return _average(last.loc[last["converged"].eq(True), "sigma_x"], average, f"no unit has a width under {method}")


def chance_width(table: pd.DataFrame, method: str, average: str = "mean") -> float:
    """`final_width` of random masks, one a unit, with the unit's number of weights in each channel."""
    widths = _last_round(table, method)["chance_sigma_x"].dropna()
    return _average(widths, average, f"no random mask has a width with as few weights as the units' under {method}")


def share_without_width(table: pd.DataFrame, method: str) -> float:
    """Share of the units that `final_width` leaves out: too few weights, or a fit that did not converge."""
    return float(1 - _last_round(table, method)["converged"].eq(True).mean())


def short_range_order(table: pd.DataFrame, method: str) -> float:
    """Mean of g(r) − 1 over the radii `NEAR` after the last round: excess of close pairs, pooled over the units.

    0 without structure, whatever the window of the image: in units of the pairs to expect.
    """
    last = _last_round(table, method)
    g = last.loc[last["radius"].isin(NEAR), "g"]
    if g.isna().any() or g.empty:
        raise NothingToCompute(f"no unit has two weights in a channel under {method}")
    return float(g.mean() - 1)


def share_clustered(table: pd.DataFrame, method: str) -> float:
    """Share of the units with enough weights that have more close pairs than 99 % of random masks; 1 % by chance."""
    p = _last_round(table, method)["close_pairs_p"].dropna()
    if p.empty:
        raise NothingToCompute(f"no unit has enough weights under {method}")
    return float((p <= CLUSTERED).mean())


def kurtosis_by_round(table: pd.DataFrame, method: str) -> pd.Series:
    """The mean over classes of the mean kurtosis after each round (Fig. 4B)."""
    of_method = table[table["method"] == method]
    if of_method.empty:
        raise NothingToCompute(f"there is no run of {method}")
    means = of_method.groupby("round")["kurtosis_mean"].mean()
    if means.isna().any():
        raise NothingToCompute(f"no unit's preactivation varies after round {means.index[means.isna()][0]} of {method}")
    return means


def predicted_signs(table: pd.DataFrame, fates_of: str) -> tuple[float, float, float]:
    """How many of the mean cavity scores have the sign that the paper saw (Fig. 5C).

    A cell is a pair (n rounds done, removed in round r > n); weights that survive all rounds belong to none.

    Returns:
        The share of the cells with the predicted sign; the same among the cells about to be removed (r = n + 1,
        predicted positive); the same among those removed later (predicted negative).  NaN where there is no cell.
    """
    cells = table[(table["fates_of"] == fates_of) & table["removed_in"].notna() & table["mean_score"].notna()]
    next_round = cells["removed_in"] == cells["rounds_done"] + 1
    as_predicted = np.where(next_round, cells["mean_score"] > 0, cells["mean_score"] < 0)
    return _share(as_predicted), _share(as_predicted[next_round]), _share(as_predicted[~next_round])


def smallest_gap(ordered: Sequence[float]) -> float:
    """The smallest step of a sequence that should rise."""
    return float(np.min(np.diff(ordered)))


def check_rounds(table: pd.DataFrame) -> None:
    """Refuse to compare IMP with oneshot after a single round, where their masks are the same."""
    if table["round"].max() == 1:
        raise NothingToCompute("after one round, IMP's mask is oneshot's")


def _last_round(table: pd.DataFrame, method: str) -> pd.DataFrame:
    if table.empty:
        raise NothingToCompute("there is no Gaussian clone")
    last: pd.DataFrame = table.loc[(table["method"] == method) & (table["round"] == table["round"].max())]
    if last.empty:
        raise NothingToCompute(f"there is no run of {method}")
    return last


def _average(values: pd.Series, average: str, otherwise: str) -> float:
    if values.empty:
        raise NothingToCompute(otherwise)
    return float(values.agg(average))


def _share(holds: np.ndarray) -> float:
    return float(holds.mean()) if len(holds) else np.nan

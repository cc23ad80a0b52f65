"""The paper's statements as statistics with verdicts, computed and never typed in.

A claim has one deciding statistic and others that stand beside it for the reader.  The deciding one is compared with a
threshold, seed by seed: `supported` if every seed is beyond it, `not supported` if none is, `undetermined` if the seeds
disagree or there is nothing to compute.
"""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

SUPPORTED, NOT_SUPPORTED, UNDETERMINED = "supported", "not supported", "undetermined"

Columns = dict[str, list[str | int | float | None]]
"""Columns of the table `claims`."""


@dataclass(frozen=True)
class Tables:
    """The statistics of one dataset, its clone, and one seed."""

    locality: pd.DataFrame
    kurtosis: pd.DataFrame
    cavity: pd.DataFrame
    clone_locality: pd.DataFrame
    clone_cavity: pd.DataFrame


@dataclass(frozen=True)
class Statistic:
    """A number that is computed for one seed; NaN where there is nothing to compute.

    Attributes:
        name: what is computed, with its unit.
        compute: from the tables of one seed.
    """

    name: str
    compute: Callable[[Tables], float]


@dataclass(frozen=True)
class Claim:
    """A statement of the paper.

    Attributes:
        statement: what the paper says.
        decides: the statistic that decides.
        beside: other statistics, for the reader.
        threshold: the claim holds for a seed if the deciding statistic reaches it.
        strict: whether it must exceed the threshold.
    """

    statement: str
    decides: Statistic
    beside: tuple[Statistic, ...]
    threshold: float = 0.0
    strict: bool = True

    @property
    def rule(self) -> str:
        """The rule of the verdict, in words."""
        sign = ">" if self.strict else ">="
        return f"supported if {sign} {self.threshold:g} for every seed, not supported if for none, else undetermined"

    def verdict(self, values: Sequence[float]) -> str:
        """The verdict on the deciding statistic's values, one a seed."""
        if not len(values) or np.isnan(values).any():
            return UNDETERMINED
        holds = np.greater(values, self.threshold) if self.strict else np.greater_equal(values, self.threshold)
        return SUPPORTED if holds.all() else UNDETERMINED if holds.any() else NOT_SUPPORTED


def final_width(table: pd.DataFrame, method: str, average: str = "mean") -> float:
    """Mean or median of the converged `sigma_x` of the units after the last round, in pixels (Figs. 3C, 4A)."""
    last = _last_round(table, method)
    converged = last.loc[last["converged"].eq(True), "sigma_x"]
    return float(converged.agg(average)) if len(converged) else np.nan


def share_without_width(table: pd.DataFrame, method: str) -> float:
    """Share of the units that `final_width` leaves out: too few weights, or a fit that did not converge."""
    last = _last_round(table, method)
    return float(1 - last["converged"].eq(True).mean()) if len(last) else np.nan


def _last_round(table: pd.DataFrame, method: str) -> pd.DataFrame:
    last: pd.DataFrame = table.loc[(table["method"] == method) & (table["round"] == table["round"].max())]
    return last


def kurtosis_by_round(table: pd.DataFrame, method: str) -> pd.Series:
    """The mean over classes of the mean kurtosis after each round (Fig. 4B)."""
    return table[table["method"] == method].groupby("round")["kurtosis_mean"].mean()


def predicted_signs(table: pd.DataFrame, fates_of: str) -> tuple[float, float, float]:
    """How many of the mean cavity scores have the sign that the paper saw (Fig. 5C).

    A cell is a pair (n rounds done, removed in round r > n); weights that survive all rounds belong to none.

    Returns:
        The share of the cells with the predicted sign; the same among the cells about to be removed (r = n + 1,
        predicted positive); the same among those removed later (predicted negative).
    """
    cells = table[(table["fates_of"] == fates_of) & table["removed_in"].notna() & table["mean_score"].notna()]
    next_round = cells["removed_in"] == cells["rounds_done"] + 1
    as_predicted = np.where(next_round, cells["mean_score"] > 0, cells["mean_score"] < 0)
    return _share(as_predicted), _share(as_predicted[next_round]), _share(as_predicted[~next_round])


def _share(holds: np.ndarray) -> float:
    return float(holds.mean()) if len(holds) else np.nan


def _smallest_gap(ordered: Sequence[float]) -> float:
    """The smallest step of a sequence that should rise."""
    return float(np.min(np.diff(ordered)))


def _gap_of_widths(tables: Tables) -> float:
    return _smallest_gap([final_width(tables.locality, method) for method in ("imp", "oneshot", "random")])


def _kurtoses(tables: Tables) -> pd.DataFrame:
    return pd.DataFrame({method: kurtosis_by_round(tables.kurtosis, method) for method in ("random", "oneshot", "imp")})


def _share_of_ordered_rounds(tables: Tables) -> float:
    pruned = _kurtoses(tables).loc[1:]
    return float((pruned.diff(axis=1).iloc[:, 1:] > 0).all(axis=1).mean())


def _share_of_rises(tables: Tables) -> float:
    steps = kurtosis_by_round(tables.kurtosis, "imp").diff().dropna()
    return float((steps > 0).mean()) if len(steps) else np.nan


CLAIMS = (
    Claim(
        "At the final density, receptive fields are narrower under IMP than oneshot, and oneshot than random (Fig. 4A)",
        Statistic("smaller of the gaps oneshot - IMP and random - oneshot in mean width, pixels", _gap_of_widths),
        (
            Statistic("mean width, IMP, pixels", lambda t: final_width(t.locality, "imp")),
            Statistic("mean width, oneshot, pixels", lambda t: final_width(t.locality, "oneshot")),
            Statistic("mean width, random, pixels", lambda t: final_width(t.locality, "random")),
            Statistic("share of the units without a width, IMP", lambda t: share_without_width(t.locality, "imp")),
            Statistic(
                "share of the units without a width, oneshot", lambda t: share_without_width(t.locality, "oneshot")
            ),
        ),
    ),
    Claim(
        "IMP's receptive fields are wider on the Gaussian clone than on the original data (Fig. 3C)",
        Statistic(
            "median width of IMP, clone - original, pixels",
            lambda t: final_width(t.clone_locality, "imp", "median") - final_width(t.locality, "imp", "median"),
        ),
        (
            Statistic("median width, IMP, original, pixels", lambda t: final_width(t.locality, "imp", "median")),
            Statistic("median width, IMP, clone, pixels", lambda t: final_width(t.clone_locality, "imp", "median")),
        ),
    ),
    Claim(
        "At equal density, preactivations have more kurtosis under IMP than oneshot, and oneshot than random (Fig. 4B)",
        Statistic(
            "smaller of the gaps IMP - oneshot and oneshot - random in mean kurtosis at the final density",
            lambda t: _smallest_gap(_kurtoses(t).iloc[-1].to_list()),
        ),
        (
            Statistic("mean kurtosis at the final density, IMP", lambda t: _kurtoses(t)["imp"].iloc[-1]),
            Statistic("mean kurtosis at the final density, oneshot", lambda t: _kurtoses(t)["oneshot"].iloc[-1]),
            Statistic("mean kurtosis at the final density, random", lambda t: _kurtoses(t)["random"].iloc[-1]),
            Statistic("share of the rounds with this order", _share_of_ordered_rounds),
        ),
    ),
    Claim(
        "IMP's kurtosis rises (almost) round by round (Fig. 4B)",
        Statistic("share of the rounds in which the mean kurtosis rises", _share_of_rises),
        (
            Statistic(
                "mean kurtosis after the last round - before the first",
                lambda t: float(np.subtract(*kurtosis_by_round(t.kurtosis, "imp").iloc[[-1, 0]])),
            ),
        ),
        threshold=0.9,
        strict=False,
    ),
    Claim(
        "The weights that the next round removes have a positive mean cavity score, those removed later a negative one "
        "(Fig. 5C)",
        Statistic(
            "share of the cells (rounds done, removed in) with the predicted sign",
            lambda t: predicted_signs(t.cavity, "imp")[0],
        ),
        (
            Statistic(
                "of the cells about to be removed (predicted: positive)", lambda t: predicted_signs(t.cavity, "imp")[1]
            ),
            Statistic(
                "of the cells removed later (predicted: negative)", lambda t: predicted_signs(t.cavity, "imp")[2]
            ),
            Statistic(
                "control (a), random fates: share of the cells", lambda t: predicted_signs(t.cavity, "random")[0]
            ),
            Statistic(
                "control (b), oneshot fates: share of the cells", lambda t: predicted_signs(t.cavity, "oneshot")[0]
            ),
            Statistic(
                "control (c), IMP on the clone: share of the cells", lambda t: predicted_signs(t.clone_cavity, "imp")[0]
            ),
        ),
        threshold=0.9,
        strict=False,
    ),
)
"""The claims, in the order of the paper."""


def check_claims(
    locality: pd.DataFrame, kurtosis: pd.DataFrame, cavity: pd.DataFrame, *, datasets: Sequence[str], clone_suffix: str
) -> Columns:
    """Check each claim on each dataset.

    Args:
        locality: table `locality` of all runs.
        kurtosis: table `kurtosis_by_class` of all runs.
        cavity: table `cavity` of all runs.
        datasets: the datasets to check the claims on; claims that need a clone are undetermined without one.
        clone_suffix: what a clone's name adds to its dataset's.

    Returns:
        Columns of the table `claims`: for each claim and statistic, a row a seed and the summary.
    """
    columns: Columns = {
        name: []
        for name in [
            "dataset",
            "claim",
            "statement",
            "statistic",
            "seed",
            "value",
            "minimum",
            "maximum",
            "rule",
            "verdict",
        ]
    }
    for dataset in datasets:
        seeds = sorted(locality.loc[locality["dataset"] == dataset, "seed"].unique().tolist())
        tables = [_of_seed(locality, kurtosis, cavity, dataset, dataset + clone_suffix, seed) for seed in seeds]
        for number, claim in enumerate(CLAIMS, start=1):
            for statistic in (claim.decides, *claim.beside):
                decides = statistic is claim.decides
                values = [_number(statistic.compute(table)) for table in tables]
                rows = [(seed, value, value, value, [value]) for seed, value in zip(seeds, values, strict=True)]
                if values and not np.isnan(values).any():
                    rows.append((None, float(np.mean(values)), min(values), max(values), values))
                else:
                    rows.append((None, np.nan, np.nan, np.nan, []))
                for seed, value, minimum, maximum, of in rows:
                    what = (dataset, number, claim.statement, statistic.name, seed, value, minimum, maximum)
                    row = (*what, *((claim.rule, claim.verdict(of)) if decides else (None, None)))
                    for name, entry in zip(columns, row, strict=True):
                        columns[name].append(entry)
    return columns


def summarise_claims(columns: Columns) -> str:
    """The claims table without the rows of single seeds, as CSV for people: two decimals, the verdict early."""
    table = pd.DataFrame(columns)
    summary = table[table["seed"].isna()]
    order = ["dataset", "claim", "verdict", "statement", "statistic", "value", "minimum", "maximum", "rule"]
    content = io.StringIO()
    summary[order].rename(columns={"value": "mean"}).to_csv(content, index=False, float_format="%.2f")
    return content.getvalue()


def _of_seed(
    locality: pd.DataFrame, kurtosis: pd.DataFrame, cavity: pd.DataFrame, dataset: str, clone: str, seed: int
) -> Tables:
    def rows(table: pd.DataFrame, name: str) -> pd.DataFrame:
        return table[(table["dataset"] == name) & (table["seed"] == seed)]

    return Tables(
        rows(locality, dataset),
        rows(kurtosis, dataset),
        rows(cavity, dataset),
        rows(locality, clone),
        rows(cavity, clone),
    )


def _number(value: float) -> float:
    return float(value) if value is not None else np.nan

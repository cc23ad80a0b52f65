"""The claims, in the order of the paper, each with the statistic that decides it.

Version 1 of the paper (arXiv 2412.06545v1) says that IMP "maximally increases" non-Gaussian statistics, version 3 that
it "systematically increases" them.  Where the softer wording asks for less, it is a claim of its own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pandas as pd

from winnow.claims.statistics import (
    NothingToCompute,
    Tables,
    chance_width,
    check_rounds,
    final_width,
    kurtosis_by_round,
    predicted_signs,
    share_clustered,
    share_without_width,
    short_range_order,
    smallest_gap,
)

SUPPORTED, NOT_SUPPORTED, UNDETERMINED = "supported", "not supported", "undetermined"


@dataclass(frozen=True)
class Statistic:
    """A number that is computed for one seed.

    Attributes:
        name: what is computed, with its unit.
        compute: from the tables of one seed; raises `NothingToCompute`.
        null: the value to expect if there were no effect; None: there is no such value.
    """

    name: str
    compute: Callable[[Tables], float]
    null: float | None = None


@dataclass(frozen=True)
class Claim:
    """A statement of the paper.

    Attributes:
        number: its name in the table; a letter marks another measure, or another wording, of the claim before it.
        statement: what the paper says.
        place: version and place in the paper.
        decides: the statistic that decides.
        beside: other statistics, for the reader.
        threshold: the claim holds for a seed if the deciding statistic reaches it.
        strict: whether it must exceed the threshold.
        chance: the probability that it holds for a seed if what is compared were alike: 1/2 for the order of two, 1/6
            for that of three.
        at_most: whether `chance` is only a bound: a share that must reach 0.9 lies beyond 1/2 by chance in half of the
            cases at most.
    """

    number: str
    statement: str
    place: str
    decides: Statistic
    beside: tuple[Statistic, ...]
    threshold: float = 0.0
    strict: bool = True
    chance: Fraction = Fraction(1, 2)
    at_most: bool = False

    @property
    def rule(self) -> str:
        """The rule of the verdict, in words."""
        sign = ">" if self.strict else ">="
        return f"supported if {sign} {self.threshold:g} for every seed, not supported if for none, else undetermined"

    def holds(self, value: float) -> bool:
        """Whether the claim holds for a seed with this value of the deciding statistic."""
        return value > self.threshold if self.strict else value >= self.threshold

    def verdict(self, values: Sequence[float]) -> str:
        """The verdict on the deciding statistic's values, one a seed; a NaN leaves it undetermined."""
        if not len(values) or np.isnan(values).any():
            return UNDETERMINED
        holds = [self.holds(value) for value in values]
        return SUPPORTED if all(holds) else UNDETERMINED if any(holds) else NOT_SUPPORTED


NARROW_TO_WIDE = ("imp", "oneshot", "random")


def _gap_of_widths(tables: Tables) -> float:
    check_rounds(tables.locality)
    return smallest_gap([final_width(tables.locality, method) for method in NARROW_TO_WIDE])


def _gap_of_order(tables: Tables) -> float:
    check_rounds(tables.pair_correlation)
    return smallest_gap([short_range_order(tables.pair_correlation, method) for method in reversed(NARROW_TO_WIDE)])


def _width(method: str, average: str = "mean") -> Statistic:
    return Statistic(f"{average} width, {method}, pixels", lambda t: final_width(t.locality, method, average))


def _chance_width(method: str) -> Statistic:
    return Statistic(
        f"mean width, random masks with the weights of {method}'s units, pixels",
        lambda t: chance_width(t.locality, method),
    )


def _without_width(method: str) -> Statistic:
    return Statistic(f"share of the units without a width, {method}", lambda t: share_without_width(t.locality, method))


def _order(method: str) -> Statistic:
    return Statistic(
        f"mean of g(r) - 1 over r = 1 ... 3, {method}", lambda t: short_range_order(t.pair_correlation, method), null=0
    )


def _clustered(method: str) -> Statistic:
    return Statistic(
        f"share of the units with more close pairs than 99 % of random masks, {method}",
        lambda t: share_clustered(t.locality, method),
    )


def _kurtoses(tables: Tables) -> pd.DataFrame:
    return pd.DataFrame({method: kurtosis_by_round(tables.kurtosis, method) for method in reversed(NARROW_TO_WIDE)})


def _gap_of_kurtosis(tables: Tables) -> float:
    check_rounds(tables.kurtosis)
    return smallest_gap(_kurtoses(tables).iloc[-1].to_list())


def _gap_of_excess(tables: Tables) -> float:
    check_rounds(tables.kurtosis)
    return smallest_gap((_kurtoses(tables).iloc[-1] - 3).abs().to_list())


def _final_kurtosis(method: str) -> Statistic:
    return Statistic(
        f"mean kurtosis at the final density, {method}",
        lambda t: float(kurtosis_by_round(t.kurtosis, method).iloc[-1]),
    )


def _share_of_ordered_rounds(tables: Tables) -> float:
    check_rounds(tables.kurtosis)
    steps = _kurtoses(tables).loc[2:].diff(axis=1).iloc[:, 1:]
    return float((steps > 0).all(axis=1).mean())


def _share_of_rises(tables: Tables) -> float:
    return float((kurtosis_by_round(tables.kurtosis, "imp").diff().dropna() > 0).mean())


def _share_of_excess_rises(tables: Tables) -> float:
    return float(((kurtosis_by_round(tables.kurtosis, "imp") - 3).abs().diff().dropna() > 0).mean())


def _signs(fates_of: str, part: int, *, clone: bool = False) -> Callable[[Tables], float]:
    def compute(tables: Tables) -> float:
        scores = tables.clone_cavity if clone else tables.cavity
        if clone and scores.empty:
            raise NothingToCompute("there is no Gaussian clone")
        if not (scores["fates_of"] == fates_of).any():
            raise NothingToCompute(f"there is no run of {fates_of} whose weights have fates")
        shares = predicted_signs(scores, fates_of)
        if np.isnan(shares[part]):
            raise NothingToCompute(f"no weight that {fates_of} removes has a cavity score")
        return shares[part]

    return compute


def _controls(part: int, cells: str) -> tuple[Statistic, ...]:
    """The same share where IMP is not to be seen: (a) in random and (b) in oneshot's order, and (c) on the clone."""
    return (
        Statistic(f"control (a), random fates: share of {cells}", _signs("random", part)),
        Statistic(f"control (b), oneshot fates: share of {cells}", _signs("oneshot", part)),
        Statistic(f"control (c), IMP on the clone: share of {cells}", _signs("imp", part, clone=True)),
    )


def _all_signs(tables: Tables) -> float:
    _signs("imp", 0)(tables)
    if np.isnan(predicted_signs(tables.cavity, "imp")[2]):
        raise NothingToCompute("no weight with a cavity score is removed later than in the next round")
    return _signs("imp", 0)(tables)


CLAIMS = (
    Claim(
        "1",
        "At the final density, receptive fields are narrower under IMP than oneshot, and oneshot than random",
        "version 1, Sec. 3.2, Fig. 4A",
        Statistic(
            "smaller of the gaps oneshot - IMP and random - oneshot in mean width, pixels", _gap_of_widths, null=0
        ),
        (
            *(part for method in NARROW_TO_WIDE for part in (_width(method), _chance_width(method))),
            _without_width("imp"),
            _without_width("oneshot"),
        ),
        chance=Fraction(1, 6),
    ),
    Claim(
        "1b",
        "The same by close pairs of weights: more under IMP than oneshot, and oneshot than random",
        "ours, for version 1, Fig. 1 and Fig. 4A",
        Statistic(
            "smaller of the gaps IMP - oneshot and oneshot - random in the mean of g(r) - 1 over r = 1 ... 3",
            _gap_of_order,
            null=0,
        ),
        tuple(part(method) for method in NARROW_TO_WIDE for part in (_order, _clustered)),
        chance=Fraction(1, 6),
    ),
    Claim(
        "2",
        "IMP's receptive fields are wider on the Gaussian clone than on the original data",
        "version 1, Sec. 3.1, Fig. 3C",
        Statistic(
            "median width of IMP, clone - original, pixels",
            lambda t: final_width(t.clone_locality, "imp", "median") - final_width(t.locality, "imp", "median"),
            null=0,
        ),
        (
            Statistic("median width, IMP, original, pixels", lambda t: final_width(t.locality, "imp", "median")),
            Statistic("median width, IMP, clone, pixels", lambda t: final_width(t.clone_locality, "imp", "median")),
            Statistic(
                "median width, random masks with the weights of IMP's units on the clone, pixels",
                lambda t: chance_width(t.clone_locality, "imp", "median"),
            ),
        ),
    ),
    Claim(
        "2b",
        "The same by close pairs of weights: fewer on the Gaussian clone than on the original data",
        "ours, for version 1, Sec. 3.1, Fig. 3B",
        Statistic(
            "mean of g(r) - 1 over r = 1 ... 3 of IMP, original - clone",
            lambda t: short_range_order(t.pair_correlation, "imp") - short_range_order(t.clone_pair_correlation, "imp"),
            null=0,
        ),
        (
            Statistic(
                "mean of g(r) - 1 over r = 1 ... 3, IMP, clone",
                lambda t: short_range_order(t.clone_pair_correlation, "imp"),
                null=0,
            ),
            Statistic(
                "share of the units with more close pairs than 99 % of random masks, IMP, clone",
                lambda t: share_clustered(t.clone_locality, "imp"),
            ),
        ),
    ),
    Claim(
        "3",
        "At equal density, preactivations have more kurtosis under IMP than oneshot, and oneshot than random",
        "version 1, Sec. 3.2, Fig. 4B",
        Statistic(
            "smaller of the gaps IMP - oneshot and oneshot - random in mean kurtosis at the final density",
            _gap_of_kurtosis,
            null=0,
        ),
        (
            *(_final_kurtosis(method) for method in NARROW_TO_WIDE),
            Statistic("share of the rounds from the second on with this order", _share_of_ordered_rounds),
        ),
        chance=Fraction(1, 6),
    ),
    Claim(
        "3b",
        "The same by the distance from a Gaussian's kurtosis: preactivations may also have less than it",
        "ours, for version 1, Sec. 3.2, which calls |3 - kurt| excess kurtosis",
        Statistic(
            "smaller of the gaps IMP - oneshot and oneshot - random in |mean kurtosis - 3| at the final density",
            _gap_of_excess,
            null=0,
        ),
        (),
        chance=Fraction(1, 6),
    ),
    Claim(
        "4",
        "IMP's kurtosis rises (almost) round by round",
        "version 1, Sec. 3.2, Fig. 4B; version 3: IMP iteratively increases non-Gaussian statistics",
        Statistic("share of the rounds in which the mean kurtosis rises", _share_of_rises, null=0.5),
        (
            Statistic(
                "mean kurtosis after the last round - before the first",
                lambda t: float(np.subtract(*kurtosis_by_round(t.kurtosis, "imp").iloc[[-1, 0]])),
                null=0,
            ),
        ),
        threshold=0.9,
        strict=False,
        at_most=True,
    ),
    Claim(
        "4b",
        "The same by the distance from a Gaussian's kurtosis",
        "ours, for version 1, Sec. 3.2, which calls |3 - kurt| excess kurtosis",
        Statistic("share of the rounds in which |mean kurtosis - 3| rises", _share_of_excess_rises, null=0.5),
        (),
        threshold=0.9,
        strict=False,
        at_most=True,
    ),
    Claim(
        "5",
        "IMP maximally increases kurtosis: the weights that the next round removes have a positive mean cavity score, "
        "those removed later a negative one",
        "version 1, Sec. 3.3, Fig. 5C",
        Statistic("share of the cells (rounds done, removed in) with the predicted sign", _all_signs, null=0.5),
        (
            Statistic("of the cells removed later (predicted: negative)", _signs("imp", 2)),
            *_controls(0, "the cells"),
        ),
        threshold=0.9,
        strict=False,
        at_most=True,
    ),
    Claim(
        "5b",
        "IMP systematically increases kurtosis: the weights that the next round removes have a positive mean cavity "
        "score",
        "version 3, abstract, softer than version 1",
        Statistic("share of the cells about to be removed with a positive mean score", _signs("imp", 1), null=0.5),
        _controls(1, "these cells"),
        threshold=0.9,
        strict=False,
        at_most=True,
    ),
)
"""The claims, in the order of the paper."""

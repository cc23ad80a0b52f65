"""What a few seeds say together.

Only seeds are independent of each other: units, images and rounds of one seed are not, and are never resampled here.
Every number is a difference within a seed (the same data, the same start), so seeds pair by themselves.
"""

from collections.abc import Sequence
from fractions import Fraction
from math import comb
from typing import NamedTuple

import numpy as np
from scipy import stats

CONFIDENCE = 0.95


class Effect(NamedTuple):
    """The values of a statistic over the seeds, beside the one to expect if there were no effect.

    Attributes:
        low: lower end of Student's t interval of the mean; NaN for one seed, and for values that are all the same.
        high: its upper end.
        size: (mean − null) / standard deviation over the seeds; NaN as above.
        p: exact two-sided p of the sign-flip test: the share of the 2ⁿ ways to mirror values at `null` whose mean lies
            as far from it.  With n seeds it cannot be below 2 / 2ⁿ.
    """

    low: float
    high: float
    size: float
    p: float


NO_EFFECT = Effect(np.nan, np.nan, np.nan, np.nan)


def effect(values: Sequence[float], null: float) -> Effect:
    """Effect of a statistic.

    Args:
        values: one a seed, not NaN.
        null: the value to expect if there were no effect.
    """
    difference = np.asarray(values) - null
    if len(difference) < 2:
        return Effect(np.nan, np.nan, np.nan, 1.0)
    p = _sign_flip_p(difference)
    spread = difference.std(ddof=1)
    if spread <= 1e-12 * np.abs(difference).max():
        return Effect(np.nan, np.nan, np.nan, p)
    interval = stats.ttest_1samp(values, null).confidence_interval(CONFIDENCE)
    return Effect(float(interval.low), float(interval.high), float(difference.mean() / spread), p)


def _sign_flip_p(difference: np.ndarray) -> float:
    # As many resamples as there are sign patterns, or more, make the test exact; beyond some seeds it draws patterns.
    test = stats.permutation_test(
        (difference,),
        lambda sample, axis: np.mean(sample, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=max(2 ** min(len(difference), 16), 9999),
        rng=0,
    )
    return float(test.pvalue)


def adjust(p_values: Sequence[float]) -> list[float]:
    """P values adjusted for their number (Benjamini & Yekutieli 2001, any dependence); NaN stays, and is not counted.

    Claims share masks and data, so that their p values depend on each other.
    """
    p = np.asarray(p_values, float)
    known = ~np.isnan(p)
    adjusted = np.full(len(p), np.nan)
    if known.any():
        adjusted[known] = stats.false_discovery_control(p[known], method="by")
    return adjusted.tolist()


def chance_of(agree: int, n: int, each: Fraction) -> Fraction:
    """Probability that at least so many of n seeds agree with a claim by chance, if each does so independently."""
    return sum((comb(n, k) * each**k * (1 - each) ** (n - k) for k in range(agree, n + 1)), start=Fraction(0))


def in_words(agree: int, n: int, chance: float, at_most: bool) -> str:
    """Such as "agrees in 3 of 3 seeds; by chance 1 in 8"; that no seed agrees needs no chance."""
    words = f"agrees in {agree} of {n} seed{'s' if n > 1 else ''}"
    return f"{words}; by chance {'at most ' if at_most else ''}1 in {1 / chance:.3g}" if agree else words

"""Which units are shown."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples import examples
from winnow.masks import at_quantiles, most_connected


def with_counts(counts: list[int]) -> dict:
    """A mask whose units have these numbers of weights."""
    return {"layers.0.weight": np.array(counts).reshape(-1, 1) > np.arange(12)}


def slow_quantiles(counts: list[int], n_units: int) -> list[int]:
    """The middle of each of n equal parts of a line on which every unit that has a weight is a stretch of one."""
    row = sorted((-count, unit) for unit, count in enumerate(counts) if count > 0)
    n = min(n_units, len(row))
    chosen = []
    for k in range(n):
        middle = (k + Fraction(1, 2)) / n
        chosen += [unit for j, (_, unit) in enumerate(row) if j <= middle * len(row) < j + 1]
    return chosen


def test_most_connected_sorts_by_weights_then_index():
    mask = with_counts([3, 7, 3, 0, 7])
    assert most_connected(mask, 3).tolist() == [1, 4, 0]
    assert most_connected(mask, 9).tolist() == [1, 4, 0, 2], "a unit without weights is not shown"


@pytest.mark.parametrize(
    ("counts", "n_units", "expected"),
    [
        ([1, 2, 3, 4, 5, 6, 7, 8], 2, [5, 1]),  # most connected first: 8 7 [6] 5 | 4 3 [2] 1
        ([1, 2, 3, 4, 5, 6, 7, 8], 8, [7, 6, 5, 4, 3, 2, 1, 0]),
        ([4, 4, 4, 4, 4, 4], 3, [1, 3, 5]),  # ties by index
        ([0, 9, 0, 5, 0, 1, 0], 1, [3]),  # the median of those that have weights
        ([0, 9, 0, 5, 0, 1, 0], 16, [1, 3, 5]),  # fewer than asked for: each once
        ([0, 0, 0], 4, []),
        ([7], 1, [0]),
    ],
)
def test_at_quantiles_by_hand(counts, n_units, expected):
    assert at_quantiles(with_counts(counts), n_units).tolist() == expected
    assert slow_quantiles(counts, n_units) == expected


@settings(max_examples=examples(200), deadline=None)
@given(st.lists(st.integers(0, 12), min_size=1, max_size=60), st.integers(1, 70))
def test_at_quantiles_equals_the_slow_way(counts, n_units):
    units = at_quantiles(with_counts(counts), n_units).tolist()
    assert units == slow_quantiles(counts, n_units)
    assert len(units) == len(set(units)) == min(n_units, np.count_nonzero(counts))


def test_at_quantiles_refuses_to_choose_none():
    with pytest.raises(ValueError, match="at least one"):
        at_quantiles(with_counts([3, 2]), 0)

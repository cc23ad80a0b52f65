import itertools
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from winnow.claims.seeds import adjust, chance_of, effect, in_words

draw = np.random.default_rng(0)


@pytest.mark.parametrize("n", [2, 3, 5, 6])
def test_the_sign_flip_test_is_exact(n):
    for _ in range(5):
        values = draw.normal(0.3, 1, n)
        means = [np.mean(np.multiply(signs, values - 0.1)) for signs in itertools.product((1, -1), repeat=n)]
        as_far = np.mean(np.abs(means) >= abs(np.mean(values - 0.1)) - 1e-12)
        assert effect(values, 0.1).p == pytest.approx(as_far)


def test_three_seeds_never_reach_less_than_a_quarter():
    assert effect([1.0, 1.1, 0.9], 0).p == 0.25
    assert effect([1.0, 1.1, 0.9, 1.2, 1.05, 0.95], 0).p == 2 / 64


def test_the_interval_is_students():
    values = [0.2, 0.5, 0.9]
    low, high = stats.t.interval(0.95, 2, np.mean(values), np.std(values, ddof=1) / np.sqrt(3))
    found = effect(values, 0.1)
    assert (found.low, found.high) == pytest.approx((low, high))
    assert found.size == pytest.approx((np.mean(values) - 0.1) / np.std(values, ddof=1))


def test_one_seed_and_equal_values_have_no_interval():
    one, same = effect([0.7], 0.5), effect([0.7, 0.7, 0.7], 0.5)
    assert one.p == 1 and same.p == 0.25
    assert np.isnan([*one[:3], *same[:3]]).all()
    assert effect([0.5, 0.5], 0.5).p == 1


def test_many_seeds_take_no_longer():
    assert effect(draw.normal(3, 1, 40), 0).p < 0.001


def test_adjusting_leaves_out_what_is_missing():
    p = [0.25, np.nan, 0.01, 0.25]
    adjusted = adjust(p)
    assert np.isnan(adjusted[1])
    assert np.allclose(
        [adjusted[0], adjusted[2], adjusted[3]], stats.false_discovery_control([0.25, 0.01, 0.25], method="by")
    )
    assert np.isnan(adjust([np.nan])).all() and adjust([]) == []


def test_chance_counts_outcomes():
    for n, each in ((3, Fraction(1, 2)), (4, Fraction(1, 6))):
        outcomes = list(itertools.product((True, False), repeat=n))
        for agree in range(n + 1):
            expected = sum(
                each ** sum(outcome) * (1 - each) ** (n - sum(outcome)) for outcome in outcomes if sum(outcome) >= agree
            )
            assert chance_of(agree, n, each) == expected


def test_words():
    assert in_words(3, 3, 1 / 8, False) == "agrees in 3 of 3 seeds; by chance 1 in 8"
    assert in_words(1, 1, 1 / 2, True) == "agrees in 1 of 1 seed; by chance at most 1 in 2"
    assert in_words(0, 3, 1.0, False) == "agrees in 0 of 3 seeds"

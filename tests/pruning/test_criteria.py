from fractions import Fraction

import numpy as np
import pytest

from winnow.pruning.criteria.magnitude import magnitude
from winnow.pruning.criteria.magnitude_increase import magnitude_increase
from winnow.pruning.schedule import n_survivors


@pytest.mark.parametrize("share", [0.2, 0.3, 0.5])
@pytest.mark.parametrize("n_parameters", [1, 7, 1000, 3_146_752])
def test_survivors_are_the_nearest_integer(n_parameters, share):
    for n in range(13):
        exact = n_parameters * (1 - Fraction(str(share))) ** n
        assert abs(n_survivors(n_parameters, share, n) - exact) <= Fraction(1, 2) + Fraction(1, 10**6)


def test_survivors_at_the_papers_size():
    assert [n_survivors(3072 * 1024 + 1024, 0.3, n) for n in (0, 1, 10)] == [3_146_752, 2_202_726, 88_888]


def test_magnitude_is_blind_to_sign():
    trained, rewind = np.array([-2.0, 0.5, 1.0]), np.array([1.0, -0.75, 1.0])
    assert magnitude(trained, rewind).tolist() == [2, 0.5, 1]
    assert magnitude_increase(trained, rewind).tolist() == [1, -0.25, 0]

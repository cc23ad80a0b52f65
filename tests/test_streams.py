import numpy as np
import pytest

from winnow.streams import stream


def numbers(*name):
    return stream(*name).integers(0, 2**63, 4).tolist()


def test_a_name_always_gives_the_same_numbers():
    assert numbers("batches", 3, 1) == numbers("batches", 3, 1)
    assert numbers("batches", np.int64(3), 1) == numbers("batches", 3, 1)
    # The very numbers, so that a change of the derivation does not go unnoticed: results depend on them.
    assert stream("batches", 0, 1).integers(0, 1000, 6).tolist() == KNOWN


KNOWN = [5, 612, 688, 923, 717, 661]


@pytest.mark.parametrize(
    "other",
    [("batches", 3, 2), ("batches", 1, 3), ("masks", 3, 1), ("batches", "3", 1), ("batches", 31), ("batches3", 1)],
)
def test_other_names_give_other_numbers(other):
    assert numbers(*other) != numbers("batches", 3, 1)

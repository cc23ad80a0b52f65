"""Arrays in few bytes: what is packed is read again."""

import base64
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from examples import examples
from winnow.explorer.pack import LEVELS, block, in_levels, in_nibbles, in_planes


@settings(max_examples=examples(60))
@given(arrays.arrays(np.uint8, st.integers(0, 70), elements=st.integers(0, 15)))
def test_nibbles(values):
    packed = in_nibbles(values)
    read = [packed[i // 2] >> 4 if i % 2 else packed[i // 2] & 15 for i in range(len(values))]
    assert read == values.tolist()
    assert len(packed) == -(-len(values) // 2)


@settings(max_examples=examples(60))
@given(st.lists(st.floats(0, 1e6) | st.just(np.nan), max_size=40), st.integers(0, 3))
def test_planes(values, decimals):
    planes = in_planes(np.array(values), decimals)
    whole = [sum(int(plane[i]) << 8 * k for k, plane in enumerate(planes)) for i in range(len(values))]
    read = [(number - 1) / 10**decimals if number else np.nan for number in whole]
    np.testing.assert_allclose(read, np.round(values, decimals), atol=1e-9)


def test_levels_are_signed_and_in_proportion_by_area():
    full = 2.0
    sizes = full * (np.arange(1, LEVELS + 1) / LEVELS) ** 2
    assert in_levels(sizes, full).tolist() == [*range(1, LEVELS + 1)]
    assert in_levels(-sizes, full).tolist() == [*range(9, LEVELS + 9)]
    assert in_levels(np.array([0.0, -0.0, 1e-9, 50, -50]), full).tolist() == [0, 0, 1, LEVELS, LEVELS + 8]
    assert in_levels(np.array([0.0, 1.0]), 0.0).tolist() == [0, 0]


@pytest.mark.parametrize("values", [np.zeros(5000, np.uint8), np.random.default_rng(0).integers(0, 16, 999, np.uint8)])
def test_a_block_is_inflated_again_and_the_same_every_time(values):
    assert zlib.decompress(base64.b64decode(block(values))) == values.tobytes()
    assert block(values) == block(values.copy())

"""Masks and images as colours."""

import numpy as np
import pytest

from winnow.figures.pictures import as_colours, mask_pictures, most_connected, tile


def mask_of(weights: np.ndarray) -> dict:
    return {"layers.0.weight": weights.astype(bool), "layers.1.weight": np.ones((2, 2), dtype=bool)}


def test_most_connected_sorts_by_weights_then_index():
    weights = np.zeros((5, 12))
    for unit, count in enumerate([3, 7, 3, 0, 7]):
        weights[unit, :count] = 1
    assert most_connected(mask_of(weights), 4).tolist() == [1, 4, 0, 2]
    assert most_connected(mask_of(weights), 9).tolist() == [1, 4, 0, 2, 3]


def test_surviving_weights_have_the_colour_of_their_channel():
    weights = np.zeros((2, 3, 2, 2))
    weights[1, 0, 0, 0] = 1  # red, row 0, column 0
    weights[1, 1, 0, 1] = 1  # green, row 0, column 1
    weights[1, 2, 1, 0] = 1  # blue, row 1, column 0
    weights[1, :2, 1, 1] = 1  # red and green
    pictures = mask_pictures(mask_of(weights.reshape(2, 12)), np.array([1, 0]), (3, 2, 2))
    np.testing.assert_array_equal(pictures[0], [[[1, 0, 0], [0, 1, 0]], [[0, 0, 1], [1, 1, 0]]])
    assert not pictures[1].any()


def test_one_channel_is_white_on_black():
    weights = np.array([[1, 0, 0, 1]])
    (picture,) = mask_pictures(mask_of(weights), np.array([0]), (1, 2, 2))
    np.testing.assert_array_equal(picture, np.repeat(np.eye(2)[..., None], 3, axis=-1))


def test_two_channels_are_grey():
    rows = np.array([[1, 1, 0, 0, 1, 0, 0, 0]], dtype=float)
    np.testing.assert_array_equal(as_colours(rows, (2, 2, 2))[0, ..., 0], [[1, 0.5], [0, 0]])


def test_mask_must_fit_the_images():
    with pytest.raises(ValueError, match=r"12 inputs.*\(3, 4, 4\).*48"):
        mask_pictures(mask_of(np.ones((2, 12))), np.array([0]), (3, 4, 4))


@pytest.mark.parametrize("n", [1, 2, 5, 9])
def test_tile_keeps_every_picture(n):
    pictures = np.random.default_rng(n).random((n, 4, 3, 3)) / 2
    mosaic = tile(pictures, gap=2)
    columns = int(np.ceil(np.sqrt(n)))
    found = [
        mosaic[6 * row : 6 * row + 4, 5 * column : 5 * column + 3]
        for row in range(-(-n // columns))
        for column in range(columns)
    ]
    np.testing.assert_array_equal(found[:n], pictures)
    assert (mosaic == 1).all(axis=-1).sum() == mosaic[..., 0].size - n * 12
    assert all((rest == 1).all() for rest in found[n:])

"""Masks and images as colours."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from winnow.figures.pictures import (
    as_colours,
    draw_masks,
    mask_pictures,
    mosaic_size,
    tile,
)


def mask_of(weights: np.ndarray) -> dict:
    return {"layers.0.weight": weights.astype(bool), "layers.1.weight": np.ones((2, 2), dtype=bool)}


def with_counts(counts: list[int]) -> dict:
    """A mask whose units have these numbers of weights."""
    return mask_of(np.array(counts).reshape(-1, 1) > np.arange(12))


@pytest.mark.parametrize("side", [1, 8, 32])
@pytest.mark.parametrize("numbered", [False, True])
@pytest.mark.parametrize(("n", "columns"), [(1, 1), (5, 2), (16, 4), (40, 7)])
def test_draw_masks_frames_and_numbers_each_picture(n, columns, numbered, side):
    weights = np.random.default_rng(n).random((n, side**2)) < 0.5
    weights[:, 0] = True
    mask = mask_of(weights)
    axes = Figure().subplots()
    draw_masks(axes, mask, np.arange(n), (1, side, side), columns, numbered)
    mosaic = np.asarray(axes.images[0].get_array())
    assert mosaic.shape[:2] == mosaic_size(n, columns, side, numbered)
    (frames,) = axes.collections
    for picture, frame in zip(mask_pictures(mask, np.arange(n), (1, side, side)), frames.get_segments(), strict=True):
        left, top = (frame.min(axis=0) + 0.5).astype(int)
        np.testing.assert_array_equal(frame.max(axis=0) - frame.min(axis=0), side)
        np.testing.assert_array_equal(mosaic[top : top + side, left : left + side], picture)
    texts = [text.get_text() for text in axes.texts]
    assert texts == (weights.sum(axis=1).astype(str).tolist() if numbered and columns <= 6 else [])


def test_draw_masks_without_units_says_so():
    axes = Figure().subplots()
    draw_masks(axes, with_counts([0, 0]), np.array([], dtype=int), (3, 2, 2), 4, numbered=True)
    assert [text.get_text() for text in axes.texts] == ["no unit\nhas a weight"]


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

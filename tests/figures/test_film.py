"""Films of masks: what the files hold, read back, is what the masks are."""

import io
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import synthetic
from PIL import Image
from synthetic import FULL, TINY, Experiment

from winnow.figures import film as module
from winnow.figures.film import PALETTE, Film, in_palette, make_film, write_film
from winnow.masks import at_quantiles, density, most_connected, with_full_mask
from winnow.store.atomic import StoreError
from winnow.store.tensors import Mask

NAMES = {"dataset": "photos", "method": "imp", "seed": 0}
FAKE = """#!{python}
import json, sys
if "-encoders" in sys.argv:
    print(" V..... {codec}  some encoder")
else:
    open(sys.argv[-1], "wb").write(sys.stdin.buffer.read())
    json.dump(sys.argv, open({told!r}, "w"))
"""


def masks_of(experiment: Experiment) -> list[Mask]:
    """Masks that are nested: each keeps the first of the last's weights in an order that is drawn."""
    last = synthetic.mask(experiment, 0.1)
    draw = np.random.default_rng(0)
    order = {name: np.where(array, 0, draw.random(array.shape)) for name, array in last.items()}
    return [
        {name: places <= (experiment.n_rounds - n) / experiment.n_rounds for name, places in order.items()}
        for n in range(1, experiment.n_rounds + 1)
    ]


@pytest.fixture(scope="module")
def film() -> Film:
    return make_film(masks_of(TINY), TINY.shape, units=4, **NAMES)


def as_seen(content: bytes) -> list[tuple[np.ndarray, int]]:
    """The frames of a GIF as colours, and how long each is seen, in milliseconds."""
    with Image.open(io.BytesIO(content)) as picture:
        frames = []
        for n in range(picture.n_frames):
            picture.seek(n)
            frames.append((np.asarray(picture.convert("RGB")), picture.info["duration"]))
        return frames


@pytest.mark.parametrize(("experiment", "units", "columns"), [(TINY, 4, 2), (TINY, 5, 3), (FULL, 16, 4), (FULL, 1, 1)])
def test_every_frame_shows_the_masks_of_its_round(tmp_path, experiment, units, columns):
    masks = masks_of(experiment)
    write_film(make_film(masks, experiment.shape, units=units, **NAMES), tmp_path / "film.gif")
    frames = as_seen((tmp_path / "film.gif").read_bytes())
    assert [seconds for _, seconds in frames] == [600] * len(masks) + [3000]
    shown, side = at_quantiles(masks[-1], units), experiment.shape[1]
    is_frame = np.all(frames[0][0] == round(255 * 0.6), axis=-1)  # of the full mask: grey, as nothing else is
    rows, places = (np.flatnonzero(is_frame.any(axis=axis)) for axis in (1, 0))
    for (seen, _), mask in zip(frames, with_full_mask(masks), strict=True):
        expected = mask["layers.0.weight"][shown].reshape(-1, *experiment.shape)
        for k, unit in enumerate(expected):
            # The units' places are found in the picture: its frames' first and last lines.
            top, bottom = _edges(rows, k // columns)
            left, right = _edges(places, k % columns)
            inside = seen[top:bottom, left:right]
            assert inside.shape[0] == inside.shape[1] and inside.shape[0] % side == 0
            pixel = inside.shape[0] // side
            blocks = inside.reshape(side, pixel, side, pixel, 3)
            assert (blocks == blocks[:, :1, :, :1]).all()
            found = blocks[:, 0, :, 0].transpose(2, 0, 1) > 0
            np.testing.assert_array_equal(found[: len(unit)], unit)
            assert (seen[:, [0, -1]] == 255).all()


def _edges(lines: np.ndarray, k: int) -> tuple[int, int]:
    """Where the inside of the k-th unit begins and ends, from the pixels that frames have in a row or column.

    Horizontal frames cover all places between them, so the lines are those with a gap of white before or after.
    """
    runs = np.split(lines, np.flatnonzero(np.diff(lines) > 1) + 1)
    first = runs[k]
    return int(first[0]) + _thickness, int(first[-1]) + 1 - _thickness


_thickness = 1

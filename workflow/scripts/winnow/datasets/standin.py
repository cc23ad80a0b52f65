"""A stand-in for ImageNet32 in its own file format, for trying the workflow at the paper's scale without the data.

    PYTHONPATH=workflow/scripts python -m winnow.datasets.standin FOLDER

writes ten training batches and the validation batch: patches of the bundled photographs, as many images and classes as
ImageNet32 has.  A class is a tile of a photograph, turned and with its colour channels exchanged; an image is a patch
of it at a random place, mirrored or not, with a brightness and contrast of its own.  A strip of each tile is held out:
no pixel of a photograph is in both splits, whatever the class.  All depends on the seed alone.

This is the only place that writes pickles, since that is what ImageNet32 is distributed as; `--format npz` writes none.
"""

import argparse
import itertools
import math
import pickle
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from winnow.datasets.files.imagenet32 import IMAGENET32_TRAIN, IMAGENET32_VALIDATION
from winnow.datasets.files.names import SourceError
from winnow.datasets.files.photos import list_photos
from winnow.datasets.imagenet32 import N_CLASSES, N_INPUTS, ORIGINAL
from winnow.datasets.photos import windows_of
from winnow.datasets.pixels import read_photo
from winnow.streams import stream

_SIDE = 32
_TILE = 96
_TRAIN_COLUMNS, _VALIDATION_COLUMNS = slice(0, _TILE - _SIDE), slice(_TILE - _SIDE, _TILE)  # of a tile
_LEAST_CONTRAST = 15.0  # standard deviation of 0..255: a patch of sky could be of many classes
# Images of ImageNet's smallest and largest class, as shares of the mean.
_FEWEST, _MOST = 732 / 1281.167, 1300 / 1281.167


@dataclass(frozen=True)
class Look:
    """The appearance of a class.

    Attributes:
        tile: (96, 96, 3) uint8, a tile of a photograph with its channels in some order.
        turns: quarters by which its patches are turned.
    """

    tile: np.ndarray
    turns: int

    def patches(self, columns: slice) -> np.ndarray:
        """All patches within some columns of the tile, as a view: (rows, columns, 3, 32, 32)."""
        return windows_of(np.rot90(self.tile[:, columns], self.turns), _SIDE)


@dataclass(frozen=True)
class Batch:
    """What a file is to hold: its name, and the class index of each image (n,)."""

    name: str
    classes: np.ndarray


def write_standin(
    folder: str | Path,
    *,
    classes: int = N_CLASSES,
    train: int = ORIGINAL["train"],
    validation: int = ORIGINAL["validation"],
    seed: int = 0,
    form: str = "pickle",
    processes: int = 1,
) -> None:
    """Write a stand-in for ImageNet32.

    Args:
        folder: new or empty.
        classes: classes; their labels are 1, 2, ...
        train: training images; their number differs from class to class as ImageNet's does.
        validation: validation images, as many of each class.
        seed: seed of all draws.
        form: `pickle`, as ImageNet32 is distributed, or `npz`.
        processes: processes that draw images; the result does not depend on it.

    Raises:
        SourceError: the folder is not empty, or the numbers make no sense.
    """
    folder = Path(folder)
    if folder.exists() and any(folder.iterdir()):
        raise SourceError(f"{folder}: is not empty; give a new folder")
    if classes < 2 or train < 2 * classes or validation < classes or validation % classes or train < 10:
        raise SourceError(
            f"{classes} classes, {train} training and {validation} validation images: there must be 2 classes or more, "
            "2 training images of each and 10 together, and the validation images a multiple of the classes"
        )
    looks = draw_looks(classes, seed)
    batches = plan_batches(classes, train, validation, seed)
    folder.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(processes) as pool:
        # The mean comes first, since every file holds it: images are drawn twice rather than kept.
        sums = pool.map(partial(_sum_images, looks, seed=seed), batches[:-1])
        mean = sum(sums, np.zeros(N_INPUTS)) / train
        list(pool.map(partial(_write_batch, folder, looks, mean, form=form, seed=seed), batches))


# -- what is drawn -----------------------------------------------------------------------------------------------------


def draw_looks(classes: int, seed: int) -> list[Look]:
    """The appearance of each class.

    Raises:
        SourceError: there are not so many.
    """
    tiles = [
        photo[row : row + _TILE, column : column + _TILE]
        for photo in map(read_photo, list_photos())
        for row in range(0, photo.shape[0] - _TILE + 1, _TILE)
        for column in range(0, photo.shape[1] - _TILE + 1, _TILE)
    ]
    tiles = [tile for tile in tiles if _contrast(tile) >= _LEAST_CONTRAST]
    colours = list(itertools.permutations(range(3)))
    kinds = (len(tiles), len(colours), 4)
    if classes > math.prod(kinds):
        raise SourceError(f"{classes} classes: there are {math.prod(kinds)} different ones at most")
    drawn = stream("stand-in classes", seed).permutation(math.prod(kinds))[:classes]
    kinds_drawn = zip(*np.unravel_index(drawn, kinds), strict=True)
    return [Look(tiles[tile][:, :, colours[colour]], int(turns)) for tile, colour, turns in kinds_drawn]


def _contrast(tile: np.ndarray) -> float:
    return min(float(tile[:, part].std(axis=(0, 1)).mean()) for part in (_TRAIN_COLUMNS, _VALIDATION_COLUMNS))


def class_sizes(classes: int, n: int, seed: int) -> np.ndarray:
    """Training images of each class: most classes have the largest number, the others anything down to the smallest."""
    largest = math.ceil(n / classes * _MOST)
    smallest = max(int(n / classes * _FEWEST), 1)
    lacking = stream("stand-in class sizes", seed).integers(1, largest - smallest, classes, endpoint=True)
    lacking = np.diff(np.cumsum(lacking).clip(max=classes * largest - n), prepend=0)
    return largest - stream("stand-in class sizes", seed, "order").permutation(lacking)


def plan_batches(classes: int, train: int, validation: int, seed: int) -> list[Batch]:
    """Which class each image of each file is of: training images shuffled over ten files, the last takes the rest."""
    sizes = class_sizes(classes, train, seed)
    shuffled = stream("stand-in order", seed, "train").permutation(np.repeat(np.arange(classes), sizes))
    held_out = stream("stand-in order", seed, "validation").permutation(np.arange(validation) % classes)
    ends = train // len(IMAGENET32_TRAIN) * np.arange(1, len(IMAGENET32_TRAIN))
    names = (*IMAGENET32_TRAIN, IMAGENET32_VALIDATION)
    return [Batch(*pair) for pair in zip(names, [*np.split(shuffled, ends), held_out], strict=True)]


def draw_images(batch: Batch, looks: Sequence[Look], seed: int) -> np.ndarray:
    """The images of a file: (n, 3072) uint8."""
    columns = _VALIDATION_COLUMNS if batch.name == IMAGENET32_VALIDATION else _TRAIN_COLUMNS
    images = np.empty((len(batch.classes), 3, _SIDE, _SIDE), np.uint8)
    order = np.argsort(batch.classes, kind="stable")
    ends = np.cumsum(np.bincount(batch.classes, minlength=len(looks)))
    for k, rows in enumerate(np.split(order, ends[:-1])):
        rng = stream("stand-in images", seed, k, batch.name)
        images[rows] = _draw_of_class(looks[k].patches(columns), len(rows), rng)
    return images.reshape(-1, N_INPUTS)


def _draw_of_class(patches: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    height, width = patches.shape[:2]
    drawn = patches[rng.integers(height, size=n), rng.integers(width, size=n)]
    flipped = rng.random(n) < 0.5
    drawn[flipped] = drawn[flipped, :, :, ::-1]
    contrast = rng.uniform(0.6, 1, (n, 1, 1, 1)).astype(np.float32)
    darkest = rng.uniform(0, 255 * (1 - contrast)).astype(np.float32)  # of 0..255, which the image never leaves
    return drawn * contrast + darkest  # cut off to whole numbers where it is stored


# -- files -------------------------------------------------------------------------------------------------------------


def _sum_images(looks: Sequence[Look], batch: Batch, *, seed: int) -> np.ndarray:
    total: np.ndarray = draw_images(batch, looks, seed).sum(axis=0, dtype=np.uint32)
    return total


def _write_batch(folder: Path, looks: Sequence[Look], mean: np.ndarray, batch: Batch, *, form: str, seed: int) -> None:
    labels = batch.classes + 1
    held: dict[str, Any] = {"data": draw_images(batch, looks, seed), "labels": labels.tolist()}
    if batch.name != IMAGENET32_VALIDATION:
        held["mean"] = mean
    if form == "npz":
        np.savez(folder / batch.name, **{**held, "labels": labels})
        return
    with (folder / batch.name).open("wb") as file:
        pickle.dump(held, file, protocol=3)  # as the original


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; see the module's text."""
    parser = argparse.ArgumentParser("winnow.datasets.standin", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="new or empty")
    parser.add_argument("--classes", type=int, default=N_CLASSES)
    parser.add_argument("--train", type=int, default=ORIGINAL["train"], help="training images")
    parser.add_argument("--validation", type=int, default=ORIGINAL["validation"], help="validation images")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--format", choices=["pickle", "npz"], default="pickle", dest="form")
    parser.add_argument("--processes", type=int, default=2, help="the result does not depend on it")
    given = vars(parser.parse_args(arguments))
    try:
        write_standin(given.pop("folder"), **given)
    except SourceError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()

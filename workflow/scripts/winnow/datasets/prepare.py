"""The sources of images by name; all write the same thing, a dataset of `winnow.store.datasets`."""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from winnow.datasets.cifar import prepare_cifar10, prepare_cifar100
from winnow.datasets.dial import prepare_dial
from winnow.datasets.files.names import SourceError
from winnow.datasets.image_folder import prepare_image_folder
from winnow.datasets.imagenet32 import prepare_imagenet32
from winnow.datasets.nlgp import prepare_nlgp
from winnow.datasets.photos import prepare_photos
from winnow.store.datasets import Dataset, open_dataset

SOURCES: dict[str, Callable[..., None]] = {
    "photos": prepare_photos,
    "nlgp": prepare_nlgp,
    **{arm: partial(prepare_dial, arm=arm) for arm in ("saturating", "heavy_tailed", "elliptical")},
    "imagenet32": prepare_imagenet32,
    "cifar10": prepare_cifar10,
    "cifar100": prepare_cifar100,
    "image_folder": prepare_image_folder,
}
"""The function that prepares a dataset, by the source's name in the configuration."""


def prepare_dataset(dataset: str | Path, /, *, source: str, name: str, **settings: Any) -> None:
    """Write a dataset.

    Args:
        dataset: the dataset to write; see `winnow.store.datasets.new_dataset`.
        source: which of the `SOURCES`.
        name: the dataset's name in the configuration, the key of its random streams.
        settings: the source's own settings, as its function takes them.

    Raises:
        ValueError: there is no such source, its settings make no sense, or nothing can be learned from its images.
    """
    if source not in SOURCES:
        raise ValueError(f"dataset {name}: there is no source {source!r}; choose one of {', '.join(SOURCES)}")
    SOURCES[source](dataset, name=name, **settings)
    if fault := _fault(open_dataset(dataset)):
        shutil.rmtree(dataset)
        raise SourceError(f"dataset {name}: {fault}")


def _fault(dataset: Dataset) -> str | None:
    """Why nothing can be learned from the images, in words."""
    if len(dataset.classes) < 2:
        return f"has one class only, {dataset.classes[0]!r}: there is nothing to tell apart; add images of another"
    for name, split in (("training", dataset.train), ("validation", dataset.validation)):
        first = split.images[0]
        # Two images that differ are nearly always the first two.
        if all(np.array_equal(image, first) for image in split.images):
            return f"all {len(split.images)} {name} images are the same, pixel by pixel: is the source damaged?"
    return None

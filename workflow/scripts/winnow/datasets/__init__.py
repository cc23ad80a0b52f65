"""The sources of images, one module each; all write the same thing, a dataset of `store`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from winnow.datasets.cifar import prepare_cifar10, prepare_cifar100
from winnow.datasets.image_folder import prepare_image_folder
from winnow.datasets.imagenet32 import prepare_imagenet32
from winnow.datasets.nlgp import prepare_nlgp
from winnow.datasets.photos import prepare_photos

SOURCES: dict[str, Callable[..., None]] = {
    "photos": prepare_photos,
    "nlgp": prepare_nlgp,
    "imagenet32": prepare_imagenet32,
    "cifar10": prepare_cifar10,
    "cifar100": prepare_cifar100,
    "image_folder": prepare_image_folder,
}
"""The function that prepares a dataset, by the source's name in the configuration."""


def prepare_dataset(dataset: str | Path, /, *, source: str, name: str, **settings: Any) -> None:
    """Write a dataset.

    Args:
        dataset: the dataset to write; see `store.new_dataset`.
        source: which of the `SOURCES`.
        name: the dataset's name in the configuration, the key of its random streams.
        settings: the source's own settings, as its function takes them.

    Raises:
        ValueError: there is no such source, or its settings make no sense.
    """
    if source not in SOURCES:
        raise ValueError(f"dataset {name}: there is no source {source!r}; choose one of {', '.join(SOURCES)}")
    SOURCES[source](dataset, name=name, **settings)

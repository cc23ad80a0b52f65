"""Labelled images on disk, memory-mapped: a folder of five arrays and `facts.json`."""

import hashlib
import json
import math
import mmap
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from xxhash import xxh3_128

from winnow.store.atomic import StoreError, amount, complete, room, writing
from winnow.store.sealed import DAMAGED, ON_CPU, describe, read_of_kind, reading, seal, unusable


@dataclass(frozen=True)
class Split:
    """Images and labels, memory-mapped.

    Attributes:
        images: (N, D) uint8 or float32, in pixel units; D runs over channel, row, column.
        labels: (N,) int64, the class index.
    """

    images: np.ndarray
    labels: np.ndarray

    def release(self) -> None:
        """Take the images that were read or written out of this process's memory; they stay in the file.

        Whoever goes through images larger than the memory calls this now and then.  Images that are no file stay.
        """
        memory: object = self.images.base
        while isinstance(memory, np.ndarray):
            memory = memory.base
        if isinstance(memory, mmap.mmap):
            memory.madvise(mmap.MADV_DONTNEED)


class _StoredSplit(Split):
    """A split of a dataset on disk; each array is compared with its checksum when it is first used."""

    _folder: Path
    _name: str
    _checksums: Mapping[str, str]
    _n_inputs: int
    _n_classes: int

    def __init__(self, folder: Path, name: str, checksums: Mapping[str, str], n_inputs: int, n_classes: int) -> None:
        vars(self).update(_folder=folder, _name=name, _checksums=checksums, _n_inputs=n_inputs, _n_classes=n_classes)

    @cached_property
    def images(self) -> np.ndarray:
        name, shape = f"{self._name}_images.npy", (len(self.labels), self._n_inputs)
        images = _open_array(self._folder, name, self._checksums)
        if images.shape != shape:
            raise unusable(self._folder / name, f"holds an array of shape {images.shape} where {shape} is to be")
        return images

    @cached_property
    def labels(self) -> np.ndarray:
        name = f"{self._name}_labels.npy"
        labels = _open_array(self._folder, name, self._checksums)
        numbers = labels.ndim == 1 and labels.dtype.kind in "iu"
        if not numbers or not ((labels >= 0) & (labels < self._n_classes)).all():
            raise unusable(self._folder / name, f"does not hold the numbers of {self._n_classes} classes")
        return labels


@dataclass(frozen=True)
class Dataset:
    """A labelled set of images in two splits, on disk.

    Attributes:
        shape: (C, L, L), channels and side in pixels.
        classes: the names of the classes.
        pixel_scale: the pixel value that a network sees as 1 (255 for photographs).
        mean_image: (D,) float32, the mean training image in pixel units.
        source: where the images come from: a JSON object, its keys are the source's own.
        train: the training split.
        validation: the validation split.
    """

    shape: tuple[int, int, int]
    classes: tuple[str, ...]
    pixel_scale: float
    mean_image: np.ndarray
    source: dict[str, Any]
    train: Split
    validation: Split

    def prepare(self, images: np.ndarray) -> np.ndarray:
        """The network's input: (x - mean training image) / pixel scale.

        Args:
            images: (n, D), rows of a split's `images`.

        Returns:
            (n, D) float32.
        """
        prepared: np.ndarray = np.subtract(images, self.mean_image, dtype=np.float32)
        prepared /= np.float32(self.pixel_scale)
        return prepared


_SPLITS = ("train", "validation")


@contextmanager
def new_dataset(
    folder: str | Path,
    *,
    shape: tuple[int, int, int],
    classes: Sequence[str],
    n_train: int,
    n_validation: int,
    dtype: Any,
    pixel_scale: float,
    source: Mapping[str, Any],
) -> Iterator[tuple[Split, Split]]:
    """Create a dataset: fill the arrays of the two splits inside the `with` block.

    The folder gets its name when the block ends without an error, with mean image, checksums and all.

    Raises:
        StoreError: there is no room on the disk, a label names no class, an image holds NaN or infinity.
    """
    n_inputs = int(np.prod(shape))
    with complete(folder) as beside:
        needed, free = (n_train + n_validation) * n_inputs * np.dtype(dtype).itemsize, room(beside)
        if needed > free:
            raise StoreError(f"{folder}: needs {amount(needed)}, its disk has {amount(free)} left: make room")
        with writing(folder):
            beside.mkdir()
            arrays = [
                (
                    _new_array(beside / f"{split}_images.npy", dtype, (n_images, n_inputs)),
                    _new_array(beside / f"{split}_labels.npy", np.int64, (n_images,)),
                )
                for split, n_images in zip(_SPLITS, (n_train, n_validation), strict=True)
            ]
            splits = [Split(images, labels) for images, labels in arrays]
        yield splits[0], splits[1]
        means = {}
        for name, split in zip(_SPLITS, splits, strict=True):
            if split.labels.size and not 0 <= split.labels.min() <= split.labels.max() < len(classes):
                raise StoreError(f"{folder}: a {name} label lies outside the {len(classes)} classes")
            means[name] = _mean_image(split)
            if not np.isfinite(means[name]).all():
                raise StoreError(f"{folder}: the {name} images hold NaN or infinite pixels")
        with writing(folder):
            for images, labels in arrays:
                images.flush()
                labels.flush()
            np.save(beside / "mean_image.npy", means["train"])
            facts = describe(
                "dataset",
                ON_CPU,
                shape=list(shape),
                classes=list(classes),
                pixel_scale=pixel_scale,
                n_train=n_train,
                n_validation=n_validation,
                source=dict(source),
                xxh3_128={file.name: _checksum(file) for file in sorted(beside.glob("*.npy"))},
            )
            content = json.dumps(facts, indent=1, ensure_ascii=False) + "\n"
            (beside / "facts.json").write_bytes(seal(folder, content.encode()))


def open_dataset(folder: str | Path) -> Dataset:
    """Open a dataset; its images are memory-mapped, nothing is copied.

    Raises:
        StoreError: a file is missing, damaged, or does not fit the others.
    """
    folder = Path(folder)
    facts = read_of_kind(folder / "facts.json", "dataset")[1]
    with reading(folder / "facts.json"):
        checksums = facts["xxh3_128"]
        contents = (checksums, math.prod(facts["shape"]), len(facts["classes"]))
        return Dataset(
            shape=tuple(facts["shape"]),
            classes=tuple(facts["classes"]),
            pixel_scale=facts["pixel_scale"],
            mean_image=np.array(_open_array(folder, "mean_image.npy", checksums)),
            source=facts["source"],
            train=_StoredSplit(folder, "train", *contents),
            validation=_StoredSplit(folder, "validation", *contents),
        )


def copy_dataset(folder: str | Path, copy: str | Path) -> None:
    """Copy a dataset's files as they are; complete or not at all.

    Raises:
        StoreError: the copy cannot be written.
    """
    with complete(copy) as beside:
        shutil.copytree(folder, beside)


def _new_array(path: Path, dtype: Any, shape: tuple[int, ...]) -> np.memmap:
    """A new array on disk, memory-mapped; a disk that is full only later would end the process without a word."""
    array = np.lib.format.open_memmap(path, "w+", np.dtype(dtype), shape)
    if hasattr(os, "posix_fallocate"):  # not on macOS
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return array


def _open_array(folder: Path, name: str, checksums: Mapping[str, str]) -> np.ndarray:
    """An array of a dataset, memory-mapped, once it is known to be whole."""
    path = folder / name
    with reading(path):
        found, expected = _checksum(path), checksums[name]
    if found != expected:
        raise unusable(path, DAMAGED)
    with reading(path):
        array: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    return array


def _mean_image(split: Split, chunk: int = 4096) -> np.ndarray:
    total = np.zeros(split.images.shape[1])
    for start in range(0, len(split.images), chunk):
        total += split.images[start : start + chunk].sum(axis=0, dtype=np.float64)
        split.release()
    return (total / max(len(split.images), 1)).astype(np.float32)


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, xxh3_128).hexdigest()

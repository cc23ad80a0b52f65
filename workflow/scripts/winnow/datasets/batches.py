"""A dataset from files that hold many images each: looked through one by one, then written class by class.

All files are checked before anything is written, and all faults are reported together.  At no time is more than one
file's content in memory.
"""

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from winnow.datasets.files.names import SourceError, first_few
from winnow.store.datasets import Split, new_dataset

_LOG = logging.getLogger(__name__)

_CHUNK = 4096
SPLITS = ("train", "validation")


@dataclass(frozen=True)
class Batch:
    """The content of a file.

    Attributes:
        images: (n, D) uint8, pixels 0..255; D runs over channel, row, column.
        labels: (n,) integers.
        mean: (D,) float64, what the file says is the mean training image; None if it says nothing.
    """

    images: np.ndarray
    labels: np.ndarray
    mean: np.ndarray | None = None


@dataclass(frozen=True)
class BatchFile:
    """A file of images.

    Attributes:
        name: for messages.
        split: train or validation.
        read: reads it; raises SourceError, naming the file, if it does not hold a batch.
    """

    name: str
    split: str
    read: Callable[[], Batch]


@dataclass(frozen=True)
class Labels:
    """How the files number the classes.

    Attributes:
        first: label of the first class.
        classes: names of the data set's classes; their labels run on from `first`.
        most: how many of the classes are used, the first ones that have images in both splits; None: all.
    """

    first: int
    classes: Sequence[str]
    most: int | None = None

    @property
    def number(self) -> int:
        """Classes of the data set."""
        return len(self.classes)

    @property
    def n_used(self) -> int:
        """Classes that are used."""
        return self.number if self.most is None else self.most


def as_batch(held: Mapping[str, Any], file: str, labels_key: str, n_inputs: int) -> Batch:
    """Check that what was read is a batch.

    Args:
        held: what the file holds: `data`, labels, perhaps `mean`.
        file: its name, for messages.
        labels_key: the name of its labels.
        n_inputs: D, numbers in an image.

    Raises:
        SourceError: it lacks something, or arrays are of a wrong shape or kind, or differ in length.
    """
    for key in ("data", labels_key):
        if key not in held:
            raise SourceError(f"{file}: has no {key!r}, only {', '.join(map(repr, held)) or 'nothing'}")
    images, labels = held["data"], _as_array(held[labels_key])
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8 or images.shape[1:] != (n_inputs,):
        raise SourceError(f"{file}: 'data' is {_kind(images)}; it must be a uint8 array of shape (N, {n_inputs})")
    if not len(images):
        raise SourceError(f"{file}: holds no image")
    if not isinstance(labels, np.ndarray) or labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise SourceError(f"{file}: {labels_key!r} is {_kind(labels)}; it must be N whole numbers")
    if len(labels) != len(images):
        raise SourceError(f"{file}: holds {len(images)} images but {len(labels)} labels")
    mean = held.get("mean")
    if mean is not None and (
        not isinstance(mean, np.ndarray) or mean.shape != (n_inputs,) or not np.isfinite(mean.astype(float)).all()
    ):
        raise SourceError(f"{file}: 'mean' is {_kind(mean)}; it must be {n_inputs} finite numbers")
    return Batch(images, labels, None if mean is None else mean.astype(np.float64))


def _as_array(labels: Any) -> Any:
    """A list of whole numbers as an array, anything else as it is: a list with one long text would fill the memory."""
    if isinstance(labels, list) and all(type(label) is int and -(2**63) <= label < 2**63 for label in labels):
        return np.array(labels, np.int64)
    return labels


def _kind(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype}, shape {value.shape}"
    return f"a {type(value).__name__}"


def write_batches(
    dataset: str | Path,
    files: Sequence[BatchFile],
    *,
    shape: tuple[int, int, int],
    labels: Labels,
    most: Mapping[str, int | None],
    original: Mapping[str, int],
    source: Mapping[str, Any],
) -> None:
    """Write the images of several files as a dataset in which each split is sorted by class.

    Images of a class keep their order; so every class is contiguous, and reading a class is sequential.

    Args:
        dataset: the dataset to write.
        files: the files, in order.
        shape: (C, L, L) of an image.
        labels: how the files number the classes.
        most: images per class that are used at most, by split, the first ones; None: all.
        original: images in each split of the original, by split; other numbers are logged as a warning.
        source: facts about the source.

    Raises:
        SourceError: files that cannot be used; a line for each fault.
    """
    survey = _survey(files, labels)
    for name, n in original.items():
        if labels.n_used == labels.number and (found := sum(survey.sizes(name))) != n:
            _LOG.warning("the %s split has %s images, the original data set has %s", name, f"{found:,}", f"{n:,}")
    n_classes = labels.n_used
    rows = {name: rows_by_class(np.concatenate(survey.labels(name)), n_classes, most[name]) for name in SPLITS}
    batches = [
        {"file": file.name, "images": len(each), "sha256": digest}
        for file, each, digest in zip(survey.files, survey.each_labels, survey.digests, strict=True)
    ]
    with new_dataset(
        dataset,
        shape=shape,
        classes=[labels.classes[int(k)] for k in survey.used],
        n_train=int((rows["train"] >= 0).sum()),
        n_validation=int((rows["validation"] >= 0).sum()),
        dtype=np.uint8,
        pixel_scale=255.0,
        source={**source, "most_per_class": dict(most), "batches": batches},
    ) as splits:
        for name, split in zip(SPLITS, splits, strict=True):
            ends = np.cumsum(survey.sizes(name))
            parts = zip(survey.files_of(name), np.split(rows[name], ends[:-1]), survey.labels(name), strict=True)
            for file, file_rows, file_labels in parts:
                _scatter(file.read().images, file_labels, file_rows, split)
                _LOG.info("%s: written", file.name)


def rows_by_class(labels: np.ndarray, n_classes: int, most: int | None) -> np.ndarray:
    """The row of each image once images are sorted by class, in their order within a class.

    Args:
        labels: (n,) class indices.
        n_classes: classes that are used; images of others are left out.
        most: images per class that are used, the first ones; None: all.

    Returns:
        (n,) int64; -1 for an image that is left out.
    """
    order = np.argsort(labels, kind="stable")
    counts = np.bincount(labels)
    rank = np.empty(len(labels), np.int64)  # of an image within its class
    rank[order] = np.arange(len(labels)) - np.repeat(np.cumsum(counts) - counts, counts)
    kept = labels < n_classes
    if most is not None:
        kept &= rank < most
    rows = np.full(len(labels), -1)
    rows[order[kept[order]]] = np.arange(kept.sum())
    return rows


def _scatter(images: np.ndarray, labels: np.ndarray, rows: np.ndarray, split: Split) -> None:
    order = np.argsort(rows, kind="stable")
    order = order[rows[order] >= 0]
    for start in range(0, len(order), _CHUNK):
        chunk = order[start : start + _CHUNK]
        split.images[rows[chunk]] = images[chunk]
    split.labels[rows[order]] = labels[order]
    split.release()


# -- checks ------------------------------------------------------------------------------------------------------------


class _Survey:
    """What the files hold beside the images, and all that is wrong with them."""

    def __init__(self, labels: Labels) -> None:
        self.numbering = labels
        self.faults: list[str] = []
        self.files: list[BatchFile] = []
        self.each_labels: list[np.ndarray] = []  # as class indices
        self.used = np.arange(labels.n_used)  # of the data set's classes
        self.digests: dict[str, str] = {}  # of the images: the file's name by checksum
        self.mean: tuple[str, np.ndarray] | None = None  # the first that a file announces, and which file
        self.total = np.zeros(1)

    def add(self, file: BatchFile) -> None:
        """Read a file, note what is to be known of it, and forget its images."""
        try:
            batch = file.read()
        except SourceError as error:
            self.faults.append(str(error))
            return
        first, last = self.numbering.first, self.numbering.first + self.numbering.number - 1
        low, high = int(batch.labels.min()), int(batch.labels.max())
        if not first <= low <= high <= last:
            self.faults.append(f"{file.name}: labels run from {low} to {high}; they must lie in {first}..{last}")
            return
        digest = hashlib.sha256(np.ascontiguousarray(batch.images).data).hexdigest()
        if digest in self.digests:
            self.faults.append(f"{file.name}: holds the same images as {self.digests[digest]}")
            return
        if file.split == "train":
            self.total = self.total + batch.images.sum(axis=0, dtype=np.uint32)
        if batch.mean is not None:
            self.mean = self.mean or (file.name, batch.mean)
            if not np.allclose(self.mean[1], batch.mean, rtol=0, atol=1e-3):
                self.faults.append(f"{file.name}: has another mean image than {self.mean[0]}: not of one data set")
        self.digests[digest] = file.name
        self.files.append(file)
        self.each_labels.append(batch.labels.astype(np.int64) - first)

    def check_together(self) -> None:
        """What only all files together show."""
        self._choose_classes()
        self.faults += [fault for split in SPLITS for fault in _missing_classes(split, self)]
        if self.mean is None:
            return
        name, mean = self.mean
        off = float(np.abs(self.total / sum(self.sizes("train")) - mean).max())
        if off > 1:  # a mean that was rounded to whole numbers is as good
            self.faults.append(
                f"{name}: its mean image differs by up to {off:.1f} from that of all batches: not of one data set"
            )

    def in_both(self) -> np.ndarray:
        """The classes that have images in both splits."""
        train, validation = (np.concatenate(self.labels(split)) for split in SPLITS)
        return np.intersect1d(train, validation)

    def _choose_classes(self) -> None:
        """Number anew the classes of a part of a data set, which need not be the first ones."""
        found = self.in_both()
        if (
            self.numbering.most is None
            or len(found) < self.numbering.most
            or np.array_equal(found[: len(self.used)], self.used)
        ):
            return
        self.used, other = found[: self.numbering.most], self.numbering.number
        left_out = np.setdiff1d(np.arange(self.used[-1]), self.used) + self.numbering.first
        _LOG.warning("labels without an image in one split are passed over: %s", first_few(map(str, left_out)))
        index = np.full(other, other)
        index[self.used] = np.arange(len(self.used))
        self.each_labels = [index[labels] for labels in self.each_labels]

    def files_of(self, split: str) -> list[BatchFile]:
        return [file for file in self.files if file.split == split]

    def labels(self, split: str) -> list[np.ndarray]:
        return [labels for file, labels in zip(self.files, self.each_labels, strict=True) if file.split == split]

    def sizes(self, split: str) -> list[int]:
        return [len(labels) for labels in self.labels(split)]


def _survey(files: Sequence[BatchFile], labels: Labels) -> _Survey:
    """Look through all files.

    Raises:
        SourceError: all that is wrong with them.
    """
    survey = _Survey(labels)
    for file in files:
        survey.add(file)
    if len(survey.files) == len(files):  # else classes may be missing for that reason alone
        survey.check_together()
    if survey.faults:
        raise SourceError("\n".join(survey.faults))
    return survey


def _missing_classes(split: str, survey: _Survey) -> list[str]:
    labels = survey.numbering
    counts = np.bincount(np.concatenate(survey.labels(split)), minlength=labels.number)[: labels.n_used]
    missing = [str(k + labels.first) for k in np.flatnonzero(counts == 0)]
    if not missing:
        return []
    names, n = ", ".join(file.name for file in survey.files_of(split)), len(survey.in_both())
    advice = f"there must be images of all {labels.n_used} classes"
    if labels.most is not None and n > 1:
        advice = f"{n} classes have images in both splits: to use these, set classes: {n}"
    return [f"{names}: no image has label {first_few(missing)}; {advice}"]

"""ImageNet32, ImageNet's images resized to 32 x 32 pixels, from the files as they are distributed.

(P. Chrabaszcz, I. Loshchilov, F. Hutter, "A downsampled variant of ImageNet as an alternative to the CIFAR datasets",
arXiv:1707.08819, 2017.)  Ten training batches and one of the 50,000 validation images, either pickled or as `.npz`;
each holds `data` (N, 3072) uint8, `labels`, N numbers from 1 to 1000, and the training batches `mean` (3072,), the mean
training image.  ImageNet64 has the same files with images of (12288,), ImageNet16 and ImageNet8 likewise.
"""

import zipfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from winnow.datasets.batches import Batch, BatchFile, Labels, as_batch, write_batches
from winnow.datasets.files.imagenet32 import IMAGENET32_VALIDATION, SIDES, find_imagenet32, other_side
from winnow.datasets.files.names import SourceError
from winnow.datasets.pickles import read_pickle

N_INPUTS = 3072
N_CLASSES = 1000
ORIGINAL = {"train": 1_281_167, "validation": 50_000}
_MOST_IMAGES = 2 * (ORIGINAL["train"] // 10)  # in a file


def prepare_imagenet32(
    dataset: str | Path,
    *,
    name: str,
    folder: str | Path,
    side: int = 32,
    classes: int = N_CLASSES,
    max_train_per_class: int | None = None,
    max_validation_per_class: int | None = None,
) -> None:
    """Write a dataset of ImageNet32's images, sorted by class: (N, 3 * side * side) uint8, pixels 0..255.

    The classes are called by their labels, "1" to "1000": the files have no names for them.

    Args:
        dataset: the dataset to write.
        name: the dataset's name.
        folder: where the files are; see `find_imagenet32`.
        side: side of the images in the files.
        classes: how many of the classes are used, the first ones that have images in both splits.
        max_train_per_class: training images per class that are used, the first ones; None: all.
        max_validation_per_class: validation images per class that are used, the first ones; None: all.

    Raises:
        SourceError: files are missing or cannot be used; a line for each fault.
    """
    found = find_imagenet32(folder)
    files = [
        BatchFile(
            path.name, "validation" if batch == IMAGENET32_VALIDATION else "train", partial(read_batch, path, side)
        )
        for batch, path in found.items()
    ]
    write_batches(
        dataset,
        files,
        shape=(3, side, side),
        labels=Labels(first=1, classes=[str(label) for label in range(1, N_CLASSES + 1)], most=classes),
        most={"train": max_train_per_class, "validation": max_validation_per_class},
        original=ORIGINAL,
        source={"source": "imagenet32", "name": name},
    )


def read_batch(path: Path, side: int = 32) -> Batch:
    """Read a batch, pickled or `.npz`, of images of this side.

    Raises:
        SourceError: the file is damaged, too large, or holds no batch.
    """
    size, n_inputs = path.stat().st_size, 3 * side**2
    most = _MOST_IMAGES * n_inputs
    if not n_inputs <= size <= most:
        larger = f"; is it of a larger side than {side}? Else" if size > most else ";"
        raise SourceError(
            f"{path.name}: has {size:,} bytes, a batch between {n_inputs:,} and {most:,}{larger} get the file again"
        )
    held = _read_npz(path, most) if path.suffix == ".npz" else read_pickle(path.read_bytes(), path.name)
    shape = getattr(held.get("data"), "shape", ())
    for other in SIDES:
        if other != side and shape[1:] == (3 * other**2,):
            raise SourceError(f"{path.name}: {other_side(side, other)}")
    return as_batch(held, path.name, "labels", n_inputs)


def _read_npz(path: Path, most: int) -> Mapping[str, Any]:
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
        if unpacked > most:
            raise SourceError(f"{path.name}: unpacks to {unpacked:,} bytes, a batch has at most {most:,}")
        with np.load(path, allow_pickle=False) as file:
            return {key: file[key] for key in ("data", "labels", "mean") if key in file}
    except SourceError:
        raise
    except MemoryError:
        raise SourceError(f"{path.name}: takes more memory than there is, or is damaged; get the file again") from None
    except Exception as error:  # a damaged file makes numpy, zipfile and the decompressors raise almost anything
        raise SourceError(
            f"{path.name}: is damaged or no .npz of arrays ({type(error).__name__}: {error}); get the file again"
        ) from None

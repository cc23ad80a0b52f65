"""Images of one's own, in a folder for each class.

The whole image, whatever its aspect, is resized to `side` x `side` pixels by the mean over boxes, as ImageNet32 was.
"""

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from winnow.datasets.files.image_folder import find_class_folders, find_images
from winnow.datasets.files.names import SourceError, portable
from winnow.datasets.files.photos import PhotosError
from winnow.datasets.pixels import read_photo
from winnow.store.datasets import Split, new_dataset
from winnow.streams import stream

_LOG = logging.getLogger(__name__)

_MOST_FAULTS = 50


def prepare_image_folder(
    dataset: str | Path,
    *,
    name: str,
    folder: str | Path,
    side: int = 32,
    validation_share: float | None = None,
    max_train_per_class: int | None = None,
    max_validation_per_class: int | None = None,
    seed: int = 0,
) -> None:
    """Write a dataset of the images in a folder, sorted by class: (N, 3 * side * side) uint8, pixels 0..255.

    A class is called as its folder; see `find_class_folders`.  Within a class images are in the order of their paths.
    Images that occur in both splits, pixel by pixel, are counted in a warning and in the dataset's facts.

    Args:
        dataset: the dataset to write.
        name: the dataset's name.
        folder: where the classes' folders are.
        side: side of the images written, pixels.
        validation_share: share of each class's images that are held out, drawn at random; None: the folder has
            `train/` and `val/`.
        max_train_per_class: training images per class that are used, the first ones; None: all.
        max_validation_per_class: validation images per class that are used, the first ones; None: all.
        seed: seed of the draw of validation images.

    Raises:
        SourceError: the folder does not hold what it must, or files cannot be read; a line for each fault.
    """
    found = split_files(folder, validation_share, ("image folder", name, seed))
    classes = list(found)
    splits = [
        [files[which][:most] for files in found.values()]
        for which, most in enumerate((max_train_per_class, max_validation_per_class))
    ]
    source = {"source": "image_folder", "name": name, "validation_share": validation_share, "seed": seed, "shared": 0}
    faults: list[str] = []
    with new_dataset(
        dataset,
        shape=(3, side, side),
        classes=classes,
        n_train=sum(map(len, splits[0])),
        n_validation=sum(map(len, splits[1])),
        dtype=np.uint8,
        pixel_scale=255.0,
        source=source,
    ) as written:
        digests = [_fill(split, files, side, faults) for split, files in zip(written, splits, strict=True)]
        if faults:
            more = f"\nand {len(faults) - _MOST_FAULTS} more files" if len(faults) > _MOST_FAULTS else ""
            raise SourceError("\n".join(faults[:_MOST_FAULTS]) + more)
        source["shared"] = len(digests[0] & digests[1])  # facts are written when the block ends
    if source["shared"]:
        _LOG.warning("%s: %d images are both in the training and the validation split", name, source["shared"])


def split_files(
    folder: str | Path, validation_share: float | None, keys: tuple[str, str, int]
) -> dict[str, tuple[list[Path], list[Path]]]:
    """The training and the validation files of each class.

    Args:
        folder: see `find_class_folders`.
        validation_share: share to hold out, at least one image; None: the folder itself is split.
        keys: of the random stream.

    Raises:
        SourceError: a class has too few files.
    """
    folders = find_class_folders(folder)
    found: dict[str, tuple[list[Path], list[Path]]] = {}
    for name, class_folder in folders.train.items():
        files = find_images(class_folder)
        if folders.validation is not None:
            found[name] = files, find_images(folders.validation[name])
            continue
        if validation_share is None:
            raise SourceError(f"{folder}: has no train/ and val/: set validation_share")
        held_out = np.zeros(len(files), bool)
        n_held_out = max(1, round(validation_share * len(files)))
        held_out[stream(*keys, name).permutation(len(files))[:n_held_out]] = True
        train, validation = (
            [file for file, out in zip(files, held_out, strict=True) if out == which] for which in (False, True)
        )
        found[name] = train, validation
    faults = [
        f"{folder}: class {name!r} has {len(files)} {what} images, too few; add some or remove its folder"
        for name, splits in found.items()
        for what, files, least in zip(("training", "validation"), splits, (2, 1), strict=True)
        if len(files) < least
    ]
    if faults:
        raise SourceError("\n".join(faults))
    return found


def _fill(split: Split, files: Sequence[Sequence[Path]], side: int, faults: list[str]) -> set[bytes]:
    """Read the images of a split, class by class; the checksums of what was written."""
    split.labels[:] = np.repeat(np.arange(len(files)), [len(of_class) for of_class in files])
    digests: set[bytes] = set()
    for row, path in enumerate(path for of_class in files for path in of_class):
        try:
            image = Image.fromarray(read_photo(path)).resize((side, side), Image.Resampling.BOX)
        except PhotosError as error:
            faults.append(f"{portable(str(path))}: {error}; repair or remove it")
            continue
        pixels = np.asarray(image).transpose(2, 0, 1).reshape(-1)
        split.images[row] = pixels
        digests.add(hashlib.sha256(pixels.tobytes()).digest())
    return digests

"""Which files ImageNet32 consists of."""

from collections.abc import Mapping
from pathlib import Path

from winnow.datasets.files.names import SourceError

IMAGENET32_TRAIN = tuple(f"train_data_batch_{n}" for n in range(1, 11))
IMAGENET32_VALIDATION = "val_data"


SIDES = (8, 16, 32, 64)
"""Sides in pixels of the images that are distributed under the same names."""

_LARGEST = {"train": 128_123, "val": 50_000}
"""Images of the largest file of each split."""


def other_side(said: int, found: int) -> str:
    """What to say of files whose images have another side than the setting."""
    return f"holds images of {found} x {found} pixels, as ImageNet{found} has, not {said} x {said}: set side: {found}"


def check_sizes(files: Mapping[str, Path], side: int) -> None:
    """Check that no file is so large that its images must have a larger side.

    Raises:
        SourceError: the side that they may have.
    """
    for name, path in files.items():
        numbers = path.stat().st_size / _LARGEST[name.split("_")[0]]  # at least, in an image
        if numbers > 2 * 3 * side**2:
            found = next((larger for larger in SIDES if numbers <= 2 * 3 * larger**2), SIDES[-1])
            raise SourceError(f"{path.name}: {other_side(side, found)}")


def find_imagenet32(folder: str | Path) -> dict[str, Path]:
    """The files of ImageNet32 by batch name, training batches first: pickled, or else in the `.npz` edition.

    Raises:
        SourceError: there is no such folder, or neither edition is complete.
    """
    advice = (
        "the ten train_data_batch_1 to _10 and val_data, or the same names with .npz (image-net.org, after log-in: "
        "downsampled image data, 32 x 32, train and val; unpack both into this folder)"
    )
    folder = Path(folder)
    if not folder.is_dir():
        raise SourceError(
            f"there is no folder {str(folder)!r} (relative to where Snakemake runs); it is to hold {advice}"
        )
    editions = [
        {name: folder / f"{name}{suffix}" for name in (*IMAGENET32_TRAIN, IMAGENET32_VALIDATION)}
        for suffix in ("", ".npz")
    ]
    missing = [[path.name for path in edition.values() if not path.is_file()] for edition in editions]
    for edition, lacks in zip(editions, missing, strict=True):
        if not lacks:
            return edition
    fewest = min(missing, key=len)
    raise SourceError(f"the folder {str(folder)!r} lacks {', '.join(fewest)}; it is to hold {advice}")

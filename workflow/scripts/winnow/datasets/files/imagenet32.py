"""Which files ImageNet32 consists of."""

from pathlib import Path

from winnow.datasets.files.names import SourceError

IMAGENET32_TRAIN = tuple(f"train_data_batch_{n}" for n in range(1, 11))
IMAGENET32_VALIDATION = "val_data"


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

"""Which files a folder of classified images consists of."""

from dataclasses import dataclass
from pathlib import Path

from winnow.datasets.files.names import SourceError, first_few, portable, walk


@dataclass(frozen=True)
class ClassFolders:
    """A folder for each class, by the class's name.

    Attributes:
        train: the folders of the training images, or of all images.
        validation: the folders of the validation images; None: they are to be split off.
    """

    train: dict[str, Path]
    validation: dict[str, Path] | None


def find_class_folders(folder: str | Path) -> ClassFolders:
    """The classes of a folder of images: its subfolders, or those of `train/` and of `val/` or `validation/`.

    Raises:
        SourceError: there is no such folder, it has no subfolders, or the splits' classes differ.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise SourceError(
            f"there is no folder {str(folder)!r} (relative to where Snakemake runs); it is to hold a folder of images "
            "for each class, or such folders within train/ and val/"
        )
    if not (folder / "train").is_dir():
        return ClassFolders(_subfolders(folder), None)
    held_out = [folder / name for name in ("val", "validation") if (folder / name).is_dir()]
    if len(held_out) != 1:
        found = "both val/ and validation/" if held_out else "neither val/ nor validation/"
        raise SourceError(f"the folder {str(folder)!r} has train/ and {found}: one is to hold the validation images")
    train, validation = _subfolders(folder / "train"), _subfolders(held_out[0])
    if differ := sorted(train.keys() ^ validation.keys()):
        raise SourceError(
            f"the folder {str(folder)!r} has classes in one of train/ and {held_out[0].name}/ only: {first_few(differ)}"
        )
    return ClassFolders(train, validation)


def find_images(class_folder: Path) -> list[Path]:
    """The files of a class, also in subfolders, sorted by path; without hidden ones (leading dot)."""
    return [path for _, path in sorted(walk(class_folder).items())]


def _subfolders(folder: Path) -> dict[str, Path]:
    found = {
        portable(path.name): path
        for path in sorted(folder.iterdir())
        if path.is_dir() and not path.name.startswith(".")
    }
    if len(found) < 2:
        raise SourceError(
            f"the folder {str(folder)!r} is to hold a folder for each class, two or more; it has {len(found)}"
        )
    return found

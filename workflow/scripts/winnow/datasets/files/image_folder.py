"""Which files a folder of classified images consists of."""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from winnow.datasets.files.names import SourceError, as_seen, first_few, is_litter, portable, walk


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
    """The classes of a folder of images: its subfolders, or those of `train/` and of `val/`, `validation/` or `test/`.

    Spellings such as `Training/`, `val_set/` and `train2017/` mean the same.  Of several, `train/`, `val/` and
    `validation/` as written here come first, then those for validation, then those for testing.

    Raises:
        SourceError: there is no such folder, it has no subfolders, it looks like a split but is none, or the splits'
            classes differ.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise SourceError(
            f"there is no folder {str(folder)!r} (relative to where Snakemake runs); it is to hold a folder of images "
            "for each class, or such folders within train/ and val/"
        )
    names = [path.name for path in sorted(folder.iterdir()) if path.is_dir() and not is_litter(path.name)]
    by_kind = {kind: [name for name in names if pattern.fullmatch(_letters(name))] for kind, pattern in _KINDS.items()}
    train = [name for name in names if name == "train"] or by_kind["train"]
    held_out = [name for name in names if name in ("val", "validation")] or by_kind["validation"] or by_kind["test"]
    if not (train and held_out):
        _check_classes(folder, train, held_out)
        return ClassFolders(_subfolders(folder), None)
    for several in (train, held_out):
        if len(several) > 1:
            both = ("both " if len(several) == 2 else "") + _and(several)
            what = "training" if several is train else "validation"
            raise SourceError(
                f"the folder {str(folder)!r} has {both}: one is to hold the {what} images; rename or remove the others"
            )
    of_train, of_held_out = _subfolders(folder / train[0]), _subfolders(folder / held_out[0])
    seen = {as_seen(name): path for name, path in of_held_out.items()}
    if differ := sorted({as_seen(name) for name in of_train} ^ seen.keys()):
        raise SourceError(
            f"the folder {str(folder)!r} has classes in one of {train[0]}/ and {held_out[0]}/ only: {first_few(differ)}"
        )
    return ClassFolders(of_train, {name: seen[as_seen(name)] for name in of_train})


def find_images(class_folder: Path) -> list[Path]:
    """The files of a class, also in subfolders, sorted by path; without litter (`is_litter`)."""
    return [path for _, path in sorted(walk(class_folder).items())]


_OF, _SORT = "(images?|imgs?|data|dataset)?", "(sets?|images?|imgs?|data|dataset|split|folder)*"
_KINDS = {
    kind: re.compile(f"{_OF}({stems}){_SORT}")
    for kind, stems in {
        "train": "train|training",
        "validation": "val|valid|validation",
        "test": "test|testing|eval|evaluation|holdout|heldout",
    }.items()
}


def _letters(name: str) -> str:
    return re.sub(r"[\W\d_]", "", name.lower())


def _and(names: list[str]) -> str:
    return " and ".join(f"{portable(name)}/" for name in names)


def _check_classes(folder: Path, train: list[str], held_out: list[str]) -> None:
    """Check that folders called like one half of a split are classes.

    A class may well be called train, or valid: its folder holds images, where a split's holds folders.
    """
    if parts := [name for name in train if not _holds_images(folder / name)]:
        raise SourceError(
            f"the folder {str(folder)!r} has {_and(parts)} and neither val/ nor validation/ nor test/: one is to hold "
            f"the validation images; if {portable(parts[0])!r} is a class, give its folder another name"
        )
    if parts := [name for name in held_out if _letters(name) != "valid" or not _holds_images(folder / name)]:
        raise SourceError(
            f"the folder {str(folder)!r} has {_and(parts)} but no train/: one is to hold the training images; if "
            f"{portable(parts[0])!r} is a class, give its folder another name"
        )


def _holds_images(folder: Path) -> bool:
    """Whether a folder holds files and no folders."""
    found = [path.is_dir() for path in folder.iterdir() if not is_litter(path.name)]
    return bool(found) and not any(found)


def _subfolders(folder: Path) -> dict[str, Path]:
    found = {
        portable(path.name): path for path in sorted(folder.iterdir()) if path.is_dir() and not is_litter(path.name)
    }
    if len(found) < 2:
        raise SourceError(
            f"the folder {str(folder)!r} is to hold a folder for each class, two or more; it has {len(found)}"
        )
    if len({as_seen(name) for name in found}) < len(found):
        twice = [name for name, n in Counter(map(as_seen, found)).items() if n > 1]
        raise SourceError(
            f"the folder {str(folder)!r} has folders whose names look the same, composed of other characters: "
            f"{first_few(twice)}; put their images into one"
        )
    return found

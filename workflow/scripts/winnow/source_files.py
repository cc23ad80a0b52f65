"""Which files a data set on disk consists of.  Imports little, so that Snakemake can ask in a bare environment.

Nothing is read here but the names of files; what is in them is checked when the data set is prepared.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from winnow.photo_files import portable, walk


class SourceError(ValueError):
    """Files from which no dataset can be made; every line of the message names a file and says what is wrong."""


def check_names(paths: Iterable[str | Path]) -> None:
    """Check that Snakemake can take files as inputs: braces are its wildcards, angle brackets its path variables.

    Raises:
        SourceError: the names of those that it cannot take.
    """
    if unusable := [portable(str(path)) for path in paths if _UNUSABLE.search(str(path))]:
        raise SourceError(
            "Snakemake takes no file or folder whose name holds { } < >, a line break, or bytes that are not UTF-8: "
            f"rename {_first(map(repr, unusable))}"
        )


_UNUSABLE = re.compile(r"[{}<>\x00-\x1f\ud800-\udfff]")


# -- ImageNet32 --------------------------------------------------------------------------------------------------------

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
    raise SourceError(f"the folder {str(folder)!r} lacks {', '.join(min(missing, key=len))}; it is to hold {advice}")


# -- CIFAR -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CifarEdition:
    """The python version of CIFAR-10 or CIFAR-100, as distributed.

    Attributes:
        title: its name for people.
        archive: name of the archive.
        md5: of the archive, as published beside it.
        folder: the only folder in the archive.
        train: names of its training batches.
        validation: name of its test batch.
        meta: name of the file with the names of the classes.
    """

    title: str
    archive: str
    md5: str
    folder: str
    train: tuple[str, ...]
    validation: str
    meta: str

    @property
    def files(self) -> tuple[str, ...]:
        """All names in the folder that are read."""
        return (*self.train, self.validation, self.meta)


CIFAR10 = CifarEdition(
    title="CIFAR-10",
    archive="cifar-10-python.tar.gz",
    md5="c58f30108f718f92721af3b95e74349a",
    folder="cifar-10-batches-py",
    train=tuple(f"data_batch_{n}" for n in range(1, 6)),
    validation="test_batch",
    meta="batches.meta",
)
CIFAR100 = CifarEdition(
    title="CIFAR-100",
    archive="cifar-100-python.tar.gz",
    md5="eb9058c3a382ffc7106e4002c42a8d85",
    folder="cifar-100-python",
    train=("train",),
    validation="test",
    meta="meta",
)


def find_cifar(path: str | Path, edition: CifarEdition) -> dict[str, Path] | Path:
    """The files of CIFAR by name, or the archive that holds them.

    Args:
        path: the archive, the folder that was unpacked from it, or the folder in which that lies.
        edition: `CIFAR10` or `CIFAR100`.

    Raises:
        SourceError: there is no such file or folder, or files are missing from the folder.
    """
    advice = (
        f"give the path of {edition.archive} or of the folder {edition.folder} unpacked from it "
        f"(the python version of {edition.title}, from Alex Krizhevsky's page at the University of Toronto)"
    )
    path = Path(path)
    if path.is_file():
        return path
    if not path.is_dir():
        raise SourceError(f"there is no file or folder {str(path)!r} (relative to where Snakemake runs); {advice}")
    folder = path / edition.folder if (path / edition.folder).is_dir() else path
    files = {name: folder / name for name in edition.files}
    missing = [name for name, file in files.items() if not file.is_file()]
    if missing:
        raise SourceError(f"the folder {str(folder)!r} lacks {', '.join(missing)}; {advice}")
    return files


# -- folders of images -------------------------------------------------------------------------------------------------


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
            f"the folder {str(folder)!r} has classes in one of train/ and {held_out[0].name}/ only: {_first(differ)}"
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


def _first(names: Iterable[str], most: int = 10) -> str:
    names = list(names)
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")

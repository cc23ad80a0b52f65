"""Which files CIFAR-10 and CIFAR-100 consist of."""

from dataclasses import dataclass
from pathlib import Path

from winnow.datasets.files.names import SourceError


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

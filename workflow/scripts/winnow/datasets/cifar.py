"""CIFAR-10 and CIFAR-100 (Krizhevsky 2009), python version, from the archive or the folder unpacked from it.

The batches are pickled dictionaries: `data` (N, 3072) uint8, and `labels` or, in CIFAR-100, `fine_labels` (100 classes)
and `coarse_labels` (20 of them together).  The archive is read where it is; nothing is unpacked.
"""

import hashlib
import posixpath
import tarfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Self

from winnow.datasets.batches import BatchFile, Labels, as_batch, write_batches
from winnow.datasets.files.cifar import CIFAR10, CIFAR100, CifarEdition, find_cifar
from winnow.datasets.files.names import SourceError
from winnow.datasets.pickles import read_pickle

SHAPE = (3, 32, 32)
ORIGINAL = {"train": 50_000, "validation": 10_000}
_MOST_BYTES = 2 * ORIGINAL["train"] * 3072
_MOST_BESIDE = 65536  # bytes of a name or of attributes in an archive
_PLAIN = (tarfile.REGTYPE, tarfile.AREGTYPE)


def prepare_cifar10(
    dataset: str | Path,
    *,
    name: str,
    path: str | Path,
    max_train_per_class: int | None = None,
    max_validation_per_class: int | None = None,
) -> None:
    """Write a dataset of CIFAR-10's images, sorted by class: (60,000, 3072) uint8, pixels 0..255.

    Args:
        dataset: the dataset to write.
        name: the dataset's name.
        path: the archive or folder; see `find_cifar`.
        max_train_per_class: training images per class that are used, the first ones; None: all.
        max_validation_per_class: test images per class that are used, the first ones; None: all.

    Raises:
        SourceError: files are missing or cannot be used; a line for each fault.
    """
    most = {"train": max_train_per_class, "validation": max_validation_per_class}
    _prepare(dataset, path, CIFAR10, ("labels", "label_names"), most, {"source": "cifar10", "name": name})


def prepare_cifar100(
    dataset: str | Path,
    *,
    name: str,
    path: str | Path,
    labels: str = "fine",
    max_train_per_class: int | None = None,
    max_validation_per_class: int | None = None,
) -> None:
    """Write a dataset of CIFAR-100's images, sorted by class; as `prepare_cifar10`.

    Args:
        dataset: the dataset to write.
        name: the dataset's name.
        path: the archive or folder; see `find_cifar`.
        labels: `fine` (100 classes) or `coarse` (20).
        max_train_per_class: training images per class that are used, the first ones; None: all.
        max_validation_per_class: test images per class that are used, the first ones; None: all.

    Raises:
        SourceError: files are missing or cannot be used; a line for each fault.
    """
    most = {"train": max_train_per_class, "validation": max_validation_per_class}
    source = {"source": "cifar100", "name": name, "labels": labels}
    _prepare(dataset, path, CIFAR100, (f"{labels}_labels", f"{labels}_label_names"), most, source)


def _prepare(
    dataset: str | Path,
    path: str | Path,
    edition: CifarEdition,
    keys: tuple[str, str],
    most: dict[str, int | None],
    source: dict[str, str],
) -> None:
    content = _contents(path, edition)
    labels_key, names_key = keys

    def read(batch: str) -> BatchFile:
        split = "validation" if batch == edition.validation else "train"
        return BatchFile(batch, split, lambda: as_batch(read_pickle(content(batch), batch), batch, labels_key, 3072))

    classes = read_pickle(content(edition.meta), edition.meta).get(names_key)
    if isinstance(classes, list):  # Python 3 may have read Python 2's text as bytes, and written it so
        classes = [name.decode("latin-1") if isinstance(name, bytes) else name for name in classes]
    if not (isinstance(classes, list) and len(classes) > 1 and all(isinstance(name, str) for name in classes)):
        raise SourceError(
            f"{edition.meta}: has no {names_key!r}, the names of the classes; get {edition.archive} again"
        )
    write_batches(
        dataset,
        [read(batch) for batch in (*edition.train, edition.validation)],
        shape=SHAPE,
        labels=Labels(first=0, classes=classes),
        most=most,
        original=ORIGINAL,
        source=source,
    )


def _contents(path: str | Path, edition: CifarEdition) -> Callable[[str], bytes]:
    """A function that gives the content of a file by name."""
    found = find_cifar(path, edition)
    if isinstance(found, dict):
        return lambda name: _read_file(found[name])
    return partial(dict.__getitem__, _read_archive(found, edition))


def _read_file(file: Path) -> bytes:
    _check_size(file.name, file.stat().st_size)
    return file.read_bytes()


def _check_size(name: str, size: int) -> None:
    if size > _MOST_BYTES:
        raise SourceError(f"{name}: has {size:,} bytes, a file of CIFAR at most {_MOST_BYTES:,}; get it again")


class _Member(tarfile.TarInfo):
    """A header of an archive that brings no more than a name along: tarfile reads what it brings as a whole."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """Read a header; see `tarfile.TarInfo`."""
        member = super().frombuf(buf, encoding, errors)
        if member.type not in _PLAIN and member.size > _MOST_BESIDE:
            raise ValueError(f"it announces {member.size:,} bytes beside its files")
        return member


def _read_archive(path: Path, edition: CifarEdition) -> dict[str, bytes]:
    if path.name == edition.archive:
        with path.open("rb") as file:
            md5 = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        if md5 != edition.md5:
            raise SourceError(
                f"{path}: has the MD5 sum {md5}, {edition.title}'s page says {edition.md5}; get the file again, or "
                "rename it if it is meant to differ"
            )
    folders: dict[str, dict[str, bytes]] = {}  # of the files' contents, by their folder in the archive
    total = 0
    try:
        with tarfile.open(path, tarinfo=_Member) as archive:
            for member in archive:
                where, _, name = posixpath.normpath(member.name.replace("\\", "/")).rpartition("/")
                wanted = name in edition.files and member.type in _PLAIN
                if wanted and (content := archive.extractfile(member)) is not None:
                    total += member.size
                    _check_size(name, total)
                    folders.setdefault(where, {})[name] = content.read()
                if archive.offset > 2 * _MOST_BYTES:
                    raise ValueError(f"it unpacks to more than {2 * _MOST_BYTES:,} bytes")
            # The checksum comes at the end of the file, after that of the archive.
            for _ in range(_MOST_BYTES >> 20):
                if not archive.fileobj.read(1 << 20):
                    break
    except SourceError:
        raise
    except Exception as error:  # a damaged file makes tarfile and the decompressors raise almost anything
        raise SourceError(f"{path}: is damaged or no archive ({error}); get the file again") from None
    # The folder may be called otherwise, or lie in others; most of the files are in the right one.
    where = max(
        folders, key=lambda where: (len(folders[where]), where.endswith(edition.folder)), default=edition.folder
    )
    contents = folders.get(where, {})
    if missing := [posixpath.join(where, name) for name in edition.files if name not in contents]:
        raise SourceError(f"{path}: the archive lacks {', '.join(missing)}; get {edition.archive} again")
    return contents

"""Files that appear only when they are complete: written beside, flushed to disk, and renamed."""

import errno
import fcntl
import glob
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path


class StoreError(ValueError):
    """A file that is missing, damaged, not what it should be, or cannot be written; the message says what to do."""


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write a file that was made in memory, such as a figure: complete or not at all.

    Raises:
        StoreError: it cannot be written: the disk is full, the folder read-only …
    """
    with writing(path, len(content)), complete(path) as beside:
        beside.write_bytes(content)


@contextmanager
def complete(path: str | Path) -> Iterator[Path]:
    """A path to write a file or a folder to, that becomes `path` when the block ends without an error.

    Raises:
        StoreError: it cannot be written.  Errors of the block itself are left as they are.
    """
    path = Path(path)
    with ExitStack() as at_last:
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            for part in path.parent.glob(f".{glob.escape(path.name)}.????????.part"):
                _remove_abandoned(part)
            part = Path(tempfile.mkdtemp(".part", f".{path.name}.", path.parent))
            at_last.callback(_remove, part)
            starting = part / "starting"
            _try_lock(at_last.enter_context(starting.open("wb")).fileno())
            starting.rename(part / "lock")  # never seen unlocked, or it would be taken for abandoned
            (part / "new").mkdir()
        written = part / "new" / path.name
        yield written
        with writing(path):
            for file in [*written.rglob("*"), written]:
                _flush(file)
            _rename(written, path)
            _flush(path.parent)


def _rename(written: Path, path: Path) -> None:
    """Give a file or folder its name, also where another process gives the same name to its own at the same time."""
    for attempt in itertools.count():
        try:
            written.replace(path)
            return
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        with suppress(FileNotFoundError):
            path.rename(written.parent / f"old{attempt}")  # a folder cannot be replaced, only moved out of the way


def _remove_abandoned(part: Path) -> None:
    """Remove what a killed process left: its lock is free."""
    # Open for writing: network file systems grant an exclusive lock only so.  A part without lock was just begun.
    with suppress(OSError), (part / "lock").open("r+b") as lock:
        if _try_lock(lock.fileno()):
            _remove(part)


def _remove(part: Path) -> None:
    shutil.rmtree(part / "new", ignore_errors=True)  # before the lock, without which nobody else would remove it
    shutil.rmtree(part, ignore_errors=True)


def _try_lock(file: int) -> bool:
    """Lock an open file until it is closed, be it by the end of its process.

    Returns:
        False where another holds it, and on file systems without locks: nothing is taken for abandoned there.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _flush(path: Path) -> None:
    """Wait until a file's content, or a folder's list of names, is on the disk."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    except OSError as error:
        if not (path.is_dir() and error.errno == errno.EINVAL):  # some network file systems flush no folders
            raise
    finally:
        os.close(opened)


@contextmanager
def writing(path: str | Path, n_bytes: int | None = None) -> Iterator[None]:
    """Turn the operating system's errors within the block into one that says what cannot be written, and what to do."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {_remedy(Path(path), error, n_bytes)}") from error


def _remedy(path: Path, error: OSError, n_bytes: int | None) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        full = "its disk is full" if error.errno == errno.ENOSPC else "the quota of its disk is used up"
        needed = "" if n_bytes is None else f", it needs {amount(n_bytes)} and {amount(room(path))} are free"
        return f"{full}{needed}; make room and run Snakemake again: what is finished stays"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{error.strerror} in the folder {path.parent}; make it writable, or run in another folder"
    return f"{error.strerror or error}"


def room(path: Path) -> int:
    """Bytes that are free on the disk of a file, which need not be there yet."""
    return shutil.disk_usage(next(folder for folder in path.absolute().parents if folder.exists())).free


def amount(n_bytes: int) -> str:
    """A number of bytes for people, in GB, MB or kB."""
    unit, size = next(((unit, size) for unit, size in (("GB", 1e9), ("MB", 1e6)) if n_bytes >= size / 10), ("kB", 1e3))
    return f"{n_bytes / size:.2f} {unit}"

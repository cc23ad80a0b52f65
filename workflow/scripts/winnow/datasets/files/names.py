"""Names of files: walked, written down, and refused where Snakemake cannot take them."""

import os
import re
from collections.abc import Iterable
from pathlib import Path


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
            f"rename {first_few(map(repr, unusable))}"
        )


_UNUSABLE = re.compile(r"[{}<>\x00-\x1f\ud800-\udfff]")


def first_few(names: Iterable[str], most: int = 10) -> str:
    """The first names of many, and how many more there are."""
    names = list(names)
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def walk(folder: Path) -> dict[str, Path]:
    """All files of a folder by key, also in subfolders, through links, without hidden ones (leading dot).

    Raises:
        OSError: a folder cannot be listed.
    """
    found: dict[str, Path] = {}
    visited: set[str] = set()
    for directory, subfolders, files in os.walk(folder, followlinks=True, onerror=_raise):
        # Sorted, and each real folder once: the result depends neither on the listing's order nor on a loop of links.
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        if os.path.realpath(directory) in visited:
            subfolders.clear()
            continue
        visited.add(os.path.realpath(directory))
        for name in files:
            if not name.startswith("."):
                path = Path(directory, name)
                found[portable(path.relative_to(folder).as_posix())] = path
    return found


def portable(name: str) -> str:
    """A file's name as it can be written to facts and logs: bytes that are not UTF-8 become escapes."""
    return name.encode("utf-8", "backslashreplace").decode()


def _raise(error: OSError) -> None:
    raise error

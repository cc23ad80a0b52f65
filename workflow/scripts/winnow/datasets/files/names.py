"""Names of files: walked, written down, and refused where Snakemake cannot take them."""

import os
import re
import unicodedata
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

_LITTER = {
    *("thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "$recycle.bin", "system volume information"),
    *("icon\r", "__macosx", "network trash folder", "temporary items"),
    *("lost+found", "@eadir", "#recycle", "#snapshot", "@recycle", "@recently-snapshot", "@__thumb"),
}


def is_litter(name: str) -> bool:
    """Whether a file or folder is none of the user's: hidden (leading dot), or left by a system or a network drive."""
    return name.startswith(".") or name.lower() in _LITTER


def as_seen(name: str) -> str:
    """A name as people see it: an umlaut is one however it is composed, by one character or by two."""
    return unicodedata.normalize("NFC", name)


def expanded(path: str) -> str:
    """A path with `~`, `$NAME` and `${NAME}` replaced by what they stand for.

    Raises:
        SourceError: a variable of the environment is not set.
    """
    # Not by pathlib, which would write "./x" otherwise.
    found = os.path.expandvars(os.path.expanduser(path))  # noqa: PTH111
    if (unset := re.search(r"\$(\w+|\{\w+\})", found)) and not os.path.lexists(found):
        raise SourceError(f"{path!r}: the environment has no variable {unset[0]}; write the path out")
    return found


def first_few(names: Iterable[str], most: int = 10) -> str:
    """The first names of many, and how many more there are."""
    names = list(names)
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def walk(folder: Path) -> dict[str, Path]:
    """All files of a folder by key, also in subfolders, through links, without litter (`is_litter`).

    Raises:
        OSError: a folder cannot be listed.
    """
    found: dict[str, Path] = {}
    visited: set[str] = set()
    for directory, subfolders, files in os.walk(folder, followlinks=True, onerror=_raise):
        # Sorted, and each real folder once: the result depends neither on the listing's order nor on a loop of links.
        subfolders[:] = sorted(name for name in subfolders if not is_litter(name))
        if os.path.realpath(directory) in visited:
            subfolders.clear()
            continue
        visited.add(os.path.realpath(directory))
        for name in files:
            if not is_litter(name):
                path = Path(directory, name)
                found[portable(path.relative_to(folder).as_posix())] = path
    return found


def portable(name: str) -> str:
    """A file's name as it can be written to facts and logs: bytes that are not UTF-8 become escapes."""
    return name.encode("utf-8", "backslashreplace").decode()


def _raise(error: OSError) -> None:
    raise error

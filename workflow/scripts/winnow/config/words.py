"""What the messages about a configuration are made of: the error, the nearest known word, a value in short."""

import difflib
import reprlib
from collections.abc import Iterable
from typing import Any

MOST_BITS = 1000  # of a whole number: more are too long to be shown


class ConfigError(ValueError):
    """A configuration that cannot be run; every line names file and setting."""


class _Short(reprlib.Repr):
    def repr_int(self, x: int, level: int) -> str:
        return super().repr_int(x, level) if x.bit_length() <= MOST_BITS else f"a number of {x.bit_length()} bits"


SHORT = _Short()
"""`SHORT.repr` shows a value in short: aliases let a small YAML file stand for lists without end."""

SHORT.maxlevel, SHORT.maxstring, SHORT.maxlong, SHORT.maxother = 1, 200, 200, 200


def nearest(word: Any, known: Iterable[str]) -> str:
    """A question after the known word that is most like this one; empty where none is."""
    close = difflib.get_close_matches(word, list(known), n=1) if isinstance(word, str) else []
    return f"; did you mean {close[0]!r}?" if close else ""

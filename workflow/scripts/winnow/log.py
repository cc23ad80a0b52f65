"""Where a job says what it does, and how it fails."""

import logging
import sys
import traceback
from pathlib import Path
from types import TracebackType

EXPECTED = (ValueError, ArithmeticError, OSError)
"""Errors whose message tells a person what to do; the traceback goes to the log only."""


def log_to(path: str | Path) -> None:
    """Send log messages and uncaught errors to a file, and in short to standard error.

    Args:
        path: the log file; its folder exists.
    """
    handlers = [logging.FileHandler(path, mode="w", encoding="utf-8"), logging.StreamHandler(sys.stderr)]
    logging.basicConfig(format="%(levelname)s %(message)s", handlers=handlers, force=True)
    logging.getLogger("winnow").setLevel(logging.INFO)  # of other packages, warnings only
    logging.captureWarnings(True)

    def report(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        details = "".join(traceback.format_exception(kind, error, trace))
        with Path(path).open("a", encoding="utf-8") as log:
            log.write(details)
        short = f"{kind.__name__}: {error}\n(details in {path})\n"
        sys.stderr.write(short if issubclass(kind, EXPECTED) else details)

    sys.excepthook = report

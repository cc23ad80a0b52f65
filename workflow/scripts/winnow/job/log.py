"""Where a job says what it does, what does it, and how it fails.

Imports nothing that is installed: a script calls `log_to` before it imports anything else, so that the log also has the
errors of imports.
"""

import atexit
import ctypes
import logging
import os
import signal
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from winnow.job.maker import write_maker

EXPECTED = (ValueError, ArithmeticError, OSError)
"""Errors whose message tells a person what to do; the traceback goes to the log only."""


def log_to(path: str | Path) -> None:
    """Send log messages and uncaught errors to a file, and in short to standard error.

    The file's last line says what this process was; see `maker`.

    From here on the process also ends when Snakemake, which started it, has gone.

    Args:
        path: the log file; its folder exists.
    """
    _end_with_parent()

    def report(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        details = "".join(traceback.format_exception(kind, error, trace))
        with suppress(OSError), Path(path).open("a", encoding="utf-8") as log:  # the error may be that the disk is full
            log.write(details)
        short = f"{kind.__name__}: {error}\n(details in {path})\n"
        sys.stderr.write(short if issubclass(kind, EXPECTED) else details)

    sys.excepthook = report
    to_file, to_person = logging.FileHandler(path, mode="w", encoding="utf-8"), logging.StreamHandler(sys.stderr)
    logging.basicConfig(format="%(levelname)s %(message)s", handlers=[to_file, to_person], force=True)
    logging.getLogger("winnow").setLevel(logging.INFO)  # of other packages, warnings only
    logging.captureWarnings(True)
    atexit.register(write_maker, path)


def _end_with_parent() -> None:
    """Have this process killed when its parent ends; on Linux alone.

    A job that outlives a killed Snakemake computes for nobody, and once it is done would put its results in the place
    of those that the next run has computed meanwhile, perhaps with other settings.
    """
    if sys.platform == "linux":
        parent_death_signal = 1  # PR_SET_PDEATHSIG
        ctypes.CDLL(None).prctl(parent_death_signal, signal.SIGKILL)
        # It may have ended before, before this call: then a process of another session has taken its place.
        if os.getsid(os.getppid()) != os.getsid(0) != os.getpid():
            sys.exit("Snakemake, which started this job, has ended")

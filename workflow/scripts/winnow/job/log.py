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
import time
import traceback
from pathlib import Path
from types import TracebackType

from winnow.job.maker import write_maker
from winnow.job.said import LogFile, end_said

EXPECTED = (ValueError, ArithmeticError, OSError)
"""Errors whose message tells a person what to do; the traceback goes to the log only."""


def log_to(path: str | Path) -> None:
    """Send log messages and uncaught errors to a file, and to standard error what a person should see of them.

    The file's lines have a time (see `said`); the last but one says how the job ended and how long it took, the last
    one what this process was (see `maker`).

    From here on the process also ends when Snakemake, which started it, has gone.

    Args:
        path: the log file; its folder exists.
    """
    started, failed = time.monotonic(), False
    _end_with_parent()

    to_file, to_person = LogFile(path), logging.StreamHandler(sys.stderr)

    def report(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        nonlocal failed
        failed = True
        details = "".join(traceback.format_exception(kind, error, trace))
        to_file.write(details)
        short = f"{kind.__name__}: {error}\n(details in {path})\n"
        sys.stderr.write(short if issubclass(kind, EXPECTED) else details)

    def end() -> None:
        level, message = logging.ERROR if failed else logging.INFO, end_said(time.monotonic() - started, failed)
        to_file.emit(logging.LogRecord("winnow", level, __file__, 0, message, None, None))
        write_maker(path)

    sys.excepthook = report
    to_person.setLevel(logging.WARNING)  # how far a job is, the run itself says (winnow.progress)
    logging.basicConfig(format="%(levelname)s %(message)s", handlers=[to_file, to_person], force=True)
    logging.getLogger("winnow").setLevel(logging.INFO)  # of other packages, warnings only
    logging.captureWarnings(True)
    atexit.register(end)


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

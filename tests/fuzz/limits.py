"""Bounds on what reading one file may take: time, memory, and files that appear."""

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SECONDS, MEGABYTES = 5, 500
_PATIENCE = 20  # seconds of a slow or busy machine's clock to a second of its processor


class BoundExceeded(BaseException):
    """Reading took too long, or left something behind.  No `except Exception` of a reader may swallow it."""


def _megabytes_now() -> int:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmData:"))
    return int(line.split()[1]) // 1024


@contextmanager
def bounded(folder: Path, seconds: float = SECONDS, megabytes: int = MEGABYTES) -> Iterator[None]:
    """Within the block: a limit on processor time, on the memory that comes in addition, and no new file in the folder.

    Too much memory is a MemoryError where it is asked for.

    Raises:
        BoundExceeded: the time is up, or there are other files in the folder than before.
    """

    def too_late(*_: object) -> None:
        raise BoundExceeded(f"takes more than {seconds} s")

    before = set(folder.rglob("*"))
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    handlers = {number: signal.signal(number, too_late) for number in (signal.SIGPROF, signal.SIGALRM)}
    resource.setrlimit(resource.RLIMIT_DATA, ((_megabytes_now() + megabytes) << 20, hard))
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, _PATIENCE * seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
        if appeared := sorted(set(folder.rglob("*")) - before):
            raise BoundExceeded(f"leaves {', '.join(map(str, appeared))}")

"""Fuzzes the readers for some time: `python -m tests.fuzz --minutes 60`, in the project's folder.

Each reader runs in a process of its own.  A failure is shown once for each place where it arises, with the fewest
changes that bring it about; its file is kept.  The last line for each reader counts its inputs.
"""

import argparse
import faulthandler
import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

from winnow.streams import stream

from .damage import Edit, draw_edits, shortest
from .readers import READERS, Reader

_MOST_EDITS = 12
_STUCK = 60  # seconds after which even a reader that hangs outside Python is ended


def _place(error: BaseException) -> str:
    """By what failures are told apart: the error's type and the function that raises it."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {Path(frame.filename).name}, {frame.name}"


def fuzz(name: str, seconds: float, seed: int, kept: Path) -> int:
    """Fuzz one reader; the number of different failures."""
    with tempfile.TemporaryDirectory() as folder:
        reader = READERS[name](Path(folder))
        rng = stream("fuzz", name, seed)
        outcomes: Counter[str] = Counter()
        failures: set[str] = set()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            faulthandler.dump_traceback_later(_STUCK, exit=True, file=sys.stdout)
            which, edits = int(rng.integers(len(reader.good))), draw_edits(rng, _MOST_EDITS)
            try:
                outcomes["read" if reader.attempt(which, edits) else "refused"] += 1
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                outcomes["failed"] += 1
                if (place := _place(error)) not in failures:
                    failures.add(place)
                    _show(reader, which, edits, place, error, kept / f"{name}-{len(failures)}")
        faulthandler.cancel_dump_traceback_later()
        shown = ", ".join(f"{outcomes[outcome]:,} {outcome}" for outcome in ("read", "refused", "failed"))
        print(f"{name}: {outcomes.total():,} files in {seconds:.0f} s, {shown}, {len(failures)} different", flush=True)
    return len(failures)


def _show(reader: Reader, which: int, edits: list[Edit], place: str, error: BaseException, kept: Path) -> None:
    """Print a failure with the changes that are needed for it, and keep the file."""

    def fails(fewer: list[Edit]) -> bool:
        try:
            reader.attempt(which, fewer)
        except KeyboardInterrupt:
            raise
        except BaseException as other:
            return _place(other) == place
        return False

    edits = shortest(edits, fails)
    if not fails(edits):
        place += " (once, not again)"
    shutil.copy(reader.path, kept)
    print(f"{kept.name}: {place}: {str(error)[:300]}\n  good file {which}, changes {edits}", flush=True)


def main() -> int:
    """The command line; see the module's text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60, help="for all readers together")
    parser.add_argument("--readers", nargs="+", choices=list(READERS), default=list(READERS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kept", type=Path, default=Path(tempfile.gettempdir(), "winnow-fuzz"), help="for the files")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)  # in the process of a single reader
    given = parser.parse_args()
    given.kept.mkdir(parents=True, exist_ok=True)
    seconds = 60 * given.minutes / len(given.readers)
    if given.here:
        faulthandler.enable(sys.stdout)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # image libraries write of every damaged file
        return min(fuzz(given.readers[0], seconds, given.seed, given.kept), 100)
    failed = 0
    for name in given.readers:
        options = ["--readers", name, "--minutes", str(seconds / 60), "--seed", str(given.seed), "--kept", given.kept]
        code = subprocess.run([sys.executable, "-m", "tests.fuzz", "--here", *options], check=False).returncode
        failed += code != 0
        if not 0 <= code <= 100:
            print(f"{name}: the process ended with {code}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())

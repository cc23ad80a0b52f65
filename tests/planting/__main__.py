"""Plants wrong lines, one at a time, that the fast tests must see: `python -m tests.planting`, in the project's folder.

All happens in a copy of the project.  A line is seen if one of its tests fails at an assertion, and none of them does
without it.  The table says which test saw what; the exit status is 1 if a line was not seen, or is not to be found.
"""

import importlib
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from project import ROOT, copy_project

from .lines import LINES, Line

LIBRARY = Path("workflow", "scripts", "winnow")
SLOW_TO_IMPORT = ("hypothesis", "pandas", "pyarrow.parquet", "safetensors.numpy", "scipy.stats", "torch")
"""Imported once, before the processes that run the tests are forked."""


class FirstFailure:
    """A plugin of pytest: which test failed, and by what exception."""

    said = ("", "")

    def pytest_exception_interact(self, node: pytest.Item, call: pytest.CallInfo[None]) -> None:
        self.said = (node.name.partition("[")[0], call.excinfo.typename)


def run_tests(folder: Path, tests: list[str], answer: Connection) -> None:
    """In a process of its own: pytest's exit status, the test that failed, and why."""
    sys.dont_write_bytecode = True  # planted lines come and go within a second, by which stale code is told apart
    os.chdir(folder)
    sys.path[:] = [path for path in sys.path if not Path(path).is_relative_to(ROOT / "tests")]
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123
        os.dup2(nowhere.fileno(), 1)
    failure = FirstFailure()
    quick = ["-x", "-q", "-p", "no:cacheprovider"]
    status = pytest.main([*quick, *(f"tests/{test}" for test in tests)], [failure])
    answer.send((int(status), *failure.said))


def tests_say(folder: Path, tests: list[str]) -> tuple[int, str, str]:
    """What `run_tests` answers; pytest's exit status 3, an internal error, where it does not."""
    processes = multiprocessing.get_context("fork")
    receiver, sender = processes.Pipe(duplex=False)
    process = processes.Process(target=run_tests, args=(folder, tests, sender))
    process.start()
    sender.close()
    try:
        said = receiver.recv()
    except EOFError:
        said = (3, "", "no answer")
    process.join()
    return said


def plant(folder: Path, line: Line) -> tuple[bool, str]:
    """Whether a line was seen, and what saw it or why it was not."""
    file = folder / LIBRARY / line.file
    text = file.read_text(encoding="utf-8")
    if (found := text.count(line.right)) != 1:
        return False, f"`{line.right.strip()}` is in {line.file} {found} times"
    file.write_text(text.replace(line.right, line.wrong), encoding="utf-8")
    try:
        status, test, why = tests_say(folder, list(line.tests))
    finally:
        file.write_text(text, encoding="utf-8")
    if status == pytest.ExitCode.OK:
        return False, "not seen"
    if status == pytest.ExitCode.TESTS_FAILED and why in ("AssertionError", "Failed"):  # `pytest.raises`: Failed
        return True, test
    return False, f"{test}: {why}, exit status {status} of pytest"


def main() -> int:
    """The command line; see the module's text."""
    for name in SLOW_TO_IMPORT:
        importlib.import_module(name)
    with tempfile.TemporaryDirectory() as temporary:
        folder = copy_project(Path(temporary, "project")).folder
        shutil.copytree(ROOT / "tests", folder / "tests", ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
        shutil.copy(ROOT / "pyproject.toml", folder)
        status, test, why = tests_say(folder, list(dict.fromkeys(test for line in LINES for test in line.tests)))
        if status != pytest.ExitCode.OK:
            print(f"with nothing planted: {test}: {why}, exit status {status} of pytest")
            return 1
        print("| planted | seen by | seconds |\n| --- | --- | --- |", flush=True)
        missed = 0
        for line in LINES:
            start = time.monotonic()
            seen, by = plant(folder, line)
            missed += not seen
            print(
                f"| {line.name} | {by if seen else f'**{by}**'} | {time.monotonic() - start:.1f} |",
                flush=True,
            )
    return missed > 0


if __name__ == "__main__":
    sys.exit(main())

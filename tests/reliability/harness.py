"""Starts Snakemake, kills it or its jobs at random moments, and starts it again until everything is there.

What is killed, how and when is drawn from a seed; what the run does at that moment depends on the machine's load, so
that a seed repeats the faults, not the outcome.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from project import Project
from winnow.streams import stream

TARGETS = ("Snakemake", "a job", "all")
"""Snakemake alone, one of its jobs, or all processes at once: a terminal's Ctrl-C, a node that is shut down."""

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)

TINY = Path("results", "tiny")
"""Where the tiny experiment's results lie in a project."""

PATIENCE = 300
"""Seconds in which all must end that ends by itself, on a machine that is busy with other things."""


@dataclass(frozen=True)
class Fault:
    """Whom to kill, how and when.

    Attributes:
        target: one of the `TARGETS`.
        which: which of the jobs, counted on from the oldest.
        sent: the signal.
        after: seconds after the start of Snakemake.
        writing: wait further until a job writes a file; it is the job that is killed.
        waits: whether the next start waits until the jobs that were left have ended.
    """

    target: str
    which: int
    sent: signal.Signals
    after: float
    writing: bool
    waits: bool


@dataclass(frozen=True)
class Kill:
    """A fault that happened, and what came of it.

    Attributes:
        fault: the fault.
        moment: what the run was doing.
        outlived: seconds that jobs went on after Snakemake had ended; None where nobody waited for them.
        parts: hidden folders of half-written files that were left.
        locked: whether a lock was left, so that a later start was refused and said to type `--unlock`.
    """

    fault: Fault
    moment: str
    outlived: float | None
    parts: int
    locked: bool

    def __str__(self) -> str:
        waited = "not waited for" if self.outlived is None else f"{self.outlived:.1f} s"
        return (
            f"{self.fault.sent.name} to {self.fault.target} after {self.fault.after:.1f} s, {self.moment}: "
            f"jobs went on {waited}, {self.parts} parts left{', a lock left' if self.locked else ''}"
        )


def draw_fault(rng: np.random.Generator, longest: float) -> Fault:
    """A fault within the first `longest` seconds; one in eight within the first."""
    return Fault(
        target=TARGETS[rng.integers(len(TARGETS))],
        which=int(rng.integers(2)),
        sent=SIGNALS[rng.integers(len(SIGNALS))],
        after=float(rng.uniform(0, longest if rng.random() > 1 / 8 else 1)),
        writing=bool(rng.random() < 1 / 3),
        waits=bool(rng.random() < 1 / 2),
    )


class Run:
    """A call of Snakemake in the background: the leader of a session, which all of its jobs belong to."""

    def __init__(self, project: Project, *arguments: str) -> None:
        self.started = time.monotonic()
        self._said = project.folder / "said.txt"
        with self._said.open("w") as said:
            self.snakemake = subprocess.Popen(
                [sys.executable, "-m", "snakemake", "--configfile", "configs/tiny.yaml", *arguments],
                cwd=project.folder,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # Where the tests themselves run in the background, an interrupt is ignored, by their children too.
                preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
            )

    def said(self) -> str:
        """All that was said until now."""
        return self._said.read_text(errors="replace")

    def others(self) -> list[int]:
        """The processes of the session that are alive, without Snakemake."""
        return [process for process in _alive(self.snakemake.pid) if process != self.snakemake.pid]

    def jobs(self) -> list[int]:
        """Those of them that are jobs; Snakemake starts others too, such as git."""
        return [process for process in self.others() if _runs_script(process)]

    def ended(self) -> bool:
        """Whether Snakemake has ended; its jobs may go on."""
        return self.snakemake.poll() is not None

    def wait(self) -> str:
        """What it said, when it has ended."""
        self.snakemake.wait(PATIENCE)
        return self.said()

    def wait_for_jobs(self) -> float:
        """Wait until the jobs that Snakemake has left have ended, too; the seconds that it took."""
        return wait_until(lambda: not self.others(), "the jobs that were left")

    def send(self, sent: signal.Signals, processes: list[int]) -> None:
        """Send a signal to those that are still there."""
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process, sent)


def _alive(session: int) -> Iterator[int]:
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if os.getsid(process := int(folder.name)) == session and _state(folder) not in "ZX":
                yield process


def _state(folder: Path) -> str:
    """The state of a process, Z and X where it has ended; it follows the name, which may hold anything."""
    return (folder / "stat").read_text().rpartition(")")[2].split()[0]


def _runs_script(process: int) -> bool:
    with suppress(OSError):
        return b".snakemake/scripts/" in Path(f"/proc/{process}/cmdline").read_bytes()
    return False


def _writes(process: int) -> bool:
    """Whether a job is writing a file: it holds the lock of a part."""
    with suppress(OSError):
        for opened in Path(f"/proc/{process}/fd").iterdir():
            with suppress(OSError):
                if str(opened.readlink()).endswith(".part/lock"):
                    return True
    return False


def wait_until(condition: Callable[[], object], what: str, every: float = 0.02) -> float:
    """Wait for something to happen; the seconds that it took."""
    start = time.monotonic()
    while not condition():
        assert time.monotonic() < start + PATIENCE, f"after {PATIENCE} s still waiting for {what}"
        time.sleep(every)
    return time.monotonic() - start


def strike(run: Run, fault: Fault) -> str | None:
    """Let a fault happen; at what moment it did, None if the run had ended before."""

    def struck() -> list[int]:
        if fault.writing:
            return [job for job in run.jobs() if _writes(job)]
        return run.jobs() if fault.target == "a job" else [run.snakemake.pid]

    wait_until(lambda: run.ended() or time.monotonic() > run.started + fault.after, "the moment")
    found: list[int] = []
    wait_until(lambda: run.ended() or found.extend(struck()) or found, "something to kill", 0.005)
    if run.ended():
        return None
    if fault.target == "Snakemake":
        found = [run.snakemake.pid]
    elif fault.target == "all":
        found = [run.snakemake.pid, *run.others()]
    else:
        found = [found[fault.which % len(found)]]
    run.send(fault.sent, found)
    if fault.writing:
        return "while a file is written"
    if time.monotonic() < run.started + 1:
        return "in the first second"
    return "while jobs run" if "Execute" in run.said() else "before the first job"


def kill_until_done(
    project: Project, arguments: list[str], seed: int, *, most: int = 1000, longest: float = 15
) -> Iterator[Kill]:
    """Start, kill and start again with the same command until all is done; then no process and no rest is left.

    A start that is refused because of a lock does what the message says.

    Args:
        project: where nothing has run.
        arguments: of Snakemake.
        seed: of the faults.
        most: so many kills; what follows is not disturbed.
        longest: seconds after which a start is killed at the latest.
    """
    rng = stream("kills", seed)
    runs, killed = [], 0
    while True:
        locked_before = locked(project)
        run = Run(project, *arguments)
        runs.append(run)
        fault = draw_fault(rng, longest)
        moment = strike(run, fault) if killed < most else None
        said = run.wait()
        if moment:
            killed += 1
            outlived = run.wait_for_jobs() if fault.waits else None
            parts = len(list(project.folder.glob("results/**/.*.part")))
            yield Kill(fault, moment, outlived, parts, locked(project) and not locked_before)
        elif run.snakemake.returncode == 0:
            break
        else:
            assert locked_before and "--unlock" in said, f"a run that nobody killed has failed:\n{said[-6000:]}"
            project.snakemake("--unlock")
    for run in runs:
        run.wait_for_jobs()
    assert_nothing_left(project, arguments)


def locked(project: Project) -> bool:
    """Whether Snakemake has locked the project, or left a lock."""
    return any(project.folder.glob(".snakemake/locks/*"))


def assert_nothing_left(project: Project, arguments: list[str]) -> None:
    """No lock, no half-written file, nothing to be done."""
    assert not locked(project)
    assert not list(project.folder.glob(".snakemake/incomplete/*"))
    assert not list(project.folder.glob("results/**/.*.part"))
    assert "Nothing to be done" in project.snakemake(*arguments)


def same_results(folder: Path, undisturbed: Path) -> int:
    """Compare those files of an experiment that are there byte by byte, but for logs and times, and count them."""
    found, expected = results(folder), results(undisturbed)
    assert set(found) <= set(expected), sorted(set(found) - set(expected))
    different = [path for path in found if found[path] != expected[path]]
    assert not different, different
    return len(found)


def results(folder: Path) -> dict[Path, bytes]:
    """Contents of an experiment's files by path, but for logs and times."""
    files = {path.relative_to(folder): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {name: path.read_bytes() for name, path in files.items() if name.parts[0] not in ("logs", "benchmarks")}

"""The jobs of a run, and what has become of them.

Two things tell: Snakemake's events, and the logs of the jobs.  On a cluster Snakemake hears of a group of jobs only
when all of them are done; their logs, on the shared file system, say it earlier.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from winnow.job.said import Said, read_said

_AT_ONCE = 1 << 20
"""Bytes of a log that are read at a time."""


class State(Enum):
    """What has become of a job."""

    WAITING = "waiting"
    SUBMITTED = "submitted"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass
class Job:
    """A job of the run.

    Attributes:
        number: Snakemake's.
        rule: the rule's name.
        wildcards: by name.
        log: its log, if any.
        state: what has become of it.
        said: what its log says, of the present attempt.
        started, ended: when, by the run's clock.
        warned: number of warnings that were passed on.
    """

    number: int
    rule: str
    wildcards: Mapping[str, str] = field(default_factory=dict)
    log: Path | None = None
    state: State = State.WAITING
    said: Said = field(default_factory=Said)
    started: float | None = None
    ended: float | None = None
    warned: int = 0
    _before: tuple[int, ...] | None = None
    _read: int = 0

    @property
    def seconds(self) -> float | None:
        """How long it took; by its log, if that knows."""
        if self.said.seconds is not None:
            return self.said.seconds
        return None if self.started is None or self.ended is None else self.ended - self.started

    @property
    def share(self) -> float:
        """How much of a training is done, 0 … 1."""
        return min(self.said.step / self.said.steps, 1.0) if self.said.step and self.said.steps else 0.0

    def expect_log(self) -> None:
        """Forget what was read; a log that is there already is an earlier job's, until it changes."""
        self.said, self.warned, self._read, self._before = Said(), 0, 0, self._signature()

    def _signature(self) -> tuple[int, ...] | None:
        try:
            found = self.log.stat() if self.log else None
        except OSError:
            return None
        return (found.st_ino, found.st_size, found.st_mtime_ns) if found else None

    def read_log(self) -> bool:
        """Read what is new in the log, whole lines only; whether it has been written to by this job."""
        now = self._signature()
        if self.log is None or now is None or now == self._before:
            return False
        self._before = None
        if now[1] < self._read:  # begun anew
            self.said, self.warned, self._read = Said(), 0, 0
        try:
            with self.log.open("rb") as file:
                file.seek(self._read)
                new = file.read(_AT_ONCE)
        except OSError:
            return True
        whole = new[: new.rfind(b"\n") + 1] if len(new) < _AT_ONCE or b"\n" in new else new
        self._read += len(whole)
        self.said = read_said(whole.decode("utf-8", "replace").splitlines(), self.said)
        return True


@dataclass(frozen=True)
class Chain:
    """Rounds of one method on one dataset and seed, one job each.

    Attributes:
        dataset, seed, method: whose.
        cells: by round, from 0, the dense training, on: its job, or None where none is planned.
    """

    dataset: str
    seed: str
    method: str
    cells: tuple[Job | None, ...]

    @property
    def jobs(self) -> list[Job]:
        """The jobs that are planned."""
        return [job for job in self.cells if job]

    @property
    def n_kept(self) -> int:
        """The first rounds, that were done before this run."""
        return next((n for n, job in enumerate(self.cells) if job), len(self.cells))

    @property
    def current(self) -> Job | None:
        """The job that runs, or else the last one that has ended."""
        running = [job for job in self.jobs if job.state is State.RUNNING]
        ended = [job for job in self.jobs if job.state in (State.DONE, State.FAILED)]
        return running[0] if running else max(ended, key=lambda job: job.ended or 0.0, default=None)

    @property
    def state(self) -> State:
        """Failed or running if one of its jobs is; done if all are."""
        states = {job.state for job in self.jobs}
        for one in (State.FAILED, State.RUNNING):
            if one in states:
                return one
        return State.DONE if states <= {State.DONE} else State.WAITING


class Run:
    """All jobs of a run.

    Args:
        experiment: its name.
        jobs: those that are to be done.
        rounds: of pruning.
        remote: whether jobs wait in a queue after Snakemake has handed them over.
        seconds: what jobs of a rule took in earlier runs, by rule.
        clock: seconds.

    Attributes:
        jobs: by number.
        news: jobs whose state has changed since somebody last looked, in order.
        peak: largest number of jobs that ran at a time.
        over: whether the run has ended, with all jobs done or not.
    """

    def __init__(
        self,
        experiment: str = "",
        jobs: Iterable[Job] = (),
        rounds: int = 0,
        *,
        remote: bool = False,
        seconds: Mapping[str, float] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.experiment, self.rounds, self.remote = experiment, rounds, remote
        self.seconds_before = dict(seconds or {})
        self.jobs = {job.number: job for job in jobs}
        self.news: list[tuple[Job, State]] = []
        self.clock, self.peak, self.over = clock, 0, False
        self.started = clock()
        self._chains: list[Chain] | None = None

    # -- what happens ---------------------------------------------------------------------------------------------

    def add(self, job: Job) -> Job:
        """A job that was not planned, or is already known."""
        if job.number not in self.jobs:
            self.jobs[job.number] = job
            self._chains = None
        return self.jobs[job.number]

    def begin(self, number: int) -> None:
        """Snakemake has started a job, or handed it over; perhaps again."""
        if job := self.jobs.get(number):
            job.ended, job.started = None, None if self.remote else self.clock()
            job.expect_log()
            self._change(job, State.SUBMITTED if self.remote else State.RUNNING)

    def finish(self, number: int) -> None:
        """Snakemake says that a job is done."""
        if job := self.jobs.get(number):
            job.read_log()
            self._change(job, State.DONE)

    def fail(self, number: int) -> None:
        """Snakemake says that a job has failed; of a group that has, some jobs may be done."""
        job = self.jobs.get(number)
        if job and job.state is not State.DONE:
            job.read_log()
            self._change(job, State.FAILED)

    def read_logs(self) -> None:
        """See what the logs of running jobs say."""
        for job in self.jobs.values():
            if job.state in (State.SUBMITTED, State.RUNNING) and job.read_log():
                self._change(job, State.RUNNING)
                if self.remote and job.said.ended:
                    self._change(job, State.DONE if job.said.ended == "done" else State.FAILED)

    def warnings(self) -> list[tuple[Job, str]]:
        """What jobs elsewhere have warned of since this was last asked; jobs here say it on the terminal themselves."""
        new = []
        if self.remote:
            for job in self.jobs.values():
                new += [(job, message) for message in job.said.warnings[job.warned :]]
                job.warned = len(job.said.warnings)
        return new

    def _change(self, job: Job, state: State) -> None:
        if job.state is state:
            return
        job.state = state
        if state is State.RUNNING and job.started is None:
            job.started = self.clock()
        elif state in (State.DONE, State.FAILED) and job.ended is None:
            job.ended = self.clock()
        self.news.append((job, state))
        self.peak = max(self.peak, self.count()[State.RUNNING])

    # -- what there is to see -----------------------------------------------------------------------------------------

    def count(self) -> Counter[State]:
        """Jobs by state."""
        return Counter(job.state for job in self.jobs.values())

    @property
    def running(self) -> list[Job]:
        """Jobs that run now, those that have run longest first."""
        running = [job for job in self.jobs.values() if job.state is State.RUNNING]
        return sorted(running, key=lambda job: job.started or 0.0)

    @property
    def chains(self) -> list[Chain]:
        """Chains of rounds, in the order of the jobs' names."""
        if self._chains is None:
            self._chains = _chains(self.jobs.values(), self.rounds)
        return self._chains

    @property
    def others(self) -> dict[str, list[Job]]:
        """The jobs that are in no chain, by kind of work."""
        in_chains = {job.number for chain in self.chains for job in chain.jobs}
        kinds: dict[str, list[Job]] = {"data": [], "masks": [], "measures": [], "tables and figures": []}
        for job in self.jobs.values():
            if job.number not in in_chains:
                kinds[_KINDS.get(job.rule.partition("_")[0], "tables and figures")].append(job)
        return {kind: jobs for kind, jobs in kinds.items() if jobs}


_KINDS = {
    **dict.fromkeys(("prepare", "clone", "blend"), "data"),
    **dict.fromkeys(("train", "prune", "retrain", "reinitialise"), "masks"),
    "measure": "measures",
}


def _chains(jobs: Iterable[Job], rounds: int) -> list[Chain]:
    """Chains: jobs of single rounds, with the dense training that they share as round 0."""
    dense: dict[tuple[str, str], Job] = {}
    cells: dict[tuple[str, str, str], dict[int, Job]] = {}
    for job in jobs:
        dataset, seed = job.wildcards.get("dataset", ""), job.wildcards.get("seed", "")
        method, n = job.wildcards.get("method", ""), job.wildcards.get("round", "")
        if job.rule == "train_dense":
            dense[dataset, seed] = job
        elif "first_round" in job.rule:
            cells.setdefault((dataset, seed, method), {})[1] = job
        elif n.isdecimal():
            again = ", trained again" if job.rule.startswith("retrain") else ""
            cells.setdefault((dataset, seed, f"{method}{again}"), {})[int(n)] = job
    for dataset, seed in dense:
        if not any(key[:2] == (dataset, seed) for key in cells):
            cells[dataset, seed, "dense"] = {}
    chains = []
    for (dataset, seed, method), by_round in sorted(cells.items(), key=lambda item: (*item[0][:1], _number(item[0]))):
        start = dense.get((dataset, seed)) if 1 in by_round or not by_round else None
        n_cells = max([rounds, *by_round]) + 1 if by_round else 1
        chains.append(Chain(dataset, seed, method, (start, *(by_round.get(n) for n in range(1, n_cells)))))
    return chains


def _number(key: tuple[str, str, str]) -> tuple[int, str]:
    return int(key[1]) if key[1].isdecimal() else 0, key[2]

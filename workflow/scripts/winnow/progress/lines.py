"""A line with its time for each event: for files, pipes, and terminals that cannot move their cursor."""

import re
from typing import Protocol, TextIO

from winnow.progress.forecast import seconds_left
from winnow.progress.run import Run, State
from winnow.progress.words import duration, left, name_of, stamp, training

EVERY = 60.0
"""Seconds between two lines that say how far the whole run is."""

_SNAKEMAKES_TIME = re.compile(r"\A\[\w{3} \w{3} +\d+ [\d:]{8} \d{4}\]\n")


class Output(Protocol):
    """What shows a run."""

    def message(self, text: str) -> None:
        """What somebody else says."""

    def tell(self) -> None:
        """Show what has become of the run by now."""

    def close(self) -> None:
        """Show nothing more."""


class Lines:
    """Writes lines.

    Args:
        run: the run.
        stream: where to.
        jobs: whether each job is to be told, or the whole run only.
    """

    def __init__(self, run: Run, stream: TextIO, *, jobs: bool = True):
        self._run, self._stream, self._jobs, self._last = run, stream, jobs, run.clock()

    def message(self, text: str) -> None:
        """What somebody else says; its first line gets the time, in place of Snakemake's own line for it."""
        first, *more = _SNAKEMAKES_TIME.sub("", text.strip("\n")).split("\n")
        self._write("\n".join([f"{stamp()} {first}", *more]))

    def tell(self) -> None:
        """Say what is new."""
        news, self._run.news = self._run.news, []
        if self._jobs:
            handed_over = [job for job, state in news if state is State.SUBMITTED]
            if len(handed_over) > 1:
                names = ", ".join(dict.fromkeys(job.rule for job in handed_over))
                self.message(f"submitted {len(handed_over)} jobs: {names}")
                news = [(job, state) for job, state in news if state is not State.SUBMITTED]
            n_done = self._run.count()[State.DONE] - sum(state is State.DONE for _, state in news)
            for job, state in news:
                if job.log is None:  # it does nothing
                    n_done += state is State.DONE
                elif state is State.DONE:
                    n_done += 1
                    took = [duration(job.seconds)] if job.seconds is not None else []
                    how = ", ".join([*took, *filter(None, [training(job)])])
                    self.message(f"done {name_of(job)} ({how}); {n_done} of {len(self._run.jobs)} jobs")
                else:
                    word = "started" if state is State.RUNNING else state.value
                    self.message(f"{word} {name_of(job)}")
        if self._run.clock() - self._last >= EVERY:
            self._last = self._run.clock()
            self.message(self._summary())

    def _summary(self) -> str:
        count = self._run.count()
        parts = [f"{count[State.DONE]} of {len(self._run.jobs)} jobs done"]
        if count[State.FAILED]:
            parts.append(f"{count[State.FAILED]} failed")
        parts.append(f"{count[State.RUNNING]} running")
        at_work = [f"{name_of(job)}: {said}" for job in self._run.running if (said := training(job))]
        return "; ".join(filter(None, [", ".join(parts), *at_work[:3], left(seconds_left(self._run))]))

    def close(self) -> None:
        """Nothing is held."""

    def _write(self, text: str) -> None:
        self._stream.write(f"{text}\n")
        self._stream.flush()

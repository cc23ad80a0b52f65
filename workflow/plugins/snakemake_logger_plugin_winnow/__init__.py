"""Snakemake's logger plugin `winnow`: how far a run is, instead of Snakemake's blocks of text.

`workflow/rules/progress.smk` attaches it, so that nothing needs to be installed.  Snakemake calls it with a record for
each event; what it shows, and where, is `winnow.progress`.  Whatever goes wrong in here ends the view, never the run.
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from logging import WARNING, LogRecord
from pathlib import Path
from typing import Any

from snakemake.logging import ColorizingTextHandler, DefaultFilter, DefaultFormatter
from snakemake.settings.enums import Quietness
from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from winnow.progress.lines import Lines, Output
from winnow.progress.run import Job, Run
from winnow.progress.words import name_of

SETTING = "WINNOW_PROGRESS"
"""The variable that says what is shown: `lines`, also in a terminal; `snakemake`, its own text; else what fits."""

REFRESH, REFRESH_REMOTE = 1.0, 5.0
"""Seconds between two looks at the logs; a shared file system is asked less often."""

SHARE = 0.05
"""Of a processor at most: with thousands of chains the picture is drawn less often."""

_SHOWN_OTHERWISE = {LogEvent.JOB_STARTED, LogEvent.JOB_FINISHED, LogEvent.GROUP_INFO, LogEvent.PROGRESS}
_NOISE = ("Select jobs to execute", "Execute ")


class LogHandler(LogHandlerBase):
    """Takes Snakemake's events.  Before `begin` and after `close` they are shown as Snakemake itself shows them."""

    def __post_init__(self) -> None:
        common = self.common_settings
        quiet = set(common.quiet or ())
        self._jobs_wanted = Quietness.RULES not in quiet
        self._wanted = DefaultFilter(quiet, common.debug_dag, common.verbose, common.dryrun, common.printshellcmds)
        self.setFormatter(DefaultFormatter(quiet, common.show_failed_logs))
        self._plain = ColorizingTextHandler(common.nocolor, sys.stderr, self.formatter, self._wanted)
        self._run, self._output = Run(), None  # type: tuple[Run, Output | None]
        self._guard, self._stop = threading.RLock(), threading.Event()

    @property
    def writes_to_stream(self) -> bool:
        """It does: Snakemake's own handler is not needed."""
        return True

    @property
    def writes_to_file(self) -> bool:
        """Snakemake's own log in `.snakemake/log` stays as it is."""
        return False

    @property
    def has_filter(self) -> bool:
        """Events that are not to be shown still say how far the run is."""
        return True

    @property
    def has_formatter(self) -> bool:
        """Snakemake's, for what is shown in its words."""
        return True

    @property
    def needs_rulegraph(self) -> bool:
        """The jobs say enough."""
        return False

    def begin(self, run: Run) -> None:
        """Show a run from now on."""
        with self._guard:
            self._run, self._output = run, self._fitting_output(run)
        threading.Thread(target=self._refresh, name="progress", daemon=True).start()

    def _fitting_output(self, run: Run) -> Output:
        stream = sys.stderr
        moves = stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        if moves and os.environ.get(SETTING) != "lines":
            with suppress(ImportError):  # rich is missing where an older environment is still in use
                from winnow.progress.screen import Screen

                return Screen(run, stream, color=not self.common_settings.nocolor)
        return Lines(run, stream, jobs=self._jobs_wanted)

    def _refresh(self) -> None:
        took, shortest = 0.0, REFRESH_REMOTE if self._run.remote else REFRESH
        while not self._stop.wait(max(shortest, took / SHARE)):
            # The thread's own time: on a busy machine a look lasts long because others work, not because it is dear.
            started = time.thread_time()
            try:
                with self._guard:
                    if self._output:
                        self._look(self._output)
                took = time.thread_time() - started
            except Exception as error:
                self._give_up(error)

    def _look(self, output: Output) -> None:
        self._run.read_logs()
        for job, message in self._run.warnings():
            output.message(f"WARNING of {name_of(job)}: {message}")
        output.tell()

    def emit(self, record: LogRecord) -> None:
        """Take an event."""
        with self._guard:
            if self._output is None:
                self._plain.handle(record)
                return
            try:
                self._take(record, self._output)
            except Exception as error:
                self._give_up(error)
                self._plain.handle(record)

    def _take(self, record: LogRecord, output: Output) -> None:
        event = getattr(record, "event", None)
        if event in _EVENTS:
            with suppress(TypeError, ValueError, AttributeError, KeyError):  # of another version of Snakemake
                _EVENTS[event](self._run, record.__dict__)
        if text := self._text(record, event):
            output.message(text)
        if event is LogEvent.PROGRESS:  # jobs that begin or end together are told together
            output.tell()

    def _text(self, record: LogRecord, event: LogEvent | None) -> str:
        """What is still to be said in words."""
        if not self._wanted.filter(record):
            return ""
        if event is LogEvent.JOB_INFO:
            return str(getattr(record, "rule_msg", None) or "")
        if event in _SHOWN_OTHERWISE or (event is None and str(record.msg).startswith(_NOISE)):
            return ""
        try:
            text = self.format(record)
        except Exception:  # of another version of Snakemake
            text = str(record.msg)
        return "" if text == "None" else text

    def _give_up(self, error: Exception) -> None:
        self.close()
        what = f"The view of the progress has failed ({type(error).__name__}: {error}); the run goes on without."
        self._plain.handle(LogRecord("winnow", WARNING, __file__, 0, what, None, None))

    def close(self) -> None:
        """End the view, once and for all; what is said now is Snakemake's own text."""
        self._stop.set()
        with self._guard:
            output, self._output = self._output, None
            self._run.over = True
            if output:
                with suppress(Exception):
                    self._look(output)
                with suppress(Exception):
                    output.close()
        super().close()


def _begun(run: Run, event: Mapping[str, Any]) -> None:
    wildcards = {str(name): str(value) for name, value in dict(event.get("wildcards") or {}).items()}
    logs = list(event.get("log") or [])
    job = Job(int(event["jobid"]), str(event["rule_name"]), wildcards, Path(logs[0]) if logs else None)
    run.begin(run.add(job).number)


def _finished(run: Run, event: Mapping[str, Any]) -> None:
    run.finish(int(event["job_id"]))


def _failed(run: Run, event: Mapping[str, Any]) -> None:
    run.fail(int(event["jobid"]))


def _group_failed(run: Run, event: Mapping[str, Any]) -> None:
    for one in event["job_error_info"]:
        run.fail(int(one["jobid"]))


_EVENTS: dict[Any, Callable[[Run, Mapping[str, Any]], None]] = {
    LogEvent.JOB_INFO: _begun,
    LogEvent.JOB_FINISHED: _finished,
    LogEvent.JOB_ERROR: _failed,
    LogEvent.GROUP_ERROR: _group_failed,
}

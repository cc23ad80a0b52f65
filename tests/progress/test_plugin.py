"""The logger plugin: registered and valid, fed with events as Snakemake makes them, and with others."""

import contextlib
import io
import logging
import os
import pty
import re
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from snakemake.logging import LogEvent
from snakemake.settings.enums import Quietness
from snakemake_interface_logger_plugins.registry import LoggerPluginRegistry

from progress.made import Made, trains
from project import ROOT
from winnow.progress.run import Job, State

NAME = "snakemake_logger_plugin_winnow"


@dataclass
class Common:
    """Snakemake's settings of its output."""

    quiet: set = field(default_factory=set)
    nocolor: bool = False
    printshellcmds: bool = False
    debug_dag: bool = False
    verbose: bool = False
    show_failed_logs: bool = False
    stdout: bool = False
    dryrun: bool = False


@pytest.fixture(scope="module")
def plugin():
    sys.path.insert(0, str(ROOT / "workflow/plugins"))
    module = __import__(NAME)
    yield module
    sys.path.remove(str(ROOT / "workflow/plugins"))


class Said:
    """What has been written to standard error."""

    def __init__(self, captured: pytest.CaptureFixture):
        self._captured, self._text = captured, ""

    def getvalue(self) -> str:
        self._text += self._captured.readouterr().err
        return self._text


@pytest.fixture
def stream(capsys):
    return Said(capsys)


@pytest.fixture
def new(plugin):
    """Makes a handler that writes to what standard error is by then."""
    made = []

    def new(quiet: set | None = None):
        made.append(plugin.LogHandler(Common(quiet or set()), None))
        return made[-1]

    yield new
    for handler in made:
        handler.close()


def record(event=None, level=logging.INFO, message=None, **extra):
    record = logging.LogRecord("snakemake.logging", level, "", 0, message, None, None)
    record.__dict__.update(extra)
    if event is not None:
        record.event = event
    return record


def info(job, **extra):
    words = {"rule_msg": None, "reason": "", "wildcards": dict(job.wildcards), "log": [str(job.log)] if job.log else []}
    return record(LogEvent.JOB_INFO, jobid=job.number, rule_name=job.rule, **words | extra)


def error(job, **extra):
    words = {"input": [], "output": [], "log": [str(job.log)], "conda_env": None, "shellcmd": None, "aux": {}}
    about = {"jobid": job.number, "rule_name": job.rule, "rule_msg": None, "indent": False}
    return record(LogEvent.JOB_ERROR, logging.ERROR, "Error in rule", **about, **words, **extra)


def test_snakemake_takes_it_for_a_plugin(plugin):
    registry = LoggerPluginRegistry()
    registry.register_plugin(NAME, plugin)
    assert registry.get_plugin("winnow").log_handler is plugin.LogHandler
    handler = plugin.LogHandler(Common(), None)
    assert handler.writes_to_stream and not handler.writes_to_file and not handler.needs_rulegraph


def test_before_it_begins_it_speaks_as_snakemake_does(new, stream):
    handler = new()
    handler.handle(record(message="Building DAG of jobs..."))
    assert stream.getvalue() == "Building DAG of jobs...\n"


def test_a_jobs_way_from_its_start_to_its_end(new, stream, tmp_path):
    handler = new()
    made = Made(tmp_path)
    handler.begin(made.run)
    job = made.job("train_dense", seed=1)
    handler.handle(record(message="Select jobs to execute..."))
    handler.handle(info(job))
    assert job.state is State.RUNNING
    trains(job, 100)
    handler.handle(record(LogEvent.JOB_FINISHED, message="Finished jobid: 5", job_id=job.number))
    handler.handle(record(LogEvent.PROGRESS, done=1, total=13))
    told = [line[20:] for line in stream.getvalue().splitlines()]
    assert told == [
        "started train_dense: edges, seed 1",
        "done train_dense: edges, seed 1 (0.0 s, loss 0.5, accuracy 0.750, 4 steps/s); 1 of 13 jobs",
    ]
    handler.handle(record(message="Nothing else", level=logging.WARNING))
    assert re.fullmatch(r"[-\d]+ [:\d]+ Nothing else", stream.getvalue().splitlines()[-1])


def test_errors_are_told_in_snakemakes_words(new, stream, tmp_path):
    handler = new()
    made = Made(tmp_path)
    handler.begin(made.run)
    job = made.job("train_dense", seed=1)
    handler.handle(info(job))
    handler.handle(error(job))
    assert job.state is State.FAILED
    assert f"Error in rule train_dense:\n    message: None\n    jobid: {job.number}" in stream.getvalue()
    assert f"log: {job.log} (check log file(s) for error details)" in stream.getvalue()


def test_a_group_fails_but_for_what_is_done(new, tmp_path):
    handler = new()
    made = Made(tmp_path, remote=True)
    handler.begin(made.run)
    jobs = [made.job("train_dense", seed=0), made.job("prune_imp_first_round", seed=0)]
    handler.handle(record(LogEvent.GROUP_INFO, message="Group job 1", group_id="1", jobs=jobs))
    for job in jobs:
        handler.handle(info(job, indent=True))
    made.run.finish(jobs[0].number)
    of_jobs = [error(job).__dict__ for job in jobs]
    handler.handle(record(LogEvent.GROUP_ERROR, logging.ERROR, "Error in group", aux_logs=[], job_error_info=of_jobs))
    assert [job.state for job in jobs] == [State.DONE, State.FAILED]


def test_a_message_of_a_rule_is_said(new, stream, tmp_path):
    handler = new()
    made = Made(tmp_path)
    handler.begin(made.run)
    handler.handle(info(made.job("plot_fig4"), rule_msg="draws\nfigure 4"))
    assert re.match(r"\S+ \S+ draws\nfigure 4\n", stream.getvalue())


def test_jobs_that_were_not_planned_are_added(new, tmp_path):
    handler = new()
    made = Made(tmp_path)
    handler.begin(made.run)
    handler.handle(record(LogEvent.JOB_INFO, jobid=77, rule_name="new", wildcards={"x": 1}, log=[], rule_msg=None))
    assert made.run.jobs[77].wildcards == {"x": "1"}


@pytest.mark.parametrize("event", list(LogEvent))
def test_an_event_without_what_belongs_to_it_ends_nothing(new, stream, tmp_path, event):
    handler = new()
    handler.begin(Made(tmp_path).run)
    handler.handle(record(event, message="some words"))
    handler.handle(record(event))
    handler.handle(record(message="still here"))
    assert stream.getvalue().endswith(" still here\n") and "has failed" not in stream.getvalue()


ODD = (
    st.none() | st.integers() | st.text() | st.lists(st.integers() | st.text()) | st.dictionaries(st.text(), st.text())
)
WORDS = ["jobid", "job_id", "rule_name", "rule_msg", "wildcards", "log", "job_error_info", "done", "total", "aux_logs"]


@given(st.sampled_from(list(LogEvent)), st.dictionaries(st.sampled_from(WORDS), ODD))
def test_no_event_is_too_odd(plugin, event, words):
    kept, sys.stderr = sys.stderr, io.StringIO()
    handler = plugin.LogHandler(Common(), None)
    try:
        handler.begin(Made(Path("/nowhere")).run)
        handler.handle(record(event, message="some words", **words))
        handler.handle(record(message="still here"))
        assert sys.stderr.getvalue().endswith(" still here\n"), sys.stderr.getvalue()
    finally:
        handler.close()
        sys.stderr = kept


def test_a_view_that_fails_is_given_up_and_the_run_goes_on(new, stream, tmp_path, monkeypatch):
    handler = new()
    made = Made(tmp_path)
    handler.begin(made.run)
    monkeypatch.setattr(made.run, "begin", lambda number: 1 / 0)
    handler.handle(info(made.job("plot_fig4"), rule_msg="draws"))
    handler.handle(record(message="still here"))
    told = stream.getvalue()
    assert told.count("The view of the progress has failed (ZeroDivisionError: division by zero)") == 1
    assert told.endswith("still here\n") and re.search(r"^Job \d+: draws$", told, re.MULTILINE)


def test_a_view_that_fails_while_nothing_happens_is_given_up_too(new, plugin, stream, tmp_path, monkeypatch):
    monkeypatch.setattr(plugin, "REFRESH", 0.01)
    handler, made = new(), Made(tmp_path)
    monkeypatch.setattr(made.run, "read_logs", lambda: 1 / 0)
    handler.begin(made.run)
    deadline = time.monotonic() + 10
    while "has failed (ZeroDivisionError" not in stream.getvalue() and time.monotonic() < deadline:
        time.sleep(0.01)
    handler.handle(record(message="still here"))
    assert stream.getvalue().endswith("the run goes on without.\nstill here\n")


def test_a_look_that_lasts_because_others_work_does_not_make_looks_rare(new, plugin, tmp_path, monkeypatch):
    monkeypatch.setattr(plugin, "REFRESH", 0.01)
    handler, made, looks = new(), Made(tmp_path), []

    def look() -> None:
        looks.append(time.monotonic())
        time.sleep(0.1)  # the processor is another's: at 5 % of it, by the clock, the next look would be in 2 s

    monkeypatch.setattr(made.run, "read_logs", look)
    handler.begin(made.run)
    deadline = time.monotonic() + 10
    while len(looks) < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(looks) >= 4 and looks[3] - looks[0] < 3


@pytest.mark.parametrize(
    ("quiet", "told"), [(set(), True), ({Quietness.HOST}, True), ({Quietness.RULES}, False), ({Quietness.REASON}, True)]
)
def test_quiet_rules_leave_jobs_out(plugin, stream, tmp_path, quiet, told):
    handler, made = plugin.LogHandler(Common(quiet), None), Made(tmp_path)
    handler.begin(made.run)
    job = made.job("train_dense", seed=1)
    handler.handle(info(job))
    handler.handle(record(LogEvent.PROGRESS, done=1, total=13))
    assert job.state is State.RUNNING and ("started" in stream.getvalue()) == told
    handler.close()


@contextlib.contextmanager
def terminal(monkeypatch, **variables):
    """Standard error and output are a terminal; what it showed is read from the other end."""
    ours, theirs = pty.openpty()
    kept = {file: os.dup(file) for file in (1, 2)}
    for file in kept:
        os.dup2(theirs, file)
    shown = bytearray()

    def watch() -> None:
        with contextlib.suppress(OSError):
            while new := os.read(ours, 1 << 16):
                shown.extend(new)

    threading.Thread(target=watch, daemon=True).start()

    def read() -> str:
        os.write(theirs, b"\0")
        deadline = time.monotonic() + 10
        while not shown.endswith(b"\0") and time.monotonic() < deadline:
            time.sleep(0.01)
        return shown.decode().rstrip("\0")

    try:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", os.fdopen(1, "w", closefd=False))
            patch.setattr(sys, "stderr", os.fdopen(2, "w", closefd=False))
            patch.delenv("NO_COLOR", raising=False)
            for name, value in ({"TERM": "xterm"} | variables).items():
                patch.setenv(name, value)
            yield read
    finally:
        for file, copy in kept.items():
            os.dup2(copy, file)
            os.close(copy)
        os.close(ours)
        os.close(theirs)


def test_in_a_terminal_there_is_a_picture_and_what_others_write_goes_above_it(plugin, tmp_path, monkeypatch):
    made = Made(tmp_path)
    with terminal(monkeypatch) as read:
        handler = plugin.LogHandler(Common(), None)
        handler.begin(made.run)
        os.write(2, b"a job's own words\n")
        os.write(1, b"printed\n")
        os.write(2, "½ of a line".encode()[:1])
        os.write(2, "½ of a line".encode()[1:])
        handler.handle(info(made.job("train_dense", seed=1)))
        handler.handle(record(message="Snakemake's words"))
        handler.close()
        os.write(2, b"afterwards\n")
        shown = read()
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    for words in ("a job's own words", "printed", "½ of a line", "Snakemake's words"):
        assert plain.count(words) == 1
    assert "winnow demo" in plain and "edges" in plain and "▁···" in plain
    assert plain.rstrip().endswith("afterwards") and "started" not in plain
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")  # the cursor is there


def test_many_lines_above_the_picture_of_a_run_that_changes(plugin, tmp_path, monkeypatch):
    monkeypatch.setattr(plugin, "REFRESH", 0.001)
    with terminal(monkeypatch) as read:
        handler = plugin.LogHandler(Common(), None)
        handler.begin(Made(tmp_path).run)
        code = "import os\nfor k in range(3000): os.write(2, b'line %d\\n' % k)"
        writer = subprocess.Popen([sys.executable, "-c", code])
        for number in range(100, 1000):
            job = Job(number, "prune_imp_round", {"dataset": "edges", "seed": str(number), "round": "1"})
            handler.handle(info(job))
        assert writer.wait(60) == 0
        handler.close()
        shown = read()
    assert [int(k) for k in re.findall(r"line (\d+)", shown)] == list(range(3000)) and "has failed" not in shown


@pytest.mark.parametrize(("name", "value"), [("TERM", "dumb"), ("WINNOW_PROGRESS", "lines")])
def test_a_terminal_may_have_lines_instead(plugin, tmp_path, monkeypatch, name, value):
    made = Made(tmp_path)
    with terminal(monkeypatch, **{name: value}) as read:
        handler = plugin.LogHandler(Common(), None)
        handler.begin(made.run)
        handler.handle(info(made.job("train_dense", seed=1)))
        handler.handle(record(LogEvent.PROGRESS, done=1, total=13))
        handler.close()
        shown = read()
    assert "started train_dense" in shown and "\x1b" not in shown


def test_without_rich_there_are_lines(plugin, tmp_path, monkeypatch):
    drawing = ("rich", "winnow.progress.screen", "winnow.progress.view")
    for name in [name for name in sys.modules if name.startswith(drawing)]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "rich", None)
    with terminal(monkeypatch) as read:
        handler = plugin.LogHandler(Common(), None)
        handler.begin(Made(tmp_path).run)
        handler.handle(record(message="words"))
        handler.close()
        shown = read()
    assert re.search(r"^[-\d]+ [:\d]+ words", shown, re.MULTILINE)

"""Logs are written whole line by whole line, and read again, whatever is in them."""

import logging
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from project import SCRIPTS
from winnow.job.said import LogFile, Said, StepWatch, end_said, read_said, step_said

STAMP = "2026-11-29 14:05:04"
NUMBERS = st.floats(0, 1e6)


def script(path: Path, *lines: str) -> subprocess.Popen:
    code = "\n".join([f"from winnow.job.log import log_to\nlog_to({str(path)!r})\nimport logging", *lines])
    return subprocess.Popen(
        [sys.executable, "-c", code], cwd=SCRIPTS, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@given(st.integers(0, 10**9), st.integers(1, 10**9), NUMBERS, st.none() | st.tuples(st.integers(0), NUMBERS, NUMBERS))
def test_what_a_training_says_is_read_again(step, steps, rate, point):
    said = read_said([f"{STAMP} INFO {step_said(step, steps, rate, point)}\n"])
    assert (said.step, said.steps, said.message, said.ended) == (step, steps, "", "")
    assert said.rate == pytest.approx(rate, abs=0.0501)
    if point is None:
        assert said.loss is None and said.accuracy is None
    else:
        assert said.loss == pytest.approx(point[1], rel=1e-3) and said.accuracy == pytest.approx(point[2], abs=5.1e-5)


@pytest.mark.parametrize(("failed", "level", "how"), [(False, "INFO", "done"), (True, "ERROR", "failed")])
def test_the_closing_line_is_read_again(failed, level, how):
    said = read_said([f"{STAMP} {level} {end_said(12.345, failed)}"])
    assert (said.ended, said.seconds, said.warnings) == (how, 12.3, ())


def test_other_messages_and_warnings_are_kept_and_other_lines_passed_over():
    lines = [
        "made by {}",
        "Traceback (most recent call last):",
        "ValueError: step 3 of 4: no",
        f"{STAMP} INFO on the processors",
        f"{STAMP} WARNING round 3 leaves nothing",
        f"{STAMP} INFO step 3 of 4: 1.2.3 steps/s",
        "INFO step 3 of 4: 12.0 steps/s",  # of an earlier version
    ]
    said = read_said(lines)
    assert said.step is None and said.ended == "" and said.warnings == ("round 3 leaves nothing",)


@given(
    st.lists(
        st.sampled_from(["", f"{STAMP} INFO ", "step 1 of ", "done after "]).flatmap(lambda s: st.text().map(s.__add__))
    )
)
def test_no_line_is_too_odd(lines):
    assert isinstance(read_said(lines), Said)


def test_lines_of_two_processes_never_mix(tmp_path):
    path = tmp_path / "some.log"
    first = LogFile(path)
    writers = [
        subprocess.Popen(
            [
                sys.executable,
                "-c",
                f"import os\nfile = os.open({str(path)!r}, os.O_WRONLY | os.O_APPEND)\n"
                f"for k in range(2000): os.write(file, b'{letter}' * 200 + b'\\n')",
            ]
        )
        for letter in "ab"
    ]
    for _ in range(500):
        first.emit(logging.LogRecord("winnow", logging.INFO, "", 0, "c" * 200, None, None))
    assert [writer.wait() for writer in writers] == [0, 0]
    first.close()
    lines = [line.rpartition(" ")[2] for line in path.read_text().splitlines()]
    assert {line[0]: lines.count(line[0] * 200) for line in lines} == {"a": 2000, "b": 2000, "c": 500}


def test_a_killed_jobs_log_ends_with_a_whole_line(tmp_path):
    path = tmp_path / "some.log"
    job = script(
        path, "logging.getLogger('winnow').info('first')", "import os, signal", "os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert job.wait() == -signal.SIGKILL
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d INFO first\n", path.read_text())
    assert read_said(path.read_text().splitlines()).ended == ""


@pytest.mark.parametrize("fails", [False, True])
def test_a_log_closes_with_how_it_ended_and_a_person_sees_warnings_alone(tmp_path, fails):
    path = tmp_path / "some.log"
    path.write_text("of an earlier job\n")
    job = script(
        path,
        "log = logging.getLogger('winnow.some')",
        r"log.info('hid' + 'den'); log.warning('see \udcff\n%s', 'below')",
        "raise ValueError('no')" * fails,
    )
    said = job.communicate()[1]
    assert "hidden" not in said and "WARNING see" in said and ("ValueError: no" in said) == fails
    first, second, third, *trace, end, maker = path.read_text().splitlines()
    assert first.endswith(" INFO hidden") and second.endswith(r" WARNING see \udcff") and third == "below"
    assert bool(trace) == fails and all("of an earlier job" not in line for line in trace)
    assert re.fullmatch(rf"\S+ \S+ {'ERROR failed' if fails else 'INFO done'} after \d+\.\d s", end)
    assert maker.startswith("made by ")


def test_a_log_on_a_full_disk_troubles_nobody():
    full = LogFile("/dev/full")
    full.emit(logging.LogRecord("winnow", logging.INFO, "", 0, "some", None, None))
    full.close()
    full.close()


def test_a_training_speaks_every_few_seconds_and_at_its_end(caplog, monkeypatch):
    caplog.set_level(logging.INFO)
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    watch = StepWatch(1000, logging.getLogger("winnow"), every=5.0, start=100)
    for step in range(100, 200):
        now[0] += 0.125
        watch.at(step)
    assert [record.getMessage() for record in caplog.records] == [
        "step 139 of 1000: 7.8 steps/s",
        "step 179 of 1000: 8.0 steps/s",
    ]
    caplog.clear()
    watch.point(200, 0.5, 0.25, last=False)
    watch.point(201, 0.4, 0.75, last=True)
    (record,) = caplog.records
    assert record.getMessage().startswith("step 201 of 1000: loss 0.4 and validation accuracy 0.7500 by step 201, ")

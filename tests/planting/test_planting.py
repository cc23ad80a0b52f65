"""Planted wrong lines are seen; what is not seen or not found is said."""

import dataclasses
import subprocess
import sys

from project import ROOT, copy_project
from tests.planting.__main__ import LIBRARY, plant
from tests.planting.lines import LINES


def test_every_planted_line_is_seen():
    done = subprocess.run([sys.executable, "-m", "tests.planting"], cwd=ROOT, text=True, capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(done.stdout.splitlines()) == 2 + len(LINES) == 12


def test_a_line_that_is_not_there_once_is_not_planted(tmp_path):
    project = copy_project(tmp_path / "project")
    for right in ("no such text", "import"):
        line = dataclasses.replace(LINES[-1], right=right)
        text = (project.folder / LIBRARY / line.file).read_text(encoding="utf-8")
        assert plant(project.folder, line) == (False, f"`{right}` is in claims/statistics.py {text.count(right)} times")

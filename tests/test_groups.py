"""The slow groups: none is empty, and none of the fast tests runs Snakemake."""

import subprocess
import sys
import tomllib
from types import SimpleNamespace

import pytest

import groups
from project import ROOT

NAMED = {
    line.partition(":")[0]
    for line in tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pytest"]["ini_options"][
        "markers"
    ]
}


def pretended(path: str, *fixtures: str) -> SimpleNamespace:
    """A test at a path, that takes fixtures."""
    assert (ROOT / "tests" / path).is_file()
    return SimpleNamespace(path=ROOT / "tests" / path, fixturenames=fixtures, iter_markers=lambda: ())


PLACES = {
    "fuzz": pretended("fuzz/test_readers.py"),
    "planting": pretended("planting/test_planting.py"),
    "browser": pretended("explorer/test_browser.py", "opened", "chromium"),
    "workflow": pretended("workflow/test_runs.py", "finished"),
    "conda": pretended("environments/test_use_conda.py", "conda"),
    "reliability": pretended("reliability/test_killed.py", "fresh"),
    "cluster": pretended("cluster/test_faults.py", "on_cluster", "cluster"),
}


def test_every_marker_is_that_of_a_group():
    assert NAMED == {"slow", *PLACES} == set(groups.SLOW_ORDER)
    assert {group: groups.group_of(test) for group, test in PLACES.items()} == {group: group for group in PLACES}
    assert groups.group_of(pretended("cluster/test_scripts.py", "tmp_path")) is None


def test_what_protects_most_is_there_and_comes_first():
    assert all((ROOT / "tests" / where).exists() for where in [*groups.ORDER, *groups.GROUPS])
    formula, figure = pretended("pruning/test_pruning.py"), pretended("figures/test_figures.py")
    assert groups.rank(formula) < groups.rank(figure) < groups.rank(pretended("test_groups.py"))


def test_all_tests_of_a_group_are_slow(request):
    for test in request.session.items:
        marks = {mark.name for mark in test.iter_markers()} & NAMED
        assert not marks or "slow" in marks, test.nodeid


def test_a_fast_test_cannot_start_snakemake():
    for command in ([sys.executable, "-m", "snakemake", "--version"], ["/usr/bin/env", "snakemake", "--version"]):
        with pytest.raises(AssertionError, match="a test that starts Snakemake is slow"):
            subprocess.run(command)

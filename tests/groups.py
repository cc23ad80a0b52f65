"""Which tests are slow, and what comes first.

A test that has a project to run Snakemake in is slow, and so is a real Slurm, conda or browser; the folder says the
group.
Single slow tests among fast ones are marked where they stand.
"""

from pathlib import Path

import pytest

ROOT = Path(__file__).parent

PROJECTS = {"fresh", "finished", "continued", "cluster", "conda"}
"""Fixtures that run Snakemake, or are there to run it in."""

GROUPS = {"environments": "conda", "reliability": "reliability", "cluster": "cluster"}
"""The groups of tests with a project, by folder; elsewhere it is `workflow`."""

ORDER = [
    *("pruning", "training", "measure", "claims", "test_clone.py", "test_streams.py", "properties"),
    *("store", "config", "datasets", "test_bad_input.py", "job", "test_degenerate.py", "figures"),
]
"""What protects most: wrong numbers, wrong files, wrong refusals; all else comes after, by name."""

SLOW_ORDER = ["slow", "fuzz", "planting", "browser", "workflow", "conda", "reliability", "cluster"]


def place(item: pytest.Item) -> str:
    """The folder, or the module beside the folders, that a test lies in."""
    return item.path.relative_to(ROOT).parts[0]


def group_of(item: pytest.Item) -> str | None:
    """The slow group that a test belongs to."""
    if place(item) in ("fuzz", "planting"):
        return place(item)
    if "chromium" in getattr(item, "fixturenames", ()):
        return "browser"
    if not PROJECTS.isdisjoint(getattr(item, "fixturenames", ())):
        return GROUPS.get(place(item), "workflow")
    return None


def rank(item: pytest.Item) -> tuple[int, int, str]:
    """Where a test comes among all."""
    slow = max((SLOW_ORDER.index(mark.name) + 1 for mark in item.iter_markers() if mark.name in SLOW_ORDER), default=0)
    where = place(item)
    return slow, ORDER.index(where) if where in ORDER else len(ORDER), where

"""The tiny experiment, killed at random moments; for longer: `python -m tests.reliability --kills 100`."""

import sys

import pytest

from .harness import kill_until_done, same_results

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="finds the jobs of a run in /proc")

# Of the first seed alone, and without the clone: a job of most rules.
RUN = "results/tiny/runs/photos/seed0"
SOME = [
    "--cores",
    "2",
    "fig1",
    f"{RUN}/random/locality.parquet",
    f"{RUN}/imp/cavity.parquet",
    f"{RUN}/oneshot/kurtosis_by_unit.parquet",
]


def test_a_run_that_is_killed_again_and_again_ends_the_same(finished, fresh):
    kills = list(kill_until_done(fresh, SOME, 0, most=6))
    assert len(kills) >= 3, kills
    assert same_results(fresh, finished) > 20

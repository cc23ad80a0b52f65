"""The tiny experiment, killed at random moments; for longer: `python -m tests.reliability --kills 100`."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from conftest import make_dataset
from project import ROOT
from winnow.store import atomic
from winnow.store.atomic import write_bytes

from .harness import TINY, kill_until_done, same_results

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="finds the jobs of a run in /proc")

# Of the first seed alone, and without the clone: a job of most rules.
RUN = f"{TINY}/runs/photos/seed0"
SOME = [
    "--cores",
    "2",
    "fig1",
    f"{RUN}/random/locality.parquet",
    f"{RUN}/imp/cavity.parquet",
    f"{RUN}/oneshot/kurtosis_by_unit.parquet",
]


def test_a_run_that_is_killed_again_and_again_ends_the_same(finished, fresh):
    kills = list(kill_until_done(fresh, SOME, 0, most=6, longest=4))
    assert len(kills) >= 2, kills
    assert same_results(fresh.folder / TINY, finished.folder / TINY) > 20


SNAKEMAKE = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1], sys.argv[2]])"
JOB = """
import sys, time
from winnow.job.log import log_to
{early}
log_to(sys.argv[1])
{late}
time.sleep(60)
"""
SAYS_SO = "print('here', flush=True); time.sleep(0.5)"


@pytest.mark.parametrize("when", ["early", "late"])
def test_a_job_does_not_outlive_a_killed_snakemake(tmp_path, when):
    """Its results would come late, in the place of those that the next run has computed."""
    job = JOB.format(**{"early": "", "late": "", when: SAYS_SO})
    with subprocess.Popen(
        [sys.executable, "-c", SNAKEMAKE, job, tmp_path / "log"],
        cwd=ROOT / "workflow" / "scripts",
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as snakemake:
        assert snakemake.stdout.readline() == b"here\n"
        start = time.monotonic()
        snakemake.kill()
        assert snakemake.stdout.read() == b""  # the job held it open
    assert time.monotonic() < start + 30


def test_a_part_that_was_just_begun_is_not_taken_for_abandoned(tmp_path, monkeypatch):
    lock = atomic._try_lock

    def lock_late(file: int) -> bool:
        monkeypatch.setattr(atomic, "_try_lock", lock)
        write_bytes(tmp_path / "file", b"of another process")
        return lock(file)

    monkeypatch.setattr(atomic, "_try_lock", lock_late)
    write_bytes(tmp_path / "file", b"mine")
    assert (tmp_path / "file").read_bytes() == b"mine" and len(list(tmp_path.iterdir())) == 1


def test_two_that_replace_the_same_dataset_at_once_both_succeed(tmp_path, monkeypatch):
    rename, others = Path.rename, [1, 2]

    def rename_slowly(path: Path, to: Path) -> Path:
        renamed = rename(path, to)
        if path.name == "d" and others:  # it is out of the way: now another process puts its own there
            make_dataset(tmp_path / "d", seed=others.pop())
        return renamed

    make_dataset(tmp_path / "d")
    monkeypatch.setattr(Path, "rename", rename_slowly)
    mine = make_dataset(tmp_path / "d", seed=3)
    assert not others and (mine.train.images == make_dataset(tmp_path / "mine", seed=3).train.images).all()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d", "mine"]

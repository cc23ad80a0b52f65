"""What runs again, and why: not what was moved, copied or commented, but all whose results a change can change."""

import os
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from project import ROOT, Project
from tests.steps.record import changes, in_few_numbers, present, read_record, same
from tests.steps.results import STEPS
from winnow.job.versions import VERSIONS

SCRIPTS = ROOT / "workflow" / "scripts"
NOTHING_TO_SAY = {"record_run"}
"""Scripts whose output is no result."""

# -- a changed result raises its version -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "step", [pytest.param(step, marks=[pytest.mark.slow] * (step == "plot_figures")) for step in VERSIONS]
)
def test_a_changed_result_raises_its_version(step):
    recorded = read_record().get(step, {"version": None})
    assert recorded["version"] == VERSIONS[step], (
        f"record the results of the new version: python -m tests.steps ({step})"
    )
    changed = changes(present(step), recorded)
    assert not changed, (
        f"{step} gives other results, or is called in another way, than at version {VERSIONS[step]}: "
        f"{', '.join(changed)}.  Raise VERSIONS[{step!r}] in winnow/job/versions.py and run: python -m tests.steps"
    )


def test_every_step_has_a_version():
    steps = {"plot_figures" if path.stem.startswith("plot_") else path.stem for path in SCRIPTS.glob("*.py")}
    assert steps - NOTHING_TO_SAY == VERSIONS.keys() == STEPS.keys()


def test_a_change_above_rounding_is_seen():
    values = [0.5, None, -2.0, 3.0, float("nan")]
    recorded = in_few_numbers(values)
    assert recorded[:2] == [5, 2]
    assert same(in_few_numbers([0.500001, None, -2.0, 3.0, None]), recorded)
    assert not same(in_few_numbers([0.501, None, -2.0, 3.0, None]), recorded)
    assert not same(in_few_numbers([0.5, 0.0, -2.0, 3.0, None]), recorded)
    assert not same(in_few_numbers(["a", "b"]), in_few_numbers(["a", "c"]))


# -- what leaves the results as they are -------------------------------------------------------------------------------


def test_a_moved_project_is_up_to_date(continued, tmp_path):
    assert Project(continued.folder.rename(tmp_path / "elsewhere")).would_run() == []


def test_a_copy_that_lost_its_times_is_touched(continued):
    for path in continued.folder.glob("results/tiny/data/**/*"):
        os.utime(path)  # newer than what was made of it
    assert "train_dense" in {job.rule for job in continued.would_run()}
    continued.snakemake("--cores", "1", "--touch")
    assert continued.would_run() == []


def test_results_alone_are_taken_over(finished, fresh):
    shutil.copytree(finished.folder / "results", fresh.folder / "results")
    faster = ["--config", "training={rate: 0.2}"]
    said = fresh.snakemake("--dry-run", *faster)  # nobody knows with what rate they were made
    assert "Nothing to be done" in said and "have missing provenance/metadata" in said
    fresh.snakemake("--cores", "1", "--touch", "--forceall")
    assert fresh.would_run() == []
    assert "train_dense" in {job.rule for job in fresh.would_run(*faster)}


def test_switching_branches_back_and_forth_reruns_nothing(continued):
    def git(*command: str) -> None:
        who = ["-c", "user.name=Nobody", "-c", "user.email=nobody@example.org"]
        subprocess.run(["git", *who, *command], cwd=continued.folder, check=True, capture_output=True)

    (continued.folder / ".gitignore").write_text("results/\n.snakemake/\n__pycache__/\n")
    git("init", "--quiet", "--initial-branch=main")
    git("add", ".")
    git("commit", "--quiet", "--message=before")
    git("checkout", "--quiet", "-b", "other")
    for path in (continued.folder / "workflow").rglob("*"):
        if path.suffix in (".py", ".smk"):
            path.write_text(path.read_text(encoding="utf-8") + "\n# a comment\n", encoding="utf-8")
    assert continued.would_run() == []
    versions = continued.folder / "workflow/scripts/winnow/job/versions.py"
    versions.write_text(versions.read_text() + 'VERSIONS["check_claims"] += 1\n')
    git("commit", "--quiet", "--all", "--message=after")
    assert {job.rule for job in continued.would_run()} == {
        "check_claims",
        "make_explorer",
        "record_run",
        "typeset_tables",
        "all",
    }
    git("checkout", "--quiet", "main")  # the scripts are newer than all results now
    assert continued.would_run() == []


# -- why a job would run -----------------------------------------------------------------------------------------------


def reasons(project: Project, rule: str, *arguments: str) -> set[str]:
    return {job.reason for job in project.would_run(*arguments) if job.rule == rule}


def test_a_changed_setting_is_the_reason(finished):
    (reason,) = reasons(finished, "measure_locality", "--config", "locality={min_weights: 6}")
    assert reason.startswith("Params have changed since last execution")
    before, now = reason.split(" now: ")
    assert "'min_weights': 5" in before and "'min_weights': 6" in now


def test_a_raised_version_is_the_reason(continued):
    was = VERSIONS["prune_random"]
    versions = continued.folder / "workflow/scripts/winnow/job/versions.py"
    versions.write_text(versions.read_text() + '\nVERSIONS["prune_random"] += 1\n')
    (reason,) = reasons(continued, "prune_random")
    assert f"before: {was} now: {was + 1}" in reason


def test_a_missing_file_is_the_reason_once_it_is_needed(continued):
    run = "results/tiny/runs/photos/seed0/imp"
    mask, table, gathered = f"{run}/round2/mask.safetensors", f"{run}/cavity.parquet", "results/tiny/cavity.parquet"
    for path in (mask, table):
        (continued.folder / path).unlink()
    assert continued.would_run() == []  # what was made of them is there
    (continued.folder / gathered).unlink()
    assert f"Missing output files: {mask}" in reasons(continued, "prune_imp_round")
    assert any(f"Missing output files: {table}" in reason for reason in reasons(continued, "measure_cavity"))


def test_a_changed_table_is_the_reason_and_a_damaged_one_of_the_same_time_is_not(continued):
    table = "results/tiny/runs/photos/seed0/imp/kurtosis_by_class.parquet"
    path = continued.folder / table
    before = path.stat()
    path.write_bytes(path.read_bytes()[:-1])
    assert f"Updated input files: {table}" in reasons(continued, "gather_statistic")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert continued.would_run() == []  # the job that reads it says so


def test_a_changed_photograph_is_the_reason(fresh):
    photographs = fresh.folder / "photographs"
    photographs.mkdir()

    def save(name: str, seed: int) -> None:
        pixels = np.random.default_rng(seed).integers(0, 255, (150, 120, 3), np.uint8)
        Image.fromarray(pixels).save(photographs / f"{name}.png")

    target = ["results/tiny/data/photos", "--config", "datasets={photos: {photos: photographs, clone: null}}"]
    save("a", 0)
    save("b", 1)
    fresh.snakemake("--cores", "1", *target)
    save("b", 1)  # as it was, but newer
    assert fresh.would_run(*target) == []
    save("b", 2)
    assert reasons(fresh, "prepare_dataset", *target) == {"Updated input files: photographs/b.png"}
    save("b", 1)
    save("c", 3)
    os.utime(photographs / "c.png", (0, 0))  # an old one
    assert reasons(fresh, "prepare_dataset", *target) == {"Set of input files has changed since last execution"}

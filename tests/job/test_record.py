"""What a run says of itself: from each job's log into one file."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from project import ROOT
from winnow.job import maker, record
from winnow.store.tables import write_table

CURVE = {"step": [2], "loss": [1.5], "train_accuracy": [0.25], "validation_accuracy": [0.25]}
MADE = {"engine": "dense", "device": "cpu", "precision": "float32"}


@pytest.fixture
def table(tmp_path) -> Path:
    path = tmp_path / "training.parquet"
    run = {"dataset": "d", "method": "imp", "seed": 0, "round": 0, "density": 1.0}
    write_table(path, "training", CURVE, **run, **MADE, made_with={**MADE, "device": "cpu, NVIDIA H200"})
    return path


def log(folder: Path, job: str, *lines: str) -> Path:
    path = folder / "logs" / f"{job}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def made_by(python: str = "3.11.7", **packages: str) -> str:
    return "made by " + json.dumps({"python": python, "packages": packages, "commit": None})


def test_a_process_says_what_it_is():
    made = maker.describe_process()
    assert made["python"] == sys.version.split()[0]
    assert re.fullmatch(r"\d+\.\d+\.\d+", made["packages"]["numpy"]) and "pyarrow" in made["packages"]
    assert not {"json", "re", "winnow"} & made["packages"].keys()
    assert made["machine"]["processor"] and made["machine"]["cores"] >= 1
    assert made == json.loads(json.dumps(made))


def test_what_changes_rounding_is_said(monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert maker.describe_process()["environment"] == {"OPENBLAS_CORETYPE": "Haswell"}


def test_jobs_are_counted_by_what_made_them(tmp_path, table):
    log(tmp_path, "train_dense/a", "INFO something", made_by(torch="2.13.0", numpy="2.4.6"))
    log(tmp_path, "train_dense/b", made_by(torch="2.13.0+cu130", numpy="2.4.6"))  # on another machine
    log(tmp_path, "plot_fig1/figure", made_by(matplotlib="3.11.2", numpy="2.4.6"))
    log(tmp_path, "plot_fig2/figure", made_by("3.12.1", numpy="2.4.6"))
    log(tmp_path, "plot_fig3/figure", "killed before it could say it")
    log(tmp_path, "plot_fig4/figure", "made by {cut off")
    own = log(tmp_path, "record_run/record")
    made = json.loads(record.record_run({"experiment": "e"}, [table], tmp_path / "logs", own_log=own))
    assert made["configuration"] == {"experiment": "e"}
    assert made["made_with"] == {"training": {**MADE, "device": "cpu, NVIDIA H200"}}
    assert [(one["python"], one["packages"], one["jobs"]) for one in made["made_by"]] == [
        (
            "3.11.7",
            {"matplotlib": "3.11.2", "numpy": "2.4.6", "torch": "2.13.0"},
            {"plot_fig1": 1, "train_dense": 1},
        ),
        ("3.12.1", {"numpy": "2.4.6"}, {"plot_fig2": 1}),
        ("3.11.7", {"numpy": "2.4.6", "torch": "2.13.0+cu130"}, {"train_dense": 1}),
    ]
    assert made["unknown"] == {"plot_fig3": 1, "plot_fig4": 1}


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """A project of one file, under git or not."""
    folder = tmp_path / "around/project"
    (folder / "workflow").mkdir(parents=True)
    (folder / "workflow/a.py").write_text("1\n")
    monkeypatch.setattr(maker, "_WORKFLOW", folder / "workflow")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    return folder


def git(folder: Path, *command: str) -> None:
    who = ["-c", "user.name=Nobody", "-c", "user.email=nobody@example.org"]
    subprocess.run(["git", *who, *command], cwd=folder, check=True, capture_output=True)


def commit(folder: Path) -> None:
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message=one")


def test_the_commit_and_whether_files_differ_from_it(project, monkeypatch):
    assert maker.describe_process()["commit"] is None
    commit(project)
    clean = maker.describe_process()
    assert re.fullmatch("[0-9a-f]{40}", clean["commit"])
    (project / "workflow/a.py").write_text("2\n")
    dirty = maker.describe_process()
    assert dirty["commit"] == f"{clean['commit']}-dirty" and dirty["code"] != clean["code"]
    monkeypatch.setenv("PATH", "")
    assert maker.describe_process()["commit"] is None


def test_figures_say_what_is_known_of_their_making(project, monkeypatch):
    for name in ("CONFIGURATION", "COMMAND"):
        monkeypatch.delenv(f"WINNOW_{name}", raising=False)
    assert maker.made_by() == {}
    commit(project)
    monkeypatch.setenv("WINNOW_CONFIGURATION", "sha256:00")
    monkeypatch.setenv("WINNOW_COMMAND", "snakemake --cores 1")
    made = maker.made_by()
    assert re.fullmatch("[0-9a-f]{40}", made.pop("commit"))
    assert made == {"configuration": "sha256:00", "command": "snakemake --cores 1"}


def test_the_commit_is_not_that_of_another_repository(project, tmp_path, monkeypatch):
    commit(project.parent)
    assert maker.describe_process()["commit"] is None
    monkeypatch.setenv("GIT_DIR", str(project.parent / ".git"))  # as in a hook of git
    assert maker.describe_process()["commit"] is None
    link = tmp_path / "link"
    link.symlink_to(project)
    monkeypatch.delenv("GIT_DIR")
    commit(project)
    monkeypatch.setattr(maker, "_WORKFLOW", link / "workflow")
    assert maker.describe_process()["commit"]


def test_code_is_told_apart_without_git(project):
    before = maker.describe_process()["code"]
    (project / "workflow/a.pyc").write_bytes(b"x")
    assert maker.describe_process()["code"] == before
    (project / "workflow/b.smk").touch()
    assert maker.describe_process()["code"] != before


@pytest.mark.parametrize("fails", [False, True])
def test_the_last_line_of_a_log_says_what_wrote_it(tmp_path, fails):
    path = tmp_path / "some.log"
    script = (
        f"from winnow.job.log import log_to\nlog_to({str(path)!r})\nimport numpy\n" + "raise ValueError('no')\n" * fails
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT / "workflow/scripts", capture_output=True, text=True, check=False
    )
    assert done.returncode == fails and "made by" not in done.stderr
    *before, last = path.read_text().splitlines()
    assert ("ValueError: no" in before) == fails
    assert "numpy" in json.loads(last.removeprefix("made by "))["packages"]


def test_a_run_is_recorded_and_can_be_repeated_from_it(finished, continued):
    path = continued.folder / "results/tiny/record.json"
    made = json.loads(path.read_text())
    (one,) = made["made_by"]
    assert one["jobs"]["train_dense"] == 4 and sum(one["jobs"].values()) == 93 and made["unknown"] == {}
    assert {"numpy", "numba", "matplotlib", "snakemake"} <= one["packages"].keys()
    assert made["made_with"]["training"] == MADE
    (continued.folder / "again.json").write_text(json.dumps(made["configuration"]))
    assert continued.would_run(config="again.json") == []


def test_another_machine_that_goes_on_is_added(continued):
    folder = continued.folder / "results/tiny"
    for elsewhere in (folder / "logs/prune_imp_round").glob("photos_seed1_*.log"):
        elsewhere.write_text(elsewhere.read_text().replace('"processor": "', '"processor": "Another '))
    (folder / "record.json").unlink()
    assert {job.rule for job in continued.would_run()} == {"record_run", "typeset_tables", "all"}
    continued.snakemake("--cores", "1")
    one, other = json.loads((folder / "record.json").read_text())["made_by"]
    assert other["jobs"] == {"prune_imp_round": 2} and one["jobs"]["prune_imp_round"] == 6
    assert other["machine"]["processor"] == f"Another {one['machine']['processor']}"

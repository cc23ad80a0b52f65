"""The workflow itself: what Snakemake takes to plan, what a job costs beside computing, how a run grows with seeds."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import yaml

from benchmarks import ROOT
from benchmarks.bench import OURS, Row, race

PARTS = ["Snakefile", "config.yaml", "configs", "envs", "profiles", "slurm", "workflow"]
SEEDS = [1, 2, 4, 8]
TURNS = 3


def plans() -> Iterator[Row]:
    """Seconds of `snakemake -n`: the paper's experiment, and 100 seeds × 30 rounds × 2 datasets × 3 methods."""
    with _project() as project:
        _pretend_imagenet32(project)
        paper = yaml.safe_load((project / "configs" / "paper.yaml").read_text())
        large = {
            **yaml.safe_load((project / "configs" / "tiny.yaml").read_text()),
            "seeds": list(range(100)),
            "network": {"hidden": [1024, 1024]},
            "pruning": {"rounds": 30, "retrain_baselines": True},
        }
        for what, config in (
            ("the paper's experiment", paper),
            ("100 seeds × 30 rounds × 2 datasets × 3 methods", large),
        ):
            (project / "config.yaml").write_text(yaml.safe_dump(config))
            said: list[str] = []
            plan = partial(_snakemake, project, "--dry-run", "--quiet", "rules")
            times = race({OURS: lambda said=said, plan=plan: said.append(plan())}, TURNS)
            n_jobs = next((line.split()[1] for line in said[-1].splitlines() if line.startswith("total ")), "?")
            yield Row("workflow", f"`snakemake -n`, {what}", times=times, note=f"{n_jobs} jobs")


def overhead() -> Iterator[Row]:
    """What a job costs that computes next to nothing: the tiny experiment, one job at a time."""
    with _project() as project:
        _snakemake(project, "fig1", "--cores", "1", "--configfile", "configs/tiny.yaml")  # compiled
        seconds, timings = [], []
        for _ in range(TURNS):
            shutil.rmtree(project / "results")
            start = time.perf_counter()
            _snakemake(project, "--cores", "1", "--configfile", "configs/tiny.yaml")
            seconds.append(time.perf_counter() - start)
            timings.append(_timings(project / "results" / "tiny" / "benchmarks"))
        n_jobs = len(timings[-1])
        files = sum(path.is_file() for path in (project / "results" / "tiny").rglob("*"))
        yield Row(
            "workflow",
            "a job of the tiny experiment, all in all",
            times={OURS: [of_run / n_jobs for of_run in seconds]},
            note=f"{n_jobs} jobs, one at a time; {files / n_jobs:.1f} files a job, log and timing included",
        )
        jobs = pd.concat(timings)
        for rule in ("train_dense", "prune_imp_round", "measure_cavity", "gather_statistic"):
            some = jobs.loc[jobs["rule"] == rule, "s"].tolist()
            yield Row("workflow", f"of it `{rule}`'s script", times={OURS: some}, note=f"{len(some)} jobs")


def seeds() -> Iterator[Row]:
    """A whole run of the tiny experiment against its number of seeds."""
    cores = len(os.sched_getaffinity(0))
    for n in SEEDS:
        with _project() as project:
            some = f"seeds={list(range(n))}".replace(" ", "")
            run = partial(_snakemake, project, "--cores", str(cores), "--configfile", "configs/tiny.yaml")
            times = race({OURS: partial(run, "--config", some)}, 1)
            yield Row("run by seeds", "tiny experiment", x=n, threads=cores, times=times)


class _project:
    """A copy of the project in which nothing has run."""

    def __enter__(self) -> Path:
        self._folder = TemporaryDirectory(prefix="winnow-")
        path = Path(self._folder.name)
        for part in PARTS:
            if (ROOT / part).is_dir():
                shutil.copytree(ROOT / part, path / part)
            else:
                shutil.copy(ROOT / part, path / part)
        return path

    def __exit__(self, *error: object) -> None:
        self._folder.cleanup()


def _pretend_imagenet32(project: Path) -> None:
    """Files with the names of ImageNet32's, which is all that a plan looks at."""
    folder = project / "data" / "imagenet32"
    folder.mkdir(parents=True)
    for name in (*(f"train_data_batch_{i}" for i in range(1, 11)), "val_data"):
        (folder / name).touch()


def _snakemake(project: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "snakemake", *arguments]
    done = subprocess.run(
        command, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stdout[-4000:])
    return done.stdout


def _timings(folder: Path) -> pd.DataFrame:
    """Snakemake's own benchmark files, a row a job."""
    tables = [pd.read_csv(path, sep="\t").assign(rule=path.parent.name) for path in folder.rglob("*.tsv")]
    return pd.concat(tables, ignore_index=True)


CASES = {"plans": plans, "overhead": overhead, "seeds": seeds}

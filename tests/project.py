"""Copies of the project, for whole runs of Snakemake."""

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / "workflow" / "scripts"
"""The rules' scripts, and beside them the library."""

PARTS = ["Snakefile", "config.yaml", "configs", "envs", "profiles", "slurm", "workflow"]


def lay_out_data(folder: Path) -> None:
    """Empty files where the shipped experiments expect images of the reader's own: plans look at their names only."""
    data = folder / "data"
    imagenet32 = [*(f"train_data_batch_{n}" for n in range(1, 11)), "val_data"]
    images = [f"cifar10-images/{split}/{name}/0001.jpg" for split in ("train", "test") for name in ("bird", "cat")]
    for name in (*(f"imagenet32/{n}" for n in imagenet32), "cifar-10-python.tar.gz", *images, "bsds500/train/2092.jpg"):
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).touch()


@dataclass(frozen=True)
class Job:
    """A job that a dry run would do."""

    rule: str
    wildcards: dict[str, str]
    reason: str
    inputs: tuple[str, ...]


@dataclass(frozen=True)
class Project:
    """A copy of the project."""

    folder: Path

    def snakemake(self, *arguments: str, check: bool = True, config: str = "configs/tiny.yaml") -> str:
        """What Snakemake says; `--configfile` is given."""
        command = [sys.executable, "-m", "snakemake", "--configfile", config, *arguments]
        done = subprocess.run(
            command, cwd=self.folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=900
        )
        if check:
            assert done.returncode == 0, done.stdout[-6000:]
        return done.stdout

    def would_run(self, *arguments: str, **options: str) -> list[Job]:
        """The jobs that a dry run lists."""
        said = self.snakemake("--dry-run", *arguments, **options)
        jobs = []
        for block in re.split(r"\n(?=(?:local)?rule \w+:\n)", said)[1:]:
            rule = re.match(r"(?:local)?rule (\w+):", block)[1]
            wildcards = re.search(r"^ +wildcards: (.*)$", block, re.MULTILINE)
            reason = re.search(r"^ +reason: (.*)$", block, re.MULTILINE)
            inputs = re.search(r"^ +input: (.*)$", block, re.MULTILINE)
            pairs = dict(pair.split("=", 1) for pair in wildcards[1].split(", ")) if wildcards else {}
            jobs.append(Job(rule, pairs, reason[1] if reason else "", tuple(inputs[1].split(", ")) if inputs else ()))
        return jobs

    def results(self, pattern: str = "**/*.parquet", experiment: str = "tiny") -> dict[str, bytes]:
        """Contents of the result files by path below the experiment's folder."""
        folder = self.folder / "results" / experiment
        files = {
            str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.glob(pattern)) if path.is_file()
        }
        assert files, f"no {pattern} in {folder}"
        return files


def copy_project(folder: Path) -> Project:
    """A copy, with all that Python and numba have compiled by now: compiling it again takes each copy seconds."""
    folder.mkdir(parents=True)
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, folder / part)
        else:
            shutil.copy(source, folder / part)
    return Project(folder)

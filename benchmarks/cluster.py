"""What a cluster's queue costs: the paper's DAG, with small images, on a private Slurm.

`python -m benchmarks.cluster` prints the table of docs/cluster.md.  It needs Debian's `slurm-wlm` and `munge`.
"""

import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd

from tests.cluster.slurm import Cluster, missing_programs
from tests.project import copy_project

SMALL = [
    "datasets={imagenet32: {classes: 6, clone: {fit_per_class: 20}}}",
    "network={hidden: [64, 48]}",
    "training={steps: 400, rewind: 50, log_every: 200}",
    "components={number: 9}",
    "figures={units: 4}",
]
GROUPS = {  # the rules whose time is the work of a group's jobs
    "data": ["prepare_dataset", "clone_gaussian", "measure_components"],
    "chain": ["train_dense", "prune_imp_first_round", "prune_imp_round", "prune_oneshot", "prune_random"],
    "measures": [
        "measure_locality",
        "measure_kurtosis",
        "measure_participation",
        "measure_positions",
        "measure_nongaussianity",
        "measure_cavity",
        "measure_cavity_example",
        "measure_layers_locality",
        "measure_layers_kurtosis",
        "measure_layers_cavity",
        "measure_layers_positions",
        "measure_layers_nongaussianity",
    ],
    "figures": ["gather_statistic", "compare_methods", "check_claims", *(f"plot_fig{n}" for n in range(1, 8))],
}


@dataclass(frozen=True)
class Allocation:
    """A job of Slurm: its group and when it was submitted, began and ended, in seconds."""

    group: str
    submitted: float
    began: float
    ended: float


def allocations(cluster: Cluster) -> list[Allocation]:
    """All jobs that the cluster remembers."""
    found = []
    for line in cluster.ask("scontrol", "--oneliner", "show", "job").splitlines():
        field = dict(re.findall(r"(\w+)=(\S*)", line))
        times = [datetime.fromisoformat(field[name]).timestamp() for name in ("SubmitTime", "StartTime", "EndTime")]
        found.append(Allocation(field["JobName"].removeprefix("winnow-"), *times))
    return found


def work(results: Path) -> dict[str, float]:
    """Seconds that the steps of each group took together, from Snakemake's own record."""
    seconds = defaultdict(float)
    for group, rules in GROUPS.items():
        for rule in rules:
            for path in (results / "benchmarks" / rule).glob("*.tsv"):
                seconds[group] += pd.read_csv(path, sep="\t")["s"].sum()
    return seconds


def report(jobs: list[Allocation], elapsed: float, busy: dict[str, float]) -> str:
    """The table, and the sum of what was neither work nor Snakemake's own start on a node."""
    lines = [
        "| group | submissions | waited, longest | in allocations | steps in them | rest, per allocation |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    longest = 0.0
    for group in GROUPS:
        own = [job for job in jobs if job.group == group]
        inside = sum(job.ended - job.began for job in own)
        # Between the first submission of a group and the end of its last job nothing else can run.
        longest += max(job.ended for job in own) - min(job.began for job in own)
        wait = max(job.began - job.submitted for job in own)
        besides = "" if group in ("measures", "figures") else f"{(inside - busy[group]) / len(own):.0f} s"
        lines.append(f"| {group} | {len(own)} | {wait:.0f} s | {inside:.0f} s | {busy[group]:.0f} s | {besides} |")
    lines.append(
        f"\n{len(jobs)} submissions; {elapsed:.0f} s in all; in {elapsed - longest:.0f} s of these no job was running: "
        "submitting, waiting for a node, noticing the end, Snakemake's own start and end."
    )
    return "\n".join(lines)


def main() -> None:
    """Run the DAG and print the table."""
    if missing := missing_programs():
        sys.exit(f"not installed: {', '.join(missing)}")
    folder = Path(tempfile.mkdtemp(prefix="slurm"))
    cluster = Cluster(folder)
    try:
        cluster.start()
        project = copy_project(folder / "project").folder
        standin = ["-m", "winnow.datasets.standin", "data/imagenet32", "--classes", "6", "--train", "240"]
        path = {**cluster.environment, "PYTHONPATH": "workflow/scripts"}
        subprocess.run([sys.executable, *standin, "--validation", "60"], cwd=project, env=path, check=True)
        command = [sys.executable, "-m", "snakemake", "--profile", "slurm", "--configfile", "configs/paper.yaml"]
        began = time.monotonic()
        subprocess.run([*command, "--config", *SMALL], cwd=project, env=cluster.environment, check=True)
        elapsed = time.monotonic() - began
        print(report(allocations(cluster), elapsed, work(project / "results/paper")))
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()

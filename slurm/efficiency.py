#!/usr/bin/env python3
"""How much of what they asked for this folder's jobs have used, from Slurm's accounting.

`python slurm/efficiency.py [DAYS]`: the jobs of the last days (30).  A site without accounting has none; the files
`results/<experiment>/benchmarks/` then tell time and memory of each step.
"""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

FIELDS = ("JobID", "JobName", "State", "ElapsedRaw", "TimelimitRaw", "TotalCPU", "NCPUS", "ReqMem", "MaxRSS", "WorkDir")


@dataclass
class Used:
    """What a job asked for and used; times in seconds, memory in MB."""

    name: str
    state: str
    elapsed: float
    limit: float
    cpu: float
    processors: int
    asked_memory: float
    memory: float


def seconds(text: str) -> float:
    """`1-02:03:04.5`, or less of it, in seconds."""
    days, _, rest = text.rpartition("-")
    parts = [float(part) for part in rest.split(":")]
    return float(days or 0) * 86400 + sum(part * 60.0**n for n, part in enumerate(reversed(parts)))


def megabytes(text: str) -> float:
    """`1500M`, `2Gn` … in MB; 0 where Slurm says nothing."""
    found = re.match(r"([\d.]+)([KMGT]?)", text)
    return float(found[1]) * {"K": 1e-3, "": 1e-6, "M": 1, "G": 1e3, "T": 1e6}[found[2]] if found else 0.0


def read(said: str, folder: Path) -> dict[str, Used]:
    """The jobs of a folder, by id, from what sacct prints of `FIELDS` with --parsable2."""
    jobs: dict[str, Used] = {}
    for line in said.splitlines():
        row = dict(zip(FIELDS, line.split("|"), strict=True))
        job, _, step = row["JobID"].partition(".")
        if not step:
            if row["JobName"].startswith("winnow-") and Path(row["WorkDir"]).resolve() == folder:
                limit = float(row["TimelimitRaw"].replace("UNLIMITED", "inf") or "inf") * 60  # given in minutes
                jobs[job] = Used(
                    row["JobName"],
                    row["State"].split()[0],
                    float(row["ElapsedRaw"]),
                    limit,
                    seconds(row["TotalCPU"]),
                    int(row["NCPUS"]),
                    megabytes(row["ReqMem"]),
                    0.0,
                )
        elif job in jobs:
            jobs[job].memory = max(jobs[job].memory, megabytes(row["MaxRSS"]))
    return jobs


def table(jobs: dict[str, Used]) -> str:
    """A line a job: state, time, and the shares used of time limit, processors and memory."""
    lines = [f"{'job':>10}  {'name':16}  {'state':12}  {'time':>9}  of limit  processors busy  memory"]
    for id, job in jobs.items():
        busy = job.cpu / (job.elapsed * job.processors) if job.elapsed else 0.0
        memory = f"{job.memory:.0f} of {job.asked_memory:.0f} MB" if job.memory else "not measured"
        lines.append(
            f"{id:>10}  {job.name:16}  {job.state:12}  {job.elapsed:7.0f} s  {job.elapsed / job.limit:8.0%}  "
            f"{busy:15.0%}  {memory}"
        )
    return "\n".join(lines)


def main() -> None:
    """Print the table."""
    days = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    command = ["sacct", "--noheader", "--parsable2", f"--starttime=now-{days}days", f"--format={','.join(FIELDS)}"]
    try:
        done = subprocess.run(command, text=True, capture_output=True, check=False)
    except FileNotFoundError:
        sys.exit("sacct is not installed here: run this on a login node of a Slurm cluster")
    if done.returncode:
        sys.exit(f"sacct says: {done.stderr.strip()}\n  see results/<experiment>/benchmarks/ instead")
    jobs = read(done.stdout, Path.cwd().resolve())
    print(table(jobs) if jobs else f"no jobs of this folder in the last {days} days")


if __name__ == "__main__":
    main()

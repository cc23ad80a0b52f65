#!/usr/bin/env python3
"""Submit a jobscript of Snakemake to Slurm and print the job's id; Snakemake calls it (config.yaml, beside).

On a node, Snakemake runs as a person would start it, for the job's share of the files: it keeps its own records, and
what a job had finished before it was killed, timed out or preempted is not computed again.
"""

import json
import math
import os
import re
import shlex
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Job = dict[str, Any]
"""A job's properties, as Snakemake writes them: a JSON object."""

LOGS = Path("logs/slurm")
EXITS = Path(".snakemake/slurm")
"""The exit status of each job, for when Slurm has forgotten it; see status.py."""

TRANSIENT = (
    "Unable to contact slurm controller",
    "Socket timed out",
    "Connection refused",
    "Connection timed out",
    "Transport endpoint is not connected",
    "Zero Bytes were transmitted",
    "Resource temporarily unavailable",
    "Slurm backup controller in standby mode",
    "slurm_persist_conn_open",
    # Limits of the site: jobs that end make room.
    "MaxSubmitJob",
    "Job violates accounting/QOS policy",
)
"""What sbatch says when another try may succeed."""

PATIENCE = float(os.environ.get("WINNOW_SBATCH_PATIENCE", 3600))
"""Seconds for which sbatch is tried again while the controller does not answer."""


def read_properties(script: str) -> Job:
    """What Snakemake says of the job, in a comment of the jobscript."""
    found = re.search(r"^# properties = (.*)$", script, re.MULTILINE)
    if found is None:
        sys.exit("slurm/submit.py is called by Snakemake, with a jobscript: use snakemake --profile slurm")
    job: Job = json.loads(found[1])
    return job


def job_name(job: Job) -> str:
    """`winnow-chain`, `winnow-measures` … as squeue shows it."""
    return f"winnow-{job['groupid'] if job['type'] == 'group' else job['rule']}"


@dataclass(frozen=True)
class Nodes:
    """Nodes of a partition that are alike."""

    partition: str
    is_default: bool
    processors: int
    memory: int
    gres: str

    def __str__(self) -> str:
        gpus = self.gres if "gpu" in self.gres else "no GPU"
        default = " (default)" if self.is_default else ""
        return f"{self.partition}{default}: nodes of {self.processors} processors, {self.memory} MB, {gpus}"


def all_nodes() -> list[Nodes]:
    """The nodes that there are; none if Slurm does not answer."""
    asked = ["sinfo", "--noheader", "--exact", "--format=%P|%c|%m|%G"]
    try:
        said = subprocess.run(asked, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=60).stdout
    except (OSError, subprocess.TimeoutExpired):
        return []
    rows = (re.fullmatch(r"([^|*]+)(\*?)\|(\d+)\+?\|(\d+)\+?\|(.*)", line.strip()) for line in said.splitlines())
    nodes = (Nodes(row[1], bool(row[2]), int(row[3]), int(row[4]), row[5]) for row in rows if row)
    return list(dict.fromkeys(nodes))


def gpus_of(job: Job, jobs_per_gpu: int = 1) -> int:
    """GPUs that a job needs; the resource `gpu` counts jobs on a GPU, so many share one."""
    return math.ceil(int(job["resources"].get("gpu", 0)) / jobs_per_gpu)


def partition_of(job: Job) -> str | None:
    """The partition that a job is sent to; None is the default one."""
    resources = job["resources"]
    partition: str | None = resources.get("slurm_partition")
    if gpus_of(job):
        partition = resources.get("slurm_gpu_partition", partition)
    return partition


def in_reach(job: Job, nodes: list[Nodes]) -> list[Nodes]:
    """The nodes that a job may be sent to; none where only sbatch knows."""
    partition = partition_of(job)
    if re.search(r"(^|\s)(-p|--partition|-M|--clusters?)\b", str(job["resources"].get("slurm_extra", ""))):
        return []
    return [one for one in nodes if (one.partition in partition.split(",") if partition else one.is_default)]


def fitted(job: Job, nodes: list[Nodes]) -> Job:
    """The job with no more processors than the nodes have, and more time for it: Slurm would let it wait for ever."""
    most = max((one.processors for one in in_reach(job, nodes) if can_run(job, one)), default=job["threads"])
    if most >= job["threads"]:
        return job
    longer = math.ceil(int(job["resources"]["runtime"]) * job["threads"] / most)
    return {**job, "threads": most, "resources": {**job["resources"], "runtime": longer}}


def can_run(job: Job, one: Nodes) -> bool:
    """Whether a node has the memory and GPUs of a job."""
    return int(job["resources"]["mem_mb"]) <= one.memory and (not gpus_of(job) or "gpu" in one.gres)


def advice(job: Job, nodes: list[Nodes]) -> str:
    """What was asked for, what there is, and what to write."""
    gpus, resources = gpus_of(job), job["resources"]
    where = partition_of(job) or "the default partition"
    asked = [f"{job['threads']} processors", f"{resources['mem_mb']} MB", f"{resources['runtime']} minutes"]
    lines = [
        f"{job_name(job)} asks for {', '.join(asked + ['a GPU'] * bool(gpus))} in {where}; there are",
        *(f"  {one}" for one in nodes),
    ]
    name = "slurm_gpu_partition" if gpus else "slurm_partition"
    unsuitable = {one.partition for one in nodes if not can_run(job, one)}
    suitable = sorted((one.partition for one in nodes if can_run(job, one)), key=unsuitable.__contains__)
    if suitable:
        if not any(can_run(job, one) for one in in_reach(job, nodes)):
            lines += ["write into my-site/config.yaml, and add --profile my-site:"]
            lines += ["  default-resources:", f"    {name}: {suitable[0]}"]
    elif gpus and not any("gpu" in one.gres for one in nodes):
        lines.append('no node has a GPU: add --config "compute={device: cpu}"')
    elif nodes:
        most = max(one.memory for one in nodes if not gpus or "gpu" in one.gres)
        lines.append(f"no node has the memory: add --resources mem_mb={most} gpu=1, which lets fewer run at a time")
    return "\n  ".join([*lines, "see docs/cluster.md"])


def sbatch_options(job: Job, jobs_per_gpu: int = 1) -> list[str]:
    """The job's resources as options of sbatch.

    Resources are named as those of Snakemake's Slurm plugin; `slurm_gpu_partition` is ours.

    Args:
        job: Snakemake's properties of the job.
        jobs_per_gpu: the resource `gpu` counts jobs on a GPU; so many share one.
    """
    resources = job["resources"]
    options = [
        f"--job-name={job_name(job)}",
        f"--output={LOGS}/%x-%j.log",
        "--open-mode=append",  # a job that is requeued goes on in its log
        "--requeue",  # after preemption or the failure of a node
        "--nodes=1",
        "--ntasks=1",
        f"--cpus-per-task={job['threads']}",
        f"--mem={resources['mem_mb']}M",
        f"--time={resources['runtime']}",
    ]
    if gpus := gpus_of(job, jobs_per_gpu):
        model = f"{resources['gpu_model']}:" if "gpu_model" in resources else ""
        options.append(f"--gres={resources['gres']}" if "gres" in resources else f"--gpus={model}{gpus}")
    named = {"partition": partition_of(job), "account": resources.get("slurm_account")}
    named |= {name: resources.get(name) for name in ("qos", "constraint", "reservation")}
    options += [f"--{name}={value}" for name, value in named.items() if value]
    return options + shlex.split(str(resources.get("slurm_extra", "")))


def plain_run(script: str, job: Job, *, force: bool) -> str:
    """The jobscript for a node.

    Snakemake runs in its ordinary mode, so that it records each file as finished; it is asked for files, so that what
    is there and up to date is not made again and a second try goes on behind the first (unless the user forces a
    rerun); and it uses the processors that Slurm gives.  The job's exit status is kept for status.py.

    Args:
        script: as Snakemake wrote it.
        job: Snakemake's properties of the job.
        force: whether all of the job's files are made anew.
    """
    script, n_modes = re.subn(r" --mode '?remote'?(?= )", "", script)
    script, n_targets = re.subn(
        r" --target-jobs .*?(?= --allowed-rules )",
        lambda found: found[0] if force else f" {shlex.join(job['output'])}",
        script,
    )
    if (n_modes, n_targets) != (1, 1):
        sys.exit("slurm/submit.py: unknown form of Snakemake's jobscript; this profile is for the pinned version")
    script = re.sub(r"^# properties = .*\n", "", script, flags=re.MULTILINE)  # names all inputs: sbatch takes 4 MB
    script = re.sub(r" --keep-incomplete(?= )" if force else r" --(?:force|keep-incomplete)(?= )", "", script)
    script = re.sub(r" --cores \S+", f" --cores {job['threads']}", script)
    first, rest = script.split("\n", 1)
    return f"{first}\ntrap 'echo $? > {EXITS}/$SLURM_JOB_ID.exit' EXIT\n{rest}"


def active_jobs() -> list[tuple[str, str, str]]:
    """Id, comment and folder of the user's jobs that wait or run; none if Slurm does not answer."""
    asked = ["squeue", "--me", "--noheader", "--format=%i|%k|%Z"]
    lines = subprocess.run(asked, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout.splitlines()
    found = (line.split("|", 2) for line in lines if line.count("|") >= 2)
    return [(job, comment, folder) for job, comment, folder in found]


def jobs_of_earlier_runs(run: str) -> list[str]:
    """Jobs in this folder that a run of Snakemake left behind when it was killed."""
    here = Path.cwd().resolve()
    return [
        id
        for id, comment, folder in active_jobs()
        if comment.startswith("winnow/") and comment.split("/")[1] != run and Path(folder).resolve() == here
    ]


class Refused(Exception):
    """Slurm will not take a job, at no time."""


def say_once(run: str, what: str, details: str) -> str:
    """What is to be said, with details where this run has not said it before (of another try, another seed)."""
    place = EXITS / f"said-{run}.txt"
    before = place.read_text().splitlines() if place.exists() else []
    if (line := json.dumps(what)) in before:
        return f"{what}: as said above"
    with place.open("a") as said:
        said.write(f"{line}\n")
    return f"{what}\n  {details}"


def sbatch(options: list[str], script: str, comment: str) -> str:
    """Submit a script; the job's id.  Tries again while the controller does not answer."""
    deadline, told = time.monotonic() + PATIENCE, False
    while True:
        command = ["sbatch", "--parsable", f"--comment={comment}", *options]
        done = subprocess.run(command, input=script, text=True, capture_output=True)
        said = done.stderr.strip()
        if done.returncode == 0:
            return done.stdout.strip().split(";")[0]
        if not any(words in said for words in TRANSIENT) or time.monotonic() > deadline:
            raise Refused(said)
        if not told:
            print(f"{said}\n  sbatch will be tried again for {PATIENCE / 60:.0f} minutes", file=sys.stderr)
            told = True
        time.sleep(10)
        # An answer that got lost on the way: the job is there.
        for id, its_comment, _ in active_jobs():
            if its_comment == comment:
                return id


def main() -> None:
    """Submit the jobscript that is the only argument."""
    path = Path(sys.argv[1])
    script = path.read_text()
    job = read_properties(script)
    run = path.parent.name  # Snakemake's temporary folder, one a run
    for folder in (LOGS, EXITS):
        folder.mkdir(parents=True, exist_ok=True)
    nodes = all_nodes()
    job = fitted(job, nodes)
    options = sbatch_options(job, int(os.environ.get("WINNOW_JOBS_PER_GPU", 1)))
    if earlier := jobs_of_earlier_runs(run):
        print(
            f"Jobs of an earlier run are still going in this folder: {', '.join(earlier)}.  {job_name(job)} waits for "
            "them and does what they leave.",
            file=sys.stderr,
        )
        options.append(f"--dependency=afterany:{':'.join(earlier)}")
    first_try = re.search(r"--attempt '?1'?(?= )", script) is not None
    force = first_try and bool(os.environ.get("WINNOW_FORCED"))
    comment = f"winnow/{run}/{uuid.uuid4().hex[:12]}"
    try:
        print(sbatch(options, plain_run(script, job, force=force), comment))
    except Refused as refused:
        details = f"it was called with {shlex.join(options)}\n  {advice(job, nodes)}"
        sys.exit(say_once(run, f"sbatch refused the job {job_name(job)}: {refused}", details))
    if (reach := in_reach(job, nodes)) and not any(can_run(job, one) for one in reach):
        what = f"No node has what {job_name(job)} needs: it may wait for ever"
        print(say_once(run, what, advice(job, nodes)), file=sys.stderr)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)

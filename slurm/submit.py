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
from pathlib import Path

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


def read_properties(script: str) -> dict:
    """What Snakemake says of the job, in a comment of the jobscript."""
    found = re.search(r"^# properties = (.*)$", script, re.MULTILINE)
    if found is None:
        sys.exit("slurm/submit.py is called by Snakemake, with a jobscript: use snakemake --profile slurm")
    return json.loads(found[1])


def job_name(job: dict) -> str:
    """`winnow-chain`, `winnow-measures` … as squeue shows it."""
    return f"winnow-{job['groupid'] if job['type'] == 'group' else job['rule']}"


def sbatch_options(job: dict, jobs_per_gpu: int = 1) -> list[str]:
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
    partition = resources.get("slurm_partition")
    if gpus := math.ceil(int(resources.get("gpu", 0)) / jobs_per_gpu):
        partition = resources.get("slurm_gpu_partition", partition)
        model = f"{resources['gpu_model']}:" if "gpu_model" in resources else ""
        options.append(f"--gres={resources['gres']}" if "gres" in resources else f"--gpus={model}{gpus}")
    named = {"partition": partition, "account": resources.get("slurm_account")}
    named |= {name: resources.get(name) for name in ("qos", "constraint", "reservation")}
    options += [f"--{name}={value}" for name, value in named.items() if value]
    return options + shlex.split(str(resources.get("slurm_extra", "")))


def plain_run(script: str, job: dict, *, force: bool) -> str:
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
    script = re.sub(r" --keep-incomplete(?= )" if force else r" --(?:force|keep-incomplete)(?= )", "", script)
    script = re.sub(r" --cores \S+", f" --cores {job['threads']}", script)
    first, rest = script.split("\n", 1)
    return f"{first}\ntrap 'echo $? > {EXITS}/$SLURM_JOB_ID.exit' EXIT\n{rest}"


def active_jobs() -> list[tuple[str, str, str]]:
    """Id, comment and folder of the user's jobs that wait or run; none if Slurm does not answer."""
    asked = ["squeue", "--me", "--noheader", "--format=%i|%k|%Z"]
    lines = subprocess.run(asked, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout.splitlines()
    return [tuple(line.split("|", 2)) for line in lines if line.count("|") >= 2]


def jobs_of_earlier_runs(run: str) -> list[str]:
    """Jobs in this folder that a run of Snakemake left behind when it was killed."""
    here = Path.cwd().resolve()
    return [
        id
        for id, comment, folder in active_jobs()
        if comment.startswith("winnow/") and comment.split("/")[1] != run and Path(folder).resolve() == here
    ]


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
            sys.exit(
                f"sbatch refused the job: {said}\n  it was called with {shlex.join(options)}\n  see docs/cluster.md"
            )
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
    print(sbatch(options, plain_run(script, job, force=force), comment))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)

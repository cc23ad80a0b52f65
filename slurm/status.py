#!/usr/bin/env python3
"""Print `running`, `success` or `failed` for a job of Slurm; Snakemake calls it (config.yaml, beside).

It never fails and never guesses: while Slurm does not answer, a job is running.  Slurm's memory is asked first
(squeue), then its accounting (sacct), then what the job itself left behind (submit.py): each may be missing at a site.
"""

import subprocess
import sys
import time
from pathlib import Path

EXITS = Path(".snakemake/slurm")
CACHE = EXITS / "squeue.txt"
FRESH = 5.0
"""Seconds for which an answer of Slurm serves: Snakemake asks for each job, Slurm is asked once for all."""

ACTIVE = {
    "PENDING", "RUNNING", "CONFIGURING", "COMPLETING", "SUSPENDED", "RESIZING", "SIGNALING", "STAGE_OUT", "STOPPED",
    "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "SPECIAL_EXIT", "RESV_DEL_HOLD",
}  # fmt: skip


def ask(*command: str) -> str | None:
    """What a command of Slurm prints; None if it is missing, fails or takes too long."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def read_states(said: str) -> dict[str, str]:
    """State and reason by job."""
    return dict(line.split("|", 1) for line in said.splitlines() if "|" in line)


def state_in_memory(job: str) -> tuple[bool, str | None]:
    """Whether Slurm answers, and state and reason of the job; None if it does not know the job (any more)."""
    if CACHE.exists() and time.time() - CACHE.stat().st_mtime < FRESH:
        known = read_states(CACHE.read_text())
        if job in known:  # it may have been submitted since
            return True, known[job]
    said = ask("squeue", "--me", "--states=all", "--noheader", "--format=%i|%T (%r)")
    if said is None:
        return False, None
    beside = CACHE.with_suffix(".part")
    beside.write_text(said)
    beside.replace(CACHE)
    return True, read_states(said).get(job)


def accounted_state(job: str) -> str | None:
    """The state in Slurm's accounting; None if there is none, or no such job."""
    said = ask("sacct", "--allocations", "--noheader", "--parsable2", f"--jobs={job}", "--format=State")
    return (said or "").strip() or None


def status(job: str) -> tuple[str, str]:
    """`running`, `success` or `failed`, and what Slurm calls it, such as `TIMEOUT (TimeLimit)`."""
    answers, state = state_in_memory(job)
    if not answers:
        return "running", "Slurm does not answer"
    state = state or accounted_state(job)
    if state is None:  # forgotten (MinJobAge), and no accounting
        left = EXITS / f"{job}.exit"
        state = "COMPLETED" if left.exists() and left.read_text().strip() == "0" else "FAILED (Slurm has forgotten it)"
    word = state.split()[0].rstrip("+")  # sacct adds to it: "CANCELLED by 1000", and cuts it: "NODE_FAIL+"
    if word == "COMPLETED":
        return "success", state
    return ("running" if word in ACTIVE else "failed"), state


def main() -> None:
    """Print the status of the job that is the only argument; the reason of a failure goes to standard error."""
    job = sys.argv[1]
    try:
        answer, state = status(job)
    except OSError as error:  # a full disk must not end the run
        answer, state = "running", str(error)
    if answer == "failed":
        print(f"Slurm job {job}: {state}; its log is logs/slurm/winnow-*-{job}.log", file=sys.stderr)
    print(answer)


if __name__ == "__main__":
    main()

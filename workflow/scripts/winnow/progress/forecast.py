"""How long a run will still take.

A job takes what the finished jobs of its rule took, on average; before there are any, what they took in earlier runs;
else what finished jobs took at all.  A training that has said its speed takes the steps that are left.  All together
take as long as the work shared among as many jobs as ran at a time so far, but no less than the rounds of a chain,
which wait for each other.
"""

from collections import defaultdict

from winnow.progress.run import Job, Run, State


def seconds_left(run: Run) -> float | None:
    """Seconds until all jobs are done; None as long as nothing is known, and when the run is over."""
    took: dict[str, list[float]] = defaultdict(list)
    for job in run.jobs.values():
        if job.state is State.DONE and job.seconds is not None and job.log is not None:
            took[job.rule].append(job.seconds)
    means = run.seconds_before | {rule: sum(values) / len(values) for rule, values in took.items()}
    if not means or run.over:
        return None
    among_all = sum(means.values()) / len(means)

    def left(job: Job) -> float:
        if job.state in (State.DONE, State.FAILED) or job.log is None:  # what has no log does nothing
            return 0.0
        whole = means.get(job.rule, among_all)
        if job.state is not State.RUNNING or job.started is None:
            return whole
        by_time = max(whole - (run.clock() - job.started), 0.0)
        if job.said.step is None or not job.said.rate or job.said.steps is None:
            return by_time
        return (
            max(by_time, (job.said.steps - job.said.step) / job.said.rate)
            if job.rule in means
            else ((job.said.steps - job.said.step) / job.said.rate)
        )

    work = sum(left(job) for job in run.jobs.values())
    longest = max((sum(left(job) for job in chain.jobs) for chain in run.chains), default=0.0)
    return max(work / max(run.peak, 1), longest)

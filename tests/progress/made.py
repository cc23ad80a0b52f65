"""A run as Snakemake would plan it: one dataset, two seeds, three rounds; logs in a folder; a clock to be set."""

from dataclasses import dataclass, field
from pathlib import Path

from winnow.job.said import TIME, end_said, step_said
from winnow.progress.run import Job, Run

STAMP = "2026-11-29 14:05:04"
assert len(STAMP) == len("0000-00-00 00:00:00") and TIME.count("%") == 6


@dataclass
class Made:
    """A run and its logs."""

    folder: Path
    remote: bool = False
    seeds: tuple[int, ...] = (0, 1)
    rounds: int = 3
    seconds: dict[str, float] = field(default_factory=dict)
    now: float = 1000.0

    def __post_init__(self):
        jobs = [self._job("prepare_dataset", dataset="edges")]
        for seed in self.seeds:
            of_run = {"experiment": "demo", "dataset": "edges", "seed": str(seed)}
            jobs.append(self._job("train_dense", **of_run))
            of_run["method"] = "imp"
            jobs.append(self._job("prune_imp_first_round", **of_run))
            jobs += [self._job("prune_imp_round", **of_run, round=str(n)) for n in range(2, self.rounds + 1)]
            jobs.append(self._job("measure_locality", **of_run))
        jobs += [self._job("plot_fig4", figure="fig4"), Job(99, "all")]
        numbered = [Job(n, job.rule, job.wildcards, job.log) for n, job in enumerate(jobs)]
        self.run = Run("demo", numbered, self.rounds, remote=self.remote, seconds=self.seconds, clock=lambda: self.now)

    def _job(self, rule: str, **wildcards: str) -> Job:
        return Job(-1, rule, wildcards, self.folder / f"{rule}_{'_'.join(wildcards.values())}.log")

    def job(self, rule: str, **wildcards: object) -> Job:
        """The only job of a rule with these wildcards."""
        asked = {name: str(value) for name, value in wildcards.items()}.items()
        (found,) = [job for job in self.run.jobs.values() if job.rule == rule and asked <= job.wildcards.items()]
        return found

    def begin(self, rule: str, **wildcards: object) -> Job:
        job = self.job(rule, **wildcards)
        self.run.begin(job.number)
        return job

    def do(self, rule: str, seconds: float = 10.0, **wildcards: object) -> Job:
        """A job from its start to its end."""
        job = self.begin(rule, **wildcards)
        self.now += seconds
        if job.log:
            write(job, end_said(seconds, failed=False))
        self.run.finish(job.number)
        return job


def write(job: Job, *messages: str, level: str = "INFO", end: str = "\n") -> None:
    """Add to a job's log."""
    with job.log.open("a") as log:
        log.write("\n".join(f"{STAMP} {level} {message}" for message in messages) + end)


def trains(job: Job, step: int, steps: int = 100, rate: float = 4.0) -> None:
    """Have a job say how far it is."""
    write(job, step_said(step, steps, rate, (step, 0.5, 0.75)))

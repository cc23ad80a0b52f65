"""What it costs that a run says how far it is: of a training, of the view, and of a job's log."""

import io
import logging
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from rich.console import Console

from benchmarks.bench import BATCH, OURS, Row, paper_dataset, paper_network, race
from winnow.job.said import LogFile, StepWatch, end_said, step_said
from winnow.network import initial_parameters
from winnow.progress.run import Job, Run
from winnow.progress.view import View
from winnow.store.datasets import Dataset
from winnow.store.tensors import Mask, Parameters
from winnow.training import curve
from winnow.training.build import build_engine
from winnow.training.engine import Engine, Sgd
from winnow.training.watched import watched

SGD = Sgd(batch=BATCH, rate=0.1, norm_keep=0.99, norm_epsilon=1e-5)
TURNS = 100
SMALL = [3072, 128, 128, 4]
"""The default experiment's hidden units, on the paper's images: short steps, which show it most."""


class Unwatched:
    """A watch that sees and says nothing, as before there was one."""

    def __init__(self, *_: object, **__: object):
        pass

    def at(self, step: int) -> None:
        """Nothing."""

    def point(self, *_: object, **__: object) -> None:
        """Nothing."""


@contextmanager
def _unwatched() -> Iterator[None]:
    kept = curve.watched, curve.StepWatch
    curve.watched, curve.StepWatch = lambda batches, first, at: batches, Unwatched
    try:
        yield
    finally:
        curve.watched, curve.StepWatch = kept


def _few_classes(dataset: Dataset) -> Dataset:
    """The same images in as many classes as the small network has."""
    for split in (dataset.train, dataset.validation):
        split.labels[:] = split.labels % SMALL[-1]
    return Dataset(
        dataset.shape, tuple("abcd"), dataset.pixel_scale, dataset.mean_image, {}, dataset.train, dataset.validation
    )


def _small_network(density: float) -> tuple[Parameters, Mask]:
    start, draw = initial_parameters(SMALL, 0), np.random.default_rng(0)
    mask = {name: draw.random(start[name].shape) < density for name in ("layers.0.weight", "layers.1.weight")}
    return {name: array * mask[name] if name in mask else array for name, array in start.items()}, mask


def training() -> Iterator[Row]:
    """Steps that are watched, and said in a log every five seconds, beside the same steps that are not."""
    paper, (start, mask) = paper_dataset(4000, 40), paper_network(0.7**10)
    yield _watched(build_engine(start, mask, paper, SGD), paper, 20, "the paper's network at density 0.0282")
    few, (start, mask) = _few_classes(paper), _small_network(0.7**10)
    yield _watched(build_engine(start, mask, few, SGD), few, 200, "128:128 units at density 0.0282")


def _watched(engine: Engine, dataset: Dataset, n: int, what: str) -> Row:
    """Processor time of n steps, the median of many turns: by the clock, noise is larger than what is sought."""
    batches = np.random.default_rng(0).integers(len(dataset.train.images), size=(n, BATCH))
    seconds: dict[bool, list[float]] = {True: [], False: []}
    with TemporaryDirectory() as folder:
        log = LogFile(Path(folder) / "some.log")
        logging.getLogger("winnow").addHandler(log)
        logging.getLogger("winnow").setLevel(logging.INFO)
        for turn in range(2 * TURNS):
            is_watched = turn % 4 in (0, 3)  # neither always comes behind the other
            with nullcontext() if is_watched else _unwatched():
                start = time.process_time()
                curve.run(engine, batches, range(n), log_every=n)
                seconds[is_watched].append(time.process_time() - start)
        logging.getLogger("winnow").removeHandler(log)
        log.close()
    times = {OURS: seconds[True], "the same, not watched": seconds[False]}
    share = _watching(batches) * n / statistics.median(seconds[False])
    return Row(
        "progress",
        f"a step, watched; {what}",
        times={name: [value / n for value in values] for name, values in times.items()},
        note=f"processor time; {share:.2%} of a step by watching alone",
    )


def _watching(batches: np.ndarray) -> float:
    """Processor seconds a step of looking at the batches as they are taken, without any training."""

    def taken(some: Iterable[np.ndarray]) -> float:
        start = time.process_time()
        for _ in range(2000 // len(batches) + 1):
            for _ in some:
                pass
        return (time.process_time() - start) / (len(batches) * (2000 // len(batches) + 1))

    watch = StepWatch(len(batches), logging.getLogger("winnow"))
    seen = watched(batches, 0, watch.at)
    return min(taken(seen) for _ in range(20)) - min(taken(batches) for _ in range(20))


def view() -> Iterator[Row]:
    """A look at the logs and a new picture, once a second, of a large run: 50 jobs write, 1,000 chains of 30 rounds."""
    with TemporaryDirectory() as folder:
        jobs = [
            Job(
                100 * seed + n,
                "prune_imp_round",
                {"dataset": "edges", "seed": str(seed), "method": "imp", "round": str(n)},
                Path(folder) / f"{seed}_{n}.log",
            )
            for seed in range(1000)
            for n in range(2, 31)
        ]
        run = Run("large", jobs, 30)
        for job in jobs[: 50 * 29 : 29]:
            run.begin(job.number)
            LogFile(job.log).write(f"2026-11-29 14:05:04 INFO {step_said(10, 2000, 800.0, None)}\n")
        run.read_logs()
        console = Console(file=io.StringIO(), width=120, height=50, force_terminal=True)
        times = race({"look": run.read_logs, "draw": lambda: console.print(View(run))}, 5)
    yield Row(
        "progress",
        "a look at 50 logs, 29,000 jobs",
        times={OURS: times["look"]},
        note="once a second; on a cluster once in five",
    )
    yield Row(
        "progress",
        "a picture of 1,000 chains, 29,000 jobs",
        times={OURS: times["draw"]},
        note="in Snakemake's process; so seldom that it takes 5 % of a processor at most",
    )


def line() -> Iterator[Row]:
    """A line of a log."""
    with TemporaryDirectory() as folder:
        log = LogFile(Path(folder) / "some.log")
        record = logging.LogRecord("winnow", logging.INFO, "", 0, end_said(1.0, failed=False), None, None)
        seconds = race({OURS: _times(1000, lambda: log.emit(record))}, 5)[OURS]
        log.close()
    yield Row(
        "progress", "a line of a log", times={OURS: [value / 1000 for value in seconds]}, note="one every five seconds"
    )


def _times(n: int, task: Callable[[], object]) -> Callable[[], None]:
    def several() -> None:
        for _ in range(n):
            task()

    return several


CASES = {"training": training, "view": view, "line": line}

"""What all benchmarks share: rows of the table, clocks, rates of the machine, data of the paper's size."""

import itertools
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch

from winnow.masks import apply_mask, full_mask, prunable_names
from winnow.network import initial_parameters
from winnow.store.datasets import Dataset, Split
from winnow.store.tensors import Mask, Parameters

SIZES = [3072, 1024, 1024, 1000]
"""Units per layer of the paper's network."""

OURS = "winnow"
"""The contestant that all others are peers of."""

BATCH = 40
N_IMAGES = 50_000
"""Validation images of ImageNet32."""


@dataclass(frozen=True)
class Row:
    """A line of the table; what is made of its times is for `table` to say.

    Attributes:
        section: which part of the work.
        what: what is timed, and its size.
        x: place on the curve that the row belongs to, if any.
        threads: threads that each contestant may use.
        times: seconds of each turn by contestant, `OURS` and its peers; the k-th turns of all follow each other. None
            of ours: not run.
        shares: the share of the work that a peer did, where it is not all: its time for all of it is extrapolated.
        floor: what bounds the time from below.
        floor_seconds: that bound, by rates measured in the same run.
        peak_mb: largest resident memory of the process while this project's part ran, in 10⁶ bytes.
        note: anything else.
        case: which case it comes from, run with how many threads.
    """

    section: str
    what: str
    x: float | None = None
    threads: int = 1
    times: Mapping[str, Sequence[float]] = field(default_factory=dict)
    shares: Mapping[str, float] = field(default_factory=dict)
    floor: str = ""
    floor_seconds: float | None = None
    peak_mb: float | None = None
    note: str = ""
    case: str = ""

    def as_json(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self), ensure_ascii=False)


def race(
    tasks: Mapping[str, Callable[[], object]], turns: int = 5, clock: Callable[[], float] = time.perf_counter
) -> dict[str, list[float]]:
    """Times of each task in seconds, one a turn; wall times, unless another clock is given.

    They take turns, so that a busy machine hurts all alike; the order is reversed at each other turn, so that none
    always comes behind the same.
    """
    seconds: dict[str, list[float]] = {name: [] for name in tasks}
    for turn in range(turns):
        for name in [*tasks][:: 1 if turn % 2 == 0 else -1]:
            start = clock()
            tasks[name]()
            seconds[name].append(clock() - start)
    return seconds


def shortest(task: Callable[[], object], turns: int) -> float:
    """Shortest wall time of a task in seconds: of a rate, which a busy machine can only lower."""
    return min(race({"": task}, turns)[""])


def peak_mb() -> float:
    """Largest resident memory of this process so far, in 10⁶ bytes."""
    # Not `getrusage`, in which a process begins with the memory of the one that started it.
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6


def gemm_rate(m: int = 1024, k: int = 3072, n: int = 1024) -> float:
    """Rate of a float32 matrix product (m, k)(k, n) by PyTorch, in FLOP/s."""
    a, b = torch.randn(m, k), torch.randn(k, n)
    out = torch.empty(m, n)
    return 2 * m * k * n / shortest(lambda: torch.mm(a, b, out=out), 8)


def copy_rate(n_bytes: int = 2**28) -> float:
    """Bytes read and written per second by copying an array that no cache holds."""
    source, target = torch.ones(n_bytes // 4), torch.empty(n_bytes // 4)
    return 2 * n_bytes / shortest(lambda: target.copy_(source), 8)


def smooth_images(n: int, seed: int = 0, side: int = 32, channels: int = 3) -> np.ndarray:
    """Images with correlated pixels, (n, channels · side²) uint8: blocks of 8 × 8 and 2 × 2 pixels, and noise."""
    draw = np.random.default_rng(seed)
    images = np.empty((n, channels, side, side), np.uint8)
    for start in range(0, n, 2000):
        some = images[start : start + 2000]
        total = draw.normal(128, 10, some.shape).astype(np.float32)
        for block, deviation in ((8, 35), (2, 15)):
            coarse = draw.normal(0, deviation, (*some.shape[:2], side // block, side // block)).astype(np.float32)
            total += coarse.repeat(block, axis=2).repeat(block, axis=3)
        some[:] = np.clip(total, 0, 255)
    return images.reshape(n, -1)


def paper_dataset(n_train: int = 20_000, n_validation: int = 2_000) -> Dataset:
    """A dataset of the paper's image size and classes, in memory; labels are sorted."""
    splits = [
        Split(smooth_images(n, seed), np.sort(np.arange(n) % SIZES[-1]))
        for seed, n in enumerate((n_train, n_validation))
    ]
    mean_image = splits[0].images.mean(axis=0, dtype=np.float64).astype(np.float32)
    classes = tuple(str(k) for k in range(SIZES[-1]))
    return Dataset((3, 32, 32), classes, 255.0, mean_image, {"source": "benchmark"}, *splits)


def paper_network(density: float | None = None, seed: int = 0) -> tuple[Parameters, Mask | None]:
    """The paper's network at its start, and a random mask of a density (None: no mask)."""
    start = initial_parameters(SIZES, seed)
    if density is None:
        return start, None
    draw = np.random.default_rng(seed)
    mask = full_mask(start)
    if density < 1:
        mask = {name: draw.random(m.shape) < density for name, m in mask.items()}
    return apply_mask(start, mask), mask


def nested_masks(rounds: int, share: float = 0.3, seed: int = 0) -> list[Mask]:
    """Random masks m(0) … m(rounds) of the paper's network."""
    start = initial_parameters(SIZES, seed)
    draw = np.random.default_rng(seed)
    rank = {name: draw.random(start[name].shape) for name in prunable_names(start)}
    return [{name: values < (1 - share) ** n for name, values in rank.items()} for n in range(rounds + 1)]


def step_floor(density: float) -> tuple[float, float]:
    """FLOPs and bytes that a step of SGD cannot do without at a density of the hidden layers.

    A product forward, one for the gradient of the weights, one for that of the inputs in all layers but the first; each
    weight is read twice and written once.
    """
    flops = n_bytes = 0.0
    for i, (n_in, n_out) in enumerate(itertools.pairwise(SIZES)):
        weights = n_in * n_out * (density if i < len(SIZES) - 2 else 1)
        flops += 2 * BATCH * weights * (3 if i else 2)
        n_bytes += 4 * 3 * weights
    return flops, n_bytes


Cases = Mapping[str, Callable[[], Iterator[Row]]]

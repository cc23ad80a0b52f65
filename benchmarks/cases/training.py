"""Steps of training: this project's engines against `torch.nn.utils.prune` with plain SGD."""

import itertools
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import nn
from torch.nn.utils import prune

from benchmarks.bench import (
    BATCH,
    SIZES,
    Row,
    copy_rate,
    gemm_rate,
    paper_dataset,
    paper_network,
    peak_mb,
    race,
    step_floor,
)
from winnow.masks import apply_mask, full_mask
from winnow.pruning.scores import prune_by_score
from winnow.store.datasets import Dataset
from winnow.store.tensors import Mask, Parameters
from winnow.training.build import build_engine
from winnow.training.engine import Sgd

SGD = Sgd(batch=BATCH, rate=0.1, norm_keep=0.99, norm_epsilon=1e-5)
DENSITIES = [0.7**n for n in range(11)]
ROUNDS, STEPS_A_ROUND = 10, 30


class PruneModules:
    """The peer: modules of PyTorch, masked by `torch.nn.utils.prune`, autograd, `torch.optim.SGD`."""

    def __init__(self, start: Parameters, mask: Mask, dataset: Dataset):
        modules = []
        for i, (n_in, n_out) in enumerate(itertools.pairwise(SIZES)):
            layer = nn.Linear(n_in, n_out)
            for name in ("weight", "bias"):
                getattr(layer, name).data.copy_(torch.from_numpy(start[f"layers.{i}.{name}"]))
                if f"layers.{i}.{name}" in mask:
                    prune.custom_from_mask(layer, name, torch.from_numpy(mask[f"layers.{i}.{name}"]))
            modules += [nn.BatchNorm1d(n_in, momentum=1 - SGD.norm_keep), layer, nn.ReLU()]
        self._network = nn.Sequential(*modules[:-1])
        self._optimiser = torch.optim.SGD(self._network.parameters(), lr=SGD.rate)
        self._dataset = dataset

    def advance(self, batches: np.ndarray) -> None:
        """A step for each row of `batches`."""
        for rows in batches:
            images = torch.from_numpy(self._dataset.prepare(self._dataset.train.images[rows]))
            labels = torch.from_numpy(self._dataset.train.labels[rows])
            self._optimiser.zero_grad()
            nn.functional.cross_entropy(self._network(images), labels).backward()
            self._optimiser.step()


def _steps(dataset: Dataset, n: int) -> np.ndarray:
    return np.random.default_rng(0).integers(len(dataset.train.images), size=(n, BATCH))


def _floor(density: float, flops: float, n_bytes: float) -> tuple[str, float]:
    needed_flops, needed_bytes = step_floor(density)
    by_flops, by_bytes = needed_flops / flops, needed_bytes / n_bytes
    if by_flops > by_bytes:
        return f"{needed_flops / 1e9:.2f} GFLOP at {flops / 1e9:.0f} GFLOP/s", by_flops
    return f"{needed_bytes / 1e6:.0f} MB at {n_bytes / 1e9:.1f} GB/s", by_bytes


def steps() -> Iterator[Row]:
    """A step at the densities of IMP's rounds, for each engine."""
    dataset = paper_dataset()
    flops, n_bytes = gemm_rate(), copy_rate()
    batches = _steps(dataset, 20)
    for density in DENSITIES:
        start, mask = paper_network(density)
        engine = build_engine(start, None if density == 1 else mask, dataset, SGD)
        engine.advance(batches)
        peak = peak_mb()
        contestants = {
            "chosen": engine,
            "nn.utils.prune": PruneModules(start, mask, dataset),
            "reference": build_engine(start, mask, dataset, SGD, engine="reference"),
            "dense": build_engine(start, mask, dataset, SGD, engine="dense"),
            "sparse": build_engine(start, mask, dataset, SGD, engine="sparse"),
        }
        for contestant in contestants.values():
            contestant.advance(batches[:2])  # compiled, buffers allocated
        seconds = race([_advance(contestant, batches) for contestant in contestants.values()], 4)
        by_name = dict(zip(contestants, (value / len(batches) for value in seconds), strict=True))
        floor, floor_seconds = _floor(density, flops, n_bytes)
        shared = {"x": density, "threads": torch.get_num_threads()}
        yield Row(
            "training",
            f"step at density {density:.3g}",
            seconds=by_name["chosen"],
            peer="`torch.nn.utils.prune`, SGD",
            peer_seconds=by_name["nn.utils.prune"],
            floor=floor,
            floor_seconds=floor_seconds,
            peak_mb=peak,
            note=f"{engine.name} engine",
            **shared,
        )
        for name in ("reference", "dense", "sparse"):
            yield Row("training curve", name, seconds=by_name[name], **shared)


def _advance(contestant, batches: np.ndarray) -> Callable[[], None]:
    return lambda: contestant.advance(batches)


def whole_imp() -> Iterator[Row]:
    """IMP at the paper's size with fewer steps a round: dense, then nine masked rounds; both train the same masks."""
    dataset = paper_dataset()
    batches = _steps(dataset, STEPS_A_ROUND)
    rewind, _ = paper_network()
    ones = full_mask(rewind)
    mask, ours, theirs = ones, 0.0, 0.0
    for n in range(1, ROUNDS + 1):
        start = apply_mask(rewind, mask)
        engine = build_engine(start, None if n == 1 else mask, dataset, SGD)
        peer = PruneModules(start, mask, dataset)
        build_engine(start, mask, dataset, SGD).advance(batches[:1])  # compiled
        seconds = race([_advance(engine, batches), _advance(peer, batches)], 3)
        ours, theirs = ours + seconds[0], theirs + seconds[1]
        trained = engine.parameters()
        mask = prune_by_score({name: abs(trained[name]) for name in mask}, mask, n, share=0.3, pool="layerwise")
    yield Row(
        "training",
        f"IMP, {ROUNDS} rounds of {STEPS_A_ROUND} steps",
        threads=torch.get_num_threads(),
        seconds=ours,
        peer="`torch.nn.utils.prune`, SGD",
        peer_seconds=theirs,
        peak_mb=peak_mb(),
        note="peak memory with the peer's",
    )


def gpu() -> Iterator[Row]:
    """A step on the GPU, if there is one."""
    what = "step on the GPU at density"
    if not torch.cuda.is_available():
        for density in (1.0, 0.7**10):
            yield Row("training", f"{what} {density:.3g}", note="not run: no CUDA GPU")
        return
    dataset = paper_dataset()
    source, target = torch.ones(2**28, device="cuda"), torch.empty(2**28, device="cuda")

    def copy() -> None:
        target.copy_(source)
        torch.cuda.synchronize()

    copy()
    rate = 2 * 4 * 2**28 / race([copy], 5)[0]
    batches = _steps(dataset, 2000)
    for density in (1.0, 0.7**10):
        start, mask = paper_network(density)
        engine = build_engine(start, None if density == 1 else mask, dataset, SGD, device="cuda")
        reference = build_engine(start, mask, dataset, SGD, device="cuda", engine="reference")
        engine.advance(batches[:100])
        reference.advance(batches[:100])
        ours, theirs = race([_advance(engine, batches), _advance(reference, batches[:200])], 3)
        n_bytes = step_floor(1.0)[1]  # dense weights, whatever the mask
        yield Row(
            "training",
            f"{what} {density:.3g}",
            seconds=ours / len(batches),
            peer="autograd on the GPU",
            peer_seconds=theirs / 200,
            floor=f"{n_bytes / 1e6:.0f} MB at {rate / 1e9:.0f} GB/s",
            floor_seconds=n_bytes / rate,
            note=engine.device,
        )


CASES = {"steps": steps, "whole_imp": whole_imp, "gpu": gpu}

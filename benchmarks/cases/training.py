"""Steps of training: this project's engines beside all peers of `benchmarks.peers`."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch

from benchmarks import ROOT
from benchmarks.bench import (
    BATCH,
    OURS,
    Row,
    copy_rate,
    gemm_rate,
    paper_dataset,
    paper_network,
    peak_mb,
    race,
    shortest,
    step_floor,
)
from benchmarks.peers import PEERS, missing
from winnow.masks import apply_mask, full_mask
from winnow.pruning.scores import prune_by_score
from winnow.store.datasets import Dataset
from winnow.store.tensors import Mask, Parameters
from winnow.training.build import build_engine
from winnow.training.engine import Sgd
from winnow.training.graph import GraphEngine
from winnow.training.reference import ReferenceEngine

SGD = Sgd(batch=BATCH, rate=0.1, norm_keep=0.99, norm_epsilon=1e-5)
DENSITIES = [0.7**n for n in range(11)]
ROUNDS, STEPS_A_ROUND = 10, 30
TURNS, TURNS_WHOLE = 7, 3
GPU_DENSITIES = (1.0, 0.7**10)
STEP_ON_GPU, START_ON_GPU = "step on the GPU at density", "images to the GPU, capture, first step"
AUTOGRAD = "autograd on the GPU"
OPTION_DENSITIES = (1.0, 0.7**4, 0.7**10)
MOMENTUM, NO_NORM = "with momentum, weight decay and a schedule", "without batch norm"


def _steps(dataset: Dataset, n: int) -> np.ndarray:
    return np.random.default_rng(0).integers(len(dataset.train.images), size=(n, BATCH))


def _floor(density: float, flops: float, n_bytes: float) -> tuple[str, float]:
    needed_flops, needed_bytes = step_floor(density)
    by_flops, by_bytes = needed_flops / flops, needed_bytes / n_bytes
    if by_flops > by_bytes:
        return f"{needed_flops / 1e9:.2f} GFLOP at {flops / 1e9:.0f} GFLOP/s", by_flops
    return f"{needed_bytes / 1e6:.0f} MB at {n_bytes / 1e9:.1f} GB/s", by_bytes


def steps() -> Iterator[Row]:
    """A step at the densities of IMP's rounds, for each engine and all peers."""
    dataset = paper_dataset()
    flops, n_bytes = gemm_rate(), copy_rate()
    batches = _steps(dataset, 20)
    for density in DENSITIES:
        start, mask = paper_network(density)
        mask = None if density == 1 else mask
        engine = build_engine(start, mask, dataset, SGD)
        engine.advance(batches)
        peak = peak_mb()
        contestants = {OURS: engine, **_peers(start, mask, dataset)}
        contestants |= {name: build_engine(start, mask, dataset, SGD, engine=name) for name in ("dense", "sparse")}
        for contestant in contestants.values():
            contestant.advance(batches[:2])  # compiled, buffers allocated
        times = race({name: _advance(one, batches) for name, one in contestants.items()}, TURNS)
        a_step = {name: [seconds / len(batches) for seconds in turns] for name, turns in times.items()}
        curves = {name: a_step.pop(name) for name in ("dense", "sparse")}
        floor, floor_seconds = _floor(density, flops, n_bytes)
        shared = {"x": density, "threads": torch.get_num_threads()}
        yield Row(
            "training",
            f"step at density {density:.3g}",
            times=a_step,
            floor=floor,
            floor_seconds=floor_seconds,
            peak_mb=peak,
            note="; ".join([f"{engine.name} engine", *_left_out()]),
            **shared,
        )
        for name, turns in curves.items():
            yield Row("training curve", name, times={OURS: turns}, **shared)


def _peers(start: Parameters, mask: Mask | None, dataset: Dataset) -> dict[str, Any]:
    """The peers that can run here."""
    return {name: peer(start, mask, dataset, SGD) for name, peer in PEERS.items() if name not in missing()}


def _left_out() -> list[str]:
    return [f"without {name}: {why}" for name, why in missing().items()]


def _advance(contestant, batches: np.ndarray) -> Callable[[], None]:
    return lambda: contestant.advance(batches)


FIRST_STEP = """
import sys
import numpy as np
from winnow.network import initial_parameters
from winnow.store.datasets import Dataset, Split
from winnow.training.build import build_engine
from winnow.training.engine import Sgd

images = np.random.default_rng(0).integers(256, size=(40, 3072), dtype=np.uint8)
split = Split(images, np.arange(40) % 4)
dataset = Dataset((3, 32, 32), tuple("abcd"), 255.0, np.full(3072, 128, np.float32), {}, split, split)
start = initial_parameters([3072, 128, 128, 4], 0)
build_engine(start, None, dataset, Sgd(40, 0.1, 0.99, 1e-5), engine=sys.argv[1]).advance(np.arange(40)[None])
"""


def start() -> Iterator[Row]:
    """From the start of Python to the first step, beside the engine that needs PyTorch; without Snakemake's part."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "workflow" / "scripts")}

    def task(engine: str) -> Callable[[], object]:
        return lambda: subprocess.run([sys.executable, "-c", FIRST_STEP, engine], env=environment, check=True)

    tasks = {OURS: task("auto"), "engine `reference`, PyTorch": task("reference")}
    tasks[OURS]()  # compiled
    yield Row("training", "start of a process to the first step", times=race(tasks, TURNS))


def precision() -> Iterator[Row]:
    """What `training.precision: float64` costs: a step beside the same in float32."""
    dataset = paper_dataset()
    batches = _steps(dataset, 20)
    for density in (1.0, 0.7**10):
        start, mask = paper_network(density)
        mask = None if density == 1 else mask
        double = {name: array.astype(np.float64) for name, array in start.items()}
        engines = {OURS: build_engine(double, mask, dataset, SGD), "float32": build_engine(start, mask, dataset, SGD)}
        for engine in engines.values():
            engine.advance(batches[:2])
        times = race({name: _advance(engine, batches) for name, engine in engines.items()}, TURNS)
        yield Row(
            "training",
            f"step in float64 at density {density:.3g}",
            threads=torch.get_num_threads(),
            times={name: [seconds / len(batches) for seconds in turns] for name, turns in times.items()},
        )


def options() -> Iterator[Row]:
    """What momentum with weight decay costs, and what batch norm: a step beside the plain one, turn by turn.

    In processor time, which a busy machine changes little: the ratios are near 1.
    """
    dataset = paper_dataset()
    batches, rates = _steps(dataset, 20), np.full(20, SGD.rate)
    moving = replace(SGD, momentum=0.9, weight_decay=5e-4, scheduled=True)
    for density in OPTION_DENSITIES:
        start, mask = paper_network(density)
        mask = None if density == 1 else mask
        bare = {name: array for name, array in start.items() if not name.startswith("norms.")}
        others = {
            MOMENTUM: (build_engine(start, mask, dataset, moving), rates),
            NO_NORM: (build_engine(bare, mask, dataset, SGD), None),
        }
        plain = build_engine(start, mask, dataset, SGD)
        tasks = {name: partial(engine.advance, batches, given) for name, (engine, given) in others.items()}
        tasks["plain steps"] = partial(plain.advance, batches)
        for task in tasks.values():
            task()  # compiled, buffers allocated
        times = race(tasks, TURNS, time.process_time)
        a_step = {name: [seconds / len(batches) for seconds in turns] for name, turns in times.items()}
        for name in others:
            yield Row(
                "training",
                f"step {name} at density {density:.3g}",
                threads=torch.get_num_threads(),
                times={OURS: a_step[name], "plain steps": a_step["plain steps"]},
                note="processor time",
            )


def whole_imp() -> Iterator[Row]:
    """IMP at the paper's size with fewer steps a round: dense, then nine masked rounds; all train the same masks."""
    dataset = paper_dataset()
    batches = _steps(dataset, STEPS_A_ROUND)
    rewind, _ = paper_network()
    mask, total = full_mask(rewind), {}
    for n in range(1, ROUNDS + 1):
        start, held = apply_mask(rewind, mask), None if n == 1 else mask
        engine = build_engine(start, held, dataset, SGD)
        contestants = {OURS: engine, **_peers(start, held, dataset)}
        build_engine(start, held, dataset, SGD).advance(batches[:1])  # compiled
        for peer in _peers(start, held, dataset).values():
            peer.advance(batches[:1])
        for name, turns in race(
            {name: _advance(one, batches) for name, one in contestants.items()}, TURNS_WHOLE
        ).items():
            total[name] = [sum(pair) for pair in zip(total.get(name, [0.0] * TURNS_WHOLE), turns, strict=True)]
        trained = engine.parameters()
        mask = prune_by_score({name: abs(trained[name]) for name in mask}, mask, n, share=0.3, pool="layerwise")
    yield Row(
        "training",
        f"IMP, {ROUNDS} rounds of {STEPS_A_ROUND} steps",
        threads=torch.get_num_threads(),
        times=total,
        peak_mb=peak_mb(),
        note="; ".join(["peak memory with the peers'", *_left_out()]),
    )


def gpu() -> Iterator[Row]:
    """On the GPU, if there is one: a step beside the floor that memory sets, and what comes before the first step."""
    if torch.cuda.is_available():
        yield from on_device("cuda")
        return
    for what in (*(f"{STEP_ON_GPU} {density:.3g}" for density in GPU_DENSITIES), START_ON_GPU):
        yield Row("training", what, note="not run: no CUDA GPU")


def on_device(device: str, *, steps: int = 2000, plain_steps: int = 200, turns: int = TURNS) -> Iterator[Row]:
    """The rows of `gpu`; on a CPU, without a graph, only to try the code.

    Args:
        device: where to train.
        steps: steps of a turn.
        plain_steps: those of the peer, which is slower.
        turns: turns.
    """
    dataset = paper_dataset()
    source, target = (torch.ones(2**28 if device == "cuda" else 2**24, device=device) for _ in range(2))

    def copy() -> None:
        target.copy_(source)
        if device == "cuda":
            torch.cuda.synchronize()

    copy()
    rate = 2 * source.nbytes / shortest(copy, 5)
    batches = _steps(dataset, steps)
    for density in GPU_DENSITIES:
        start, mask = paper_network(density)
        mask = None if density == 1 else mask
        engine = GraphEngine(start, mask, dataset, SGD, device=device)
        reference = ReferenceEngine(start, mask, dataset, SGD, device=device)
        engine.advance(batches[:100])
        reference.advance(batches[:100])
        times = race({OURS: _advance(engine, batches), AUTOGRAD: _advance(reference, batches[:plain_steps])}, turns)
        n_bytes = step_floor(1.0)[1]  # dense weights, whatever the mask
        yield Row(
            "training",
            f"{STEP_ON_GPU} {density:.3g}",
            times={
                OURS: [seconds / steps for seconds in times[OURS]],
                AUTOGRAD: [seconds / plain_steps for seconds in times[AUTOGRAD]],
            },
            floor=f"{n_bytes / 1e6:.0f} MB at {rate / 1e9:.0f} GB/s",
            floor_seconds=n_bytes / rate,
            note=engine.device,
        )

    def begin() -> None:
        GraphEngine(start, mask, dataset, SGD, device=device).advance(batches[:1])

    yield Row(
        "training",
        START_ON_GPU,
        times=race({OURS: begin}, turns),
        note=f"CUDA is up already; {dataset.train.images.nbytes / 1e6:.0f} MB of images",
    )


CASES = {"start": start, "steps": steps, "precision": precision, "options": options, "whole_imp": whole_imp, "gpu": gpu}

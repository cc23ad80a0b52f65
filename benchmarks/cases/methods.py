"""Pruning methods at the paper's size, beside the training that they save or the statistic that they are akin to."""

from collections.abc import Iterator
from functools import partial

import numpy as np
import torch

from benchmarks.bench import BATCH, N_IMAGES, OURS, Row, paper_dataset, paper_network, peak_mb, race
from winnow.masks import apply_mask, full_mask
from winnow.measure.cavity import measure_cavity
from winnow.pruning.at_start import prune_at_start
from winnow.pruning.criteria.registry import CRITERIA, defaults
from winnow.pruning.methods import BUILT_IN
from winnow.pruning.moving import MovingMaskEngine, Schedule, random_start
from winnow.pruning.scored import masked, score_network
from winnow.training.build import build_engine
from winnow.training.engine import Sgd

SGD = Sgd(batch=BATCH, rate=0.1, norm_keep=0.99, norm_epsilon=1e-5)
STEPS, STEPS_TIMED = 40_000, 200
ROUND = 10
TURNS = 3


def at_start() -> Iterator[Row]:
    """SNIP, GraSP and SynFlow to the last density, beside one dense training."""
    dataset, (start, _) = paper_dataset(), paper_network()
    engine = build_engine(start, None, dataset, SGD)
    batches = np.random.default_rng(0).integers(len(dataset.train.images), size=(STEPS_TIMED, BATCH))
    engine.advance(batches[:2])
    training = f"one dense training, {STEPS} steps"
    for name in ("snip", "grasp", "synflow"):
        ours = partial(
            prune_at_start,
            start,
            dataset,
            rounds=[ROUND],
            seed=0,
            share=0.3,
            pool="global",
            criterion=name,
            iterations=BUILT_IN[name].iterations,
        )
        yield Row(
            "methods",
            f"{name}, to density 0.028",
            threads=torch.get_num_threads(),
            times=race({OURS: ours, training: lambda: engine.advance(batches)}, TURNS),
            shares={training: STEPS_TIMED / STEPS},
            peak_mb=peak_mb(),
        )


def gauss_newton() -> Iterator[Row]:
    """OBD's scores over all images, beside the cavity scores of one round over as many."""
    dataset, (trained, _) = paper_dataset(n_train=N_IMAGES, n_validation=N_IMAGES), paper_network()
    everything = full_mask(trained)
    network = masked(trained, trained, everything, dataset, seed=0, epsilon=1e-5, device="cpu")
    tasks = {
        OURS: lambda: score_network(network, "obd", {"images": N_IMAGES}),
        "cavity scores of the first layer, one round": lambda: measure_cavity(
            trained, [everything, everything], dataset
        ),
    }
    yield Row(
        "methods",
        f"OBD, diagonal Gauss–Newton, {N_IMAGES} images",
        threads=torch.get_num_threads(),
        times=race(tasks, TURNS),
        peak_mb=peak_mb(),
    )


def moving() -> Iterator[Row]:
    """Steps of SET and RigL with their updates, beside the same steps with the mask held."""
    dataset, (start, _) = paper_dataset(), paper_network()
    batches = np.random.default_rng(0).integers(len(dataset.train.images), size=(STEPS_TIMED + 1, BATCH))
    for density in (0.7**3, 0.7**ROUND):
        mask = random_start(start, density, "global", 0)
        held = build_engine(apply_mask(start, mask), mask, dataset, SGD)
        held.advance(batches[:2])
        for name in ("set", "rigl"):
            engine = MovingMaskEngine(
                build_engine(apply_mask(start, mask), mask, dataset, SGD),
                mask,
                dataset,
                Schedule(steps=STEPS, **defaults(CRITERIA[name].settings)),
                name,
                seed=0,
                epsilon=1e-5,
            )
            yield Row(
                "methods",
                f"{name}, {len(batches)} steps with 2 updates, density {density:.2g}",
                threads=torch.get_num_threads(),
                times=race(
                    {
                        OURS: partial(engine.advance, batches),
                        "the same steps, mask held": partial(held.advance, batches),
                    },
                    TURNS,
                ),
                peak_mb=peak_mb(),
            )


CASES = {"at_start": at_start, "gauss_newton": gauss_newton, "moving": moving}

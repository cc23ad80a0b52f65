"""Training with a penalty that leaves weights at zero; how many, is an outcome, and its strength is sought."""

import logging
from collections.abc import Callable
from functools import partial

import torch

from winnow.job.devices import Device
from winnow.masks import full_mask
from winnow.pruning.criteria.registry import load_step
from winnow.store.datasets import Dataset
from winnow.store.tensors import Mask, Parameters
from winnow.training.curve import Curve, run
from winnow.training.engine import Sgd
from winnow.training.reference import ReferenceEngine
from winnow.training.settings import TrainingSettings, draw_batches

log = logging.getLogger(__name__)

Step = Callable[..., torch.Tensor]


class PenalisedEngine(ReferenceEngine):
    """The reference engine (the others have no such step), with another step for the prunable weights.

    Biases, batch norm and the output layer take the usual steps: a threshold on γ would switch pixels off.  Instead of
    the gradient the step is given v, with momentum and weight decay: the penalty is no part of the momentum.

    Args:
        step: `(weight, gradient, rate=rate) -> weight`.
        start, dataset, sgd, device: see `winnow.training.build.build_engine`.
    """

    def __init__(self, step: Step, start: Parameters, dataset: Dataset, sgd: Sgd, *, device: Device = "cpu"):
        super().__init__(start, None, dataset, sgd, device=device)
        self._own_step = step
        self._own = {name for name in full_mask(start) if name.endswith(".weight")}

    def _descend(self, name: str, parameter: torch.Tensor, gradient: torch.Tensor, rate: float) -> None:
        if name in self._own:
            parameter.copy_(self._own_step(parameter, self._direction(name, parameter, gradient), rate=rate))
        else:
            super()._descend(name, parameter, gradient, rate)


def nonzero_mask(parameters: Parameters) -> Mask:
    """The mask of the prunable weights that are not zero; biases survive."""
    mask = full_mask(parameters)
    return {name: parameters[name] != 0 if name.endswith(".weight") else m for name, m in mask.items()}


def weight_density(mask: Mask) -> float:
    """Share of the prunable weights that survive."""
    weights = [m for name, m in mask.items() if name.endswith(".weight")]
    return sum(int(m.sum()) for m in weights) / sum(m.size for m in weights)


def train_to_density(
    start: Parameters,
    dataset: Dataset,
    density: float,
    *,
    seed: int,
    criterion: str,
    lowest: float,
    highest: float,
    trials: int,
    tolerance: float,
    settings: TrainingSettings,
    device: Device = "cpu",
    **own: float,
) -> tuple[Mask, Curve]:
    """Train with the strength of the penalty at which a density comes out, found by bisection of its logarithm.

    Args:
        start: the initial parameters.
        dataset: what to train on.
        density: share of the prunable weights that is to survive.
        seed: seed of the run.
        criterion: one of `winnow.pruning.criteria.registry.CRITERIA`, with a step of its own.
        lowest: a strength at which more weights survive.
        highest: one at which fewer do.
        trials: trainings at most.
        tolerance: how far from the density, relative to it, is near enough.
        settings: how to train.
        device: where to train.
        own: the criterion's other settings.

    Returns:
        The mask whose density came nearest, and the training curve.  How near it came is said in the log.

    Raises:
        TrainingError: training diverged.
    """
    step, sgd = load_step(criterion), settings.sgd
    batches = draw_batches(dataset, settings, seed, 1)
    best: tuple[float, Mask, Curve] | None = None
    for trial in range(1, trials + 1):
        strength = float((lowest * highest) ** 0.5)
        with_strength = partial(step, strength=strength, **own)
        engine = PenalisedEngine(with_strength, start, dataset, sgd, device=device)
        curve = run(engine, batches, range(settings.steps), log_every=settings.log_every, rates=settings.rates)
        mask = nonzero_mask(engine.parameters())
        found = weight_density(mask)
        log.info("trial %d: strength %.3g leaves %.4f of the weights, wanted %.4f", trial, strength, found, density)
        if best is None or abs(found - density) < best[0]:
            best = (abs(found - density), mask, curve)
        if abs(found - density) <= tolerance * density:
            break
        lowest, highest = (strength, highest) if found > density else (lowest, strength)
    if best is None:
        raise ValueError("no training was asked for: trials must be at least 1")
    if best[0] > tolerance * density:
        log.warning("wanted a density of %.4f, the nearest that came out is %.4f", density, weight_density(best[1]))
    return best[1], best[2]

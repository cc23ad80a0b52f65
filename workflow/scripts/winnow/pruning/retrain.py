"""Training of a pruned network from the rewind point."""

import numpy as np

from winnow.job.devices import Device
from winnow.masks import PruningError, apply_mask
from winnow.network import layer_sizes
from winnow.store.datasets import Dataset
from winnow.store.tensors import Mask, Parameters
from winnow.training.curve import Curve, run
from winnow.training.settings import TrainingSettings, draw_batches


def retrain_pruned(
    rewind: Parameters,
    mask: Mask,
    dataset: Dataset,
    *,
    seed: int,
    n: int,
    settings: TrainingSettings,
    device: Device = "cpu",
) -> Curve:
    """Train θ(t_rewind) ⊙ m(n) of any method, with the batches that IMP's round n + 1 draws, to see how well it learns.

    Returns:
        The training curve.

    Raises:
        TrainingError: training diverged.
        PruningError: parameters, mask and dataset do not fit together.
    """
    return train_from_rewind(rewind, mask, dataset, seed, n + 1, settings, device)[1]


def train_from_rewind(
    rewind: Parameters, mask: Mask, dataset: Dataset, seed: int, n: int, settings: TrainingSettings, device: Device
) -> tuple[Parameters, Curve]:
    """The rest of a training from θ(t_rewind) ⊙ mask, with the batches of round n; momentum starts from rest."""
    _check_dataset(rewind, dataset)
    engine = settings.build_engine(apply_mask(rewind, mask), mask, dataset, device)
    batches = draw_batches(dataset, settings, seed, n)
    rest = range(settings.rewind, settings.steps)
    curve = run(engine, batches, rest, log_every=settings.log_every, rates=settings.rates)
    return engine.parameters(), curve


def _check_dataset(parameters: Parameters, dataset: Dataset) -> None:
    n_inputs, *_, n_classes = layer_sizes(parameters)
    n_pixels, of_dataset = int(np.prod(dataset.shape)), len(dataset.classes)
    if (n_inputs, n_classes) != (n_pixels, of_dataset):
        raise PruningError(
            f"the network has {n_inputs} inputs and {n_classes} classes, the dataset {n_pixels} pixels and "
            f"{of_dataset} classes: they are not of the same experiment"
        )

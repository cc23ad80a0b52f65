"""Iterative magnitude pruning with rewinding: the steps that train.

Round `n = 1 … N`: load `θ(t_rewind) ⊙ m(n−1)`, train the remaining `T − t_rewind` steps with the mask held, remove the
share `s` of the surviving parameters with the smallest scores: that is `m(n)`.  Round 1 continues the dense training,
which therefore yields both `θ(t_rewind)` and round 1's trained network.
"""

from dataclasses import dataclass

import numpy as np

from winnow.devices import Device
from winnow.network import InitialWeights, initial_parameters, layer_sizes
from winnow.pruning import Pool, PruningError, apply_mask, prune_by_score, score_parameters
from winnow.store import Dataset, Mask, Parameters
from winnow.streams import stream
from winnow.training import Curve, Engine, EngineName, Precision, Sgd, build_engine, join_curves, run


@dataclass(frozen=True)
class TrainingSettings:
    """What one training depends on, beside its start, its mask and its data.

    Attributes:
        steps: T, SGD steps of a whole training.
        rewind: t_rewind, the step to which parameters are rewound.
        batch: images a step, drawn with replacement.
        rate: learning rate.
        log_every: steps between two points of the training curve.
        norm_keep: share of batch norm's running mean and variance kept per step.
        norm_epsilon: added to the variance in batch norm.
        engine: which engine trains; see `winnow.training`.
        precision: of matrix products on a GPU.
    """

    steps: int
    rewind: int
    batch: int
    rate: float
    log_every: int
    norm_keep: float
    norm_epsilon: float
    engine: EngineName = "auto"
    precision: Precision = "float32"

    def build_engine(self, start: Parameters, mask: Mask | None, dataset: Dataset, device: Device) -> Engine:
        """A network ready to be trained with these settings; see `winnow.training.build_engine`."""
        return build_engine(
            start,
            mask,
            dataset,
            Sgd(self.batch, self.rate, self.norm_keep, self.norm_epsilon),
            engine=self.engine,
            device=device,
            precision=self.precision,
        )


def draw_batches(dataset: Dataset, settings: TrainingSettings, *keys: int | str) -> np.ndarray:
    """Indices of each step's training images, drawn with replacement, by the keys alone: (steps, batch) int64."""
    return stream("batches", *keys).integers(len(dataset.train.images), size=(settings.steps, settings.batch))


def train_dense(
    dataset: Dataset,
    *,
    seed: int,
    hidden: list[int],
    initial_weights: InitialWeights,
    settings: TrainingSettings,
    device: Device = "cpu",
) -> tuple[Parameters, Parameters, Curve]:
    """Train the dense network from its initial weights.

    Args:
        dataset: what to train on.
        seed: seed of the run.
        hidden: units of each hidden layer.
        initial_weights: distribution of the initial weights.
        settings: how to train.
        device: where to train.

    Returns:
        θ(t_rewind), θ(T), and the training curve.

    Raises:
        TrainingError: training diverged.
    """
    sizes = [int(np.prod(dataset.shape)), *hidden, len(dataset.classes)]
    engine = settings.build_engine(initial_parameters(sizes, seed, initial_weights), None, dataset, device)
    batches = draw_batches(dataset, settings, seed, 1)
    before = run(engine, batches, range(settings.rewind), log_every=settings.log_every)
    rewind = engine.parameters()
    after = run(engine, batches, range(settings.rewind, settings.steps), log_every=settings.log_every)
    return rewind, engine.parameters(), join_curves([before, after])


def prune_imp_round(
    rewind: Parameters,
    mask: Mask,
    dataset: Dataset,
    *,
    seed: int,
    n: int,
    share: float,
    pool: Pool,
    criterion: str,
    settings: TrainingSettings,
    device: Device = "cpu",
) -> tuple[Mask, Curve]:
    """Round n ≥ 2: rewind, train with m(n−1) held, prune.

    Args:
        rewind: θ(t_rewind).
        mask: m(n−1).
        dataset: what to train on.
        seed: seed of the run.
        n: the round; the batches of a round are its own.
        share: s, pruned per round.
        pool: which parameters share a threshold.
        criterion: one of `winnow.criteria.CRITERIA`.
        settings: how to train.
        device: where to train.

    Returns:
        m(n), and the training curve of the network under m(n−1).

    Raises:
        TrainingError: training diverged.
        PruningError: parameters, mask and dataset do not fit together.
    """
    trained, curve = _train_from_rewind(rewind, mask, dataset, seed, n, settings, device)
    scores = score_parameters(rewind=rewind, trained=trained, criterion=criterion)
    return prune_by_score(scores, mask, n, share=share, pool=pool), curve


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
    return _train_from_rewind(rewind, mask, dataset, seed, n + 1, settings, device)[1]


def _train_from_rewind(
    rewind: Parameters, mask: Mask, dataset: Dataset, seed: int, n: int, settings: TrainingSettings, device: Device
) -> tuple[Parameters, Curve]:
    """The rest of a training from θ(t_rewind) ⊙ mask, with the batches of round n."""
    _check_dataset(rewind, dataset)
    engine = settings.build_engine(apply_mask(rewind, mask), mask, dataset, device)
    batches = draw_batches(dataset, settings, seed, n)
    curve = run(engine, batches, range(settings.rewind, settings.steps), log_every=settings.log_every)
    return engine.parameters(), curve


def _check_dataset(parameters: Parameters, dataset: Dataset) -> None:
    n_inputs, *_, n_classes = layer_sizes(parameters)
    n_pixels, of_dataset = int(np.prod(dataset.shape)), len(dataset.classes)
    if (n_inputs, n_classes) != (n_pixels, of_dataset):
        raise PruningError(
            f"the network has {n_inputs} inputs and {n_classes} classes, the dataset {n_pixels} pixels and "
            f"{of_dataset} classes: they are not of the same experiment"
        )

"""Pruning while the network learns: a training for each density, from the initial weights."""

from collections.abc import Mapping

from winnow.job.devices import Device
from winnow.masks import apply_mask, say_emptied
from winnow.network import InitialWeights, initial_network
from winnow.pruning.criteria.registry import CRITERIA, Pool, Setting
from winnow.pruning.moving import MovingMaskEngine, Schedule, random_start
from winnow.pruning.penalised import train_to_density
from winnow.store.datasets import Dataset
from winnow.store.tensors import Mask
from winnow.training.curve import Curve, run
from winnow.training.settings import TrainingSettings, draw_batches


def prune_while_training(
    dataset: Dataset,
    *,
    seed: int,
    n: int,
    hidden: list[int],
    initial_weights: InitialWeights,
    batch_norm: bool = True,
    share: float,
    pool: Pool,
    criterion: str,
    of_criterion: Mapping[str, Setting],
    settings: TrainingSettings,
    device: Device = "cpu",
) -> tuple[Mask, Curve]:
    """Train from the initial weights at round n's density (1 − s)^n, while the mask moves.

    All T steps are trained, with the batches of the dense training.  Only weights are pruned.

    Args:
        dataset: what to train on.
        seed: seed of the run.
        n: the round.
        hidden: units of each hidden layer.
        initial_weights: distribution of the initial weights.
        batch_norm: whether the network has batch norm.
        share: s, pruned per round.
        pool: how the density is spread over the layers; see `winnow.pruning.moving.layer_densities`.
        criterion: one of `winnow.pruning.criteria.registry.CRITERIA`, of a moving mask, or with a step of its own.
        of_criterion: all of the criterion's own settings.
        settings: how to train.
        device: where to train.

    Returns:
        The mask after the last step, and the training curve.

    Raises:
        TrainingError: training diverged.
    """
    start = settings.at_precision(initial_network(dataset, seed, hidden, initial_weights, batch_norm=batch_norm))
    density = (1 - share) ** n
    if CRITERIA[criterion].interface == "step":
        mask, curve = train_to_density(
            start,
            dataset,
            density,
            seed=seed,
            criterion=criterion,
            settings=settings,
            device=device,
            **of_criterion,  # type: ignore[arg-type]  # checked with the configuration
        )
        return say_emptied(mask, n), curve
    mask = random_start(start, density, pool, seed, n)
    engine = MovingMaskEngine(
        settings.build_engine(apply_mask(start, mask), mask, dataset, device),
        mask,
        dataset,
        Schedule(steps=settings.steps, **of_criterion),  # type: ignore[arg-type]
        criterion,
        seed=seed,
        epsilon=settings.norm_epsilon,
        device=device,
    )
    batches = draw_batches(dataset, settings, seed, 1)
    curve = run(engine, batches, range(settings.steps), log_every=settings.log_every, rates=settings.rates)
    return say_emptied(engine.mask, n), curve

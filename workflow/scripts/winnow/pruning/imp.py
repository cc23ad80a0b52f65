"""Iterative magnitude pruning with rewinding.

Round `n = 1 … N`: load `θ(t_rewind) ⊙ m(n−1)`, train the remaining `T − t_rewind` steps with the mask held, remove the
share `s` of the surviving parameters with the smallest scores: that is `m(n)`.  Round 1 continues the dense training,
which therefore yields both `θ(t_rewind)` and round 1's trained network.
"""

from collections.abc import Mapping

from winnow.job.devices import Device
from winnow.pruning.criteria.registry import Biases, Pool, Setting
from winnow.pruning.retrain import train_from_rewind
from winnow.pruning.scored import masked, score_network
from winnow.pruning.scores import prune_by_score
from winnow.store.datasets import Dataset
from winnow.store.tensors import Mask, Parameters
from winnow.training.curve import Curve
from winnow.training.settings import TrainingSettings


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
    biases: Biases = "pooled",
    settings: TrainingSettings,
    of_criterion: Mapping[str, Setting] | None = None,
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
        criterion: one of `winnow.pruning.criteria.registry.CRITERIA`, of parameters or of a network.
        settings: how to train.
        biases: whether they are pruned with the weights, among themselves, or not; see `winnow.pruning.scores`.
        of_criterion: the criterion's own settings.
        device: where to train.

    Returns:
        m(n), and the training curve of the network under m(n−1).

    Raises:
        TrainingError: training diverged.
        PruningError: parameters, mask and dataset do not fit together.
    """
    trained, curve = train_from_rewind(rewind, mask, dataset, seed, n, settings, device)
    network = masked(trained, rewind, mask, dataset, seed=seed, epsilon=settings.norm_epsilon, device=device)
    scores = score_network(network, criterion, of_criterion)
    return prune_by_score(scores, mask, n, share=share, pool=pool, biases=biases), curve

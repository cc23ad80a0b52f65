"""Oneshot pruning by scores of network and data; `oneshot` needs neither data nor PyTorch."""

from collections.abc import Mapping, Sequence

import numpy as np

from winnow.job.devices import Device
from winnow.masks import full_mask
from winnow.pruning.criteria.registry import Biases, Pool, Setting
from winnow.pruning.scored import masked, score_network
from winnow.pruning.scores import prune_by_score
from winnow.store.datasets import Dataset
from winnow.store.tensors import Mask, Parameters


def prune_oneshot_network(
    rounds: Sequence[int],
    dataset: Dataset,
    *,
    rewind: Parameters,
    trained: Parameters,
    seed: int,
    share: float,
    pool: Pool,
    criterion: str,
    biases: Biases = "pooled",
    of_criterion: Mapping[str, Setting] | None = None,
    by_round: bool = False,
    epsilon: float = 1e-5,
    device: Device = "cpu",
) -> list[Mask]:
    """Prune the dense θ(T), and train it no more, to each round's density (1 − s)^n by scores of network and data.

    Args:
        rounds: the rounds n.
        dataset: the criterion looks at its training images.
        rewind: θ(t_rewind).
        trained: θ(T) of the dense training.
        seed: seed of the run.
        share: s, pruned per round.
        pool: which parameters share a threshold.
        criterion: one of `winnow.pruning.criteria.registry.CRITERIA`, of a network.
        biases: whether they are pruned with the weights, among themselves, or not; see `winnow.pruning.scores`.
        of_criterion: the criterion's own settings.
        by_round: whether round n goes on from m(n − 1), by the scores of θ(T) ⊙ m(n − 1); else each round is a single
            cut by the scores of the dense network.
        epsilon: ε of batch norm.
        device: where to compute.

    Returns:
        One mask a round.  They are nested: one order of scores gives them all, or each goes on from the last.

    Raises:
        PruningError: a score is not finite; parameters and dataset do not fit together.
    """
    everything = full_mask(trained)

    def scores(mask: Mask) -> dict[str, np.ndarray]:
        network = masked(trained, rewind, mask, dataset, seed=seed, epsilon=epsilon, device=device)
        return score_network(network, criterion, of_criterion)

    first = scores(everything)
    masks: list[Mask] = []
    for n in rounds:
        mask, of_mask = (masks[-1], scores(masks[-1])) if by_round and masks else (everything, first)
        masks.append(prune_by_score(of_mask, mask, n, share=share, pool=pool, biases=biases))
    return masks

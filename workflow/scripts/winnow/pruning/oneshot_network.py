"""Oneshot pruning by scores of network and data; `oneshot` needs neither data nor PyTorch."""

from collections.abc import Mapping, Sequence

from winnow.job.devices import Device
from winnow.masks import full_mask
from winnow.pruning.criteria.registry import Pool, Setting
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
    of_criterion: Mapping[str, Setting] | None = None,
    epsilon: float = 1e-5,
    device: Device = "cpu",
) -> list[Mask]:
    """Prune the dense θ(T) in a single cut to each round's density (1 − s)^n, by scores of network and data.

    Args:
        rounds: the rounds n.
        dataset: the criterion looks at its training images.
        rewind: θ(t_rewind).
        trained: θ(T) of the dense training.
        seed: seed of the run.
        share: s, pruned per round.
        pool: which parameters share a threshold.
        criterion: one of `winnow.pruning.criteria.registry.CRITERIA`, of a network.
        of_criterion: the criterion's own settings.
        epsilon: ε of batch norm.
        device: where to compute.

    Returns:
        One mask a round.  They are nested, as one order of scores gives them all.

    Raises:
        PruningError: a score is not finite; parameters and dataset do not fit together.
    """
    everything = full_mask(trained)
    network = masked(trained, rewind, everything, dataset, seed=seed, epsilon=epsilon, device=device)
    scores = score_network(network, criterion, of_criterion)
    return [prune_by_score(scores, everything, n, share=share, pool=pool) for n in rounds]

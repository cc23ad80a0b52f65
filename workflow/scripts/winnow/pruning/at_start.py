"""Pruning before training: scores of a network that has hardly learned, or not at all."""

from collections.abc import Mapping, Sequence

import numpy as np

from winnow.job.devices import Device
from winnow.masks import full_mask, say_emptied
from winnow.pruning.criteria.registry import Pool, Setting
from winnow.pruning.scored import masked, score_network
from winnow.pruning.scores import cut_by_score
from winnow.store.datasets import Dataset
from winnow.store.tensors import Mask, Parameters


def prune_at_start(
    start: Parameters,
    dataset: Dataset,
    *,
    rounds: Sequence[int],
    seed: int,
    share: float,
    pool: Pool,
    criterion: str,
    of_criterion: Mapping[str, Setting] | None = None,
    iterations: int = 1,
    by_round: bool = False,
    epsilon: float = 1e-5,
    device: Device = "cpu",
) -> list[Mask]:
    """Prune a network without training it, to each round's density (1 − s)^n.

    Only weights are scored: at the start biases are zero, or nearly, so that every score with a factor θ would have
    them go first.  They all stay.

    Args:
        start: θ(t_rewind), or the initial parameters.
        dataset: criteria of network and data look at its training images.
        rounds: the rounds n = 1, 2, ….
        seed: seed of the run.
        share: s, pruned per round.
        pool: which weights share a threshold.
        criterion: one of `winnow.pruning.criteria.registry.CRITERIA`, of parameters or of a network.
        of_criterion: the criterion's own settings.
        iterations: cuts on the way to a density ρ: to ρ^(k / iterations) after cut k, each by the scores of what is
            left (Tanaka et al. 2020).
        by_round: whether round n goes on from m(n − 1); else from the dense network.
        epsilon: ε of batch norm.
        device: where to compute.

    Returns:
        One mask a round.  Nested if `by_round`, or where one order of scores gives them all (`iterations` = 1).

    Raises:
        PruningError: a score is not finite; start and dataset do not fit together.
    """

    def scores(mask: Mask) -> dict[str, np.ndarray]:
        network = masked(start, start, mask, dataset, seed=seed, epsilon=epsilon, device=device)
        found = score_network(network, criterion, of_criterion)
        return {name: array for name, array in found.items() if name.endswith(".weight")}

    everything = full_mask(start)
    first = scores(everything)
    masks: list[Mask] = []
    for n in rounds:
        done, mask = (n - 1, masks[-1]) if by_round and masks else (0, everything)
        for k in range(1, iterations + 1):
            reached = done + (n - done) * k / iterations
            mask = cut_by_score(first if mask is everything else scores(mask), mask, reached, share=share, pool=pool)
        masks.append(say_emptied(mask, n))
    return masks

"""Oneshot pruning: a single cut of the dense network."""

from collections.abc import Sequence

from winnow.masks import full_mask
from winnow.pruning.criteria.registry import Biases, Pool
from winnow.pruning.scores import prune_by_score, score_parameters
from winnow.store.tensors import Mask, Parameters


def prune_oneshot(
    rounds: Sequence[int],
    *,
    rewind: Parameters,
    trained: Parameters,
    share: float,
    pool: Pool,
    criterion: str,
    biases: Biases = "pooled",
) -> list[Mask]:
    """Prune the dense θ(T) in a single cut to each round's density (1 − s)^n.

    Args:
        rounds: the rounds n.
        rewind: θ(t_rewind).
        trained: θ(T) of the dense training.
        share: s, pruned per round.
        pool: which parameters share a threshold.
        criterion: one of `winnow.pruning.criteria.registry.CRITERIA`.
        biases: whether they are pruned with the weights, among themselves, or not; see `winnow.pruning.scores`.

    Returns:
        One mask a round.  They are nested, as one order of scores gives them all.
    """
    scores, everything = score_parameters(rewind=rewind, trained=trained, criterion=criterion), full_mask(trained)
    return [prune_by_score(scores, everything, n, share=share, pool=pool, biases=biases) for n in rounds]

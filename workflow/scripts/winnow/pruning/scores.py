"""From scores to masks.

A *pool* is a set of parameters that share one threshold: those of one layer (`layerwise`), or all (`global`).  Biases
are in it (`pooled`), in pools of their own (`apart`), or in none (`kept`).
"""

from collections.abc import Sequence

import numpy as np

from winnow.masks import PruningError, check_masks, check_same, prunable_names, say_emptied
from winnow.pruning.criteria.registry import Biases, Pool, load_criterion
from winnow.pruning.schedule import n_survivors
from winnow.store.tensors import Mask, Parameters


def prune_by_score(
    scores: dict[str, np.ndarray], mask: Mask, n: int, *, share: float, pool: Pool, biases: Biases = "pooled"
) -> Mask:
    """`cut_by_score` for round n; a layer that it leaves without any weight is said in the log."""
    return say_emptied(cut_by_score(scores, mask, n, share=share, pool=pool, biases=biases), n)


def cut_by_score(
    scores: dict[str, np.ndarray], mask: Mask, n: float, *, share: float, pool: Pool, biases: Biases = "pooled"
) -> Mask:
    """Keep the surviving parameters with the largest scores, as many as belong to the round.

    Args:
        scores: arrays of scores by the names of the mask's.  Arrays without scores are not pruned, nor do their
            parameters count in N.
        mask: the present mask; what it has removed stays removed.
        n: the round, or a fraction of rounds; each pool of N parameters keeps exactly `round(N (1 − s)^n)`.
        share: s, pruned per round.
        pool: which parameters share a threshold.
        biases: whether they do so with the weights, among themselves, or are not pruned, and not counted in N.

    Returns:
        The new mask, a subset of `mask`.  Among equal scores those that come first stay, in the order of
        `prunable_names` and then of the flattened array.

    Raises:
        PruningError: a surviving parameter's score is not finite, a pool has fewer survivors than the round is to keep,
            or scores and mask do not fit together.
    """
    check_masks([mask])
    scored = [name for name in mask if name in scores]
    check_same("the scores", scores, "the mask", {name: mask[name] for name in scored})
    kinds = [scored]
    if biases != "pooled":
        of_biases = [name for name in scored if name.endswith(".bias")]
        weights = [name for name in scored if name not in of_biases]
        kinds = [names for names in ([weights, of_biases] if biases == "apart" else [weights]) if names]
    pools = kinds if pool == "global" else [names for kind in kinds for names in _by_layer(kind)]
    new: Mask = {name: array.copy() for name, array in mask.items()}
    for names in pools:
        score = np.concatenate([scores[name].ravel() for name in names])
        alive = np.concatenate([mask[name].ravel() for name in names])
        if not np.isfinite(score[alive]).all():
            raise PruningError(f"the scores of {', '.join(names)} hold NaN or infinity: has training diverged?")
        keep = _keep_largest(score, alive, n_survivors(len(score), share, n))
        for name in names:
            new[name], keep = keep[: mask[name].size].reshape(mask[name].shape), keep[mask[name].size :]
    return new


def _keep_largest(score: np.ndarray, alive: np.ndarray, count: int) -> np.ndarray:
    """Boolean array: the `count` alive entries with the largest scores, the first ones among equals."""
    candidates = np.flatnonzero(alive)
    if count > len(candidates):
        raise PruningError(f"the mask has {len(candidates)} survivors, but the round is to keep {count}")
    keep = np.zeros(len(score), bool)
    if count == 0:
        return keep
    values = score[candidates]
    threshold = np.partition(values, len(values) - count)[len(values) - count]
    above = values > threshold
    ties = np.flatnonzero(values == threshold)[: count - int(above.sum())]
    keep[candidates[above]] = True
    keep[candidates[ties]] = True
    return keep


def _by_layer(names: Sequence[str]) -> list[list[str]]:
    layers = sorted({name.rsplit(".", 1)[0] for name in names}, key=_natural)
    return [[name for name in names if name.startswith(f"{layer}.")] for layer in layers]


def _natural(layer: str) -> int:
    return int(layer.split(".")[1])


def score_parameters(*, rewind: Parameters, trained: Parameters, criterion: str) -> dict[str, np.ndarray]:
    """The criterion's score of every prunable parameter.

    Raises:
        PruningError: the two are not of the same network.
    """
    check_same("the rewind point", rewind, "the trained network", trained)
    score = load_criterion(criterion)
    return {name: score(trained[name], rewind[name]) for name in prunable_names(trained)}

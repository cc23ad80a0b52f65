"""From trained parameters to masks: criteria give scores, scores give masks.

The weights and biases of the hidden layers are prunable; the output layer and batch norm are not.  A *pool* is a set of
parameters that share one threshold: those of one layer (`layerwise`), or all (`global`).
"""

import itertools
from collections.abc import Sequence
from typing import Literal

import numpy as np

from winnow.criteria import CRITERIA, n_survivors
from winnow.store import Mask, Parameters
from winnow.streams import stream

Pool = Literal["layerwise", "global"]


class PruningError(ValueError):
    """Parameters, scores or masks that cannot be pruned or do not fit together; the message says which."""


# -- masks ------------------------------------------------------------------------------------------------------------


def prunable_names(parameters: Parameters) -> list[str]:
    """Names of the prunable arrays, layer by layer: all weights and biases but the output layer's."""
    layers = sorted({int(name.split(".")[1]) for name in parameters if name.startswith("layers.")})
    return [f"layers.{i}.{kind}" for i in layers[:-1] for kind in ("weight", "bias")]


def full_mask(parameters: Parameters) -> Mask:
    """m(0): everything survives."""
    return {name: np.ones(parameters[name].shape, bool) for name in prunable_names(parameters)}


def with_full_mask(masks: Sequence[Mask]) -> list[Mask]:
    """m(0), m(1), …: the masks of rounds 1, 2, … after the mask of no pruning."""
    return [{name: np.ones(m.shape, bool) for name, m in masks[0].items()}, *masks]


def check_masks(masks: Sequence[Mask]) -> None:
    """Check that masks are of one network.

    Raises:
        PruningError: arrays are not bool, or masks differ in their arrays or shapes.
    """
    for n, mask in enumerate(masks):
        for name, array in mask.items():
            if array.dtype != bool:
                raise PruningError(f"{name} of mask {n} is an array of {array.dtype}, not of bool: is it a mask?")
        _check_same(f"mask {n}", mask, "mask 0", masks[0])


def check_nested(masks: Sequence[Mask]) -> None:
    """Check that masks m(0), m(1), … of one network only ever lose parameters.

    Raises:
        PruningError: they are not of one network, or one has a parameter that the mask before it had lost.
    """
    check_masks(masks)
    for n, (before, after) in enumerate(itertools.pairwise(masks), start=1):
        for name in before:
            if (after[name] & ~before[name]).any():
                raise PruningError(
                    f"the masks are not nested: m({n}) has parameters of {name} that m({n - 1}) had lost"
                )


def _check_same(what: str, arrays: Parameters, other: str, others: Parameters) -> None:
    if differ := sorted(arrays.keys() ^ others.keys()):
        raise PruningError(f"{what} and {other} are not of the same network: only one has {', '.join(differ)}")
    for name, array in arrays.items():
        if array.shape != others[name].shape:
            raise PruningError(
                f"{what} and {other} are not of the same network: {name} has the shapes {array.shape} and "
                f"{others[name].shape}"
            )


def density(mask: Mask) -> float:
    """Share of the prunable parameters that survive."""
    return sum(int(m.sum()) for m in mask.values()) / sum(m.size for m in mask.values())


def apply_mask(parameters: Parameters, mask: Mask) -> Parameters:
    """θ ⊙ m: a copy in which the pruned parameters are zero.

    Raises:
        PruningError: the mask is not one of these parameters.
    """
    check_masks([mask])
    _check_same("the mask", mask, "the parameters", {name: parameters[name] for name in prunable_names(parameters)})
    return {name: array * mask[name] if name in mask else array.copy() for name, array in parameters.items()}


def prune_by_score(scores: dict[str, np.ndarray], mask: Mask, n: int, *, share: float, pool: Pool) -> Mask:
    """Keep the surviving parameters with the largest scores, as many as belong to the round.

    Args:
        scores: an array of scores for each array of the mask.
        mask: the present mask; what it has removed stays removed.
        n: the round; each pool of N parameters keeps exactly `round(N (1 − s)^n)`.
        share: s, pruned per round.
        pool: which parameters share a threshold.

    Returns:
        The new mask, a subset of `mask`.  Among equal scores those that come first stay, in the order of
        `prunable_names` and then of the flattened array.

    Raises:
        PruningError: a surviving parameter's score is not finite, a pool has fewer survivors than the round is to keep,
            or scores and mask do not fit together.
    """
    check_masks([mask])
    _check_same("the scores", scores, "the mask", mask)
    layers = {name.rsplit(".", 1)[0] for name in mask}
    pools = [[name for name in mask if name.startswith(f"{layer}.")] for layer in sorted(layers, key=_natural)]
    new: Mask = {}
    for names in pools if pool == "layerwise" else [list(mask)]:
        score = np.concatenate([scores[name].ravel() for name in names])
        alive = np.concatenate([mask[name].ravel() for name in names])
        if not np.isfinite(score[alive]).all():
            raise PruningError(f"the scores of {', '.join(names)} hold NaN or infinity: has training diverged?")
        keep = _keep_largest(score, alive, n_survivors(len(score), share, n))
        for name in names:
            new[name], keep = keep[: mask[name].size].reshape(mask[name].shape), keep[mask[name].size :]
    return {name: new[name] for name in mask}


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


def _natural(layer: str) -> int:
    return int(layer.split(".")[1])


# -- the three methods ------------------------------------------------------------------------------------------------


def score_parameters(*, rewind: Parameters, trained: Parameters, criterion: str) -> dict[str, np.ndarray]:
    """The criterion's score of every prunable parameter.

    Raises:
        PruningError: the two are not of the same network.
    """
    _check_same("the rewind point", rewind, "the trained network", trained)
    return {name: CRITERIA[criterion](trained[name], rewind[name]) for name in prunable_names(trained)}


def prune_imp_first_round(*, rewind: Parameters, trained: Parameters, share: float, pool: Pool, criterion: str) -> Mask:
    """m(1), from the dense training that round 1 shares.

    Args:
        rewind: θ(t_rewind).
        trained: θ(T) of the dense training.
        share: s, pruned per round.
        pool: which parameters share a threshold.
        criterion: one of `winnow.criteria.CRITERIA`.
    """
    scores = score_parameters(rewind=rewind, trained=trained, criterion=criterion)
    return prune_by_score(scores, full_mask(rewind), 1, share=share, pool=pool)


def prune_oneshot(
    rounds: Sequence[int], *, rewind: Parameters, trained: Parameters, share: float, pool: Pool, criterion: str
) -> list[Mask]:
    """Prune the dense θ(T) in a single cut to each round's density (1 − s)^n.

    Args:
        rounds: the rounds n.
        rewind: θ(t_rewind).
        trained: θ(T) of the dense training.
        share: s, pruned per round.
        pool: which parameters share a threshold.
        criterion: one of `winnow.criteria.CRITERIA`.

    Returns:
        One mask a round.  They are nested, as one order of scores gives them all.
    """
    scores, everything = score_parameters(rewind=rewind, trained=trained, criterion=criterion), full_mask(trained)
    return [prune_by_score(scores, everything, n, share=share, pool=pool) for n in rounds]


def prune_random(imp: Sequence[Mask], seed: int) -> list[Mask]:
    """Uniformly random masks that keep, array by array, as many parameters as IMP does.

    Args:
        imp: IMP's masks m(1), m(2), …
        seed: seed of the run.

    Returns:
        One mask a round, nested: one random order of each array's parameters gives them all.

    Raises:
        PruningError: IMP's masks are not nested, or not of one network.
    """
    check_nested(imp)
    rank = {
        name: stream("random mask", seed, name).permutation(array.size).reshape(array.shape)
        for name, array in imp[0].items()
    }
    return [{name: rank[name] < array.sum() for name, array in mask.items()} for mask in imp]

"""Random masks chosen for their kurtosis: how far chance alone gets, if one may choose."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from winnow.masks import say_emptied
from winnow.measure.kurtosis import measure_kurtosis
from winnow.pruning.scored import ScoredNetwork
from winnow.store.datasets import Dataset
from winnow.store.tensors import Mask, Parameters
from winnow.streams import stream

_AT_A_TIME = 8  # masks measured in one pass over the images


def draw_with_most_kurtosis(
    masks: Sequence[Mask],
    rewind: Parameters,
    dataset: Dataset,
    *,
    seed: int,
    draws: int,
    images: int,
    epsilon: float = 1e-5,
) -> list[Mask]:
    """Of many random masks with the survivors of m(n), array by array, the one with the most kurtosis.

    What counts is the mean over the first layer's units of the kurtosis (Eq. 4) at θ(t_rewind) ⊙ m, over training
    images.  The draws of a round are independent of those of the others, so that the masks are not nested.

    Args:
        masks: m(1), m(2), … of another method.
        rewind: θ(t_rewind).
        dataset: its training images are used.
        seed: seed of the run.
        draws: random masks a round.
        images: training images.
        epsilon: ε of batch norm.

    Returns:
        One mask a round; among equals the first that was drawn.
    """
    sample = ScoredNetwork(rewind, rewind, masks[0], dataset, seed).sample("kurtosis of random masks", images)
    return [say_emptied(_best(mask, rewind, sample, seed, n, draws, epsilon), n) for n, mask in enumerate(masks, 1)]


def _best(like: Mask, rewind: Parameters, sample: Dataset, seed: int, n: int, draws: int, epsilon: float) -> Mask:
    best, most = like, -np.inf
    for first in range(0, draws, _AT_A_TIME):
        drawn = [_draw(like, seed, n, k) for k in range(first, min(first + _AT_A_TIME, draws))]
        for mask, kurtosis in zip(drawn, mean_kurtosis(rewind, drawn, sample, epsilon), strict=True):
            if best is like or kurtosis > most:
                best, most = mask, kurtosis
    return best


def _draw(like: Mask, seed: int, n: int, k: int) -> Mask:
    """The k-th random mask of round n, with as many survivors in each array."""
    return {
        name: (stream("kurtosis of random masks", seed, n, k, name).permutation(m.size) < m.sum()).reshape(m.shape)
        for name, m in like.items()
    }


def mean_kurtosis(parameters: Parameters, masks: Sequence[Mask], dataset: Dataset, epsilon: float) -> list[float]:
    """Of each mask the mean over units of the kurtosis over the validation images; −∞ if no unit has one."""
    by_unit: dict[str, Any] = measure_kurtosis(parameters, masks, dataset, epsilon=epsilon).by_unit
    values = by_unit["kurtosis"].reshape(len(masks), -1)
    return [float(np.nanmean(row)) if np.isfinite(row).any() else -np.inf for row in values]

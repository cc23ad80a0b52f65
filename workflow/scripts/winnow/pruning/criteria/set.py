"""Sparse evolutionary training (Mocanu et al. 2018, SET)."""

from collections.abc import Callable

import numpy as np


def set(
    weight: np.ndarray, gradient: Callable[[], np.ndarray], draw: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Drop the smallest positive and the largest negative weights, each a like share; grow at random.

    The drop score of a weight is its place among those of its own sign, (rank of |w| + 1/2) / their number: the lowest
    share of all is the lowest share of each sign.  (By |w| alone more of the sign with smaller weights would go.)
    Zeros go first.
    """
    score = np.full(weight.shape, -1.0)
    for sign in (weight > 0, weight < 0):
        size = np.abs(weight[sign])
        rank = np.empty(len(size))
        rank[np.argsort(size, kind="stable")] = np.arange(len(size))
        score[sign] = (rank + 0.5) / max(len(size), 1)
    return score, draw.random(weight.shape)

"""Slow, obvious statistics of where a unit's weights lie, weight by weight."""

import math

import numpy as np


def weights_of(unit: np.ndarray, mask: np.ndarray) -> list[tuple[int, int, int, float]]:
    """Channel, row, column and value of the surviving weights of a unit (C, rows, columns)."""
    return [(c, y, x, float(unit[c, y, x])) for c, y, x in zip(*np.nonzero(mask), strict=True)]


def position_entropy(weights: list[tuple[int, int, int, float]]) -> float:
    """−Σ p log p of the pixels, p by the squared weights."""
    total = sum(w**2 for *_, w in weights)
    if total == 0:
        return math.nan
    share: dict[tuple[int, int], float] = {}
    for _, y, x, w in weights:
        share[y, x] = share.get((y, x), 0) + w**2 / total
    return -sum(p * math.log(p) for p in share.values() if p > 0)


def position_variance(weights: list[tuple[int, int, int, float]], axis: int) -> float:
    """Variance of the row (axis 1) or the column (axis 2), by the squared weights."""
    total = sum(w[3] ** 2 for w in weights)
    if total == 0:
        return math.nan
    mean = sum(w[axis] * w[3] ** 2 for w in weights) / total
    return sum((w[axis] - mean) ** 2 * w[3] ** 2 for w in weights) / total


def nearest_distance(places: list[tuple[int, int, int]]) -> float:
    """Mean distance to the nearest other place (channel, row, column) of the same channel."""
    nearest = []
    for k, (c, y, x) in enumerate(places):
        others = [math.hypot(y - v, x - u) for j, (b, v, u) in enumerate(places) if b == c and j != k]
        if others:
            nearest.append(min(others))
    return sum(nearest) / len(nearest) if nearest else math.nan

"""Which first-layer units are shown: the most connected, or those at quantiles of their number of weights."""

import numpy as np

from winnow.store.tensors import Mask


def most_connected(mask: Mask, n_units: int) -> np.ndarray:
    """The first-layer units with the most surviving weights.

    Args:
        mask: the mask, `layers.0.weight` of shape (H, D).
        n_units: how many units; all that have a weight where these are fewer.

    Returns:
        (n,) int, unit indices, most connected first, ties by index.  Units without any weight are left out: their
        pictures would be black.
    """
    counts = mask["layers.0.weight"].sum(axis=1)
    return np.argsort(-counts, kind="stable")[: min(n_units, np.count_nonzero(counts))]


def at_quantiles(mask: Mask, n_units: int) -> np.ndarray:
    """First-layer units at evenly spaced quantiles of their number of weights: what is typical, and how it varies.

    The M units that have a weight stand in a row, most connected first, ties by index.  The row is cut into n equal
    parts, and the unit in the middle of each is taken: place floor((k + 1/2) M / n) of the row, k and places from 0.

    Args:
        mask: the mask, `layers.0.weight` of shape (H, D).
        n_units: how many units, at least 1; where M is smaller, n is M, and all are taken.

    Returns:
        (n,) int, unit indices, each once, most connected first.  Units without any weight are left out.

    Raises:
        ValueError: fewer than one unit is asked for.
    """
    if n_units < 1:
        raise ValueError(f"{n_units} units at quantiles: at least one has to be asked for")
    row = most_connected(mask, len(mask["layers.0.weight"]))
    n = min(n_units, len(row))
    return row[(2 * np.arange(n) + 1) * len(row) // max(2 * n, 1)]

"""The inverse participation ratio of each unit's weights: on how many of them it rests."""

from collections.abc import Sequence

import numpy as np

from winnow.masks import PruningError, check_masks, density
from winnow.measure.preactivations import WEIGHT
from winnow.store.tensors import Mask, Parameters


def measure_participation(parameters: Parameters, masks: Sequence[Mask]) -> dict[str, np.ndarray]:
    """Σ_j w⁴ / (Σ_j w²)² of every first-layer unit at θ ⊙ m(n), after every round.

    n weights of one size have 1 / n, n of a Gaussian about 3 / n, and one that outweighs all others 1: were receptive
    fields made by the weights' sizes and not by the mask, this would rise where the mask's widths do not fall.

    Args:
        parameters: θ, the network at the rewind point; `layers.0.weight` (H, D) is used.
        masks: m(0), m(1), …

    Returns:
        Columns of the table `participation` without dataset, method and seed.  NaN for a unit whose weights are all
        zero.

    Raises:
        PruningError: parameters and masks are not of one network.
    """
    check_masks(masks)
    weight = parameters[WEIGHT].astype(np.float64)
    if masks[0][WEIGHT].shape != weight.shape:
        raise PruningError(f"the mask of {WEIGHT} has the shape {masks[0][WEIGHT].shape}, the weights {weight.shape}")
    numbers, ratios = [], []
    for mask in masks:
        squares = (weight * mask[WEIGHT]) ** 2
        # Divided by the largest, so that no power leaves the range.
        squares /= np.maximum(squares.max(axis=1, keepdims=True), np.finfo(np.float64).tiny)
        total = squares.sum(axis=1)
        ratios.append(np.divide((squares**2).sum(axis=1), total**2, out=np.full(len(total), np.nan), where=total > 0))
        numbers.append(mask[WEIGHT].sum(axis=1))
    n_units = len(weight)
    return {
        "round": np.repeat(np.arange(len(masks)), n_units),
        "density": np.repeat([density(mask) for mask in masks], n_units),
        "unit": np.tile(np.arange(n_units), len(masks)),
        "n_weights": np.concatenate(numbers),
        "ipr": np.concatenate(ratios),
    }

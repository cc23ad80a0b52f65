"""Magnitude after training, weighed by the cavity score at the rewind point."""

import numpy as np

from winnow.pruning.criteria.cavity import scores_by_layer
from winnow.pruning.scored import ScoredNetwork


def cavity_magnitude(network: ScoredNetwork, *, images: int, strength: float) -> dict[str, np.ndarray]:
    """|θ(T)| · 2 / (1 + exp(strength · c / rms(c))), c the cavity score at the rewind point.

    The factor lies between 0 and 2 and is 1 where c is 0 or missing: of two weights of one size the one goes first
    whose removal takes its unit further from a Gaussian.

    Args:
        network: the trained network, and its rewind point.
        images: training images over which the moments are taken.
        strength: of the cavity score; at 0 it is the magnitude alone.  rms is over the layer's surviving weights.
    """
    found = {}
    for name, cavity in scores_by_layer(network, images).items():
        c = np.nan_to_num(cavity, nan=0.0)
        rms = np.sqrt(np.mean(c[network.mask[name]] ** 2)) if network.mask[name].any() else 0.0
        with np.errstate(over="ignore"):  # exp gives infinity, the factor 0
            factor = 2 / (1 + np.exp(strength * c / (rms or 1.0)))
        found[name] = np.abs(network.parameters[name]) * factor
    return found

"""The cavity score as a cost, of the network that has learned."""

import numpy as np

from winnow.pruning.criteria.cavity import last_where_missing, scores_by_layer
from winnow.pruning.scored import ScoredNetwork


def cavity_trained(network: ScoredNetwork, *, images: int, sign: str, compared_in: str) -> dict[str, np.ndarray]:
    """Minus the cavity score c (Eq. 5) at θ(T), or its size.

    The weights of the rewind point have hardly learned, and what their preactivations are like is mostly chance; those
    of θ(T) are what magnitude looks at.  To first order c is −θ ∂|kurt λ − 3|/∂θ / kurt λ: SNIP's score before its
    absolute value, with kurtosis for the loss.  Over a unit's weights that sums to zero, as kurtosis has no scale.

    Args:
        network: the trained network; batch norm takes its running statistics.
        images: training images over which the moments are taken.
        sign: `signed`: −c, weights whose removal moves their unit furthest from a Gaussian go first; `absolute`: |c|,
            those go first on which the unit's kurtosis depends least.
        compared_in: scores are compared as they are (`layer`), or each unit's in units of their root mean square
            (`unit`), since a unit close to a Gaussian has larger scores, or smaller ones, than others.
    """
    found = {}
    for name, cavity in scores_by_layer(network, images, network.parameters).items():
        score = np.abs(cavity) if sign == "absolute" else -cavity
        if compared_in == "unit":
            # Not `nanmean`: of a unit without scores that warns.
            squares, known = np.nansum(score**2, axis=1), np.isfinite(score).sum(axis=1)
            rms = np.sqrt(squares / np.maximum(known, 1))
            score = score / np.where(rms > 1e-12, rms, 1.0)[:, None]  # below, all are rounding
        found[name] = last_where_missing(score)
    return found

"""The cavity score as a cost, of the network that has learned."""

import numpy as np

from winnow.pruning.criteria.cavity import last_where_missing, scores_by_layer
from winnow.pruning.scored import ScoredNetwork


def cavity_trained(network: ScoredNetwork, *, images: int) -> dict[str, np.ndarray]:
    """Minus the cavity score (Eq. 5) at θ(T): weights whose removal moves their trained unit furthest from a Gaussian.

    The weights of the rewind point have hardly learned, and what their preactivations are like is mostly chance; those
    of θ(T) are what magnitude looks at.  Otherwise as `cavity`.

    Args:
        network: the trained network; batch norm takes its running statistics.
        images: training images over which the moments are taken.
    """
    scores = scores_by_layer(network, images, network.parameters)
    return {name: last_where_missing(-of_layer) for name, of_layer in scores.items()}

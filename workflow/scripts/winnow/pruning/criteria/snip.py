"""Connection sensitivity (Lee, Ajanthan & Torr 2019, SNIP)."""

import numpy as np

from winnow.pruning.criteria.gradients import Differentiable
from winnow.pruning.scored import ScoredNetwork


def snip(network: ScoredNetwork, *, images: int, per_class: int, statistics: str) -> dict[str, np.ndarray]:
    """|∂L/∂w · w|: how much the loss of a batch changes with a factor c = 1 before the weight.

    The absolute value is that of the sum over the batch, not summed over the images.

    Args:
        network: what is scored.
        images: training images of the batch.
        per_class: so many of each class instead, if not 0.
        statistics: whose mean and variance batch norm takes, `running` or `batch`.
    """
    loss = Differentiable(network, network.rows("snip", images, per_class), statistics)
    gradients = loss.gradients()
    return loss.scores({name: (gradients[name] * weight).abs() for name, weight in loss.weights.items()})

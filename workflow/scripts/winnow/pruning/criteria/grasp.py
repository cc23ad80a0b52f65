"""Preservation of the gradient's flow (Wang, Zhang & Grosse 2020, GraSP)."""

import numpy as np

from winnow.pruning.criteria.gradients import Differentiable
from winnow.pruning.scored import ScoredNetwork


def grasp(
    network: ScoredNetwork, *, images: int, per_class: int, temperature: float, statistics: str
) -> dict[str, np.ndarray]:
    """w · (H g), g = ∇L: to first order −½ of what ‖g‖² changes by when the weight is set to zero.

    The smallest go, as everywhere here: the paper's score is −w · (H g), and the largest go.

    Args:
        network: what is scored.
        images: training images of the batch.
        per_class: so many of each class instead, if not 0.
        temperature: logits are divided by it.
        statistics: whose mean and variance batch norm takes, `running` or `batch`.
    """
    loss = Differentiable(network, network.rows("grasp", images, per_class), statistics, temperature)
    curvature = loss.hessian_times(loss.gradients())
    return loss.scores({name: curvature[name] * weight for name, weight in loss.weights.items()})

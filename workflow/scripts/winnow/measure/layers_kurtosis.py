"""Kurtosis of the preactivations of deeper layers (Eq. 4)."""

from collections.abc import Sequence
from functools import partial

from winnow.measure.kurtosis import KurtosisTables, measure_kurtosis
from winnow.measure.layers import measure_each_layer
from winnow.store.datasets import Dataset
from winnow.store.tensors import Mask, Parameters


def measure_layers_kurtosis(
    parameters: Parameters,
    masks: Sequence[Mask],
    dataset: Dataset,
    *,
    layers: Sequence[int],
    epsilon: float = 1e-5,
    device: str = "cpu",
) -> KurtosisTables:
    """Kurtosis of the preactivation of every unit of some hidden layers at θ ⊙ m(n), over the validation images.

    The inputs of layer l are the activations of layer l − 1 at the same θ ⊙ m(n), see `winnow.measure.activations`.

    Args:
        parameters: θ, the network at the rewind point.
        masks: m(0), m(1), …; row `round` n belongs to m(n).
        dataset: its validation images are used.
        layers: which hidden layers, 1 the first.
        epsilon: ε of batch norm.
        device: `cpu` or `cuda`.

    Returns:
        As `winnow.measure.kurtosis.measure_kurtosis`, with a column `layer`; of layer 1 the same numbers.

    Raises:
        ValueError: parameters, masks and images do not fit together, or there is no such layer.
    """
    measure = partial(measure_kurtosis, epsilon=epsilon, device=device)
    return KurtosisTables(
        *measure_each_layer(measure, parameters, masks, dataset, layers=layers, epsilon=epsilon, device=device)
    )

"""Skewness, sixth cumulant and negentropy of the preactivations of deeper layers."""

from collections.abc import Sequence
from functools import partial

from winnow.measure.layers import measure_each_layer
from winnow.measure.nongaussianity import NongaussianityTables, measure_nongaussianity
from winnow.store.datasets import Dataset
from winnow.store.tensors import Mask, Parameters


def measure_layers_nongaussianity(
    parameters: Parameters,
    masks: Sequence[Mask],
    dataset: Dataset,
    *,
    layers: Sequence[int],
    epsilon: float = 1e-5,
    device: str = "cpu",
) -> NongaussianityTables:
    """Skewness, sixth cumulant and negentropy of the preactivation of every unit of some hidden layers at θ ⊙ m(n).

    Arguments and errors as of `winnow.measure.layers_kurtosis.measure_layers_kurtosis`.

    Returns:
        As `winnow.measure.nongaussianity.measure_nongaussianity`, with a column `layer`; of layer 1 the same numbers.
    """
    measure = partial(measure_nongaussianity, epsilon=epsilon, device=device)
    return NongaussianityTables(
        *measure_each_layer(measure, parameters, masks, dataset, layers=layers, epsilon=epsilon, device=device)
    )

"""A network seen from one of its hidden layers: what lies below becomes the images, the layer the first one.

So whatever is measured of a first layer on images is measured of a deeper one, by the same functions.
"""

from typing import NamedTuple

import numpy as np

from winnow.measure.arrays import Arrays
from winnow.measure.preactivations import check_inputs, subtract_mean, validation_chunks
from winnow.network import n_layers
from winnow.store.datasets import Dataset, Split
from winnow.store.tensors import Mask, Parameters

_CHUNK = 2048  # images at a time
# Of the sum of all |terms| of a preactivation: what single precision leaves between images that are alike.
_ROUNDING = 2e-6


class Seen(NamedTuple):
    """A network from a layer on, which is called the first.

    Attributes:
        parameters: θ without the layers below.
        mask: m without them.
        dataset: its validation images, (N, D) float32, are the activations of the layer below, at θ ⊙ m.
    """

    parameters: Parameters
    mask: Mask
    dataset: Dataset


def above(seen: Seen, *, epsilon: float, arrays: Arrays) -> Seen:
    """The same network from one layer further up.

    Activations are those of the network in evaluation, at θ ⊙ m: ReLU(W x̃ + b), x̃ batch-normalised with the running
    statistics.  They are computed in single precision, some images at a time, and kept: 4 bytes for each image and
    unit.  A unit whose preactivation differs between images by no more than rounding is constant.

    Args:
        seen: the network from some layer on.
        epsilon: ε of batch norm.
        arrays: where it is computed.

    Raises:
        ValueError: network and images do not fit together, it has no further hidden layer, or its activations are not
            finite.
    """
    parameters, mask, dataset = seen
    if n_layers(parameters) < 3:
        raise ValueError("there is no further hidden layer above this one")
    weight = parameters["layers.0.weight"] * mask["layers.0.weight"]
    bias = parameters["layers.0.bias"] * mask["layers.0.bias"]
    check_inputs(dataset, weight.shape[1])
    activations = _preactivations(parameters, weight, bias, dataset, epsilon, arrays)
    np.maximum(activations, 0, out=activations)
    if not np.isfinite(activations).all():
        raise ValueError("activations of a hidden layer are NaN or infinity: has training diverged?")
    n_units = len(weight)
    below = Dataset(
        shape=(1, 1, n_units),
        classes=dataset.classes,
        pixel_scale=1.0,
        mean_image=np.zeros(n_units, np.float32),
        source={},
        train=Split(activations[:0], dataset.validation.labels[:0]),
        validation=Split(activations, dataset.validation.labels),
    )
    return Seen(_without_first(parameters), _without_first(mask), below)


def _preactivations(
    parameters: Parameters, weight: np.ndarray, bias: np.ndarray, dataset: Dataset, epsilon: float, arrays: Arrays
) -> np.ndarray:
    """λ (N, H) float32 of the first layer; exactly constant where it varies by rounding alone."""
    xp = arrays.xp
    mean, scale, shift = _norm(parameters, weight.shape[1], epsilon)
    at_mean, w, b = arrays.put(mean), arrays.put(weight, xp.float32), arrays.put(bias, xp.float32)
    by, moved = arrays.put(scale, xp.float32), arrays.put(shift, xp.float32)
    found = np.empty((len(dataset.validation.images), len(weight)), np.float32)
    largest: np.ndarray = np.zeros(weight.shape[1])
    start = 0
    for images in validation_chunks(dataset, _CHUNK, arrays=arrays):
        x = subtract_mean(images, at_mean, arrays) * by + moved
        largest = np.maximum(largest, arrays.get(xp.max(xp.abs(x), axis=0)))
        found[start : start + len(x)] = arrays.get(x @ w.T + b)
        start += len(x)
    rounding = _ROUNDING * (np.abs(weight) @ largest + np.abs(bias))
    constant = found.max(axis=0) - found.min(axis=0) <= rounding
    found[:, constant] = found[0, constant]
    return found


def _norm(parameters: Parameters, n_inputs: int, epsilon: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, scale and shift of the first layer's batch norm in evaluation, float64: 0, 1 and 0 where there is none."""
    if not any(name.startswith("norms.") for name in parameters):
        return np.zeros(n_inputs), np.ones(n_inputs), np.zeros(n_inputs)
    gamma, beta, mean, variance = (
        parameters[f"norms.0.{name}"].astype(np.float64) for name in ("weight", "bias", "running_mean", "running_var")
    )
    return mean, gamma / np.sqrt(variance + epsilon), beta


def _without_first(arrays: Parameters) -> Parameters:
    """The arrays of all layers but the first, by the names of the layers before them."""
    renamed = {}
    for name, array in arrays.items():
        kind, i, what = name.split(".")
        if int(i) > 0:
            renamed[f"{kind}.{int(i) - 1}.{what}"] = array
    return renamed

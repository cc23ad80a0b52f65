"""Slow, obvious effective receptive fields and activations of deeper layers."""

import itertools

import numpy as np

from winnow.store.datasets import Dataset
from winnow.store.tensors import Mask, Parameters


def paths_to(mask: Mask, layer: int, unit: int) -> list[list[int]]:
    """All paths of surviving weights down from a unit: lists unit, …, input, walked one by one."""
    paths = [[unit]]
    for i in range(layer - 1, -1, -1):
        weights = mask[f"layers.{i}.weight"]
        paths = [[*path, int(j)] for path in paths for j in np.flatnonzero(weights[path[-1]])]
    return paths


def path_counts(mask: Mask, layer: int) -> np.ndarray:
    """Paths from each input to each unit of a layer, (H, D) int64."""
    n_units, n_inputs = len(mask[f"layers.{layer - 1}.weight"]), mask["layers.0.weight"].shape[1]
    counts = np.zeros((n_units, n_inputs), np.int64)
    for unit in range(n_units):
        for path in paths_to(mask, layer, unit):
            counts[unit, path[-1]] += 1
    return counts


def path_weights(parameters: Parameters, mask: Mask, layer: int) -> np.ndarray:
    """For each unit and input the sum over the paths of the product of their weights, (H, D)."""
    n_units, n_inputs = len(mask[f"layers.{layer - 1}.weight"]), mask["layers.0.weight"].shape[1]
    sums = np.zeros((n_units, n_inputs))
    for unit in range(n_units):
        for path in paths_to(mask, layer, unit):
            product = 1.0
            for i, (above, below) in enumerate(itertools.pairwise(path)):
                product *= float(parameters[f"layers.{layer - 1 - i}.weight"][above, below])
            sums[unit, path[-1]] += product
    return sums


def inputs_of(parameters: Parameters, mask: Mask, dataset: Dataset, layer: int, epsilon: float) -> np.ndarray:
    """What layer l gets of the validation images, before its batch norm: pixels, or activations; (N, ·) float64."""
    x = dataset.prepare(dataset.validation.images).astype(np.float64)
    for i in range(layer - 1):
        x = np.maximum(_layer(parameters, mask, i, x, epsilon), 0)
    return x


def normalised_inputs(parameters: Parameters, mask: Mask, dataset: Dataset, layer: int, epsilon: float) -> np.ndarray:
    """The same after its batch norm."""
    x = inputs_of(parameters, mask, dataset, layer, epsilon)
    return _normalised(parameters, layer - 1, x, epsilon)


def preactivations(parameters: Parameters, mask: Mask, dataset: Dataset, layer: int, epsilon: float) -> np.ndarray:
    """λ (N, H) of layer l, float64."""
    x = inputs_of(parameters, mask, dataset, layer, epsilon)
    return _layer(parameters, mask, layer - 1, x, epsilon)


def _normalised(parameters: Parameters, i: int, x: np.ndarray, epsilon: float) -> np.ndarray:
    p = {name: array.astype(np.float64) for name, array in parameters.items()}
    x = (x - p[f"norms.{i}.running_mean"]) / np.sqrt(p[f"norms.{i}.running_var"] + epsilon)
    return p[f"norms.{i}.weight"] * x + p[f"norms.{i}.bias"]


def _layer(parameters: Parameters, mask: Mask, i: int, x: np.ndarray, epsilon: float) -> np.ndarray:
    weight = parameters[f"layers.{i}.weight"].astype(np.float64) * mask[f"layers.{i}.weight"]
    bias = parameters[f"layers.{i}.bias"].astype(np.float64) * mask[f"layers.{i}.bias"]
    return _normalised(parameters, i, x, epsilon) @ weight.T + bias

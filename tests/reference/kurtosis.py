"""Slow, obvious preactivations and their kurtosis."""

import numpy as np
from scipy import stats

from winnow.store.datasets import Dataset
from winnow.store.tensors import Mask, Parameters


def normalised_inputs(parameters: Parameters, dataset: Dataset, epsilon: float) -> np.ndarray:
    """x̃ (N, D): batch norm with the running statistics, in float64."""
    p = {name: array.astype(np.float64) for name, array in parameters.items()}
    x = dataset.prepare(dataset.validation.images).astype(np.float64)
    x = (x - p["norms.0.running_mean"]) / np.sqrt(p["norms.0.running_var"] + epsilon)
    return p["norms.0.weight"] * x + p["norms.0.bias"]


def preactivations(parameters: Parameters, mask: Mask, dataset: Dataset, epsilon: float) -> np.ndarray:
    """λ (N, H), Eq. 3."""
    weights = parameters["layers.0.weight"].astype(np.float64) * mask["layers.0.weight"]
    biases = parameters["layers.0.bias"].astype(np.float64) * mask["layers.0.bias"]
    return normalised_inputs(parameters, dataset, epsilon) @ weights.T + biases


def kurtosis(values: np.ndarray) -> np.ndarray:
    """Non-excess kurtosis over the rows, population moments."""
    return stats.kurtosis(values, axis=0, fisher=False, bias=True)

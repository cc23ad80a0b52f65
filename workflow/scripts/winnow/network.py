"""The fully connected network of the paper and its parameters.

`D:H:…:H:K`.  Each layer normalises its input with batch norm (gamma and beta learned; the first layer normalises the
pixels), then applies weight and bias, then ReLU (none after the last).  A network without batch norm has no parameters
named `norms`, and by that it is known.
"""

import itertools
from collections.abc import Sequence
from typing import Literal

import numpy as np

from winnow.store.datasets import Dataset
from winnow.store.tensors import Parameters
from winnow.streams import stream

InitialWeights = Literal["uniform", "normal"]


def layer_sizes(parameters: Parameters) -> list[int]:
    """Units per layer, inputs first: [D, H, …, K]."""
    weights = [parameters[f"layers.{i}.weight"] for i in range(n_layers(parameters))]
    return [weights[0].shape[1], *(weight.shape[0] for weight in weights)]


def n_layers(parameters: Parameters) -> int:
    """Layers of weights: hidden layers + 1."""
    return sum(name.startswith("layers.") and name.endswith(".weight") for name in parameters)


def has_batch_norm(parameters: Parameters) -> bool:
    """Whether a network normalises the inputs of its layers."""
    return any(name.startswith("norms.") for name in parameters)


def initial_network(
    dataset: Dataset, seed: int, hidden: Sequence[int], initial_weights: InitialWeights, *, batch_norm: bool = True
) -> Parameters:
    """`initial_parameters` of the network that fits a dataset.

    Args:
        dataset: its images give D, its classes K.
        seed: seed of the run.
        hidden: units of each hidden layer.
        initial_weights: distribution of the initial weights.
        batch_norm: whether it has batch norm.
    """
    sizes = [int(np.prod(dataset.shape)), *hidden, len(dataset.classes)]
    return initial_parameters(sizes, seed, initial_weights, batch_norm=batch_norm)


def initial_parameters(
    sizes: Sequence[int], seed: int, distribution: InitialWeights = "uniform", *, batch_norm: bool = True
) -> Parameters:
    """Weights of Glorot variance 2 / (n_in + n_out), zero biases, batch norm as the identity.

    Args:
        sizes: units per layer, inputs first: [D, H, …, K].
        seed: seed of the run.
        distribution: `uniform` (the paper's text) or `normal` (the code of its ref. 17).
        batch_norm: whether the network has batch norm; its weights are the same without.

    Returns:
        float32 parameters, see `winnow.training.autograd.FullyConnectedNetwork`.
    """
    parameters: Parameters = {}
    for i, (n_in, n_out) in enumerate(itertools.pairwise(sizes)):
        draw = stream("initial weights", seed, i)
        deviation = np.sqrt(2 / (n_in + n_out))
        if distribution == "uniform":
            weight = draw.uniform(-np.sqrt(3) * deviation, np.sqrt(3) * deviation, (n_out, n_in))
        else:
            weight = draw.normal(0, deviation, (n_out, n_in))
        parameters[f"layers.{i}.weight"] = weight.astype(np.float32)
        parameters[f"layers.{i}.bias"] = np.zeros(n_out, np.float32)
        if not batch_norm:
            continue
        parameters[f"norms.{i}.weight"] = np.ones(n_in, np.float32)
        parameters[f"norms.{i}.bias"] = np.zeros(n_in, np.float32)
        parameters[f"norms.{i}.running_mean"] = np.zeros(n_in, np.float32)
        parameters[f"norms.{i}.running_var"] = np.ones(n_in, np.float32)
    return parameters

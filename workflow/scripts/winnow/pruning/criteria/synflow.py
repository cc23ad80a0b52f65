"""Synaptic flow (Tanaka, Kunin, Yamins & Ganguli 2020, SynFlow)."""

import numpy as np

from winnow.network import n_layers
from winnow.pruning.scored import ScoredNetwork


def synflow(network: ScoredNetwork) -> dict[str, np.ndarray]:
    """∂R/∂|w| · |w| of R = 1ᵀ |W_K| … |W_0| 1, the sum over all paths of the products of their weights' sizes.

    The network is linear here: no data, no batch norm, no biases.  A weight's score is the flow through it, |w_ij|
    times what flows into j times what flows from i to the outputs.  Computed in float64, each layer divided by its
    largest weight: that scales all scores of the network alike, and keeps them in range at any depth.
    """
    layers = [
        np.abs(network.parameters[f"layers.{i}.weight"].astype(np.float64)) for i in range(n_layers(network.parameters))
    ]
    layers = [weight / (weight.max() or 1.0) for weight in layers]
    into, out_of = [np.ones(layers[0].shape[1])], [np.ones(len(layers[-1]))]
    for weight in layers[:-1]:
        into.append(weight @ into[-1])
    for weight in layers[:0:-1]:
        out_of.append(out_of[-1] @ weight)
    flows = {
        f"layers.{i}.weight": weight * np.multiply.outer(after, before)
        for i, (weight, before, after) in enumerate(zip(layers, into, out_of[::-1], strict=True))
    }
    return {name: flow for name, flow in flows.items() if name in network.mask}

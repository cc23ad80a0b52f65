"""Where in the image the effective receptive fields of deeper layers lie."""

from collections.abc import Sequence

import numpy as np

from winnow.masks import check_masks, density
from winnow.measure.layers import Columns, stacked, with_layer
from winnow.measure.layers_locality import fields_of
from winnow.measure.locality import Channels
from winnow.measure.paths import check_layers
from winnow.measure.positions import measure_positions
from winnow.store.tensors import Mask, Parameters


def measure_layers_positions(
    parameters: Parameters,
    masks: Sequence[Mask],
    shape: tuple[int, int, int],
    *,
    layers: Sequence[int],
    channels: Channels = "same",
) -> Columns:
    """Entropy and variance of positions, and nearest distance, of the effective fields of some hidden layers.

    Positions are weighed by the squared products of weights, distances are those between inputs of the support: see
    `winnow.measure.layers_locality.Field`.

    Args:
        parameters: θ, the network at the rewind point; the weights are used.
        masks: m(0), m(1), …; row `round` n belongs to m(n).
        shape: (C, rows, columns) of an image.
        layers: which hidden layers, 1 the first.
        channels: as of `winnow.measure.positions.measure_positions`.

    Returns:
        Columns of the table `layers_positions` without dataset, method and seed: one row per layer, round and unit.

    Raises:
        ValueError: parameters, masks and images do not fit together, there is no such layer, or `channels` is wrong.
    """
    check_masks(masks)
    check_layers(layers, masks[0])
    found: dict[int, list[Columns]] = {layer: [] for layer in sorted(layers)}
    for n, mask in enumerate(masks):
        for layer, field in fields_of(parameters, mask, layers).items():
            weights, support = field.as_first_layer()
            columns = measure_positions(weights, [support], shape, channels=channels)
            size = len(field.n_weights)
            columns |= {"round": np.full(size, n), "density": np.full(size, density(mask))}
            columns |= {"n_weights": field.n_weights, "n_reached": columns["n_weights"]}
            found[layer].append(with_layer(columns, layer))
    return stacked([columns for several in found.values() for columns in several])

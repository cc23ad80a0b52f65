"""One statistic of several hidden layers, by the function that measures it on the first."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from winnow.masks import check_masks, density
from winnow.measure.activations import Seen, above
from winnow.measure.arrays import arrays_on
from winnow.measure.paths import check_layers
from winnow.store.datasets import Dataset
from winnow.store.tensors import Mask, Parameters

log = logging.getLogger(__name__)

Columns = dict[str, np.ndarray]

Measure = Callable[[Parameters, Sequence[Mask], Dataset], Sequence[Columns]]
"""Measures the first layer for each mask: the columns of one or more tables, `round` the place of the mask."""


def measure_each_layer(
    measure: Measure,
    parameters: Parameters,
    masks: Sequence[Mask],
    dataset: Dataset,
    *,
    layers: Sequence[int],
    epsilon: float,
    device: str,
) -> list[Columns]:
    """The tables of a statistic of preactivations, of each of the layers, one layer after the other.

    Of the first layer `measure` sees all masks together, as it does where no other is asked for; of a deeper one each
    mask on its own, since the activations below depend on it.

    Args:
        measure: of the first layer.
        parameters: θ, the network at the rewind point.
        masks: m(0), m(1), …; row `round` n belongs to m(n).
        dataset: its validation images are used.
        layers: which hidden layers, 1 the first.
        epsilon: ε of batch norm.
        device: `cpu` or `cuda`.

    Returns:
        The columns of each table, with a column `layer`.

    Raises:
        ValueError: parameters, masks and images do not fit together, or there is no such layer.
    """
    check_masks(masks)
    check_layers(layers, masks[0])
    found: dict[int, list[Sequence[Columns]]] = {layer: [] for layer in sorted(layers)}
    if 1 in found:
        found[1].append(measure(parameters, masks, dataset))
    for n, mask in enumerate(masks):
        seen = Seen(parameters, mask, dataset)
        for layer in range(2, max(layers) + 1):
            with arrays_on(device) as arrays:
                seen = above(seen, epsilon=epsilon, arrays=arrays)
            if layer in found:
                log.info("layer %d, after round %d", layer, n)
                tables = measure(seen.parameters, [seen.mask], seen.dataset)
                found[layer].append([_of_round(columns, n, density(mask)) for columns in tables])
    by_table = zip(
        *([with_layer(columns, layer) for columns in tables] for layer, several in found.items() for tables in several),
        strict=True,
    )
    return [stacked(several) for several in by_table]


def _of_round(columns: Columns, n: int, density_of_round: float) -> Columns:
    size = len(columns["round"])
    return columns | {"round": np.full(size, n), "density": np.full(size, density_of_round)}


def with_layer(columns: Columns, layer: int) -> Columns:
    """The columns with `layer` beside them."""
    return {**columns, "layer": np.full(len(columns["round"]), layer)}


def stacked(tables: Sequence[dict[str, Any]]) -> Columns:
    """Tables with the same columns, one below the other."""
    return {name: np.concatenate([columns[name] for columns in tables]) for name in tables[0]}

"""Mean cavity scores of the weights of deeper layers by the round that removes them."""

from collections.abc import Sequence
from functools import partial
from typing import Literal

import numpy as np

from winnow.masks import check_nested, density
from winnow.measure.activations import Seen, above
from winnow.measure.arrays import arrays_on
from winnow.measure.cavity import fates_of, mean_by_fate, scores_of_rounds
from winnow.measure.layers import Columns, stacked, with_layer
from winnow.measure.paths import check_layers, weight_name
from winnow.store.datasets import Dataset
from winnow.store.tensors import Mask, Parameters


def measure_layers_cavity(
    parameters: Parameters,
    masks: Sequence[Mask],
    dataset: Dataset,
    *,
    layers: Sequence[int],
    epsilon: float = 1e-5,
    chunk: int | None = None,
    dtype: Literal["float32", "float64"] = "float32",
    device: str = "cpu",
) -> Columns:
    """Mean cavity score at θ ⊙ m(n) of the weights of some hidden layers that each later round removes.

    Removing weight j → i of layer l changes the kurtosis of the preactivation of unit i of that layer; its inputs are
    the activations of layer l − 1 at the same θ ⊙ m(n), of which the removal changes none.

    Args:
        parameters: θ, the network at the rewind point.
        masks: m(0), …, m(N), nested.
        dataset: its validation images are used.
        layers: which hidden layers, 1 the first.
        epsilon: ε of batch norm.
        chunk: images at a time; None: what suits the device.
        dtype: of the matrix products.
        device: `cpu` or `cuda`.

    Returns:
        As `winnow.measure.cavity.measure_cavity`, with a column `layer`; of layer 1 the same numbers.  N_W(n) are the
        weights of the layer.

    Raises:
        ValueError: the masks are not nested; parameters, masks and images do not fit together; no such layer.
    """
    check_nested(masks)
    check_layers(layers, masks[0])
    weights = {layer: [mask[weight_name(layer)] for mask in masks] for layer in sorted(layers)}
    fates = {layer: fates_of(of_layer) for layer, of_layer in weights.items()}
    scores: dict[int, list[np.ndarray]] = {layer: [] for layer in weights}
    with arrays_on(device) as arrays:
        score = partial(scores_of_rounds, epsilon=epsilon, chunk=chunk, dtype=dtype, arrays=arrays)
        if 1 in scores:
            scores[1] = score(parameters, masks[:-1], dataset)
        for mask in masks[:-1] if max(layers) > 1 else []:
            seen = Seen(parameters, mask, dataset)
            for layer in range(2, max(layers) + 1):
                seen = above(seen, epsilon=epsilon, arrays=arrays)
                if layer in scores:
                    scores[layer] += score(seen.parameters, [seen.mask], seen.dataset)
    densities = [density(mask) for mask in masks]
    return stacked(
        [with_layer(mean_by_fate(scores[layer], weights[layer], fates[layer], densities), layer) for layer in scores]
    )

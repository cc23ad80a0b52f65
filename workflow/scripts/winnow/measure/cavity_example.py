"""How one weight's cavity score comes about (Fig. 5A)."""

import numpy as np

from winnow.measure.arrays import arrays_on
from winnow.measure.cavity_scores import StandardisedInputs, all_scores, images_at_a_time
from winnow.measure.preactivations import WEIGHT, check_inputs, effective_weights, validation_chunks
from winnow.store.datasets import Dataset
from winnow.store.schemas import SCHEMAS
from winnow.store.tensors import Mask, Parameters


def measure_cavity_example(
    parameters: Parameters, mask: Mask, dataset: Dataset, *, epsilon: float = 1e-5, bins: int = 80, device: str = "cpu"
) -> dict[str, np.ndarray]:
    """How one weight's score comes about: its unit's preactivation with and without it (Fig. 5A).

    The weight is the one with the largest absolute score among the units with at least the median number of weights:
    its removal shows in the histogram, and its unit is a typical one, not a unit of two or three weights.

    Args:
        parameters: θ, the network at the rewind point.
        mask: a mask of it; the preactivation is that of θ ⊙ mask.
        dataset: its validation images are used.
        epsilon: ε of batch norm.
        bins: bins of the histogram.
        device: `cpu` or `cuda`.

    Returns:
        Columns of the table `cavity_example` without dataset and seed, one row per bin.  Both preactivations are
        centred and divided by their own standard deviation, so that the shapes compare.  The bins reach as far as the
        values do, at most 8 standard deviations; densities are those of all images.  No row if no weight has a score:
        no unit varies.

    Raises:
        ValueError: parameters, mask and images do not fit together.
    """
    weights = effective_weights(parameters, mask, epsilon=epsilon)
    check_inputs(dataset, weights.shape[1])
    with arrays_on(device) as arrays:
        inputs = StandardisedInputs(
            lambda: validation_chunks(dataset, images_at_a_time(arrays), arrays=arrays), arrays, "float32"
        )
        scores = all_scores(weights, mask[WEIGHT], inputs)
        if not np.isfinite(scores).any():
            return {name: np.empty(0) for name in SCHEMAS["cavity_example"].names if name not in ("dataset", "seed")}
        i, j = _most_telling(scores, mask[WEIGHT])
        lam, removed = _preactivation(weights[i], j, inputs)
    shapes = [(values - values.mean()) / values.std() for values in (lam, lam - removed)]
    reach = min(8.0, 1.001 * max(np.abs(shape).max() for shape in shapes))
    edges = np.linspace(-reach, reach, bins + 1)
    densities = [np.histogram(shape, edges)[0] / (len(shape) * np.diff(edges)) for shape in shapes]
    constants = {
        "unit": i,
        "input": j,
        "score": scores[i, j],
        "kurtosis_with": (shapes[0] ** 4).mean(),
        "kurtosis_without": (shapes[1] ** 4).mean(),
    }
    return {name: np.full(bins, value) for name, value in constants.items()} | {
        "preactivation": (edges[:-1] + edges[1:]) / 2,
        "density_with": densities[0],
        "density_without": densities[1],
    }


def _most_telling(scores: np.ndarray, mask: np.ndarray) -> tuple[int, int]:
    """The weight (i, j) with the largest absolute score among the units with at least the median number of weights."""
    n_weights = mask.sum(axis=1)
    scored = np.isfinite(scores).any(axis=1)
    typical = scored & (n_weights >= np.median(n_weights[scored]))
    size = np.where(typical[:, None] & np.isfinite(scores), np.abs(scores), -1)
    i, j = np.unravel_index(np.argmax(size), size.shape)
    return int(i), int(j)


def _preactivation(weights: np.ndarray, j: int, inputs: StandardisedInputs) -> tuple[np.ndarray, np.ndarray]:
    """λ of a unit with these weights, and w_j x_j of them, (N,) float64."""
    w = inputs.arrays.put(weights) * inputs.sd
    parts = []
    for x in inputs.chunks():
        x = inputs.xp.astype(x, inputs.xp.float64)
        parts.append((inputs.arrays.get(x @ w), inputs.arrays.get(x[:, j] * w[j])))
    lam, removed = (np.concatenate(values) for values in zip(*parts, strict=True))
    return lam, removed

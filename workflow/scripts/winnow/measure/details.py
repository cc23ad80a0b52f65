"""What the explorer shows of single units: weights, histograms of the preactivation, cavity scores of every weight."""

from collections.abc import Mapping, Sequence

import numpy as np

from winnow.masks import at_quantiles, with_full_mask
from winnow.measure.arrays import arrays_on
from winnow.measure.cavity_scores import StandardisedInputs, images_at_a_time, standardised, surviving_scores
from winnow.measure.preactivations import WEIGHT, ZERO_SD, check_inputs, effective_weights, validation_chunks
from winnow.store.datasets import Dataset
from winnow.store.tensors import Mask, Parameters

EDGES = np.linspace(-5, 5, 41)
"""Edges of the histograms' bins, in standard deviations of the preactivation about its mean."""


def measure_details(
    parameters: Parameters,
    masks: Mapping[str, Sequence[Mask]],
    choice: Mask,
    dataset: Dataset,
    *,
    n_units: int = 16,
    scored: str = "imp",
    epsilon: float = 1e-5,
    device: str = "cpu",
) -> dict[str, np.ndarray]:
    """Weights, preactivations and cavity scores of a few first-layer units, after every round.

    Args:
        parameters: θ, the network at the rewind point.
        masks: m(1), …, m(N) by method.
        choice: the mask that says which units: those at quantiles of their number of weights in it.
        dataset: its validation images are used.
        n_units: how many units; all that have a weight where these are fewer.
        scored: the method whose masks the cavity scores belong to.
        epsilon: ε of batch norm.
        device: `cpu` or `cuda`.

    Returns:
        - `units`: (n,) indices of the units, ascending.
        - `weights`: (n, D) float32, W at the rewind point.
        - `n_images`: (1,) validation images.
        - `histogram_<method>`: (N + 1, n, bins) images by standardised preactivation, between the `EDGES`; all zero
          where it does not vary.
        - `scores`: (N, n, D) float32, cavity scores (Eq. 5) at θ ⊙ m(0) … θ ⊙ m(N − 1) of `scored`, 0 where there is
          none, and `has_score`: (N, n, D) bool.

    Raises:
        ValueError: parameters, masks and images do not fit together.
    """
    units = np.sort(at_quantiles(choice, n_units))
    check_inputs(dataset, choice[WEIGHT].shape[1])
    all_masks = {method: with_full_mask(of_method) for method, of_method in masks.items()}
    found = {
        "units": units.astype(np.int64),
        "weights": parameters[WEIGHT][units].astype(np.float32),
        "n_images": np.array([len(dataset.validation.images)]),
    }
    with arrays_on(device) as arrays:
        inputs = StandardisedInputs(
            lambda: validation_chunks(dataset, images_at_a_time(arrays), arrays=arrays), arrays, "float32"
        )
        for method, of_method in all_masks.items():
            rows = np.concatenate([effective_weights(parameters, mask, epsilon=epsilon)[units] for mask in of_method])
            counts = _histograms(rows, inputs)
            found[f"histogram_{method}"] = counts.reshape(len(of_method), len(units), len(EDGES) - 1)
        rounds = all_masks[scored][:-1]
        weights = [standardised(effective_weights(parameters, mask, epsilon=epsilon)[units], inputs) for mask in rounds]
        scores = np.full((len(rounds), len(units), choice[WEIGHT].shape[1]), np.nan)
        some = [mask[WEIGHT][units] for mask in rounds]
        if len(units):
            for of_round, mask, values in zip(scores, some, surviving_scores(weights, some, inputs), strict=True):
                of_round[mask] = values
    found["has_score"] = np.isfinite(scores)
    found["scores"] = np.where(found["has_score"], scores, 0).astype(np.float32)
    return found


def _histograms(weights: np.ndarray, inputs: StandardisedInputs) -> np.ndarray:
    """Images by the standardised preactivation of each row of weights, (rows, bins) int64."""
    # Of order one before standardisation: what is left of a constant preactivation is rounding.
    if not len(weights):
        return np.zeros((0, len(EDGES) - 1), np.int64)
    rows = standardised(weights, inputs)
    parts = [inputs.arrays.get(rows @ x.T) for x in inputs.chunks()]
    lam = np.concatenate(parts, axis=1).astype(np.float64)
    lam -= lam.mean(axis=1, keepdims=True)
    deviation = lam.std(axis=1, keepdims=True)
    lam /= np.where(deviation > ZERO_SD, deviation, np.inf)
    return np.stack(
        [
            np.histogram(row, EDGES)[0] if varies else np.zeros(len(EDGES) - 1, np.int64)
            for row, varies in zip(lam, deviation[:, 0] > ZERO_SD, strict=True)
        ]
    )

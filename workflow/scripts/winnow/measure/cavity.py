"""Mean cavity scores of the first layer's weights by the round that removes them (Figs. 5B, C)."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from winnow.masks import check_nested, density
from winnow.measure.arrays import Arrays, arrays_on
from winnow.measure.cavity_scores import StandardisedInputs, images_at_a_time, standardised, surviving_scores
from winnow.measure.preactivations import WEIGHT, check_inputs, effective_weights, validation_chunks
from winnow.store.datasets import Dataset
from winnow.store.tensors import Mask, Parameters

# Rounds measured in one pass over the images; at the paper's size the sums of a round take 50 MB.
_ROUNDS_AT_A_TIME = 10


def measure_cavity(
    parameters: Parameters,
    masks: Sequence[Mask],
    dataset: Dataset,
    *,
    epsilon: float = 1e-5,
    chunk: int | None = None,
    dtype: Literal["float32", "float64"] = "float32",
    device: str = "cpu",
) -> dict[str, np.ndarray]:
    """Mean cavity score at θ ⊙ m(n) of the first-layer weights that each later round removes (Fig. 5B, C).

    Args:
        parameters: θ, the network at the rewind point.
        masks: m(0), …, m(N), nested: they give both the weights that have a score after n rounds and their fates.
        dataset: its validation images are used.
        epsilon: ε of batch norm.
        chunk: images at a time; None: what suits the device.
        dtype: of the matrix products.
        device: `cpu` or `cuda`.

    Returns:
        Columns of the table `cavity` without dataset, method, seed and fates_of.  For n = `rounds_done` = 0 … N − 1 one
        row for each `removed_in` = n + 1 … N, and one for the survivors (null).  `scaled_mean` is N_W(n) times
        `mean_score`, N_W(n) the weights of the first layer in m(n).

    Raises:
        ValueError: the masks are not nested; parameters, masks and images do not fit together.
    """
    check_nested(masks)
    weights = [mask[WEIGHT] for mask in masks]
    fates = fates_of(weights)
    with arrays_on(device) as arrays:
        scores = scores_of_rounds(
            parameters, masks[:-1], dataset, epsilon=epsilon, chunk=chunk, dtype=dtype, arrays=arrays
        )
    return mean_by_fate(scores, weights, fates, [density(mask) for mask in masks])


def scores_of_rounds(
    parameters: Parameters,
    masks: Sequence[Mask],
    dataset: Dataset,
    *,
    epsilon: float,
    chunk: int | None,
    dtype: Literal["float32", "float64"],
    arrays: Arrays,
) -> list[np.ndarray]:
    """Cavity scores of the first layer's surviving weights under each mask, in the mask's order."""
    check_inputs(dataset, masks[0][WEIGHT].shape[1])
    inputs = StandardisedInputs(
        lambda: validation_chunks(dataset, chunk or images_at_a_time(arrays), arrays=arrays), arrays, dtype
    )
    scores = []
    for start in range(0, len(masks), _ROUNDS_AT_A_TIME):
        some = masks[start : start + _ROUNDS_AT_A_TIME]
        weights = [standardised(effective_weights(parameters, mask, epsilon=epsilon), inputs) for mask in some]
        scores += surviving_scores(weights, [mask[WEIGHT] for mask in some], inputs)
    return scores


def mean_by_fate(
    scores: Sequence[np.ndarray], weights: Sequence[np.ndarray], fates: np.ndarray, densities: Sequence[float]
) -> dict[str, np.ndarray]:
    """The columns of `measure_cavity` from the scores of a layer.

    Args:
        scores: of the surviving weights after n = 0 … N − 1 rounds, in the mask's order.
        weights: the layer's masks after n = 0 … N rounds, (H, D) bool.
        fates: (H, D) the round that removes each weight, see `fates_of`.
        densities: of the whole masks after n = 0 … N rounds.
    """
    n_rounds = len(scores)
    columns: dict[str, list[Any]] = {}
    for n, of_round in enumerate(scores):
        alive = weights[n]
        fate = fates[alive]
        known = np.isfinite(of_round)
        size = n_rounds + 2
        n_weights = np.bincount(fate, minlength=size)[n + 1 :]
        n_scores = np.bincount(fate[known], minlength=size)[n + 1 :]
        n_positive = np.bincount(fate[known], of_round[known] > 0, minlength=size)[n + 1 :]
        total = np.bincount(fate[known], of_round[known], minlength=size)[n + 1 :]
        with np.errstate(invalid="ignore"):  # a group without scores has no mean: 0 / 0 = NaN
            mean, share_positive = total / n_scores, n_positive / n_scores
        rows = {
            "round": [n] * len(mean),
            "density": [densities[n]] * len(mean),
            "rounds_done": [n] * len(mean),
            "removed_in": [*range(n + 1, n_rounds + 1), None],
            "mean_score": mean,
            "scaled_mean": alive.sum() * mean,
            "share_positive": share_positive,
            "n_weights": n_weights,
            "n_without_score": n_weights - n_scores,
        }
        for name, values in rows.items():
            columns.setdefault(name, []).extend(values)
    return {name: np.array(values) for name, values in columns.items()}


def fates_of(weights: Sequence[np.ndarray]) -> np.ndarray:
    """The round that removes each weight of a layer, (H, D), from its nested masks; N + 1 where it survives them all.

    Raises:
        ValueError: there are fewer than two masks.
    """
    if len(weights) < 2:
        raise ValueError("cavity scores by fate need at least the masks m(0) and m(1)")
    n_masks: np.ndarray = np.sum(weights, axis=0)
    return n_masks

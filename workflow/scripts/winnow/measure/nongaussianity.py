"""Skewness, sixth cumulant and negentropy: how far from Gaussian preactivations are, beyond their kurtosis.

With y the standardised preactivation (mean 0, variance 1, moments of the population):

    skewness        E y³
    sixth cumulant  E y⁶ − 15 E y⁴ − 10 (E y³)² + 30
    negentropy a    k₁ (E y exp(−y²/2))² + k₂ᵃ (E|y| − √(2/π))²,           k₂ᵃ = 1 / (2 − 6/π)
    negentropy b    k₁ (E y exp(−y²/2))² + k₂ᵇ (E exp(−y²/2) − √(1/2))²,   k₂ᵇ = 24 / (16√3 − 27),  k₁ = 36 / (8√3 − 9)

All are 0 for a Gaussian.  Negentropy, the entropy of a Gaussian of the same variance less one's own, in nats, is never
negative; a and b are Hyvärinen's approximations to it, in which large values count less than in any cumulant (A.
Hyvärinen, New approximations of differential entropy, Advances in Neural Information Processing Systems 10, 1998).
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from winnow.masks import density
from winnow.measure.arrays import Array, Arrays, arrays_on
from winnow.measure.by_class import chunks_by_class, class_means, negligible_variance, of_order_one
from winnow.measure.preactivations import check_inputs, effective_weights, subtract_mean
from winnow.store.datasets import Dataset
from winnow.store.tensors import Mask, Parameters

_K1 = 36 / (8 * np.sqrt(3) - 9)
_K2A = 1 / (2 - 6 / np.pi)
_K2B = 24 / (16 * np.sqrt(3) - 27)

_N_FEATURES = 6


class NongaussianityTables(NamedTuple):
    """Columns of `nongaussianity_by_unit` and `nongaussianity_by_class`, without dataset, method and seed."""

    by_unit: dict[str, np.ndarray]
    by_class: dict[str, np.ndarray]


def measure_nongaussianity(
    parameters: Parameters, masks: Sequence[Mask], dataset: Dataset, *, epsilon: float = 1e-5, device: str = "cpu"
) -> NongaussianityTables:
    """Skewness, sixth cumulant and negentropy of every first-layer unit's preactivation at θ ⊙ m(n).

    Args:
        parameters: θ, the network at the rewind point.
        masks: m(0), m(1), …; row `round` n belongs to m(n).
        dataset: its validation images are used.
        epsilon: ε of batch norm.
        device: `cpu` or `cuda`.

    Returns:
        By unit: one row per round and unit, over all images.  By class: one row per round and class, means over the
        units of the statistics over the images of that class (of the skewness, whose sign is the weights', its size;
        of the sixth cumulant also the median).  A unit without variance has none of them: NaN by unit, not counted in
        `n_units` by class.

    Raises:
        ValueError: parameters, masks and images do not fit together.
    """
    weights = [of_order_one(effective_weights(parameters, mask, epsilon=epsilon)) for mask in masks]
    check_inputs(dataset, weights[0].shape[1])
    with arrays_on(device) as arrays:
        statistics = _statistics(weights, dataset, arrays)
    densities = [density(mask) for mask in masks]
    return NongaussianityTables(
        _by_unit([of_all for of_all, _ in statistics], densities),
        _by_class([of_class for _, of_class in statistics], densities),
    )


def _statistics(
    weights: list[np.ndarray], dataset: Dataset, arrays: Arrays
) -> list[tuple[dict[str, np.ndarray], dict[str, np.ndarray]]]:
    """For each round the statistics over all images, (H,) each, and over those of each class, (H, K) each.

    Images are centred on their class before the products, as for the kurtosis.  A first pass gives the variances, a
    second one the sums over the standardised preactivations.
    """
    labels = np.asarray(dataset.validation.labels)
    n_images = np.bincount(labels, minlength=len(dataset.classes)).astype(np.float64)
    n_all = n_images.sum()
    means = class_means(dataset, n_images, arrays)
    on_device = [arrays.put(w) for w in weights]
    sums, squares = _sums_of_squares(on_device, dataset, means, arrays)

    share, class_mean = n_images / n_all, arrays.get(means)
    offsets, largest = class_mean - share @ class_mean, np.abs(class_mean).max(axis=0)
    variance = arrays.get(squares) / n_all + share @ offsets**2
    shifts, scales, scales_all = [], [], []
    for single, of_round in zip(weights, sums, strict=True):
        w, sum2 = single.astype(np.float64), arrays.get(of_round)
        negligible = negligible_variance(w, variance, largest)
        shifts.append(w @ offsets.T)  # (H, K), the class means of λ about the mean over all images
        scales.append(_inverse_root(sum2, n_images, negligible[:, None]))
        second = (sum2 + n_images * shifts[-1] ** 2).sum(axis=1)
        scales_all.append(_inverse_root(second, n_all, negligible))

    of_all, of_class = _sums_of_features(on_device, dataset, means, shifts, scales, scales_all, arrays)
    return [
        (_from_sums(arrays.get(every), n_all, scale_all > 0), _from_sums(arrays.get(own), n_images, scale > 0))
        for every, own, scale_all, scale in zip(of_all, of_class, scales_all, scales, strict=True)
    ]


def _inverse_root(sum2: np.ndarray, n: np.ndarray | np.float64, negligible: np.ndarray) -> np.ndarray:
    """1 / standard deviation from a sum of squares over n images; 0 where the variance is negligible."""
    scale = np.zeros(sum2.shape)
    np.divide(np.sqrt(n), np.sqrt(sum2), out=scale, where=sum2 > n * negligible)
    return scale


def _sums_of_squares(weights: list[Array], dataset: Dataset, means: Array, arrays: Arrays) -> tuple[list[Array], Array]:
    """Of each round the sums of λ² about the class means (H, K), and those of x² (D,), float64."""
    xp = arrays.xp
    n_units, n_inputs = weights[0].shape
    sums, squares = [arrays.zeros(n_units, len(means)) for _ in weights], arrays.zeros(n_inputs)
    for images, classes, members in chunks_by_class(dataset, arrays):
        centred = subtract_mean(images, members @ means[classes], arrays)
        squares += xp.sum(centred * centred, axis=0, dtype=xp.float64)
        members = xp.astype(members, xp.float32)
        for w, total in zip(weights, sums, strict=True):
            power1 = w @ centred.T
            total[:, classes] += (power1 * power1) @ members
    return sums, squares


def _sums_of_features(
    weights: list[Array],
    dataset: Dataset,
    means: Array,
    shifts: list[np.ndarray],
    scales: list[np.ndarray],
    scales_all: list[np.ndarray],
    arrays: Arrays,
) -> tuple[list[Array], list[Array]]:
    """Of each round the sums of `_features` over all images (6, H), and over those of each class (6, H, K), float64."""
    xp = arrays.xp
    of_all = [arrays.zeros(_N_FEATURES, len(w)) for w in weights]
    of_class = [arrays.zeros(_N_FEATURES, len(w), len(means)) for w in weights]
    put = [[arrays.put(array, xp.float32) for array in arrays_of] for arrays_of in (shifts, scales, scales_all)]
    for images, classes, members in chunks_by_class(dataset, arrays):
        centred = subtract_mean(images, members @ means[classes], arrays)
        members = xp.astype(members, xp.float32)
        for w, shift, scale, scale_all, every, own in zip(weights, *put, of_all, of_class, strict=True):
            power1 = w @ centred.T
            # Each image's class, out of a product with 1 and 0: exact.
            y = power1 * (scale[:, classes] @ members.T)
            for k, feature in enumerate(_features(y, xp)):
                own[k, :, classes] += feature @ members
            y = (power1 + shift[:, classes] @ members.T) * scale_all[:, None]
            for k, feature in enumerate(_features(y, xp)):
                every[k] += xp.sum(feature, axis=1, dtype=xp.float64)
    return of_all, of_class


def _features(y: Array, xp: object) -> tuple[Array, ...]:
    """What is averaged: y³, y⁴, y⁶, y exp(−y²/2), exp(−y²/2), |y|."""
    square = y * y
    cube = square * y
    bell = xp.exp(-0.5 * square)  # type: ignore[attr-defined]
    return cube, square * square, cube * cube, y * bell, bell, xp.abs(y)  # type: ignore[attr-defined]


def _from_sums(sums: np.ndarray, n: np.ndarray | np.float64, varies: np.ndarray) -> dict[str, np.ndarray]:
    """The statistics from the sums of `_features` over n images; NaN where nothing varies."""
    third, fourth, sixth, odd, bell, size = sums / np.maximum(n, 1)
    odd = _K1 * odd**2
    statistics = {
        "skewness": third,
        "sixth_cumulant": sixth - 15 * fourth - 10 * third**2 + 30,
        "negentropy_a": odd + _K2A * (size - np.sqrt(2 / np.pi)) ** 2,
        "negentropy_b": odd + _K2B * (bell - np.sqrt(1 / 2)) ** 2,
    }
    return {name: np.where(varies, values, np.nan) for name, values in statistics.items()}


def _by_unit(statistics: list[dict[str, np.ndarray]], densities: list[float]) -> dict[str, np.ndarray]:
    n_units = len(statistics[0]["skewness"])
    return {
        "round": np.repeat(np.arange(len(statistics)), n_units),
        "density": np.repeat(densities, n_units),
        "unit": np.tile(np.arange(n_units), len(statistics)),
        **{name: np.concatenate([of_round[name] for of_round in statistics]) for name in statistics[0]},
    }


def _by_class(statistics: list[dict[str, np.ndarray]], densities: list[float]) -> dict[str, np.ndarray]:
    values = {name: np.concatenate([of_round[name] for of_round in statistics], axis=1) for name in statistics[0]}
    n_classes = statistics[0]["skewness"].shape[1]
    n_units = np.isfinite(values["skewness"]).sum(axis=0)

    def over_units(average: Callable[..., np.ndarray], numbers: np.ndarray) -> np.ndarray:
        averages = np.full(len(n_units), np.nan)
        averages[n_units > 0] = average(numbers[:, n_units > 0], axis=0)
        return averages

    return {
        "round": np.repeat(np.arange(len(statistics)), n_classes),
        "density": np.repeat(densities, n_classes),
        "class": np.tile(np.arange(n_classes), len(statistics)),
        "skewness_size": over_units(np.nanmean, np.abs(values["skewness"])),
        "sixth_cumulant_mean": over_units(np.nanmean, values["sixth_cumulant"]),
        "sixth_cumulant_median": over_units(np.nanmedian, values["sixth_cumulant"]),
        "negentropy_a": over_units(np.nanmean, values["negentropy_a"]),
        "negentropy_b": over_units(np.nanmean, values["negentropy_b"]),
        "n_units": n_units,
    }

"""Kurtosis of the first layer's preactivations (Eq. 4, Fig. 4B)."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from winnow.masks import density
from winnow.measure.arrays import NUMPY, Array, Arrays, arrays_on
from winnow.measure.by_class import adder_by_class, class_means, class_parts, negligible_variance, of_order_one
from winnow.measure.preactivations import check_inputs, effective_weights, subtract_mean
from winnow.store.datasets import Dataset
from winnow.store.tensors import Mask, Parameters


class KurtosisTables(NamedTuple):
    """Columns of the tables `kurtosis_by_unit` and `kurtosis_by_class`, without dataset, method and seed."""

    by_unit: dict[str, np.ndarray]
    by_class: dict[str, np.ndarray]


def measure_kurtosis(
    parameters: Parameters, masks: Sequence[Mask], dataset: Dataset, *, epsilon: float = 1e-5, device: str = "cpu"
) -> KurtosisTables:
    """Kurtosis of every first-layer unit's preactivation at θ ⊙ m(n), over the validation images (Eq. 4).

    Kurtosis is `E[(λ − Eλ)⁴] / E[(λ − Eλ)²]²`, not the excess: a Gaussian has 3.  Moments are the population's.

    Args:
        parameters: θ, the network at the rewind point.
        masks: m(0), m(1), …; the kurtosis of row `round` n belongs to m(n).
        dataset: its validation images are used.
        epsilon: ε of batch norm.
        device: `cpu` or `cuda`.

    Returns:
        By unit: one row per round and unit, over all images.  By class: one row per round and class, mean and median
        over the units of the kurtosis over the images of that class.  A unit without variance has no kurtosis: NaN by
        unit, not counted in `n_units` by class.

    Raises:
        ValueError: parameters, masks and images do not fit together.
    """
    weights = [of_order_one(effective_weights(parameters, mask, epsilon=epsilon)) for mask in masks]
    check_inputs(dataset, weights[0].shape[1])
    with arrays_on(device) as arrays:
        kurtosis = [*_kurtosis(weights, dataset, arrays)]
    densities = [density(mask) for mask in masks]
    return KurtosisTables(
        _by_unit([of_all for of_all, _ in kurtosis], densities),
        _by_class([of_class for _, of_class in kurtosis], densities),
    )


def _kurtosis(weights: list[np.ndarray], dataset: Dataset, arrays: Arrays) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """For each round the kurtosis over all images (H,) and over those of each class (H, K).

    Images are centred on their class before the products, so that λ comes out centred on its class.  Its powers then
    simply add up over the chunks, and the moments over all images follow from those within the classes and the classes'
    means, which are linear in the mean images.
    """
    labels = np.asarray(dataset.validation.labels)
    n_images = np.bincount(labels, minlength=len(dataset.classes)).astype(np.float64)
    means = class_means(dataset, n_images, arrays)
    on_device = [arrays.put(w) for w in weights]
    sums, squares = _sums_of_powers(on_device, dataset, means, arrays)
    means, squares = arrays.get(means), arrays.get(squares)

    share = n_images / n_images.sum()
    offsets, largest = means - share @ means, np.abs(means).max(axis=0)
    variance = squares / n_images.sum() + share @ offsets**2
    for single, of_round in zip(weights, sums, strict=True):
        w = single.astype(np.float64)
        negligible = negligible_variance(w, variance, largest)
        shift = w @ offsets.T  # (H, K), the class means of λ about the mean over all images
        sums_of_round = arrays.get(of_round)
        second, fourth = np.empty((2, len(w)))
        of_class = np.empty(shift.shape)
        for units in NUMPY.pieces(len(w), len(n_images)):
            (sum2, sum3, sum4), moved = sums_of_round[:, units], shift[units]
            moved2 = moved * moved
            second[units] = (sum2 + n_images * moved2).sum(axis=1)
            fourth[units] = (sum4 + 4 * moved * sum3 + moved2 * (6 * sum2 + n_images * moved2)).sum(axis=1)
            of_class[units] = _ratio(n_images, sum2, sum4, negligible[units, None])
        yield _ratio(n_images.sum(), second, fourth, negligible), of_class


def _ratio(n: np.ndarray | np.float64, sum2: np.ndarray, sum4: np.ndarray, negligible: np.ndarray) -> np.ndarray:
    """Kurtosis from sums of powers over n images; NaN where the variance is negligible."""
    kurtosis = np.full(sum2.shape, np.nan)
    np.divide(n * sum4, sum2**2, out=kurtosis, where=sum2 > n * negligible)
    return kurtosis


def _sums_of_powers(weights: list[Array], dataset: Dataset, means: Array, arrays: Arrays) -> tuple[list[Array], Array]:
    """Of each round the sums of λ², λ³, λ⁴ about the class means (3, H, K); and those of x² (D,), all float64."""
    xp = arrays.xp
    n_units, n_inputs = weights[0].shape
    sums = [arrays.zeros(3, n_units, len(means)) for _ in weights]
    squares = arrays.zeros(n_inputs)
    for images, first, parts in class_parts(dataset, arrays):
        for k, part in enumerate(parts, first):
            centred = subtract_mean(images[part], means[k], arrays)
            images[part] = centred
            squares += xp.sum(xp.astype(centred * centred, xp.float64), axis=0)
        total_by_class = adder_by_class(parts, len(images), arrays)
        classes = slice(first, first + len(parts))
        for w, total in zip(weights, sums, strict=True):
            lam = w @ images.T
            for units in arrays.pieces(n_units, len(images)):
                power1 = lam[units]
                power2 = power1 * power1
                powers = xp.stack([power2, power2 * power1, power2 * power2])
                total[:, units, classes] += total_by_class(powers)
    return sums, squares


def _by_unit(kurtosis: list[np.ndarray], densities: list[float]) -> dict[str, np.ndarray]:
    n_units = len(kurtosis[0])
    return {
        "round": np.repeat(np.arange(len(kurtosis)), n_units),
        "density": np.repeat(densities, n_units),
        "unit": np.tile(np.arange(n_units), len(kurtosis)),
        "kurtosis": np.concatenate(kurtosis),
    }


def _median(values: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Median of each column (H, M) without its NaNs, of which it has all but n (M,) of H; n is not 0.

    What numpy's `nanmedian` gives, which goes column by column in Python.
    """
    rows = np.ascontiguousarray(values.T)
    whole = n == len(values)
    median = np.empty(len(rows))
    median[whole] = np.median(rows[whole], axis=1)
    median[~whole] = np.nanmedian(rows[~whole], axis=1)
    return median


def _by_class(kurtosis: list[np.ndarray], densities: list[float]) -> dict[str, np.ndarray]:
    n_classes = kurtosis[0].shape[1]
    values = np.concatenate(kurtosis, axis=1)  # (H, rounds · K)
    n_units = np.isfinite(values).sum(axis=0)
    mean, median = np.full((2, values.shape[1]), np.nan)
    mean[n_units > 0] = np.nansum(values[:, n_units > 0], axis=0) / n_units[n_units > 0]
    median[n_units > 0] = _median(values[:, n_units > 0], n_units[n_units > 0])
    return {
        "round": np.repeat(np.arange(len(kurtosis)), n_classes),
        "density": np.repeat(densities, n_classes),
        "class": np.tile(np.arange(n_classes), len(kurtosis)),
        "kurtosis_mean": mean,
        "kurtosis_median": median,
        "n_units": n_units,
    }

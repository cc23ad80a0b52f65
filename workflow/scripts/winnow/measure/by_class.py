"""The validation images class by class, as the statistics of preactivations within the classes need them."""

from collections.abc import Iterator

import numpy as np

from winnow.measure.arrays import Array, Arrays
from winnow.measure.preactivations import ZERO_SD, validation_chunks
from winnow.store.datasets import Dataset

CHUNK = 1024
"""Images at a time."""

_ROUNDING = 1e-12  # of a mean in float64


def of_order_one(weights: np.ndarray) -> np.ndarray:
    """Each unit's weights times a power of two, float32: no digit and no kurtosis changes, and λ⁴ stays in range."""
    _, exponent = np.frexp(np.abs(weights).max(axis=1, keepdims=True))
    scaled: np.ndarray = np.ldexp(weights, -exponent)
    return scaled.astype(np.float32)


def chunks_by_class(dataset: Dataset, arrays: Arrays) -> Iterator[tuple[Array, slice, Array]]:
    """Chunks of images sorted by class, the classes from the first to the last in each, and which image is whose.

    The last is 1 or 0, (n, classes) float64: a product with it adds up by class, in the same order each time.
    """
    xp, labels = arrays.xp, np.asarray(dataset.validation.labels)
    order = np.argsort(labels, kind="stable")
    for k, images in enumerate(validation_chunks(dataset, CHUNK, order, arrays)):
        label = labels[order[k * CHUNK : (k + 1) * CHUNK]]
        classes = np.arange(label[0], label[-1] + 1)
        yield images, slice(label[0], label[-1] + 1), arrays.put(label[:, None] == classes, xp.float64)


def class_means(dataset: Dataset, n_images: np.ndarray, arrays: Arrays) -> Array:
    """Mean prepared image of each class, (K, D) float64; zero for a class without images."""
    xp = arrays.xp
    means = arrays.zeros(len(n_images), dataset.validation.images.shape[1])
    for images, classes, members in chunks_by_class(dataset, arrays):
        means[classes] += members.T @ xp.astype(images, xp.float64)
    return means / arrays.put(np.maximum(n_images, 1))[:, None]


def negligible_variance(weights: np.ndarray, variance: np.ndarray, largest: np.ndarray) -> np.ndarray:
    """What is no variance of λ but rounding: (H,).

    Beside the variance of λ if the inputs were independent; where they are constant, beside the means' rounding.

    Args:
        weights: (H, D) float64, effective weights.
        variance: (D,) of the inputs over all images.
        largest: (D,) the largest |mean| of the inputs in a class.
    """
    negligible: np.ndarray = np.maximum(
        ZERO_SD**2 * (weights**2 @ variance), (_ROUNDING * (np.abs(weights) @ largest)) ** 2
    )
    return negligible

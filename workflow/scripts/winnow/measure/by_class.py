"""The validation images class by class, as the statistics of preactivations within the classes need them."""

import itertools
from collections.abc import Callable, Iterator

import numpy as np

from winnow.measure.arrays import Array, Arrays
from winnow.measure.preactivations import ZERO_SD, validation_chunks
from winnow.store.datasets import Dataset

CHUNK = 2048
"""Images at a time."""

_ROUNDING = 1e-12  # of a mean in float64


def of_order_one(weights: np.ndarray) -> np.ndarray:
    """Each unit's weights times a power of two, float32: no digit and no kurtosis changes, and λ⁴ stays in range."""
    _, exponent = np.frexp(np.abs(weights).max(axis=1, keepdims=True))
    scaled: np.ndarray = np.ldexp(weights, -exponent)
    return scaled.astype(np.float32)


def class_parts(dataset: Dataset, arrays: Arrays) -> Iterator[tuple[Array, int, list[slice]]]:
    """Chunks of images sorted by class; the first class in each, and which images are its and each next class's."""
    labels = np.asarray(dataset.validation.labels)
    order = np.argsort(labels, kind="stable")
    for k, images in enumerate(validation_chunks(dataset, CHUNK, order, arrays)):
        of_chunk = labels[order[k * CHUNK : (k + 1) * CHUNK]]
        bounds = np.searchsorted(of_chunk, np.arange(of_chunk[0], of_chunk[-1] + 2))
        yield images, int(of_chunk[0]), [slice(*map(int, pair)) for pair in itertools.pairwise(bounds)]


def chunks_by_class(dataset: Dataset, arrays: Arrays) -> Iterator[tuple[Array, slice, Array]]:
    """The same chunks, the classes from the first to the last in each, and which image is whose.

    The last is 1 or 0, (n, classes) float64: a product with it adds up by class, in the same order each time.
    """
    for images, first, parts in class_parts(dataset, arrays):
        yield images, slice(first, first + len(parts)), arrays.put(_members(parts, len(images)), arrays.xp.float64)


def adder_by_class(parts: list[slice], n: int, arrays: Arrays) -> Callable[[Array], Array]:
    """What adds numbers of images (…, n) up by class (…, classes), in the same order each time.

    numpy's `reduceat` reads them once and sums pairwise, but has no counterpart in torch: there it is a product.
    """
    if arrays.xp is np:
        starts = [part.start for part in parts if part.start < part.stop]
        there = np.array([part.start < part.stop for part in parts])

        def add(values: np.ndarray) -> np.ndarray:
            sums = np.add.reduceat(values, starts, axis=-1)
            if there.all():
                return sums
            of_all = np.zeros((*values.shape[:-1], len(parts)), sums.dtype)
            of_all[..., there] = sums
            return of_all

        return add
    on_device = arrays.put(_members(parts, n))
    return lambda values: values @ on_device


def _members(parts: list[slice], n: int) -> np.ndarray:
    """1 where an image is of a class, else 0: (n, classes) float32."""
    members = np.zeros((n, len(parts)), np.float32)
    for k, part in enumerate(parts):
        members[part, k] = 1
    return members


def class_means(dataset: Dataset, n_images: np.ndarray, arrays: Arrays) -> Array:
    """Mean prepared image of each class, (K, D) float64; zero for a class without images."""
    xp = arrays.xp
    means = arrays.zeros(len(n_images), dataset.validation.images.shape[1])
    for images, first, parts in class_parts(dataset, arrays):
        for k, part in enumerate(parts, first):
            means[k] += xp.sum(xp.astype(images[part], xp.float64), axis=0)
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

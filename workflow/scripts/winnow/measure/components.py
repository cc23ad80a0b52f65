"""Principal and independent components of the images (App. A, Fig. 2)."""

import warnings

import numpy as np

from winnow.measure.arrays import Arrays, arrays_on
from winnow.measure.preactivations import check_inputs
from winnow.store.datasets import Dataset
from winnow.streams import stream

_MAX_ITERATIONS = 1000
_CHUNK = 4096  # images at a time


def measure_components(
    dataset: Dataset, *, number: int = 64, seed: int = 0, max_images: int | None = None, device: str = "cpu"
) -> dict[str, np.ndarray]:
    """PCA and FastICA of the validation images, as the network sees them.

    FastICA works on the images whitened by the first `number` principal components.  It gets them straight away, which
    gives the same components without a second decomposition of all pixels; the little left to it stays on the
    processors.

    Args:
        dataset: its validation images are used.
        number: components of each kind.
        seed: seed of ICA's start, and of the choice of images.
        max_images: images used, a random choice; all by default.
        device: `cpu` or `cuda`, where the principal components are computed.

    Returns:
        `pca`: (number, D) float32, orthonormal, by falling variance.
        `pca_explained_variance_ratio`: (number,) float64, the share of the variance along each.
        `ica`: (number, D) float32, the filters that give the independent components from the centred image
        (`FastICA.components_`), by falling kurtosis of what they give.
        `ica_converged`: (1,) bool.
        Of both kinds the pixel largest in absolute value is positive.

    Raises:
        ValueError: there are fewer inputs than components, or the images do not span as many dimensions.
    """
    from sklearn.decomposition import FastICA
    from sklearn.exceptions import ConvergenceWarning

    n_inputs = int(np.prod(dataset.shape))
    check_inputs(dataset, n_inputs)
    images = _images(dataset, max_images, seed)
    if number > n_inputs:
        raise ValueError(f"{number} components were asked for, but an image has only {n_inputs} pixels")
    if number >= len(images):
        raise ValueError(f"{number} components need more than {number} images, but there are {len(images)}")

    if not np.ptp(images, axis=0).any():
        raise ValueError("all images are the same: they have no components")
    with arrays_on(device) as arrays:
        find = _principal_on_processors if arrays.xp is np else _principal_on_device
        components, shares, deviations = find(images, number, _integer("pca", seed), arrays)
    rank = int((deviations > 1e-5 * deviations[0]).sum())
    if rank < number:
        raise ValueError(f"{number} components were asked for, but the images span only {rank} dimensions")
    components = _largest_positive(components)  # before the ICA, whose start depends on their signs
    whitened = (images @ components.T).astype(np.float64)
    whitened -= whitened.mean(axis=0)
    deviation = whitened.std(axis=0)
    whitened /= deviation
    ica = FastICA(whiten=False, max_iter=_MAX_ITERATIONS, random_state=_integer("ica", seed))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # said by `ica_converged`
        sources = ica.fit_transform(whitened)  # (n, number), mean 0, variance 1
    order = np.argsort(-(sources**4).mean(axis=0), kind="stable")
    return {
        "pca": components,
        "pca_explained_variance_ratio": shares.astype(np.float64),
        "ica": _largest_positive(ica.components_[order] / deviation @ components),
        "ica_converged": np.array([ica.n_iter_ < _MAX_ITERATIONS]),
    }


_Principal = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Principal components (number, D), and along each the share of the variance and the deviation, up to a factor."""


def _principal_on_processors(images: np.ndarray, number: int, random_state: int, _: Arrays) -> _Principal:
    from sklearn.decomposition import PCA

    # ARPACK finds the first components to full precision, in a fraction of the time of a whole decomposition.
    solver = "arpack" if number < images.shape[1] else "full"
    pca = PCA(number, svd_solver=solver, random_state=random_state).fit(images)
    return pca.components_, pca.explained_variance_ratio_, pca.singular_values_


def _principal_on_device(images: np.ndarray, number: int, _: int, arrays: Arrays) -> _Principal:
    """By the eigenvectors of the covariance, float64: what a GPU does best."""
    xp = arrays.xp
    mean = arrays.put(images.mean(axis=0, dtype=np.float64))
    covariance = arrays.zeros(images.shape[1], images.shape[1])
    for start in range(0, len(images), _CHUNK):
        x = arrays.put(images[start : start + _CHUNK], xp.float64) - mean
        covariance += x.T @ x
    values, vectors = xp.linalg.eigh(covariance)  # by rising variance
    values, vectors = arrays.get(values)[::-1].clip(min=0), arrays.get(vectors)[:, ::-1]
    return vectors[:, :number].T, values[:number] / values.sum(), np.sqrt(values[:number])


def _images(dataset: Dataset, max_images: int | None, seed: int) -> np.ndarray:
    images = dataset.validation.images
    if max_images is not None and max_images < len(images):
        chosen = stream("components images", seed).choice(len(images), max_images, replace=False)
        images = images[np.sort(chosen)]
    return dataset.prepare(images)


def _integer(purpose: str, seed: int) -> int:
    return int(stream(purpose, seed).integers(2**31))


def _largest_positive(components: np.ndarray) -> np.ndarray:
    largest = np.take_along_axis(components, np.abs(components).argmax(axis=1, keepdims=True), axis=1)
    signed: np.ndarray = components * np.sign(largest)
    return signed.astype(np.float32)

"""Principal and independent components of the images (App. A, Fig. 2)."""

import warnings

import numpy as np

from winnow.measure.preactivations import check_inputs
from winnow.store import Dataset
from winnow.streams import stream

_MAX_ITERATIONS = 1000


def measure_components(
    dataset: Dataset, *, number: int = 64, seed: int = 0, max_images: int | None = None
) -> dict[str, np.ndarray]:
    """PCA and FastICA of the validation images, as the network sees them.

    FastICA whitens with the first `number` principal components and then works in their space.  It gets the images in
    that space straight away, which gives the same components without a second decomposition of all pixels.

    Args:
        dataset: its validation images are used.
        number: components of each kind.
        seed: seed of ICA's start, and of the choice of images.
        max_images: images used, a random choice; all by default.

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
    from sklearn.decomposition import PCA, FastICA
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
    # ARPACK finds the first components to full precision, in a fraction of the time of a whole decomposition.
    solver = "arpack" if number < n_inputs else "full"
    pca = PCA(number, svd_solver=solver, random_state=_integer("pca", seed)).fit(images)
    rank = int((pca.singular_values_ > 1e-5 * pca.singular_values_[0]).sum())
    if rank < number:
        raise ValueError(f"{number} components were asked for, but the images span only {rank} dimensions")
    projected = pca.transform(images).astype(np.float64)
    ica = FastICA(number, whiten="unit-variance", max_iter=_MAX_ITERATIONS, random_state=_integer("ica", seed))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # said by `ica_converged`
        sources = ica.fit_transform(projected)  # (n, number), mean 0, variance 1
    order = np.argsort(-(sources**4).mean(axis=0), kind="stable")
    return {
        "pca": _largest_positive(pca.components_),
        "pca_explained_variance_ratio": pca.explained_variance_ratio_.astype(np.float64),
        "ica": _largest_positive(ica.components_[order] @ pca.components_),
        "ica_converged": np.array([ica.n_iter_ < _MAX_ITERATIONS]),
    }


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
    return (components * np.sign(largest)).astype(np.float32)

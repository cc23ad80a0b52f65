"""Images blended with their own Gaussian clone: a dial for real data, class by class at one mean and covariance.

    x = mu + sqrt(1 - a) (natural - mu) + sqrt(a) (clone - mu),    mu: the mean image of the class.

Image and clone are independent of each other, so that the covariance stays, and each cumulant of order n is that of the
natural images times (1 - a)^(n / 2): the excess kurtosis of any projection within a class falls by (1 - a)^2.
"""

from pathlib import Path

import numpy as np

from winnow.store.datasets import Dataset, new_dataset, open_dataset

_CHUNK = 4096


class BlendError(ValueError):
    """Datasets that are no dataset and its clone, or a share that is none; the message says which."""


def blend_dataset(
    natural_folder: str | Path, clone_folder: str | Path, folder: str | Path, *, name: str, clone_share: float
) -> None:
    """Write the blend of a dataset with its clone: (N, D) float32 in the dataset's pixel units, its labels and order.

    What the clone keeps, the blend keeps: of a clone `per: channel` the covariance within each channel.

    Args:
        natural_folder: the dataset.
        clone_folder: its Gaussian clone.
        folder: the blend to write.
        name: the blend's name.
        clone_share: a, the clone's share of the variance: 0 the dataset itself, 1 its clone.

    Raises:
        BlendError: the second is no clone of the first, or the share lies outside 0 to 1.
        StoreError: one of them is no complete dataset.
    """
    if not 0 <= clone_share <= 1:
        raise BlendError(f"clone_share ({clone_share}) must be between 0, the images themselves, and 1, their clone")
    natural, clone = open_dataset(natural_folder), open_dataset(clone_folder)
    if clone.source.get("clone_of") != natural.source:
        raise BlendError(f"{clone_folder} is no Gaussian clone of {natural_folder}: make it with the setting clone")
    if kind := clone.source.get("as"):
        raise BlendError(f"{clone_folder} is {kind}: only an exact clone keeps the covariance of a blend")
    means = _class_means(natural)
    with new_dataset(
        folder,
        shape=natural.shape,
        classes=natural.classes,
        n_train=len(natural.train.labels),
        n_validation=len(natural.validation.labels),
        dtype=np.float32,
        pixel_scale=natural.pixel_scale,
        source={"source": "blend", "name": name, "clone_share": clone_share, "of": natural.source},
    ) as splits:
        pairs = ((natural.train, clone.train), (natural.validation, clone.validation))
        for split, (image, gaussian) in zip(splits, pairs, strict=True):
            split.labels[:] = image.labels
            for start in range(0, len(image.labels), _CHUNK):
                rows = slice(start, start + _CHUNK)
                mean = means[image.labels[rows]]
                split.images[rows] = (
                    mean
                    + np.sqrt(1 - clone_share) * (image.images[rows] - mean)
                    + np.sqrt(clone_share) * (gaussian.images[rows] - mean)
                )
                for each in (split, image, gaussian):
                    each.release()


def _class_means(dataset: Dataset) -> np.ndarray:
    """The mean training image of each class: (K, D) float64."""
    total = np.zeros((len(dataset.classes), dataset.train.images.shape[1]))
    for start in range(0, len(dataset.train.labels), _CHUNK):
        rows = slice(start, start + _CHUNK)
        np.add.at(total, dataset.train.labels[rows], dataset.train.images[rows])
        dataset.train.release()
    counts = np.bincount(dataset.train.labels, minlength=len(dataset.classes))
    means: np.ndarray = total / np.maximum(counts, 1)[:, None]
    return means

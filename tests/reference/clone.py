"""Gaussian clones and their certificate with dense covariances and library functions."""

import numpy as np
from scipy import stats

from winnow.store.datasets import Dataset
from winnow.streams import stream


def draw(images: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw from the Gaussian fitted to images (rows) with the dense covariance."""
    images = images.astype(np.float64)
    return rng.multivariate_normal(images.mean(axis=0), np.cov(images.T), n, method="svd")


def clone_images(
    source: Dataset, name: str, per: str, fit_per_class: int, seed: int, kind: str = "exact"
) -> tuple[np.ndarray, np.ndarray]:
    """Training and validation images of a clone, image by image; for fits to fewer images than there are pixels."""
    n_blocks = source.shape[0] if per == "channel" else 1
    splits = {"train": source.train, "validation": source.validation}
    clone = {which: np.full(split.images.shape, np.nan) for which, split in splits.items()}
    for k in range(len(source.classes)):
        rows = np.flatnonzero(source.train.labels == k)
        if fit_per_class < len(rows):
            rows = np.sort(stream("clone fit", name, seed, k).choice(rows, fit_per_class, replace=False))
        fit = np.array_split(source.train.images[rows].astype(np.float64), n_blocks, axis=1)
        for which, split in splits.items():
            rng = stream("clone draw", name, seed, k, which)
            of_class = np.flatnonzero(split.labels == k)
            blocks = []
            for images in fit:
                noise = rng.standard_normal((len(of_class), len(images)), dtype=np.float32)
                mean = images.mean(axis=0)
                block = [mean + (g[:, None] * (images - mean)).sum(axis=0) / np.sqrt(len(fit[0]) - 1) for g in noise]
                if kind == "clipped" and len(block):
                    ridge = rng.standard_normal((len(of_class), images.shape[1]), dtype=np.float32)
                    values = source.train.images
                    block = [clipped(image, values, np.sqrt(1e-3) * h) for image, h in zip(block, ridge, strict=True)]
                blocks.append(block)
            for i, row in enumerate(of_class):
                clone[which][row] = np.concatenate([block[i] for block in blocks])
    return clone["train"], clone["validation"]


def clipped(image: np.ndarray, values: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """An image, with noise in steps, rounded and clipped to 0 to 255, or to 256 levels of what values there are."""
    least, largest = (0.0, 255.0) if values.dtype == np.uint8 else (float(values.min()), float(values.max()))
    step = (largest - least) / 255
    levels = [round(float((v - least) / step + h)) for v, h in zip(image, noise, strict=True)]
    return np.array([least + step * min(max(level, 0), 255) for level in levels])


def with_phases_of(image: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """An image (rows, columns) whose Fourier coefficients but the first are turned by the phases of the noise's."""
    rows, columns = image.shape
    turned = np.zeros((rows, columns), complex)
    y, x = np.mgrid[:rows, :columns]
    for v in range(rows):
        for u in range(columns):
            wave = np.exp(-2j * np.pi * (v * y / rows + u * x / columns))
            coefficient, other = (image * wave).sum(), (noise * wave).sum()
            turn = 1 if u == v == 0 else other / abs(other)
            turned += coefficient * turn * wave.conj()
    assert abs(turned.imag).max() < 1e-9 * max(abs(turned.real).max(), 1)
    return turned.real / (rows * columns)


def relative_errors(fit: np.ndarray, drawn: np.ndarray) -> tuple[float, float]:
    """Relative error of mean and covariance (Frobenius norm) of drawn images against those of the fit images."""
    fit, drawn = fit.astype(np.float64), drawn.astype(np.float64)
    mean, covariance = fit.mean(axis=0), np.cov(fit.T)
    return (
        float(np.linalg.norm(drawn.mean(axis=0) - mean) / np.linalg.norm(mean)),
        float(np.linalg.norm(np.cov(drawn.T) - covariance) / np.linalg.norm(covariance)),
    )


def mean_kurtosis(images: np.ndarray, directions: np.ndarray) -> float:
    """Average over directions (columns) of the kurtosis of the images' projections."""
    projections = images.astype(np.float64) @ directions.astype(np.float64)
    return float(np.mean([stats.kurtosis(values, fisher=False) for values in projections.T]))

"""Gaussian clones and their certificate with dense covariances and library functions."""

import numpy as np
from scipy import stats


def draw(images: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw from the Gaussian fitted to images (rows) with the dense covariance."""
    images = images.astype(np.float64)
    return rng.multivariate_normal(images.mean(axis=0), np.cov(images.T), n, method="svd")


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

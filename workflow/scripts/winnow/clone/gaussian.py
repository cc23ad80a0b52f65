"""A Gaussian that is fitted to images, and draws from it.

With `n` fit images the covariance is `A^T A`, `A = (x - mean) / sqrt(n - 1)`, of rank `n - 1`.  A drawn image is
`mean + A^T g`, `g ~ N(0, I_n)`: exactly the fitted Gaussian, without a ridge and without factorising the covariance.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Gaussian:
    """A Gaussian with covariance `root.T @ root`.

    Attributes:
        mean: (p,) float64.
        root: (k, p) float32, k = min(n, p).
        n_fit: n, the images it was fitted to.
    """

    mean: np.ndarray
    root: np.ndarray
    n_fit: int

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draw n images: (n, p) float32."""
        noise = rng.standard_normal((n, len(self.root)), dtype=np.float32)
        images: np.ndarray = noise @ self.root
        images += self.mean.astype(np.float32)
        return images


def fit_gaussian(images: np.ndarray) -> Gaussian:
    """Fit mean and (unbiased) covariance.

    Args:
        images: (n, p), n >= 2.
    """
    n, p = images.shape
    mean, root = moments(images)
    if n > p:  # R of root = QR has the same R^T R, and needs fewer random numbers and products
        return Gaussian(mean, np.asarray(np.linalg.qr(root, mode="r")), n)
    return Gaussian(mean, root, n)


def moments(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean (p,) float64, and a root (n, p) float32 of the unbiased covariance, of images (n, p)."""
    mean = images.mean(axis=0, dtype=np.float64)
    return mean, ((images - mean) / np.sqrt(len(images) - 1)).astype(np.float32)

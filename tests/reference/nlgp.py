"""The nonlinear Gaussian process without Fourier transforms: loops, a dense covariance, numerical integrals."""

import math

import numpy as np


def wrapped_covariance(side: int, xi: float, rows: int, columns: int) -> float:
    """Covariance of two pixels of z: the Gaussian summed over the periodic images of their distance, over that at 0."""

    def total(dy: int, dx: int) -> float:
        images = range(-12, 13)
        return sum(math.exp(-((dy + side * a) ** 2 + (dx + side * b) ** 2) / xi**2) for a in images for b in images)

    return total(rows, columns) / total(0, 0)


def nearest_covariance(side: int, xi: float, rows: int, columns: int) -> float:
    """The same with the nearest periodic image alone."""
    dy, dx = (min(d % side, -d % side) for d in (rows, columns))
    return math.exp(-(dy**2 + dx**2) / xi**2)


def covariance_matrix(side: int, xi: float, covariance=wrapped_covariance) -> np.ndarray:
    """Covariance of all pixels of z: (L^2, L^2)."""
    by_shift = [[covariance(side, xi, dy, dx) for dx in range(side)] for dy in range(side)]
    matrix = np.empty((side, side, side, side))
    for y in range(side):
        for x in range(side):
            for v in range(side):
                for u in range(side):
                    matrix[y, x, v, u] = by_shift[(y - v) % side][(x - u) % side]
    return matrix.reshape(side**2, side**2)


def erf_covariance(rho: float, gain: float, n: int = 200) -> float:
    """E[x x'] of x = erf(g z) / Z by Gauss-Hermite quadrature over two standard normal z with correlation rho."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(n)
    weights = weights / weights.sum()
    erf = np.vectorize(math.erf)
    other = rho * nodes[:, None] + math.sqrt(1 - rho**2) * nodes
    product = (weights[:, None] * weights * erf(gain * nodes)[:, None] * erf(gain * other)).sum()
    return float(product / (weights * erf(gain * nodes) ** 2).sum())


def sample(n: int, side: int, xi: float, gain: float, rng: np.random.Generator) -> np.ndarray:
    """Draw images of one channel with the root of the dense covariance: (n, L^2)."""
    values, vectors = np.linalg.eigh(covariance_matrix(side, xi))
    z = rng.standard_normal((n, side**2)) @ (vectors * np.sqrt(np.maximum(values, 0))).T
    norm = math.sqrt(2 / math.pi * math.asin(2 * gain**2 / (1 + 2 * gain**2)))
    return np.vectorize(math.erf)(gain * z) / norm

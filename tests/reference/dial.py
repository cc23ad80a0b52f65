"""Images with one covariance and a dial, without closed forms: integrals, a root sought by halving, a dense root."""

import math
from collections.abc import Callable

import numpy as np

from reference.nlgp import covariance_matrix, erf_covariance

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(120)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


def moment(function: Callable[[np.ndarray], np.ndarray], power: int) -> float:
    """E f(z)^power over a standard normal z, as a sum over a fine grid."""
    z = np.linspace(-14, 14, 280_001)
    density = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    return float((function(z) ** power * density).sum() * (z[1] - z[0]))


def excess_kurtosis(function: Callable[[np.ndarray], np.ndarray]) -> float:
    """Excess kurtosis of an odd map of a standard normal."""
    return moment(function, 4) / moment(function, 2) ** 2 - 3


def covariance(function: Callable[[np.ndarray], np.ndarray], correlation: float) -> float:
    """E f(z) f(z') / E f(z)^2 over two standard normal z of a correlation, by Gauss-Hermite quadrature."""
    other = correlation * _NODES[:, None] + math.sqrt(max(1 - correlation**2, 0)) * _NODES
    product = _WEIGHTS[:, None] * _WEIGHTS * function(_NODES)[:, None] * function(other)
    return float(product.sum() / (_WEIGHTS * function(_NODES) ** 2).sum())


def halve(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a rising function is zero."""
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (low, middle) if function(middle) > 0 else (middle, high)
    return (low + high) / 2


def arm_map(arm: str, kurtosis: float) -> Callable[[np.ndarray], np.ndarray]:
    """The odd map of `saturating` or `heavy_tailed` whose pixels have an excess kurtosis."""
    erf = np.vectorize(math.erf, otypes=[float])
    if arm == "saturating":
        gain = halve(lambda g: kurtosis - excess_kurtosis(lambda z: erf(g * z)), 0.05, 40.0)
        return lambda z: erf(gain * z)
    scale = halve(lambda a: excess_kurtosis(lambda z: np.sinh(a * z)) - kurtosis, 0.01, 1.2)
    return lambda z: np.sinh(scale * z)


def sample(
    n: int, arm: str, side: int, xi: float, gain: float, kurtosis: float, rng: np.random.Generator
) -> np.ndarray:
    """Draw images of one channel with the root of the dense covariance: (n, L^2)."""
    rho = covariance_matrix(side, xi)
    target = {value: erf_covariance(value, gain) for value in np.unique(rho)}
    pixels = np.vectorize(target.get, otypes=[float])(rho)
    if arm == "elliptical":
        values, vectors = np.linalg.eigh(pixels)
        gaussian = rng.standard_normal((n, side**2)) @ (vectors * np.sqrt(np.maximum(values, 0))).T
        # A Gamma variable of mean 1 and variance k / 3: the mean of 3 / k exponential ones (k divides 3 here).
        squares = rng.exponential(size=(n, round(3 / kurtosis))).mean(axis=1)
        return gaussian * np.sqrt(squares)[:, None]
    function = arm_map(arm, kurtosis)
    latent = {value: halve(lambda r, v=value: covariance(function, r) - v, -1, 1) for value in np.unique(pixels)}
    values, vectors = np.linalg.eigh(np.vectorize(latent.get, otypes=[float])(pixels))
    z = rng.standard_normal((n, side**2)) @ (vectors * np.sqrt(np.maximum(values, 0))).T
    return function(z) / math.sqrt(moment(function, 2))

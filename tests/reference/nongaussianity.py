"""Slow, obvious cumulants and negentropies of numbers, by the definitions."""

import math

import numpy as np


def standardised(values: np.ndarray) -> np.ndarray:
    """Mean 0 and variance 1 (of the population)."""
    values = values.astype(np.float64)
    return (values - values.mean()) / values.std()


def cumulant(values: np.ndarray, order: int) -> float:
    """The cumulant of standardised numbers, from their moments: m_n = Σ_k C(n − 1, k − 1) κ_k m_(n − k)."""
    y = standardised(values)
    moment = [float(np.mean(y**n)) for n in range(order + 1)]
    kappa = [0.0]
    for n in range(1, order + 1):
        kappa.append(moment[n] - sum(math.comb(n - 1, k - 1) * kappa[k] * moment[n - k] for k in range(1, n)))
    return kappa[order]


def negentropy_a(values: np.ndarray) -> float:
    """Hyvärinen 1998, with |y|."""
    y = standardised(values)
    k1, k2 = 36 / (8 * math.sqrt(3) - 9), 1 / (2 - 6 / math.pi)
    odd = np.mean([v * math.exp(-v * v / 2) for v in y])
    even = np.mean([abs(v) for v in y]) - math.sqrt(2 / math.pi)
    return float(k1 * odd**2 + k2 * even**2)


def negentropy_b(values: np.ndarray) -> float:
    """Hyvärinen 1998, with exp(−y²/2)."""
    y = standardised(values)
    k1, k2 = 36 / (8 * math.sqrt(3) - 9), 24 / (16 * math.sqrt(3) - 27)
    odd = np.mean([v * math.exp(-v * v / 2) for v in y])
    even = np.mean([math.exp(-v * v / 2) for v in y]) - math.sqrt(1 / 2)
    return float(k1 * odd**2 + k2 * even**2)


def all_statistics(values: np.ndarray) -> dict[str, float]:
    """Those of the tables `nongaussianity_by_unit` and `nongaussianity_by_class`."""
    return {
        "skewness": cumulant(values, 3),
        "sixth_cumulant": cumulant(values, 6),
        "negentropy_a": negentropy_a(values),
        "negentropy_b": negentropy_b(values),
    }

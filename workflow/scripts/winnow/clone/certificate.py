"""The certificate of a clone: how far its images are from the fitted Gaussian, and how far is to be expected.

All of it holds within a class: over several classes a clone is a mixture of Gaussians.
"""

from typing import Any

import numpy as np
import pyarrow as pa

from winnow.clone.gaussian import Gaussian, moments

N_DIRECTIONS = 64
"""Directions, of each kind, over which the certificate averages the kurtosis."""


def directions_of(n_pixels: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Directions along which the kurtosis is measured: random unit vectors (p, r) float32, and (r,) pixels."""
    random = rng.standard_normal((n_pixels, N_DIRECTIONS))
    pixels = np.sort(rng.choice(n_pixels, min(N_DIRECTIONS, n_pixels), replace=False))
    return (random / np.linalg.norm(random, axis=0)).astype(np.float32), pixels


def certify(
    gaussian: Gaussian, fit_images: np.ndarray, drawn: np.ndarray, directions: np.ndarray, pixels: np.ndarray
) -> list[dict[str, Any]]:
    """Compare drawn images with the Gaussian they were drawn from: four rows of the table `certificate`.

    `mean` and `covariance` are the relative errors `|a - mu| / |mu|` and `|S - C|_F / |C|_F` of the drawn images' mean
    `a` and unbiased covariance `S`.  With `t_j = tr C^j` and `m` drawn images the squared errors have the expectations
    `t_1 / m` and `(t_1^2 + t_2) / (m - 1)` (exact) and the variances `2 t_2 / m^2` (exact) and
    `4 (t_2^2 + t_4) / (m - 1)^2` (to leading order in 1/m); from squares to errors it goes by the delta method.  Where
    the fit's mean is close to zero its relative error is large, and so is the one expected.

    `kurtosis_random` and `kurtosis_pixel` are the non-excess kurtosis within the class, averaged over random directions
    and over pixels.  Along any one direction `m` draws from a Gaussian give `3 (m - 1) / (m + 1)` on average (exact).
    The directions are correlated, within natural images so strongly that the average scatters hardly less than the
    kurtosis along one.  Its standard error is the root of `v` times the mean of `rho_ab^4` over all pairs of
    directions: `v` is the variance along one (exact, about 24 / m), `rho_ab` their correlation under `C`; that two
    directions share the fourth power of it is exact to leading order in 1/m.  Directions along which the fit images do
    not vary (beyond the rounding of a float32) do not count.  `source` is the same average over the fit images, biased
    downwards like `clone` when they are few.

    Args:
        gaussian: the fit.
        fit_images: (n, p), the images it was fitted to.
        drawn: (m, p), m >= 2.
        directions: (p, r) float32, unit vectors, for `kurtosis_random`.
        pixels: (r,), indices of inputs, for `kurtosis_pixel`.

    Returns:
        Rows without `dataset`, `class` and `channel`; NaN where a statistic does not exist.
    """
    mean_error, covariance_error = _moment_errors(gaussian, drawn)
    scale = np.abs(gaussian.mean)
    rows = {
        "mean": mean_error,
        "covariance": covariance_error,
        "kurtosis_random": _kurtosis(
            gaussian.root @ directions, scale @ np.abs(directions), fit_images @ directions, drawn @ directions
        ),
        "kurtosis_pixel": _kurtosis(gaussian.root[:, pixels], scale[pixels], fit_images[:, pixels], drawn[:, pixels]),
    }
    keys = ("source", "clone", "expected", "standard_error")
    return [
        {"statistic": statistic, "n_fit": gaussian.n_fit, "n_drawn": len(drawn), **dict(zip(keys, values, strict=True))}
        for statistic, values in rows.items()
    ]


_Values = tuple[float, float, float, float]  # source, clone, expected, standard error


def _moment_errors(fit: Gaussian, drawn: np.ndarray) -> tuple[_Values, _Values]:
    # Of the p x p matrices only traces are needed, and those are norms of the smaller A A^T and A B^T, and of B B^T or
    # B^T B, whichever is smaller.
    m, p = drawn.shape
    mean, root = moments(drawn)
    gram = fit.root @ fit.root.T
    t1, t2, t4 = np.trace(gram, dtype=np.float64), _square(gram), _square(gram @ gram)
    cross, own = _square(fit.root @ root.T), _square(root.T @ root if m > p else root @ root.T)
    mean_error, size = (float(np.linalg.norm(vector)) for vector in (mean - fit.mean, fit.mean))
    covariance_error = np.sqrt(max(t2 - 2 * cross + own, 0))
    return (
        _relative(mean_error, t1 / m, 2 * t2 / m**2, size),
        _relative(covariance_error, (t1**2 + t2) / (m - 1), 4 * (t2**2 + t4) / (m - 1) ** 2, np.sqrt(t2)),
    )


def _square(matrix: np.ndarray) -> float:
    """Squared Frobenius norm."""
    return float((matrix.astype(np.float64) ** 2).sum())


def _relative(error: float, square: float, variance: float, norm: float) -> _Values:
    """The relative error, and what to expect of it, from mean and variance of its square."""
    if norm == 0 or square == 0:
        return (np.nan,) * 4
    expected = np.sqrt(square) * (1 - variance / (8 * square**2))
    return np.nan, error / norm, expected / norm, np.sqrt(variance / (4 * square)) / norm


def _kurtosis(loadings: np.ndarray, scale: np.ndarray, fit: np.ndarray, drawn: np.ndarray) -> _Values:
    """Mean kurtosis of the images' projections on r directions.

    Args:
        loadings: (k, r), the root of the covariance times the directions.
        scale: (r,), the size of the sums that make the projections: to tell rounding from variance.
        fit: (n, r), projections of the fit images.
        drawn: (m, r), projections of the drawn images.
    """
    deviation = np.linalg.norm(loadings, axis=0)
    varying = deviation > 1e-5 * scale
    if not varying.any():
        return (np.nan,) * 4
    m = len(drawn)
    unit = loadings[:, varying] / deviation[varying]
    shared = ((unit.T @ unit).astype(np.float64) ** 4).mean()
    variance = 24 * m * (m - 2) * (m - 3) / ((m + 1) ** 2 * (m + 3) * (m + 5))
    source, clone = mean_kurtosis(fit[:, varying]), mean_kurtosis(drawn[:, varying])
    return source, clone, 3 * (m - 1) / (m + 1), np.sqrt(variance * shared)


def mean_kurtosis(values: np.ndarray) -> float:
    """Kurtosis (non-excess, population moments) of each column, averaged over the columns.

    Args:
        values: (n, r), no column constant.
    """
    squares = (values - values.mean(axis=0, dtype=np.float64)) ** 2
    return float(((squares**2).mean(axis=0) / squares.mean(axis=0) ** 2).mean())


def summarise_certificate(certificate: pa.Table) -> str:
    """Averages of a certificate over classes and channels, a row a statistic, as CSV for people.

    Args:
        certificate: the table, as read by `winnow.store.tables.read_table`.

    Returns:
        For each statistic the mean of `source`, `clone` and `expected` (empty where none has a value), and `deviation`,
        the root mean square of `(clone - expected) / standard_error`, which is about 1 for a clone as it should be.
    """
    lines = ["statistic,source,clone,expected,deviation"]
    columns = {key: certificate[key].to_numpy(zero_copy_only=False) for key in certificate.schema.names}
    for statistic in dict.fromkeys(columns["statistic"]):
        of = {key: columns[key][columns["statistic"] == statistic] for key in columns}
        with np.errstate(invalid="ignore", divide="ignore"):
            scores = (of["clone"] - of["expected"]) / of["standard_error"]
        means = [*(_mean(of[key]) for key in ("source", "clone", "expected")), np.sqrt(_mean(scores**2))]
        lines.append(",".join([statistic, *("" if np.isnan(mean) else f"{mean:.4f}" for mean in means)]))
    return "\n".join(lines) + "\n"


def _mean(values: np.ndarray) -> float:
    finite = values[np.isfinite(values.astype(np.float64))]
    return float(finite.mean()) if len(finite) else float("nan")

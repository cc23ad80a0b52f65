"""Autocorrelation S(d) of masks (Eq. 1): pairs of surviving weights a displacement d apart.

As S(d) = S(−d), each pair counts twice, once as d and once as −d.
"""

from typing import Literal

import numpy as np
import scipy

from winnow.measure.arrays import Array, Arrays, arrays_of

_UNITS_AT_A_TIME = 32  # their transforms stay in the cache


def autocorrelation(connected: Array) -> Array:
    """S_i(d) = Σ_c Σ_z m_icz m_ic,z+d (Eq. 1), exactly.

    Args:
        connected: (n, C, rows, columns) bool, the masks.

    Returns:
        (n, 2·rows − 1, 2·columns − 1) int64; d = 0 lies at the centre, [:, rows − 1, columns − 1].
    """
    arrays = arrays_of(connected)
    xp = arrays.xp
    fft = scipy.fft if xp is np else xp.fft  # scipy's is faster than numpy's
    n_channels, *size = connected.shape[1:]
    lags = [2 * length - 1 for length in size]
    padded = [scipy.fft.next_fast_len(lag, real=True) for lag in lags]
    precision = getattr(xp, _precision(n_channels, *size))
    spectrum = fft.rfftn(xp.astype(connected, precision), s=padded, axes=(2, 3))
    power = xp.sum(xp.real(spectrum) ** 2 + xp.imag(spectrum) ** 2, axis=1)
    s = xp.astype(xp.round(fft.irfftn(power + 0j, s=padded, axes=(1, 2))), xp.int64)
    rows, columns = (arrays.put(np.arange(lag) - lag // 2) for lag in lags)
    return s[:, rows[:, None], columns]


def _precision(n_channels: int, rows: int, columns: int) -> Literal["float32", "float64"]:
    """The shortest floats with which `autocorrelation` rounds to the right integers.

    A transform of N numbers has a relative error (2-norm) below 7 u log2 N, u the unit roundoff (Higham 2002, Theorem
    24.2).  Through |·|² the error of S is at most twice that times S(0), plus the inverse transform's, that times the
    2-norm of S; S is largest for the full mask, where it is the triangle of the image window.
    """
    n_pixels = rows * columns
    relative = 7 * np.finfo(np.float32).eps / 2 * np.log2(4 * n_pixels)
    triangle = np.sqrt(np.prod([(2 * length**3 + length) / 3 for length in (rows, columns)]))
    return "float32" if relative * n_channels * (2 * n_pixels + triangle) < 0.4 else "float64"


def folded_autocorrelations(connected: np.ndarray, arrays: Arrays) -> tuple[Array, np.ndarray]:
    """S_i folded to one quadrant, (n, rows, columns) float64, and Σ_i S_i (2·rows − 1, 2·columns − 1) int64."""
    n, _, rows, columns = connected.shape
    folded = arrays.zeros(n, rows, columns)
    total = np.zeros((2 * rows - 1, 2 * columns - 1), np.int64)
    for start in range(0, n, _UNITS_AT_A_TIME):
        s = autocorrelation(arrays.put(connected[start : start + _UNITS_AT_A_TIME]))
        total += arrays.get(arrays.xp.sum(s, axis=0))
        folded[start : start + _UNITS_AT_A_TIME] = fold(s)
    return folded, total


def fold(s: Array) -> Array:
    """Σ S(±dx, ±dy) over the different signs, at [:, |dy|, |dx|] float64: all that a fit of an even function needs."""
    xp = arrays_of(s).xp
    for axis in (1, 2):
        s = xp.moveaxis(s, axis, 0)
        middle = len(s) // 2
        half = xp.astype(s[middle:], xp.float64)
        half[1:] += xp.flip(s[:middle], axis=0)
        s = xp.moveaxis(half, 0, axis)
    return s

"""Slow, obvious receptive-field widths and pair correlations."""

import itertools

import numpy as np
from scipy.ndimage import minimum_filter
from scipy.optimize import curve_fit, minimize


def autocorrelation(connected: np.ndarray) -> np.ndarray:
    """Eq. 1 by the double loop over the pairs of pixels z, z' of each channel, for one mask (C, rows, columns)."""
    n_channels, rows, columns = connected.shape
    s = np.zeros((2 * rows - 1, 2 * columns - 1), int)
    pixels = list(itertools.product(range(rows), range(columns)))
    for c in range(n_channels):
        for y, x in pixels:
            for y2, x2 in pixels:
                s[y2 - y + rows - 1, x2 - x + columns - 1] += int(connected[c, y, x]) * int(connected[c, y2, x2])
    return s


def displacements(s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """dy and dx at each place of S."""
    rows, columns = s.shape
    return np.mgrid[-(rows // 2) : rows // 2 + 1, -(columns // 2) : columns // 2 + 1]


def _data(s: np.ndarray, include_origin: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    dy, dx = displacements(s)
    used = np.ones(s.shape, bool) if include_origin else (dx != 0) | (dy != 0)
    return dx[used], dy[used], s[used].astype(float)


def gaussian(d: tuple[np.ndarray, np.ndarray], a: float, sigma_x: float, sigma_y: float) -> np.ndarray:
    """A exp(−dx²/2σx² − dy²/2σy²)."""
    dx, dy = d
    return a * np.exp(-(dx**2) / (2 * sigma_x**2) - dy**2 / (2 * sigma_y**2))


def fit_widths(s: np.ndarray, start: tuple[float, float], include_origin: bool = False) -> np.ndarray:
    """σx and σy by scipy's curve_fit from given widths."""
    dx, dy, values = _data(s, include_origin)
    best, _ = curve_fit(gaussian, (dx, dy), values, p0=(values.max(), *start), xtol=1e-12, ftol=1e-12, maxfev=5000)
    return np.abs(best[1:])


def minima(s: np.ndarray, include_origin: bool = False, factor: float = 1.1) -> list[tuple[float, float, float]]:
    """The minima of the squares that the best amplitude leaves, the least first: σx, σy, the share of Σ S² left.

    By scipy's minimize, from all points of a dense grid, 0.2 pixels to twice the image, that no neighbour betters.
    """
    dx, dy, values = _data(s, include_origin)
    limits = [(np.log(0.2), np.log(length + 1)) for length in s.shape[::-1]]

    def left_over(log_sigma: np.ndarray) -> float:
        g = gaussian((dx, dy), 1, *np.exp(log_sigma))
        amplitude = max((values * g).sum() / (g**2).sum(), 0)
        return ((values - amplitude * g) ** 2).sum() / (values**2).sum()

    u, v = (np.append(np.arange(*limit, np.log(factor)), limit[1]) for limit in limits)
    gx = np.exp(-(dx**2) / (2 * np.exp(2 * u[:, None])))
    gy = np.exp(-(dy**2) / (2 * np.exp(2 * v[:, None])))
    b, c = (gx * values) @ gy.T, gx**2 @ (gy**2).T
    on_grid = -(np.maximum(b, 0) ** 2) / c
    starts = np.argwhere(on_grid == minimum_filter(on_grid, 3, mode="nearest"))
    options = {"ftol": 1e-15, "gtol": 1e-9}
    found = [
        minimize(left_over, (u[i], v[j]), method="L-BFGS-B", jac="3-point", bounds=limits, options=options)
        for i, j in starts
    ]
    return sorted(((*np.exp(end.x), end.fun) for end in found), key=lambda end: end[2])


def squared_error(s: np.ndarray, a: float, sigma_x: float, sigma_y: float, include_origin: bool = False) -> float:
    """What least squares minimises."""
    dx, dy, values = _data(s, include_origin)
    return float(((values - gaussian((dx, dy), a, sigma_x, sigma_y)) ** 2).sum())


def moments(s: np.ndarray, include_origin: bool = False) -> tuple[float, float]:
    """Root of the second moment of S along x and y."""
    dx, dy, values = _data(s, include_origin)
    return np.sqrt((values * dx**2).sum() / values.sum()), np.sqrt((values * dy**2).sum() / values.sum())


def pair_correlation(masks: np.ndarray) -> dict[int, tuple[float, float]]:
    """Pairs and expected pairs at each radius, for masks (n, C, L, L)."""
    side = masks.shape[-1]
    found: dict[int, tuple[float, float]] = {}
    for mask in masks:
        s = autocorrelation(mask)
        counts = mask.sum(axis=(1, 2)).astype(int)
        for dy, dx in itertools.product(range(1 - side, side), repeat=2):
            if dx == dy == 0:
                continue
            expected = sum(
                n * (n - 1) * (side - abs(dx)) * (side - abs(dy)) / (side**2 * (side**2 - 1)) for n in counts
            )
            (r,) = (r for r in range(1, 2 * side) if r - 0.5 <= np.sqrt(dx**2 + dy**2) < r + 0.5)
            before = found.get(r, (0.0, 0.0))
            found[r] = (before[0] + s[dy + side - 1, dx + side - 1], before[1] + expected)
    return found


def close_pairs(connected: np.ndarray) -> int:
    """Pairs of connected pixels of one channel, 1/2 ≤ |d| < 7/2 apart, of one mask (C, rows, columns)."""
    count = 0
    for channel in connected:
        places = np.argwhere(channel)
        for first, second in itertools.combinations(places, 2):
            count += 0.5 <= np.hypot(*(first - second)) < 3.5
    return count

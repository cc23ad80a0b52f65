"""Receptive-field widths and pair correlations of the first layer's masks (Eq. 1, Figs. 3C, 4A).

x runs along a row of the image, y along a column.  S(d) counts the pairs of surviving weights a displacement d apart;
as S(d) = S(−d), each pair counts twice, once as d and once as −d.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import scipy

from winnow.measure.arrays import Array, Arrays, arrays_of, arrays_on
from winnow.measure.preactivations import WEIGHT
from winnow.pruning import check_masks, density
from winnow.store import Mask

Channels = Literal["same", "any"]

_UNITS_AT_A_TIME = 32  # their transforms stay in the cache
_FITS_AT_A_TIME = 4096


class LocalityTables(NamedTuple):
    """Columns of the tables `locality`, `locality_population`, `pair_correlation`, without dataset, method and seed."""

    units: dict[str, np.ndarray]
    population: dict[str, np.ndarray]
    pair_correlation: dict[str, np.ndarray]


class Widths(NamedTuple):
    """Least-squares fits of A exp(−dx²/2σx² − dy²/2σy²), one each.

    Attributes:
        sigma_x: (n,) pixels; NaN where there is nothing to fit.
        sigma_y: (n,) pixels; NaN where there is nothing to fit.
        amplitude: (n,) A.
        converged: (n,) bool, False also where the best fit has a width of zero or infinity.
    """

    sigma_x: np.ndarray
    sigma_y: np.ndarray
    amplitude: np.ndarray
    converged: np.ndarray


def measure_locality(
    masks: Sequence[Mask],
    shape: tuple[int, int, int],
    *,
    channels: Channels = "same",
    include_origin: bool = False,
    min_weights: int = 5,
    device: str = "cpu",
) -> LocalityTables:
    """Receptive-field widths of every first-layer unit, of their sum, and the pair correlation, for each mask.

    Args:
        masks: m(0), m(1), …; row `round` n belongs to m(n).
        shape: (C, rows, columns) of an image.
        channels: `same` counts pairs of weights in one channel, `any` pairs of pixels connected through any channel.
        include_origin: whether fit and second moment include S(0), the number of weights (or pixels).
        min_weights: units with fewer weights have no width: NaN, and `converged` None.
        device: `cpu` or `cuda`.

    Returns:
        Units: one row per round and unit.  Population: one row per round, the width of Σ_i S_i.  Pair correlation: one
        row per round and radius, see `pair_correlation`.  A width at the limit of what is fitted (0.2 pixels, twice the
        image) is no width: `converged` is False there.

    Raises:
        ValueError: a mask does not fit the shape or the other masks, or `channels` is neither of the two.
    """
    if channels not in ("same", "any"):
        raise ValueError(f"channels is {channels!r}, but must be 'same' or 'any'")
    check_masks(masks)
    n_inputs = int(np.prod(shape))
    weights = [mask[WEIGHT] for mask in masks]
    for n, w in enumerate(weights):
        if w.shape[1] != n_inputs:
            raise ValueError(f"m({n}) has {w.shape[1]} inputs, but images of {shape} have {n_inputs} pixels")
    densities = [density(mask) for mask in masks]

    n_units = len(weights[0])
    n_weights = np.concatenate([w.sum(axis=1) for w in weights])
    enough = n_weights >= min_weights
    units, sums, pairs = [], [], []
    with arrays_on(device) as arrays:
        for w in weights:
            connected = w.reshape(-1, *shape)
            if channels == "any":
                connected = connected.any(axis=1, keepdims=True)
            folded, total = _folded_autocorrelations(connected, arrays)
            units.append(folded)
            sums.append(_fold(total[None]))
            pairs.append(pair_correlation(total, connected.sum(axis=(2, 3))))
        folded = arrays.xp.concat(units)
        folded[arrays.put(~enough)] = 0
        by_unit = _width_columns(folded, include_origin, enough)
    without = np.isnan(by_unit["sigma_x"]).reshape(-1, n_units).sum(axis=1)
    rounds = np.arange(len(masks))
    return LocalityTables(
        {
            "round": np.repeat(rounds, n_units),
            "density": np.repeat(densities, n_units),
            "unit": np.tile(np.arange(n_units), len(masks)),
            "n_weights": n_weights,
            **by_unit,
        },
        {
            "round": rounds,
            "density": np.array(densities),
            "n_units": np.full(len(masks), n_units),
            "n_without_width": without,
            **_width_columns(np.concatenate(sums), include_origin, np.ones(len(masks), bool)),
        },
        {
            "round": np.repeat(rounds, len(pairs[0]["radius"])),
            "density": np.repeat(densities, len(pairs[0]["radius"])),
            **{name: np.concatenate([columns[name] for columns in pairs]) for name in pairs[0]},
        },
    )


# -- autocorrelation --------------------------------------------------------------------------------------------------


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


def _folded_autocorrelations(connected: np.ndarray, arrays: Arrays) -> tuple[Array, np.ndarray]:
    """S_i folded to one quadrant, (n, rows, columns) float64, and Σ_i S_i (2·rows − 1, 2·columns − 1) int64."""
    n, _, rows, columns = connected.shape
    folded = arrays.zeros(n, rows, columns)
    total = np.zeros((2 * rows - 1, 2 * columns - 1), np.int64)
    for start in range(0, n, _UNITS_AT_A_TIME):
        s = autocorrelation(arrays.put(connected[start : start + _UNITS_AT_A_TIME]))
        total += arrays.get(arrays.xp.sum(s, axis=0))
        folded[start : start + _UNITS_AT_A_TIME] = _fold(s)
    return folded, total


def _fold(s: Array) -> Array:
    """Σ S(±dx, ±dy) over the different signs, at [:, |dy|, |dx|] float64: all that a fit of an even function needs."""
    xp = arrays_of(s).xp
    for axis in (1, 2):
        s = xp.moveaxis(s, axis, 0)
        middle = len(s) // 2
        half = xp.astype(s[middle:], xp.float64)
        half[1:] += xp.flip(s[:middle], axis=0)
        s = xp.moveaxis(half, 0, axis)
    return s


# -- widths -----------------------------------------------------------------------------------------------------------


def fit_widths(s: Array, *, include_origin: bool = False) -> Widths:
    """Fit A exp(−dx²/2σx² − dy²/2σy²), A > 0, to each S(d) by least squares over all d, d = 0 left out by default.

    Args:
        s: (n, 2·rows − 1, 2·columns − 1), d = 0 at the centre.
        include_origin: whether d = 0 is fitted too.

    Returns:
        The best fits, see `Widths`; widths between 0.2 pixels and twice the image.
    """
    return _fit_folded(_without_origin(_fold(s), include_origin), include_origin)


# Pixels; image sides.  At the one limit the Gaussian vanishes next to the origin, at the other it is flat over the
# image: such a width is not resolved.
_MIN_SIGMA, _MAX_SIGMA = 0.2, 2.0
_GRID_FACTOR = 1.5  # between the widths from which the best start is chosen
_MAX_STEP = 0.5  # of log σ
_TOLERANCE = 1e-7  # of log σ; convergence is quadratic, the error left is far smaller


def _fit_folded(folded: Array, include_origin: bool) -> Widths:
    """`fit_widths` for S folded to a quadrant, its origin already zero where it is left out.

    For given widths the best amplitude is A = b / c, with b = Σ S g, c = Σ g² and g the Gaussian of height one, and
    leaves Σ S² − b²/c.  So log(b²/c) is maximised over u = log σx, v = log σy (variable projection), from the best
    point of a coarse grid by Newton's method, damped where it does not climb.  g is a product of a function of dx and
    one of dy: b, c and their derivatives are bilinear forms, computed for all fits at once.
    """
    arrays = arrays_of(folded)
    n = len(folded)
    point, converged = np.full((n, 2), np.nan), np.zeros(n, bool)
    amplitude = np.full(n, np.nan)
    something = np.flatnonzero(arrays.get(arrays.xp.any(folded > 0, axis=(1, 2))))
    for start in range(0, len(something), _FITS_AT_A_TIME):
        some = something[start : start + _FITS_AT_A_TIME]
        fits = _maximise(folded[arrays.put(some)], include_origin)
        point[some], amplitude[some], converged[some] = map(arrays.get, fits)
    sigma = np.exp(point)
    return Widths(sigma[:, 0], sigma[:, 1], amplitude, converged)


def _maximise(s: Array, include_origin: bool) -> tuple[Array, Array, Array]:
    """(log σx, log σy) of the best fit (n, 2), its amplitude (n,), and whether it converged inside the limits (n,)."""
    arrays = arrays_of(s)
    xp = arrays.xp
    upper = arrays.put(np.log(_MAX_SIGMA * np.array([s.shape[2], s.shape[1]])))
    lower = xp.full_like(upper, np.log(_MIN_SIGMA))
    point = _best_of_grid(s, include_origin)
    active = arrays.put(np.arange(len(s)))
    converged = active < 0
    damping = arrays.zeros(len(s))
    value, gradient, hessian = _objective(s, point, include_origin)
    for _ in range(100):
        here = point[active]
        stuck = ((here <= lower) & (gradient < 0)) | ((here >= upper) & (gradient > 0))
        step, newton = _ascent(gradient, hessian, damping[active], stuck)
        there = xp.minimum(xp.maximum(here + xp.clip(step, -_MAX_STEP, _MAX_STEP), lower), upper)
        new = _objective(s[active], there, include_origin)
        better = new[0] >= value - 1e-13 * (1 + xp.abs(value))
        point[active[better]] = there[better]
        damping[active] = xp.where(better, damping[active] / 10, xp.clip(10 * damping[active], min=1e-2))
        damping[damping < 1e-6] = 0
        done = better & newton & (xp.max(xp.abs(there - here), axis=1) < _TOLERANCE)
        converged[active[done]] = True
        value, gradient, hessian = (
            xp.where(better.reshape(-1, *[1] * (old.ndim - 1)), now, old)[~done]
            for now, old in zip(new, (value, gradient, hessian), strict=True)
        )
        active = active[~done]
        if not len(active):
            break
    at_limit = (point <= lower) | (point >= upper)
    b, c = _bilinear(s, point, include_origin)
    return point, b[0] / c[0], converged & ~xp.any(at_limit, axis=1)


def _best_of_grid(s: Array, include_origin: bool) -> Array:
    """The (log σx, log σy) of a grid with the best fit, (n, 2): a start in the valley of the best minimum."""
    arrays = arrays_of(s)
    xp = arrays.xp
    u, v = (
        arrays.put(np.arange(np.log(0.5), np.log(_MAX_SIGMA * max(length, 2)), np.log(_GRID_FACTOR)))
        for length in (s.shape[2], s.shape[1])
    )
    gx, gy = (_gaussian(w, length)[0] for w, length in ((u, s.shape[2]), (v, s.shape[1])))
    b = gy @ s @ gx.T
    norm_x, norm_y = (2 * xp.sum(g[:, 1:] ** 2, axis=1) for g in (gx, gy))
    c = norm_x + norm_y[:, None] * (1 + norm_x) + include_origin
    best = xp.argmax((xp.clip(b, min=0) ** 2 / c).reshape(len(s), -1), axis=1)
    return xp.stack([u[best % len(u)], v[best // len(u)]], axis=1)


def _gaussian(log_sigma: Array, length: int) -> Array:
    """g, g t, g t² at the lags 0 … length − 1, (3, n, length), with t = lag²/σ² and g = exp(−t/2)."""
    arrays = arrays_of(log_sigma)
    xp = arrays.xp
    t = arrays.put(np.arange(length) ** 2) * xp.exp(-2 * log_sigma)[:, None]
    g = xp.exp(-t / 2)
    return xp.stack([g, g * t, g * t**2])


def _bilinear(s: Array, point: Array, include_origin: bool) -> tuple[Array, Array]:
    """b = Σ S g and c = Σ g², each (6, n): the value, its derivatives by u, v, and by uu, uv, vv.

    dg/du = g t and d²g/du² = g t² − 2 g t.  The one of d = 0 is left out of c, not subtracted, which would cancel where
    the width is small.
    """
    xp = arrays_of(s).xp
    x, y = _gaussian(point[:, 0], s.shape[2]), _gaussian(point[:, 1], s.shape[1])
    left = xp.permute_dims(y, (1, 0, 2)) @ s  # (n, 3, columns)
    m = xp.permute_dims(left @ xp.permute_dims(x, (1, 2, 0)), (1, 2, 0))  # (power of t_y, power of t_x, n)
    b = xp.stack([m[0, 0], m[0, 1], m[1, 0], m[0, 2] - 2 * m[0, 1], m[1, 1], m[2, 0] - 2 * m[1, 0]])
    (px, px_u, px_uu), (py, py_v, py_vv) = _square_sums(x), _square_sums(y)
    c = xp.stack(
        [
            px + py + px * py + include_origin,
            px_u * (1 + py),
            (1 + px) * py_v,
            px_uu * (1 + py),
            px_u * py_v,
            (1 + px) * py_vv,
        ]
    )
    return b, c


def _square_sums(g: Array) -> tuple[Array, Array, Array]:
    """Σ g² over the lags of both signs, 0 left out, and its first and second derivative by log σ, (n,) each."""
    xp = arrays_of(g).xp
    g0, g1, g2 = g[:, :, 1:]
    first = 4 * xp.einsum("nl,nl->n", g0, g1)
    return 2 * xp.einsum("nl,nl->n", g0, g0), first, 8 * xp.einsum("nl,nl->n", g0, g2) - 2 * first


def _objective(s: Array, point: Array, include_origin: bool) -> tuple[Array, Array, Array]:
    """log(b²/c) (n,), its gradient (n, 2) and Hessian (n, 2, 2); −∞ where no positive amplitude fits."""
    xp = arrays_of(s).xp
    b, c = _bilinear(s, point, include_origin)
    positive = (b[0] > 0) & (c[0] > 0)
    b[0], c[0] = xp.where(positive, b[0], 1.0), xp.where(positive, c[0], 1.0)
    value = xp.where(positive, 2 * xp.log(b[0]) - xp.log(c[0]), -np.inf)
    b1, c1 = b[1:3] / b[0], c[1:3] / c[0]
    gradient = 2 * b1 - c1
    uu, uv, vv = (
        2 * (b[k] / b[0] - b1[i] * b1[j]) - (c[k] / c[0] - c1[i] * c1[j])
        for k, i, j in ((3, 0, 0), (4, 0, 1), (5, 1, 1))
    )
    return value, gradient.T, xp.stack([uu, uv, uv, vv], axis=1).reshape(-1, 2, 2)


def _ascent(gradient: Array, hessian: Array, damping: Array, stuck: Array) -> tuple[Array, Array]:
    """A step uphill (n, 2), zero in the coordinates that are stuck at a limit; and whether it is Newton's."""
    xp = arrays_of(gradient).xp
    g = xp.where(stuck, 0.0, gradient)
    uu = xp.where(stuck[:, 0], 1.0, -hessian[:, 0, 0])
    vv = xp.where(stuck[:, 1], 1.0, -hessian[:, 1, 1])
    uv = xp.where(xp.any(stuck, axis=1), 0.0, -hessian[:, 0, 1])
    lowest = (uu + vv) / 2 - xp.hypot((uu - vv) / 2, uv)
    curved = lowest > 1e-10 * (xp.abs(uu) + xp.abs(vv))
    shift = damping + xp.where(curved, 0.0, 1e-2 - lowest)
    uu, vv = uu + shift, vv + shift
    step = xp.stack([vv * g[:, 0] - uv * g[:, 1], uu * g[:, 1] - uv * g[:, 0]], axis=1)
    return step / (uu * vv - uv**2)[:, None], shift == 0


def _without_origin(folded: Array, include_origin: bool) -> Array:
    if not include_origin:
        folded[:, 0, 0] = 0
    return folded


def _width_columns(folded: Array, include_origin: bool, enough: np.ndarray) -> dict[str, np.ndarray]:
    """The columns sigma_x … converged for S folded to a quadrant; all null where there are not enough weights."""
    folded = _without_origin(folded, include_origin)
    widths = _fit_folded(folded, include_origin)
    converged = widths.converged.astype(object)
    converged[~enough] = None
    arrays = arrays_of(folded)
    by_x, by_y = (arrays.get(arrays.xp.sum(folded, axis=axis)) for axis in (1, 2))
    total = by_x.sum(axis=1)
    lags_x, lags_y = np.arange(folded.shape[2]), np.arange(folded.shape[1])
    with np.errstate(invalid="ignore"):  # no pairs have no moment: 0 / 0 = NaN
        moment_x = np.sqrt(by_x @ lags_x**2 / total)
        moment_y = np.sqrt(by_y @ lags_y**2 / total)
    return {
        "sigma_x": widths.sigma_x,
        "sigma_y": widths.sigma_y,
        "moment_x": moment_x,
        "moment_y": moment_y,
        "converged": converged,
    }


# -- pair correlation -------------------------------------------------------------------------------------------------


def pair_correlation(total: np.ndarray, n_connected: np.ndarray) -> dict[str, np.ndarray]:
    """g(r) = Σ S(d) / Σ E(d), over d with r − 1/2 ≤ |d| < r + 1/2: 1 without structure, whatever the image's window.

    E(d) = Σ_ic n_ic (n_ic − 1) · (columns − |dx|)(rows − |dy|) / (N (N − 1)), N = rows · columns, are the pairs to
    expect if the n_ic weights of unit i in channel c lay at random.

    Args:
        total: Σ_i S_i(d), (2·rows − 1, 2·columns − 1), d = 0 at the centre.
        n_connected: n_ic, (n, C).

    Returns:
        radius 1, 2, … to the image's diagonal; pairs, Σ S(d), in which a pair counts once as d and once as −d;
        expected_pairs, Σ E(d); and g, NaN where no pairs are to expect.
    """
    rows, columns = ((length + 1) // 2 for length in total.shape)
    n_pixels = rows * columns
    dy, dx = (np.abs(np.arange(1 - length, length)) for length in (rows, columns))
    radius = np.floor(np.hypot(dy[:, None], dx) + 0.5).astype(np.int64)
    window = (rows - dy)[:, None] * (columns - dx)
    n_pairs = int((n_connected.astype(np.int64) * (n_connected - 1)).sum())
    pairs, windows = (np.bincount(radius.ravel(), values.ravel())[1:] for values in (total, window))
    expected = n_pairs * windows / max(n_pixels * (n_pixels - 1), 1)
    g = np.divide(pairs, expected, out=np.full(len(pairs), np.nan), where=expected > 0)
    return {"radius": np.arange(1, len(pairs) + 1), "pairs": pairs, "expected_pairs": expected, "g": g}

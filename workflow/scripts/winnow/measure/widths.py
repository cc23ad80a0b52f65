"""Widths of receptive fields: Gaussian fits to the autocorrelation S(d) of all units at once (Eq. 1).

x runs along a row of the image, y along a column.
"""

import itertools
from typing import NamedTuple

import numpy as np

from winnow.measure.arrays import Array, arrays_of
from winnow.measure.autocorrelation import fold

_FITS_AT_A_TIME = 4096


class Widths(NamedTuple):
    """Least-squares fits of A exp(−dx²/2σx² − dy²/2σy²), one each.

    Attributes:
        sigma_x: (n,) pixels; NaN where there is nothing to fit.
        sigma_y: (n,) pixels; NaN where there is nothing to fit.
        amplitude: (n,) A.
        converged: (n,) bool, False also where the best fit has a width of zero or infinity, even if there is another
            minimum between.
    """

    sigma_x: np.ndarray
    sigma_y: np.ndarray
    amplitude: np.ndarray
    converged: np.ndarray


def fit_widths(s: Array, *, include_origin: bool = False) -> Widths:
    """Fit A exp(−dx²/2σx² − dy²/2σy²), A > 0, to each S(d) by least squares over all d, d = 0 left out by default.

    Args:
        s: (n, 2·rows − 1, 2·columns − 1), d = 0 at the centre.
        include_origin: whether d = 0 is fitted too.

    Returns:
        The best fits, see `Widths`: of several minima the lowest; widths between 0.2 pixels and twice the image.
    """
    return fit_folded(without_origin(fold(s), include_origin), include_origin)


# Pixels; image sides.  At the one limit the Gaussian vanishes next to the origin, at the other it is flat over the
# image: such a width is not resolved.
_MIN_SIGMA, _MAX_SIGMA = 0.2, 2.0
# The grid of starts: its least width in pixels, and the factor between neighbours.  Minima below 0.5 are found from
# there.  A coarser grid joins two minima of sparse masks more often; a finer one parts hardly more, at a higher cost.
_GRID_FROM, _GRID_FACTOR = 0.5, 1.25
_MAX_STEP = 0.5  # of log σ
_TOLERANCE = 1e-7  # of log σ; convergence is quadratic, the error left is far smaller
_TIE = 1e-12  # of log(b²/c): rounding


def fit_folded(folded: Array, include_origin: bool) -> Widths:
    """`fit_widths` for S folded to a quadrant, its origin already zero where it is left out.

    For given widths the best amplitude is A = b / c, with b = Σ S g, c = Σ g² and g the Gaussian of height one, and
    leaves Σ S² − b²/c.  So log(b²/c) is maximised over u = log σx, v = log σy (variable projection), from every local
    maximum of a coarse grid by Newton's method, damped where it does not climb: sparse masks have several maxima, and
    the highest point of the grid need not lie below the highest of them.  g is a product of a function of dx and one of
    dy: b, c and their derivatives are bilinear forms, computed for all starts of all units at once.
    """
    arrays = arrays_of(folded)
    n = len(folded)
    point, converged = np.full((n, 2), np.nan), np.zeros(n, bool)
    amplitude = np.full(n, np.nan)
    something = np.flatnonzero(arrays.get(arrays.xp.any(folded > 0, axis=(1, 2))))
    for start in range(0, len(something), _FITS_AT_A_TIME):
        some = something[start : start + _FITS_AT_A_TIME]
        s = folded[arrays.put(some)]
        unit, starts = _starts(s, include_origin)
        climbs = [
            map(arrays.get, _climb(s[unit[k : k + _FITS_AT_A_TIME]], starts[k : k + _FITS_AT_A_TIME], include_origin))
            for k in range(0, len(unit), _FITS_AT_A_TIME)
        ]
        if climbs:
            ends = _Ends(arrays.get(unit), *map(np.concatenate, zip(*climbs, strict=True)))
            best = _best(ends)
            found = some[ends.unit[best]]
            point[found], amplitude[found] = ends.point[best], ends.amplitude[best]
            converged[found] = ends.converged[best]
    sigma = np.exp(point)
    return Widths(sigma[:, 0], sigma[:, 1], amplitude, converged)


class _Ends(NamedTuple):
    """Where climbs ended, one each, those of a unit one after another in the order of their starts.

    Attributes:
        unit: (m,) which S it climbed.
        value: (m,) log(b²/c).
        point: (m, 2) log σx, log σy.
        amplitude: (m,) A.
        converged: (m,) bool, inside the limits.
    """

    unit: np.ndarray
    value: np.ndarray
    point: np.ndarray
    amplitude: np.ndarray
    converged: np.ndarray


def _best(ends: _Ends) -> np.ndarray:
    """Which end is the best of each unit, in the units' order.

    The highest value wins, wherever it lies and however the climb ended: where it ran to a limit, or out of steps on
    the way, those that converged are known not to be the best, and the unit has not converged.  Of ends that are
    equally high but for rounding a converged one wins, and of those the first by its start.
    """
    first = np.flatnonzero(np.diff(ends.unit, prepend=-1))
    highest = np.repeat(np.maximum.reduceat(ends.value, first), np.diff(first, append=len(ends.unit)))
    lower = ends.value < highest - _TIE * (1 + np.abs(highest))
    order = np.lexsort((~ends.converged, lower, ends.unit))  # stable, the last key counts most
    return order[first]


def _starts(s: Array, include_origin: bool) -> tuple[Array, Array]:
    """The local maxima of a grid of widths: which S it is of (m,), and (log σx, log σy) (m, 2).

    A local maximum is a point that is as high as all of its eight neighbours, or those of them that there are.  Of
    neighbours that are equally high the first counts, so that a level of several points has one start, or few.  They
    are ordered by S, then σy, then σx.  There is none where no positive amplitude fits.
    """
    arrays = arrays_of(s)
    xp = arrays.xp
    u, v = (
        arrays.put(np.arange(np.log(_GRID_FROM), np.log(_MAX_SIGMA * max(length, 2)), np.log(_GRID_FACTOR)))
        for length in (s.shape[2], s.shape[1])
    )
    gx, gy = (_gaussian(w, length)[0] for w, length in ((u, s.shape[2]), (v, s.shape[1])))
    norm_x, norm_y = (2 * xp.sum(g[:, 1:] ** 2, axis=1) for g in (gx, gy))
    value = arrays.zeros(len(s), len(v) + 2, len(u) + 2) - np.inf
    value[:, 1:-1, 1:-1] = _log_ratio(gy @ s @ gx.T, norm_x + norm_y[:, None] * (1 + norm_x) + include_origin)
    here = value[:, 1:-1, 1:-1]
    highest = here > -np.inf
    for y, x in itertools.product(range(3), repeat=2):
        there = value[:, y : y + len(v), x : x + len(u)]
        if (y, x) < (1, 1):
            highest &= here > there
        elif (y, x) > (1, 1):
            highest &= here >= there
    unit, row, column = xp.nonzero(highest)
    return unit, xp.stack([u[column], v[row]], axis=1)


def _climb(s: Array, point: Array, include_origin: bool) -> tuple[Array, Array, Array, Array]:
    """Uphill from points (n, 2), one for each S, which are moved: the value at the end, the end, its amplitude, whether
    it converged inside the limits.
    """
    arrays = arrays_of(s)
    xp = arrays.xp
    upper = arrays.put(np.log(_MAX_SIGMA * np.array([s.shape[2], s.shape[1]])))
    lower = xp.full_like(upper, np.log(_MIN_SIGMA))
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
    return _log_ratio(b[0], c[0]), point, b[0] / c[0], converged & ~xp.any(at_limit, axis=1)


def _log_ratio(b: Array, c: Array) -> Array:
    """log(b²/c), −∞ where no positive amplitude fits."""
    xp = arrays_of(b).xp
    positive = (b > 0) & (c > 0)
    return xp.where(positive, 2 * xp.log(xp.where(positive, b, 1.0)) - xp.log(xp.where(positive, c, 1.0)), -np.inf)


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
    value = _log_ratio(b[0], c[0])
    b[0], c[0] = xp.where(positive, b[0], 1.0), xp.where(positive, c[0], 1.0)
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


def without_origin(folded: Array, include_origin: bool) -> Array:
    """S folded to a quadrant, its origin set to zero in place unless it is to be included."""
    if not include_origin:
        folded[:, 0, 0] = 0
    return folded

"""Cavity scores: what removing one weight does to the kurtosis of its unit's preactivation (Eqs. 5, 6, Fig. 5).

Without weight w the preactivation λ of a unit is λ − w x.  With λ and x centred and M_ab = E[λ^a x^b],

    variance = M20 − 2 w M11 + w² M02
    4th      = M40 − 4 w M31 + 6 w² M22 − 4 w³ M13 + w⁴ M04

so four matrix products over the images, those of M11, M31, M22 and M13, give the scores of all weights of a layer.

M11 and M13 are linear in λ.  Where several rounds, with more units together than there are inputs, are measured, they
come from E[x xᵀ] and E[x x³ᵀ], once for all rounds, and each round costs two products beside its preactivations.

The products are single precision, summed in float64 over some thousand images each.  Two things keep the errors below
1e-5 of a unit's scores.  To first order in w a score is made of M31 − kurt(λ) M11, a small difference where pixels are
correlated; so (λ² − k) λ is multiplied by x, with k about the kurtosis, and k M11 added afterwards in float64.  And
where a weight carries much of its unit (less than 0.7 of the variance stays without it, or the unit has few weights),
the moments are those of λ − w x itself, in float64.
"""

from collections.abc import Callable, Iterable, Iterator
from types import ModuleType
from typing import Literal, NamedTuple

import numpy as np

from winnow.measure.arrays import Array, Arrays, arrays_on
from winnow.measure.preactivations import ZERO_SD, subtract_mean

# A weight's score is computed from λ − w x itself where less than this share of the variance stays without it, or where
# its unit has no more than so many weights; so many such weights at a time.
_EXACT_BELOW, _EXACT_WEIGHTS, _EXACT_AT_A_TIME = 0.7, 16, 2048
_IMAGES_A_SUM = 8192  # whose products are added up in single precision
_SAMPLE = 1024  # images from which k is estimated
_UNITS_AT_A_TIME = 64  # scored together: their numbers stay in the cache


def images_at_a_time(arrays: Arrays) -> int:
    """As many as use the device well: on processors three powers of them lie in the last cache, at the paper's size."""
    return 512 if arrays.xp is np else 2048


def cavity_scores(
    weights: np.ndarray,
    mask: np.ndarray,
    inputs: np.ndarray | Iterable[np.ndarray],
    *,
    chunk: int | None = None,
    dtype: Literal["float32", "float64"] = "float32",
    device: str = "cpu",
) -> np.ndarray:
    """Cavity scores of all weights of a layer λ = (W ⊙ m) x (Eq. 5).

    `(kurt λ⁽⁻ʲ⁾ − kurt λ) / kurt λ` where kurt λ > 3, the negative of it where kurt λ < 3, and 0 where kurt λ = 3.

    Args:
        weights: W, (H, D).
        mask: m, (H, D) bool.
        inputs: x, (N, D); or its chunks (n, D), as a list or another object that can be iterated several times.
        chunk: images at a time, where `inputs` is an array; None: what suits the device.
        dtype: of the matrix products.
        device: `cpu` or `cuda`.

    Returns:
        (H, D) float64.  NaN where there is no score: the weight is pruned, the unit has no variance, or none is left
        without the weight.  Removing the weight of a constant input changes nothing: its score is exactly 0.

    Raises:
        ValueError: shapes do not fit, there are no inputs, or `inputs` can be iterated only once.
    """
    if weights.shape != mask.shape:
        raise ValueError(f"the weights have the shape {weights.shape}, their mask {mask.shape}")
    if not isinstance(inputs, np.ndarray) and iter(inputs) is inputs:
        raise ValueError("the inputs are read several times: give an array or a list of chunks, not an iterator")
    with arrays_on(device) as arrays:
        chunks = inputs
        if isinstance(inputs, np.ndarray):
            n = chunk or images_at_a_time(arrays)
            chunks = [inputs[start : start + n] for start in range(0, len(inputs), n)]
        standard = StandardisedInputs(lambda: map(arrays.put, chunks), arrays, dtype)
        if len(standard.sd) != weights.shape[1]:
            raise ValueError(f"{len(standard.sd)} inputs do not fit weights of the shape {weights.shape}")
        return all_scores(weights, mask, standard)


class _Moments(NamedTuple):
    """Means over the images, float64, λ and x standardised: of λ² and λ⁴ (H,), and M11, M31, M22, M13 (H, D)."""

    power2: Array
    power4: Array
    m11: Array
    m31: Array
    m22: Array
    m13: Array


class StandardisedInputs:
    """x̂ = (x − E x) / sd(x) in chunks of images; 0 where an input is constant.

    Args:
        read: starts a pass over the chunks (n, D) of x.
        arrays: where they lie.
        dtype: of x̂.

    Attributes:
        n_images: N.
        sd: (D,) float64, standard deviation of x; 0 where it is constant.
        second: (D,) float64, E[x̂²]: 1, or 0 where x is constant.
        fourth: (D,) float64, E[x̂⁴].
        sample: (n, D), about `_SAMPLE` images spread over all.
    """

    def __init__(self, read: Callable[[], Iterator[Array]], arrays: Arrays, dtype: str):
        xp = self.xp = arrays.xp
        self.arrays, self.dtype, self._read = arrays, getattr(xp, dtype), read
        self.n_images = 0
        total: Array = 0.0
        for x in self._pieces(read()):
            self.n_images += len(x)
            total = total + xp.sum(xp.astype(x, xp.float64), axis=0)
        if self.n_images == 0:
            raise ValueError("there are no images to compute cavity scores on")
        self._mean = total / self.n_images
        powers: Array = 0.0
        sample, taken, first = [], max(self.n_images // _SAMPLE, 1), 0
        for x in map(self._centred, self._pieces(read())):
            squares = x * x
            both = [xp.sum(xp.astype(values, xp.float64), axis=0) for values in (squares, squares * squares)]
            powers = powers + xp.stack(both)
            sample.append(xp.astype(x[-first % taken :: taken], self.dtype))
            first += len(x)
        second, fourth = powers / self.n_images
        sd = xp.sqrt(second)
        varies = sd > 1e-12 * xp.abs(self._mean)  # the mean's rounding; single-precision pixels differ by far more
        self.sd = xp.where(varies, sd, 0.0)
        self._inverse = xp.where(varies, 1 / xp.where(varies, sd, 1.0), 0.0)
        self.second = xp.astype(varies, xp.float64)
        self.fourth = fourth * self._inverse**4
        self.sample = xp.concat(sample) * xp.astype(self._inverse, self.dtype)

    def _pieces(self, chunks: Iterator[Array]) -> Iterator[Array]:
        for x in chunks:
            for piece in self.arrays.pieces(len(x), x.shape[1]):
                yield x[piece]

    def chunks(self) -> Iterator[Array]:
        """Chunks of x̂, (n, D)."""
        return (x for (x,) in self.powers(1))

    def powers(self, most: int) -> Iterator[list[Array]]:
        """Chunks of x̂, x̂², …, as many powers as are asked for, (n, D) each."""
        inverse = self.xp.astype(self._inverse, self.dtype)
        for chunk in self._read():
            powers = [self.xp.empty(chunk.shape, dtype=self.dtype, device=self.arrays.device) for _ in range(most)]
            for piece in self.arrays.pieces(*chunk.shape):
                x = self.xp.astype(self._centred(chunk[piece]), self.dtype)
                x *= inverse
                power = x
                for of_chunk in powers:
                    of_chunk[piece] = power
                    power = power * x
            yield powers

    def _centred(self, x: Array) -> Array:
        if self.dtype == self.xp.float64:
            x = self.xp.astype(x, self.dtype)
        return subtract_mean(x, self._mean, self.arrays)


def _second_and_fourth(xp: ModuleType, values: Array, axis: int = 0) -> Array:
    """Sums of the squares and of the 4th powers along an axis, (2, …) float64."""
    squares = values * values
    second = xp.sum(squares, axis=axis, dtype=xp.float64)
    squares *= squares
    return xp.stack([second, xp.sum(squares, axis=axis, dtype=xp.float64)])


def all_scores(weights: np.ndarray, mask: np.ndarray, inputs: StandardisedInputs) -> np.ndarray:
    """Cavity scores of a layer, (H, D), NaN where there is none; weights are those before standardisation."""
    scores = np.full(mask.shape, np.nan)
    (scores[mask],) = surviving_scores([standardised(weights * mask, inputs)], [mask], inputs)
    return scores


def surviving_scores(weights: list[Array], masks: list[np.ndarray], inputs: StandardisedInputs) -> list[np.ndarray]:
    """Cavity scores of the surviving weights under each mask, in the mask's order."""
    found, places, pairs = [], [], []
    for w, mask, moments in zip(weights, masks, _moments(weights, inputs), strict=True):
        scores, exact = _scores_from_moments(w, mask, moments, inputs)
        place = np.flatnonzero(exact)
        found.append(scores)
        places.append(place)
        unit, j = np.nonzero(mask)
        pairs.append((unit[place], j[place]))
    for scores, place, recomputed in zip(found, places, _recomputed_scores(weights, pairs, inputs), strict=True):
        scores[place] = recomputed
    return found


def standardised(weights: np.ndarray, inputs: StandardisedInputs) -> Array:
    """Weights of x̂, (H, D): λ is of order one, whatever the layer's scale; 0 where a unit has no variance to expect."""
    xp = inputs.xp
    weights = inputs.arrays.put(weights, xp.float64) * inputs.sd
    expected_sd = xp.sqrt(xp.sum(weights**2, axis=1, keepdims=True))  # of λ, if the inputs were independent
    return xp.astype(weights / xp.where(expected_sd > 0, expected_sd, 1.0), inputs.dtype)


def _from_inputs(weights: list[Array]) -> bool:
    """Whether M11 and M13, linear in λ, are had cheaper for all units from E[x xᵀ] and E[x x³ᵀ]."""
    n_units, n_inputs = weights[0].shape
    return len(weights) * int(n_units) > int(n_inputs)


def _moments(weights: list[Array], inputs: StandardisedInputs) -> Iterator[_Moments]:
    """The moments of each layer's weights with the inputs."""
    xp, n, zeros = inputs.xp, inputs.n_images, inputs.arrays.zeros
    n_units, n_inputs = weights[0].shape
    shared = _from_inputs(weights)
    n_rows = n_inputs if shared else n_units
    linear = [[_Sum(inputs, n_rows) for _ in range(2)] for _ in (weights[:1] if shared else weights)]
    coupled = [[_Sum(inputs, n_units) for _ in range(2)] for _ in weights]
    powers = [zeros(2, n_units) for _ in weights]
    guesses = [_fourth_by_second(xp, w @ inputs.sample.T) for w in weights]
    for x, x2, x3 in inputs.powers(3):
        if shared:
            linear[0][0].add(x.T, x)
            linear[0][1].add(x.T, x3)
        for r, w in enumerate(weights):
            lam = w @ x.T
            lam2, odd = xp.empty_like(lam), xp.empty_like(lam)  # λ², (λ² − k) λ
            for units in inputs.arrays.pieces(*lam.shape):
                some = lam[units]
                square = some * some
                powers[r][0, units] += xp.sum(square, axis=1, dtype=xp.float64)
                powers[r][1, units] += xp.sum(square * square, axis=1, dtype=xp.float64)
                lam2[units] = square
                odd[units] = (square - guesses[r][units]) * some
            coupled[r][0].add(odd, x)
            coupled[r][1].add(lam2, x2)
            if not shared:
                linear[r][0].add(lam, x)
                linear[r][1].add(lam, x3)
    for r, w in enumerate(weights):
        m11, m13 = (total.mean(xp.astype(w, xp.float64) if shared else None) for total in linear[0 if shared else r])
        m31, m22 = (total.mean() for total in coupled[r])
        m31 += guesses[r] * m11
        power2, power4 = powers[r] / n
        yield _Moments(power2, power4, m11, m31, m22, m13)


class _Sum:
    """Σ a b over chunks of images, (H, D): products in the precision of the inputs, added up in float64.

    On the processors BLAS adds the products of `_IMAGES_A_SUM` images itself, which costs nothing; where there are no
    more images than these, so little that it is not worth importing what calls it.

    Args:
        inputs: D, the number of images and the precision are theirs.
        n_rows: H.
    """

    def __init__(self, inputs: StandardisedInputs, n_rows: int):
        self._arrays, self._n_images = inputs.arrays, inputs.n_images
        self._total = inputs.arrays.zeros(n_rows, len(inputs.sd))
        self._part: np.ndarray | None = None
        self._in_part = 0
        if inputs.xp is np and inputs.n_images > _IMAGES_A_SUM:
            from scipy.linalg import blas

            self._gemm = {"float32": blas.sgemm, "float64": blas.dgemm}[np.dtype(inputs.dtype).name]
            self._part = np.zeros(self._total.shape, inputs.dtype)

    def add(self, a: Array, b: Array) -> None:
        """Add a b, (H, n) (n, D); b lies row by row, a row by row or column by column."""
        if self._part is None:
            self._total += a @ b
            return
        # BLAS counts by columns: (a b)ᵀ = bᵀ aᵀ, of which nothing is copied.
        by_rows = a.flags.c_contiguous
        self._gemm(1.0, b.T, a.T if by_rows else a, 1.0, self._part.T, trans_b=not by_rows, overwrite_c=1)
        self._in_part += len(b)
        if self._in_part >= _IMAGES_A_SUM:
            self._flush()

    def _flush(self) -> None:
        assert self._part is not None
        for rows in self._arrays.pieces(*self._total.shape):
            self._total[rows] += self._part[rows]
            self._part[rows] = 0
        self._in_part = 0

    def mean(self, weights: Array | None = None) -> Array:
        """The mean over the images, float64; of weights, (…, H), times it."""
        if self._in_part:
            self._flush()
        return (self._total if weights is None else weights @ self._total) / self._n_images


def _fourth_by_second(xp: ModuleType, values: Array) -> Array:
    """E[λ⁴] / E[λ²] of each row, (n, 1) in the precision of the values; 0 where all are 0."""
    second, fourth = _second_and_fourth(xp, values, axis=1)
    ratio = xp.where(second > 0, fourth / xp.where(second > 0, second, 1.0), 0.0)
    return xp.astype(ratio, values.dtype)[:, None]


def _scores_from_moments(
    weights: Array, mask: np.ndarray, moments: _Moments, inputs: StandardisedInputs
) -> tuple[np.ndarray, np.ndarray]:
    """Scores of the surviving weights, and whether they are to be computed from λ − w x itself."""
    xp, arrays = inputs.xp, inputs.arrays
    varies = moments.power2 > ZERO_SD**2
    power2 = xp.where(varies, moments.power2, 1.0)
    kurtosis = moments.power4 / power2**2
    few = arrays.put(mask.sum(axis=1) <= _EXACT_WEIGHTS)
    found = []
    for start in range(0, len(mask), _UNITS_AT_A_TIME):
        rows = slice(start, start + _UNITS_AT_A_TIME)
        alive = arrays.put(mask[rows])
        unit, j = xp.nonzero(alive)
        unit = unit + start
        w, m11, m31, m22, m13 = (array[rows][alive] for array in (weights, *moments[2:]))
        w = xp.astype(w, xp.float64)
        variance = 1 + w * (-2 * m11 + w * inputs.second[j]) / power2[unit]
        change = w * (-4 * m31 + w * (6 * m22 + w * (-4 * m13 + w * inputs.fourth[j]))) / power2[unit] ** 2
        before, left = kurtosis[unit], (variance > 0) & varies[unit]
        without = xp.where(left, (before + change) / xp.where(left, variance, 1.0) ** 2, xp.nan)
        exact = ((variance < _EXACT_BELOW) | few[unit]) & (w != 0) & varies[unit]
        found.append((arrays.get(_score(xp, before, without)), arrays.get(exact)))
    scores, exact = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return scores, exact


def _score(xp: ModuleType, kurtosis: Array, without: Array) -> Array:
    """Eq. 5."""
    return xp.sign(kurtosis - 3) * (without - kurtosis) / kurtosis


def _recomputed_scores(
    weights: list[Array], pairs: list[tuple[np.ndarray, np.ndarray]], inputs: StandardisedInputs
) -> list[np.ndarray]:
    """Scores of some weights (unit, j) of each layer from the preactivations with and without them, in float64."""
    xp, arrays = inputs.xp, inputs.arrays
    last = np.cumsum([len(unit) for unit, _ in pairs])
    if not last[-1]:
        return [np.empty(0) for _ in pairs]
    used, row = zip(*(np.unique(unit, return_inverse=True) for unit, _ in pairs), strict=True)
    full = xp.concat([xp.astype(w[arrays.put(i)], xp.float64) for w, i in zip(weights, used, strict=True)])
    first = np.cumsum([0, *map(len, used)])
    row = arrays.put(np.concatenate([of_layer + start for of_layer, start in zip(row, first, strict=False)]))
    j = arrays.put(np.concatenate([inputs_of for _, inputs_of in pairs]))
    removed = full[row, j]
    powers, powers_without = arrays.zeros(2, len(full)), arrays.zeros(2, len(j))
    for x in inputs.chunks():
        x = xp.astype(x.T, xp.float64)
        lam = full @ x
        powers += _second_and_fourth(xp, lam, axis=1)
        for start in range(0, len(j), _EXACT_AT_A_TIME):
            some = slice(start, start + _EXACT_AT_A_TIME)
            left = lam[row[some]] - removed[some, None] * x[j[some]]
            powers_without[:, some] += _second_and_fourth(xp, left, axis=1)
    before = inputs.n_images * (powers[1] / powers[0] ** 2)[row]
    second, fourth = powers_without
    left = second > ZERO_SD**2 * powers[0][row]
    without = xp.where(left, inputs.n_images * fourth / xp.where(left, second, 1.0) ** 2, xp.nan)
    return np.split(arrays.get(_score(xp, before, without)), last[:-1])

"""Cavity scores: what removing one weight does to the kurtosis of its unit's preactivation (Eqs. 5, 6, Fig. 5).

Without weight w the preactivation λ of a unit is λ − w x.  With λ and x centred and M_ab = E[λ^a x^b],

    variance = M20 − 2 w M11 + w² M02
    4th      = M40 − 4 w M31 + 6 w² M22 − 4 w³ M13 + w⁴ M04

so four matrix products over the images, those of M11, M31, M22 and M13, give the scores of all weights of a layer.

The products are single precision, summed in float64 over chunks of images.  Two things keep the errors below 1e-5 of a
unit's scores.  To first order in w a score is made of M31 − kurt(λ) M11, a small difference where pixels are
correlated; so (λ² − k) λ is multiplied by x, with k about the kurtosis, and k M11 added afterwards in float64.  And
where a weight carries much of its unit (less than half the variance stays without it, or the unit has few weights), the
moments are those of λ − w x itself, in float64.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Literal

import numpy as np

from winnow.measure.preactivations import (
    WEIGHT,
    ZERO_SD,
    check_inputs,
    effective_weights,
    validation_chunks,
)
from winnow.pruning import density
from winnow.store import Dataset, Mask, Parameters

# A weight's score is computed from λ − w x itself where less than this share of the variance stays without it, or where
# its unit has no more than so many weights; so many such weights at a time.
_EXACT_BELOW, _EXACT_WEIGHTS, _EXACT_AT_A_TIME = 0.5, 16, 2048
_KEPT = 2**28  # bytes of standardised inputs kept in memory between the rounds; more are computed anew


def measure_cavity(
    parameters: Parameters,
    masks: Sequence[Mask],
    dataset: Dataset,
    *,
    epsilon: float = 1e-5,
    chunk: int = 1024,
    dtype: Literal["float32", "float64"] = "float32",
) -> dict[str, np.ndarray]:
    """Mean cavity score at θ ⊙ m(n) of the first-layer weights that each later round removes (Fig. 5B, C).

    Args:
        parameters: θ, the network at the rewind point.
        masks: m(0), …, m(N), nested: they give both the weights that have a score after n rounds and their fates.
        dataset: its validation images are used.
        epsilon: ε of batch norm.
        chunk: images at a time.
        dtype: of the matrix products.

    Returns:
        Columns of the table `cavity` without dataset, method, seed and fates_of.  For n = `rounds_done` = 0 … N − 1 one
        row for each `removed_in` = n + 1 … N, and one for the survivors (null).  `scaled_mean` is N_W(n) times
        `mean_score`, N_W(n) the weights of the first layer in m(n).

    Raises:
        ValueError: the masks are not nested; parameters, masks and images do not fit together.
    """
    fate = _fates(masks)
    check_inputs(dataset, fate.shape[1])
    inputs = _StandardisedInputs(lambda: validation_chunks(dataset, chunk))

    n_rounds = len(masks) - 1
    columns: dict[str, list[Any]] = {}
    for n, mask in enumerate(masks[:-1]):
        alive = mask[WEIGHT]
        weights = effective_weights(parameters, mask, epsilon=epsilon)
        scores, fates = _scores(weights, alive, inputs, dtype)[alive], fate[alive]
        known = np.isfinite(scores)
        size = n_rounds + 2
        n_weights = np.bincount(fates, minlength=size)[n + 1 :]
        n_scores = np.bincount(fates[known], minlength=size)[n + 1 :]
        n_positive = np.bincount(fates[known], scores[known] > 0, minlength=size)[n + 1 :]
        total = np.bincount(fates[known], scores[known], minlength=size)[n + 1 :]
        with np.errstate(invalid="ignore"):  # a group without scores has no mean: 0 / 0 = NaN
            mean, share_positive = total / n_scores, n_positive / n_scores
        rows = {
            "round": [n] * len(mean),
            "density": [density(mask)] * len(mean),
            "rounds_done": [n] * len(mean),
            "removed_in": [*range(n + 1, n_rounds + 1), None],
            "mean_score": mean,
            "scaled_mean": alive.sum() * mean,
            "share_positive": share_positive,
            "n_weights": n_weights,
            "n_without_score": n_weights - n_scores,
        }
        for name, values in rows.items():
            columns.setdefault(name, []).extend(values)
    return {name: np.array(values) for name, values in columns.items()}


def cavity_scores(
    weights: np.ndarray,
    mask: np.ndarray,
    inputs: np.ndarray | Iterable[np.ndarray],
    *,
    chunk: int = 1024,
    dtype: Literal["float32", "float64"] = "float32",
) -> np.ndarray:
    """Cavity scores of all weights of a layer λ = (W ⊙ m) x (Eq. 5).

    `(kurt λ⁽⁻ʲ⁾ − kurt λ) / kurt λ` where kurt λ > 3, the negative of it where kurt λ < 3, and 0 where kurt λ = 3.

    Args:
        weights: W, (H, D).
        mask: m, (H, D) bool.
        inputs: x, (N, D); or its chunks (n, D), as a list or another object that can be iterated several times.
        chunk: images at a time, where `inputs` is an array.
        dtype: of the matrix products.

    Returns:
        (H, D) float64.  NaN where there is no score: the weight is pruned, the unit has no variance, or none is left
        without the weight.  Removing the weight of a constant input changes nothing: its score is exactly 0.

    Raises:
        ValueError: shapes do not fit, there are no inputs, or `inputs` can be iterated only once.
    """
    if weights.shape != mask.shape:
        raise ValueError(f"the weights have the shape {weights.shape}, their mask {mask.shape}")
    if isinstance(inputs, np.ndarray):
        chunks = [inputs[start : start + chunk] for start in range(0, len(inputs), chunk)]
    elif iter(inputs) is inputs:
        raise ValueError("the inputs are read several times: give an array or a list of chunks, not an iterator")
    else:
        chunks = inputs
    standardised = _StandardisedInputs(lambda: iter(chunks))
    if len(standardised.sd) != weights.shape[1]:
        raise ValueError(f"{len(standardised.sd)} inputs do not fit weights of the shape {weights.shape}")
    return _scores(weights, mask, standardised, dtype)


class _StandardisedInputs:
    """x̂ = (x − E x) / sd(x) in chunks of images; 0 where an input is constant.

    Args:
        read: starts a pass over the chunks (n, D) of x.

    Attributes:
        n_images: N.
        sd: (D,) float64, standard deviation of x; 0 where it is constant.
        second: (D,) float64, E[x̂²]: 1, or 0 where x is constant.
        fourth: (D,) float64, E[x̂⁴].
    """

    def __init__(self, read: Callable[[], Iterator[np.ndarray]]):
        self._read = read
        self._kept: list[np.ndarray] | None = None
        self.n_images, total = 0, 0.0
        for x in read():
            self.n_images += len(x)
            total = total + x.sum(axis=0, dtype=np.float64)
        if self.n_images == 0:
            raise ValueError("there are no images to compute cavity scores on")
        self._mean = total / self.n_images
        powers = sum(_second_and_fourth(x - self._mean) for x in read()) / self.n_images
        sd = np.sqrt(powers[0])
        varies = sd > 1e-12 * np.abs(self._mean)  # the mean's rounding; single-precision pixels differ by far more
        self.sd = np.where(varies, sd, 0)
        self._inverse = np.divide(1, self.sd, out=np.zeros_like(self.sd), where=varies)
        self.second = varies.astype(np.float64)
        self.fourth = np.divide(powers[1], powers[0] ** 2, out=np.zeros_like(self.sd), where=varies)

    def chunks(self, dtype: str) -> Iterator[np.ndarray]:
        """Chunks of x̂, (n, D)."""
        n_bytes = self.n_images * len(self.sd) * np.dtype(dtype).itemsize
        if self._kept is None and n_bytes <= _KEPT:
            self._kept = [self._standardise(x, dtype) for x in self._read()]
        if self._kept is not None and self._kept[0].dtype == dtype:
            yield from self._kept
        else:
            for x in self._read():
                yield self._standardise(x, dtype)

    def _standardise(self, x: np.ndarray, dtype: str) -> np.ndarray:
        centred = x - self._mean  # float64
        return np.multiply(centred, self._inverse, out=centred).astype(dtype, copy=False)


def _second_and_fourth(centred: np.ndarray) -> np.ndarray:
    """Sums of the squares and of the 4th powers of each column, (2, …); `centred` is overwritten."""
    squares = np.square(centred, out=centred)
    return np.stack([squares.sum(axis=0), np.einsum("nj,nj->j", squares, squares)])


def _scores(weights: np.ndarray, mask: np.ndarray, inputs: _StandardisedInputs, dtype: str) -> np.ndarray:
    """Cavity scores (H, D); weights are those of the inputs before standardisation."""
    weights = weights * mask * inputs.sd
    expected_sd = np.sqrt((weights**2).sum(axis=1))  # of λ, if the inputs were independent
    scores = np.full(mask.shape, np.nan)
    units = np.flatnonzero(expected_sd)
    if not len(units):
        return scores
    weights = weights[units] / expected_sd[units, None]  # λ is now of order one, whatever the layer's scale
    power2, power4, coupled = _moments(weights, inputs, dtype)

    varies = power2 > ZERO_SD**2
    units, weights, coupled = units[varies], weights[varies], coupled[:, varies]
    sd = np.sqrt(power2[varies])
    kurtosis = power4[varies] / power2[varies] ** 2
    unit, j = np.nonzero(mask[units])
    w = weights[unit, j] / sd[unit]
    scale = sd ** np.array([[1], [3], [2], [1]])  # the power of λ in each moment
    m11, m31, m22, m13 = coupled[:, unit, j] / scale[:, unit]
    m02, m04 = inputs.second[j], inputs.fourth[j]
    variance = 1 + w * (-2 * m11 + w * m02)
    fourth = kurtosis[unit] + w * (-4 * m31 + w * (6 * m22 + w * (-4 * m13 + w * m04)))

    without = np.divide(fourth, variance**2, out=np.full(len(w), np.nan), where=variance > 0)
    before = kurtosis[unit]
    large = (variance < _EXACT_BELOW) | (np.bincount(unit)[unit] <= _EXACT_WEIGHTS)
    exact = np.flatnonzero(large & (w != 0))
    before[exact], without[exact] = _kurtosis_without(weights, unit[exact], j[exact], inputs, dtype)
    scores[units[unit], j] = _score(before, without)
    return scores


def _score(kurtosis: np.ndarray, without: np.ndarray) -> np.ndarray:
    """Eq. 5."""
    return np.sign(kurtosis - 3) * (without - kurtosis) / kurtosis


def _moments(weights: np.ndarray, inputs: _StandardisedInputs, dtype: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """E[λ²] (H,), E[λ⁴] (H,), and M11, M31, M22, M13 (4, H, D), all float64."""
    w = weights.astype(dtype)
    power2, power4 = np.zeros((2, len(w)))
    m11, m31, m22, m13 = coupled = np.zeros((4, *w.shape))
    product = np.empty(w.shape, dtype)
    for x in inputs.chunks(dtype):
        x2 = x * x
        lam = w @ x.T
        lam2 = lam * lam
        exact2 = np.square(lam, dtype=np.float64)
        of_chunk2, of_chunk4 = exact2.sum(axis=1), np.einsum("in,in->i", exact2, exact2)
        power2 += of_chunk2
        power4 += of_chunk4
        k = np.divide(of_chunk4, of_chunk2, out=np.zeros(len(w)), where=of_chunk2 > 0)[:, None].astype(dtype)
        m31 += np.matmul((lam2 - k) * lam, x, out=product)
        m11 += np.matmul(lam, x, out=product)
        m31 += np.multiply(k, product, dtype=np.float64)
        m22 += np.matmul(lam2, x2, out=product)
        m13 += np.matmul(lam, x2 * x, out=product)
    coupled /= inputs.n_images
    return power2 / inputs.n_images, power4 / inputs.n_images, coupled


def _kurtosis_without(
    weights: np.ndarray, unit: np.ndarray, j: np.ndarray, inputs: _StandardisedInputs, dtype: str
) -> tuple[np.ndarray, np.ndarray]:
    """Kurtosis of λ and of λ − w x for the weights (unit, j), from the preactivations themselves, in float64."""
    used, row = np.unique(unit, return_inverse=True)
    powers = np.zeros((2, len(used)))  # sums of λ², λ⁴,
    powers_without = np.zeros((2, len(unit)))  # and of (λ − w x)², (λ − w x)⁴
    for x in inputs.chunks(dtype) if len(unit) else ():
        x = x.astype(np.float64)
        lam = x @ weights[used].T
        powers += _second_and_fourth(lam.copy())
        for start in range(0, len(unit), _EXACT_AT_A_TIME):
            some = slice(start, start + _EXACT_AT_A_TIME)
            left = lam[:, row[some]] - x[:, j[some]] * weights[unit[some], j[some]]
            powers_without[:, some] += _second_and_fourth(left)
    second, fourth = powers_without
    left = second > ZERO_SD**2 * powers[0, row]
    without = np.divide(inputs.n_images * fourth, second**2, out=np.full(len(unit), np.nan), where=left)
    return (inputs.n_images * powers[1] / powers[0] ** 2)[row], without


def _fates(masks: Sequence[Mask]) -> np.ndarray:
    """The round that removes each first-layer weight, (H, D); N + 1 where it survives them all."""
    if len(masks) < 2:
        raise ValueError("cavity scores by fate need at least the masks m(0) and m(1)")
    for n, (before, after) in enumerate(itertools.pairwise(masks), start=1):
        for name in before:
            if (after[name] & ~before[name]).any():
                raise ValueError(f"the masks are not nested: m({n}) has parameters of {name} that m({n - 1}) had lost")
    return np.sum([mask[WEIGHT] for mask in masks], axis=0)


def measure_cavity_example(
    parameters: Parameters, mask: Mask, dataset: Dataset, *, epsilon: float = 1e-5, bins: int = 80
) -> dict[str, np.ndarray]:
    """How one weight's score comes about: its unit's preactivation with and without it (Fig. 5A).

    The weight is the one with the largest absolute score among the units with at least the median number of weights:
    its removal shows in the histogram, and its unit is a typical one, not a unit of two or three weights.

    Args:
        parameters: θ, the network at the rewind point.
        mask: a mask of it; the preactivation is that of θ ⊙ mask.
        dataset: its validation images are used.
        epsilon: ε of batch norm.
        bins: bins of the histogram.

    Returns:
        Columns of the table `cavity_example` without dataset and seed, one row per bin.  Both preactivations are
        centred and divided by their own standard deviation, so that the shapes compare.  The bins reach as far as the
        values do, at most 8 standard deviations; densities are those of all images.

    Raises:
        ValueError: no weight has a score; parameters, mask and images do not fit together.
    """
    weights = effective_weights(parameters, mask, epsilon=epsilon)
    check_inputs(dataset, weights.shape[1])
    inputs = _StandardisedInputs(lambda: validation_chunks(dataset, 1024))
    scores = _scores(weights, mask[WEIGHT], inputs, "float32")
    n_weights = mask[WEIGHT].sum(axis=1)
    scored = np.isfinite(scores).any(axis=1)
    if not scored.any():
        raise ValueError("no weight of the mask has a cavity score: no unit of the first layer has a variance left")
    typical = scored & (n_weights >= np.median(n_weights[scored]))
    size = np.where(typical[:, None] & np.isfinite(scores), np.abs(scores), -1)
    i, j = np.unravel_index(np.argmax(size), size.shape)

    standardised = weights[i] * inputs.sd
    pairs = [(x.astype(np.float64) @ standardised, x[:, j] * standardised[j]) for x in inputs.chunks("float32")]
    lam, removed = (np.concatenate(values) for values in zip(*pairs, strict=True))
    shapes = [(values - values.mean()) / values.std() for values in (lam, lam - removed)]
    reach = min(8.0, 1.001 * max(np.abs(shape).max() for shape in shapes))
    edges = np.linspace(-reach, reach, bins + 1)
    densities = [np.histogram(shape, edges)[0] / (len(shape) * np.diff(edges)) for shape in shapes]
    constants = {
        "unit": int(i),
        "input": int(j),
        "score": scores[i, j],
        "kurtosis_with": (shapes[0] ** 4).mean(),
        "kurtosis_without": (shapes[1] ** 4).mean(),
    }
    return {name: np.full(bins, value) for name, value in constants.items()} | {
        "preactivation": (edges[:-1] + edges[1:]) / 2,
        "density_with": densities[0],
        "density_without": densities[1],
    }

"""The loops of the CPU engine around its products, compiled by numba.

Arrays are feature-major, (features, images), padded with zeros to whole vectors (`vectors.aligned`): the batch of a
feature is contiguous, and a weight of a sparse layer meets all of it at once.  Kernels take float32 or float64 and
allocate no more than a panel.  Products are in `kernels_dense` and `kernels_sparse`.

Most do a part of the features, `start` to `stop`, so that threads can share the work (`threads.Team`).  Parts write to
different places and leave the order of every sum as it is: the result does not depend on the number of threads.  Nor
does it on the processor: arithmetic is as written, sums over a batch are taken in one order (`vectors`), and the
exponential function is here.
"""

import logging
import math
import sys
from importlib import import_module
from typing import Any

import numpy as np
from numba import njit
from numba.core import event

from winnow.training.vectors import (
    LINE,
    Real,
    Vector,
    add,
    add_product,
    add_scaled,
    filled,
    first_lanes,
    load,
    plus_product,
    scaled,
    store,
    sum_lanes,
    transpose,
    zeros,
)


def _load_numba_without_scipy() -> None:
    """Import numba's routines for arrays, but not the BLAS of scipy that they look for: a quarter of a job's start.

    Matrix products in compiled code would need it; there are none but those of `panels`.
    """
    if "scipy.linalg" not in sys.modules:
        sys.modules["scipy.linalg"] = None  # type: ignore[assignment]  # to import it fails now
        try:
            import_module("numba.np.arraymath")
        finally:
            del sys.modules["scipy.linalg"]


_load_numba_without_scipy()


class _FirstTime(event.Listener):
    """Says in the log that loops are being compiled, for the first of them: seconds in which nothing else happens."""

    _is_said = False

    def on_start(self, event: Any) -> None:
        if not self._is_said:
            logging.getLogger(__name__).info("compiling the loops of trainings, once in this folder: some seconds")
        self._is_said = True

    def on_end(self, event: Any) -> None:
        """It is enough to say it once."""


event.register("numba:compile", _FirstTime())  # type: ignore[no-untyped-call]

compiled = njit(nogil=True, cache=True, error_model="numpy")
"""For all kernels.  No fast arithmetic: what a compiler may reorder or fuse, it does otherwise on other processors."""

_TO_BASE_2 = 1 / math.log(2)
_LN2_HIGH, _LN2_LOW = float.fromhex("0x1.62e42fee00000p-1"), float.fromhex("0x1.a39ef35793c76p-33")
_TAYLOR = tuple(1 / math.factorial(n) for n in range(14))
_LEAST = -708.0
"""About the logarithm of the smallest float64 that has all its digits."""


@compiled
def sum_row(x: np.ndarray, i: int) -> float:
    """Σ_b x_ib, of a row padded with zeros."""
    total = load(x, i, 0)
    for column in range(LINE // x.itemsize, x.shape[1], LINE // x.itemsize):
        total = add(total, load(x, i, column))
    return sum_lanes(total)


@compiled
def dot_rows(x: np.ndarray, i: int, y: np.ndarray, j: int) -> float:
    """Σ_b x_ib y_jb, of rows padded with zeros."""
    total = zeros(x)
    for column in range(0, x.shape[1], LINE // x.itemsize):
        total = add_product(total, load(x, i, column), load(y, j, column))
    return sum_lanes(total)


@compiled
def direction(
    gradient: Real,
    value: Real,
    decay: "Real | None",
    momentum: Real,
    velocity: np.ndarray | None,
    k: int | tuple[int, int],
) -> Real:
    """Along which a parameter takes its step: v ← μ v + g + λ θ, kept in velocity[k].

    Plain SGD has no decay and no velocity, and code of its own: v is g.  What has a velocity has a decay, if only 0.
    """
    if decay is not None:
        gradient = plus_product(gradient, decay, value)
    if velocity is not None:
        gradient = plus_product(gradient, momentum, velocity[k])
        velocity[k] = gradient
    return gradient


@compiled
def directions(
    gradients: Vector,
    values: Vector,
    decay: "Real | None",
    momentum: Real,
    velocity: np.ndarray | None,
    row: int,
    column: int,
) -> Vector:
    """The same of a vector of parameters, whose velocities begin at velocity[row, column]."""
    if decay is not None:
        gradients = add_scaled(gradients, decay, values)
    if velocity is not None:
        gradients = add_scaled(gradients, momentum, load(velocity, row, column))
        store(velocity, row, column, gradients)
    return gradients


@compiled
def exponential(x: float) -> float:
    """exp x of a float64 that is not positive, to a unit in the last place; 0 below 1e-307.

    2^k exp r, r = x − k ln 2, |r| ≤ ln 2 / 2, by Taylor's series; ln 2 has two parts, k times the first of which is
    exact.
    """
    within = x if x > _LEAST else _LEAST
    k = np.floor(within * _TO_BASE_2 + 0.5)
    rest = (within - k * _LN2_HIGH) - k * _LN2_LOW
    series = _TAYLOR[-1]
    for n in range(len(_TAYLOR) - 2, -1, -1):
        series = series * rest + _TAYLOR[n]
    power = np.int64((np.int64(k) + 1023) << 52).view(np.float64)
    if x > _LEAST:
        return series * power
    return x if x != x else 0.0  # NaN passes


@compiled
def gather(
    start: int,
    stop: int,
    images: np.ndarray,
    rows: np.ndarray,
    mean_image: np.ndarray,
    pixel_scale: np.floating,
    by_image: np.ndarray,
    x: np.ndarray,
) -> None:
    """x = some pixels of the prepared images `rows`, by_image = xᵀ; bit for bit as `Dataset.prepare`."""
    for b in range(len(rows)):
        # Slices, since numba vectorises only loops that begin at 0.
        image, mean, prepared = images[rows[b], start:stop], mean_image[start:stop], by_image[b, start:stop]
        for j in range(stop - start):
            prepared[j] = (np.float32(image[j]) - mean[j]) / pixel_scale
    lanes = LINE // x.itemsize
    whole = start + (stop - start) // lanes * lanes
    for j in range(start, whole, lanes):
        for b in range(0, x.shape[1], lanes):
            transpose(by_image, b, j, x, j, b)
    for j in range(whole, stop):
        for b in range(len(rows)):
            x[j, b] = by_image[b, j]


@compiled
def normalise(
    start: int,
    stop: int,
    x: np.ndarray,
    n_images: int,
    gamma: np.ndarray,
    beta: np.ndarray,
    epsilon: np.floating,
    keep: np.floating,
    running_mean: np.ndarray,
    running_var: np.ndarray,
    inverse_sd: np.ndarray,
    normed: np.ndarray,
    y: np.ndarray,
) -> None:
    """Batch norm of each feature: normed = (x − E x) / √(var x + ε), y = γ normed + β; updates the running moments."""
    lanes = LINE // x.itemsize
    for j in range(start, stop):
        mean = sum_row(x, j) / x.dtype.type(n_images)
        for b in range(0, n_images, lanes):
            store(normed, j, b, first_lanes(add(load(x, j, b), filled(x, -mean)), n_images - b))
        squares = dot_rows(normed, j, normed, j)
        inverse = x.dtype.type(1 / math.sqrt(squares / n_images + epsilon))
        for b in range(0, n_images, lanes):
            value = scaled(inverse, load(normed, j, b))
            store(normed, j, b, value)
            store(y, j, b, first_lanes(add(scaled(gamma[j], value), filled(y, beta[j])), n_images - b))
        inverse_sd[j] = inverse
        running_mean[j] = keep * running_mean[j] + (1 - keep) * mean
        running_var[j] = keep * running_var[j] + (1 - keep) * squares / (n_images - 1)


@compiled
def write_by_image(start: int, stop: int, x: np.ndarray, by_image: np.ndarray) -> None:
    """by_image = xᵀ of some features, (≥ images, ≥ features)."""
    lanes = LINE // x.itemsize
    whole = start + (stop - start) // lanes * lanes
    for j in range(start, whole, lanes):
        for b in range(0, x.shape[1], lanes):
            transpose(x, j, b, by_image, b, j)
    for j in range(whole, stop):
        for b in range(x.shape[1]):
            by_image[b, j] = x[j, b]


@compiled
def activate(start: int, stop: int, z: np.ndarray, n_images: int, bias: np.ndarray, x: np.ndarray) -> None:
    """x = ReLU(z + b)."""
    for i in range(start, stop):
        for b in range(n_images):
            value = z[i, b] + bias[i]
            x[i, b] = value if value > 0 or value != value else 0  # NaN passes


@compiled
def shift_logits(
    logits: np.ndarray, bias: np.ndarray, labels: np.ndarray, largest: np.ndarray, at_label: np.ndarray
) -> int:
    """Add the bias and subtract each image's largest logit; keeps the label's, returns how many images are right."""
    n_images = len(labels)
    largest[:] = -np.inf
    for k in range(len(logits)):
        for b in range(n_images):
            logits[k, b] += bias[k]
            largest[b] = max(largest[b], logits[k, b])
    for k in range(len(logits)):
        for b in range(n_images):
            logits[k, b] -= largest[b]
    n_correct = 0
    for b in range(n_images):
        at_label[b] = logits[labels[b], b]
        n_correct += at_label[b] == 0
    return n_correct


@compiled
def cross_entropy(logits: np.ndarray, labels: np.ndarray, at_label: np.ndarray, sums: np.ndarray) -> float:
    """The loss, from shifted logits, which become the loss's gradient (softmax − label) / batch."""
    n_images, exponentials = len(labels), logits
    sums[:] = 0
    for k in range(len(logits)):
        for b in range(n_images):
            exponentials[k, b] = exponential(np.float64(logits[k, b]))
            sums[b] += exponentials[k, b]
    loss = 0.0
    for b in range(n_images):
        loss += math.log(sums[b]) - at_label[b]
        sums[b] = 1 / (sums[b] * n_images)
    for k in range(len(exponentials)):
        for b in range(n_images):
            exponentials[k, b] *= sums[b]
    for b in range(n_images):
        exponentials[labels[b], b] -= exponentials.dtype.type(1) / n_images
    return loss / n_images


@compiled
def descend_bias(
    delta: np.ndarray,
    mask: np.ndarray,
    rate: np.floating,
    decay: np.floating | None,
    momentum: np.floating,
    bias: np.ndarray,
    velocity: np.ndarray | None,
    sums: np.ndarray,
) -> None:
    """sums = Σ_b δ, the gradient of the bias where it survives; the bias takes its step along `direction`."""
    for i in range(len(delta)):
        total = sums[i] = sum_row(delta, i)
        gradient = bias.dtype.type(total * mask[i])
        bias[i] -= rate * direction(gradient, bias[i], decay, momentum, velocity, i)


@compiled
def back_through_norm(
    start: int,
    stop: int,
    dy: np.ndarray,
    n_images: int,
    normed: np.ndarray,
    inverse_sd: np.ndarray,
    x: np.ndarray,
    rate: np.floating,
    decay: np.floating | None,
    momentum: np.floating,
    gamma: np.ndarray,
    beta: np.ndarray,
    gamma_velocity: np.ndarray | None,
    beta_velocity: np.ndarray | None,
    delta: np.ndarray,
) -> None:
    """Backward through batch norm and the ReLU before it: δ, the gradient of that ReLU's input.  γ and β step."""
    for j in range(start, stop):
        d_gamma, d_beta = dot_rows(dy, j, normed, j), sum_row(dy, j)
        scale = gamma[j] * inverse_sd[j]
        mean_gamma, mean_beta = dy.dtype.type(d_gamma / n_images), dy.dtype.type(d_beta / n_images)
        for b in range(n_images):
            gradient = scale * (dy[j, b] - mean_beta - normed[j, b] * mean_gamma)
            delta[j, b] = gradient if x[j, b] > 0 else 0
        gamma[j] -= rate * direction(d_gamma, gamma[j], decay, momentum, gamma_velocity, j)
        beta[j] -= rate * direction(d_beta, beta[j], decay, momentum, beta_velocity, j)


@compiled
def back_through_relu(start: int, stop: int, dy: np.ndarray, n_images: int, x: np.ndarray, delta: np.ndarray) -> None:
    """δ, the gradient of the ReLU's input, where no batch norm follows it: dy where x > 0."""
    for j in range(start, stop):
        for b in range(n_images):
            delta[j, b] = dy[j, b] if x[j, b] > 0 else 0

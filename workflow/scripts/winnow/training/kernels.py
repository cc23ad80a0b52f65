"""The loops of the CPU engine that no library has, compiled by numba.

Arrays are feature-major, (features, images), padded with zeros to whole vectors (`vectors.aligned`): the batch of a
feature is contiguous, and a surviving weight of a sparse layer meets all of it at once.  Kernels take float32 or
float64 and allocate nothing.

Most do a part of the features, `start` to `stop`, so that threads can share the work (`threads.Team`).  Parts write to
different places and leave the order of every sum as it is: the result does not depend on the number of threads.
"""

import math

import numpy as np
from numba import njit

from winnow.training.vectors import LINE, add_product, add_scaled, load, store, sum_lanes, zeros

# Sums may be reordered into vectors (`reassoc`), a product and a sum be fused (`contract`); NaN and infinity stay what
# they are, so that divergence is noticed.
_compiled = njit(fastmath={"reassoc", "contract", "nsz"}, nogil=True, cache=True, error_model="numpy")
_TILE = 64  # pixels transposed at a time


@njit(nogil=True, cache=True, error_model="numpy")
def gather(
    images: np.ndarray, rows: np.ndarray, mean_image: np.ndarray, pixel_scale: np.floating, x: np.ndarray
) -> None:
    """x = the prepared images `rows`, transposed; bit for bit as `Dataset.prepare` (hence no fast arithmetic)."""
    for first in range(0, len(x), _TILE):
        last = min(first + _TILE, len(x))
        for b in range(len(rows)):
            row = rows[b]
            for j in range(first, last):
                x[j, b] = (np.float32(images[row, j]) - mean_image[j]) / pixel_scale


@_compiled
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
    for j in range(start, stop):
        mean = x.dtype.type(0)
        for b in range(n_images):
            mean += x[j, b]
        mean /= n_images
        squares = x.dtype.type(0)
        for b in range(n_images):
            squares += (x[j, b] - mean) * (x[j, b] - mean)
        inverse = 1 / math.sqrt(squares / n_images + epsilon)
        for b in range(n_images):
            normed[j, b] = (x[j, b] - mean) * inverse
            y[j, b] = gamma[j] * normed[j, b] + beta[j]
        inverse_sd[j] = inverse
        running_mean[j] = keep * running_mean[j] + (1 - keep) * mean
        running_var[j] = keep * running_var[j] + (1 - keep) * squares / (n_images - 1)


@_compiled
def activate(start: int, stop: int, z: np.ndarray, n_images: int, bias: np.ndarray, x: np.ndarray) -> None:
    """x = ReLU(z + b)."""
    for i in range(start, stop):
        for b in range(n_images):
            value = z[i, b] + bias[i]
            x[i, b] = value if value > 0 or value != value else 0  # NaN passes


@_compiled
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


@_compiled
def cross_entropy(exponentials: np.ndarray, labels: np.ndarray, at_label: np.ndarray, sums: np.ndarray) -> float:
    """The loss, from exp(shifted logits), which become the loss's gradient (softmax − label) / batch."""
    n_images = len(labels)
    sums[:] = 0
    for k in range(len(exponentials)):
        for b in range(n_images):
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


@_compiled
def descend_bias(delta: np.ndarray, mask: np.ndarray, rate: np.floating, bias: np.ndarray, sums: np.ndarray) -> None:
    """sums = Σ_b δ, the gradient of the bias; b ← b − η sums ⊙ m."""
    for i in range(len(delta)):
        total = delta.dtype.type(0)
        for b in range(delta.shape[1]):
            total += delta[i, b]
        sums[i] = total
        bias[i] -= rate * total * mask[i]


@_compiled
def back_through_norm(
    start: int,
    stop: int,
    dy: np.ndarray,
    n_images: int,
    normed: np.ndarray,
    inverse_sd: np.ndarray,
    x: np.ndarray,
    rate: np.floating,
    gamma: np.ndarray,
    beta: np.ndarray,
    delta: np.ndarray,
) -> None:
    """Backward through batch norm and the ReLU before it: δ, the gradient of that ReLU's input.  Updates γ and β."""
    for j in range(start, stop):
        d_gamma, d_beta = dy.dtype.type(0), dy.dtype.type(0)
        for b in range(n_images):
            d_gamma += dy[j, b] * normed[j, b]
            d_beta += dy[j, b]
        scale = gamma[j] * inverse_sd[j]
        mean_gamma, mean_beta = d_gamma / n_images, d_beta / n_images
        for b in range(n_images):
            gradient = scale * (dy[j, b] - mean_beta - normed[j, b] * mean_gamma)
            delta[j, b] = gradient if x[j, b] > 0 else 0
        gamma[j] -= rate * d_gamma
        beta[j] -= rate * d_beta


# -- dense layers -----------------------------------------------------------------------------------------------------


@_compiled
def descend(
    start: int, stop: int, product: np.ndarray, mask: np.ndarray, rate: np.floating, weight: np.ndarray
) -> None:
    """W ← W − η P ⊙ m for some inputs, with P = δ yᵀ."""
    for i in range(len(weight)):
        # Slices, since numba vectorises only loops that begin at 0.
        of_unit, p, m = weight[i, start:stop], product[i, start:stop], mask[i, start:stop]
        for j in range(stop - start):
            of_unit[j] -= rate * p[j] * m[j]


@_compiled
def descend_first(
    start: int,
    stop: int,
    product: np.ndarray,
    sums: np.ndarray,
    mask: np.ndarray,
    rate: np.floating,
    gamma: np.ndarray,
    beta: np.ndarray,
    weight: np.ndarray,
    d_gamma: np.ndarray,
    d_beta: np.ndarray,
) -> None:
    """The same for some inputs of the first layer and their batch norm, from P = δ normedᵀ: δ yᵀ = γ P + β Σδ.

    Nobody needs the gradient of the pixels, only those of γ and β, and they are sums over the weights: dγ_j = Σ_i W_ij
    P_ij, dβ_j = Σ_i W_ij Σ_b δ_ib.  So a third of the layer's products is saved.
    """
    gamma, beta, d_gamma, d_beta = gamma[start:stop], beta[start:stop], d_gamma[start:stop], d_beta[start:stop]
    d_gamma[:] = 0
    d_beta[:] = 0
    for i in range(len(weight)):
        total, of_unit, p, m = sums[i], weight[i, start:stop], product[i, start:stop], mask[i, start:stop]
        for j in range(stop - start):
            w = of_unit[j]
            d_gamma[j] += w * p[j]
            d_beta[j] += w * total
            of_unit[j] = w - rate * (gamma[j] * p[j] + beta[j] * total) * m[j]
    for j in range(stop - start):
        gamma[j] -= rate * d_gamma[j]
        beta[j] -= rate * d_beta[j]


# -- sparse layers ----------------------------------------------------------------------------------------------------
#
# Weights are stored by tiles of units, `tile_units` each, and within a tile by input: what the weights of an input add
# to (z) or read (δ) then lies in the cache, and what they share, the input's row of images, in registers.  Input j of
# tile t has the weights values[first[s] : first[s + 1]], s = t · inputs + j, of the units units[…].
#
# Three vectors, a batch of up to 48 in float32, are written out: with their number open they are not kept in registers.


@_compiled
def multiply_sparse(
    start: int,
    stop: int,
    first: np.ndarray,
    units: np.ndarray,
    values: np.ndarray,
    tile_units: int,
    y: np.ndarray,
    z: np.ndarray,
) -> None:
    """z = W y for some units, whole tiles."""
    lanes = LINE // y.itemsize
    three = y.shape[1] == 3 * lanes
    n_inputs = len(y)
    z[start:stop] = 0
    for tile in range(start // tile_units * n_inputs, -(-stop // tile_units) * n_inputs, n_inputs):
        for j in range(n_inputs):
            s = tile + j
            if first[s] == first[s + 1]:
                continue
            if three:
                a, b, c = load(y, j, 0), load(y, j, lanes), load(y, j, 2 * lanes)
                for k in range(first[s], first[s + 1]):
                    i, w = units[k], values[k]
                    store(z, i, 0, add_scaled(load(z, i, 0), w, a))
                    store(z, i, lanes, add_scaled(load(z, i, lanes), w, b))
                    store(z, i, 2 * lanes, add_scaled(load(z, i, 2 * lanes), w, c))
            else:
                for k in range(first[s], first[s + 1]):
                    i, w = units[k], values[k]
                    for column in range(0, y.shape[1], lanes):
                        store(z, i, column, add_scaled(load(z, i, column), w, load(y, j, column)))


@_compiled
def back_sparse(
    start: int,
    stop: int,
    first: np.ndarray,
    units: np.ndarray,
    values: np.ndarray,
    delta: np.ndarray,
    y: np.ndarray,
    rate: np.floating,
    dy: np.ndarray,
) -> None:
    """dy = Wᵀ δ for some inputs; then their surviving weights W ← W − η δ yᵀ."""
    lanes = LINE // y.itemsize
    three = y.shape[1] == 3 * lanes
    n_inputs = len(y)
    dy[start:stop] = 0
    for tile in range(0, len(first) - 1, n_inputs):
        for j in range(start, stop):
            s = tile + j
            if first[s] == first[s + 1]:
                continue
            if three:
                a, b, c = load(y, j, 0), load(y, j, lanes), load(y, j, 2 * lanes)
                da, db, dc = load(dy, j, 0), load(dy, j, lanes), load(dy, j, 2 * lanes)
                for k in range(first[s], first[s + 1]):
                    i, w = units[k], values[k]
                    p, q, r = load(delta, i, 0), load(delta, i, lanes), load(delta, i, 2 * lanes)
                    da, db, dc = add_scaled(da, w, p), add_scaled(db, w, q), add_scaled(dc, w, r)
                    products = add_product(add_product(add_product(zeros(y), a, p), b, q), c, r)
                    values[k] = w - rate * sum_lanes(products)
                store(dy, j, 0, da)
                store(dy, j, lanes, db)
                store(dy, j, 2 * lanes, dc)
            else:
                for k in range(first[s], first[s + 1]):
                    i, w = units[k], values[k]
                    products = zeros(y)
                    for column in range(0, y.shape[1], lanes):
                        p = load(delta, i, column)
                        store(dy, j, column, add_scaled(load(dy, j, column), w, p))
                        products = add_product(products, load(y, j, column), p)
                    values[k] = w - rate * sum_lanes(products)


@_compiled
def back_sparse_first(
    start: int,
    stop: int,
    first: np.ndarray,
    units: np.ndarray,
    values: np.ndarray,
    delta: np.ndarray,
    sums: np.ndarray,
    normed: np.ndarray,
    rate: np.floating,
    gamma: np.ndarray,
    beta: np.ndarray,
    d_gamma: np.ndarray,
    d_beta: np.ndarray,
) -> None:
    """The same for some inputs of the first layer and their batch norm; see `descend_first`."""
    lanes = LINE // normed.itemsize
    three = normed.shape[1] == 3 * lanes
    n_inputs = len(normed)
    d_gamma[start:stop] = 0
    d_beta[start:stop] = 0
    for tile in range(0, len(first) - 1, n_inputs):
        for j in range(start, stop):
            s = tile + j
            if first[s] == first[s + 1]:
                continue
            a, b, c = load(normed, j, 0), zeros(normed), zeros(normed)
            if three:
                b, c = load(normed, j, lanes), load(normed, j, 2 * lanes)
            dg, db = d_gamma[j], d_beta[j]
            for k in range(first[s], first[s + 1]):
                i, w = units[k], values[k]
                products = add_product(zeros(normed), a, load(delta, i, 0))
                if three:
                    products = add_product(products, b, load(delta, i, lanes))
                    products = add_product(products, c, load(delta, i, 2 * lanes))
                else:
                    for column in range(lanes, normed.shape[1], lanes):
                        products = add_product(products, load(normed, j, column), load(delta, i, column))
                product = sum_lanes(products)
                dg += w * product
                db += w * sums[i]
                values[k] = w - rate * (gamma[j] * product + beta[j] * sums[i])
            d_gamma[j], d_beta[j] = dg, db
    for j in range(start, stop):
        gamma[j] -= rate * d_gamma[j]
        beta[j] -= rate * d_beta[j]

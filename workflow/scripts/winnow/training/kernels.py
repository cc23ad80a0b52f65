"""The loops of the CPU engine that no library has, compiled by numba.

Arrays are feature-major, (features, images), padded with zeros to whole vectors (`vectors.aligned`): the batch of a
feature is contiguous, and a surviving weight of a sparse layer meets all of it at once.  Kernels take float32 or
float64 and allocate nothing.
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
def gather(images, rows, mean_image, pixel_scale, x):
    """x = the prepared images `rows`, transposed; bit for bit as `Dataset.prepare` (hence no fast arithmetic)."""
    n_inputs = len(x)
    for first in range(0, n_inputs, _TILE):
        last = min(first + _TILE, n_inputs)
        for b in range(len(rows)):
            row = rows[b]
            for j in range(first, last):
                x[j, b] = (np.float32(images[row, j]) - mean_image[j]) / pixel_scale


@_compiled
def normalise(x, n_images, gamma, beta, epsilon, keep, running_mean, running_var, inverse_sd, normed, y):
    """Batch norm of each feature: normed = (x − E x) / √(var x + ε), y = γ normed + β; updates the running moments."""
    for j in range(len(x)):
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
def activate(z, n_images, bias, x):
    """x = ReLU(z + b)."""
    for i in range(len(z)):
        for b in range(n_images):
            value = z[i, b] + bias[i]
            x[i, b] = value if value > 0 or value != value else 0  # NaN passes


@_compiled
def shift_logits(logits, bias, labels, largest, at_label):
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
def cross_entropy(exponentials, labels, at_label, sums):
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
def descend_bias(delta, mask, rate, bias, sums):
    """sums = Σ_b δ, the gradient of the bias; b ← b − η sums ⊙ m."""
    for i in range(len(delta)):
        total = delta.dtype.type(0)
        for b in range(delta.shape[1]):
            total += delta[i, b]
        sums[i] = total
        bias[i] -= rate * total * mask[i]


@_compiled
def back_through_norm(dy, n_images, normed, inverse_sd, x, rate, gamma, beta, delta):
    """Backward through batch norm and the ReLU before it: δ, the gradient of that ReLU's input.  Updates γ and β."""
    for j in range(len(dy)):
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
def descend(product, mask, rate, weight):
    """W ← W − η P ⊙ m, with P = δ yᵀ."""
    for i in range(weight.shape[0]):
        for j in range(weight.shape[1]):
            weight[i, j] -= rate * product[i, j] * mask[i, j]


@_compiled
def descend_first(product, sums, mask, rate, gamma, beta, weight, d_gamma, d_beta):
    """The same for the first layer and its batch norm, from P = δ normedᵀ: δ yᵀ = γ P + β Σδ.

    Nobody needs the gradient of the pixels, only those of γ and β, and they are sums over the weights: dγ_j = Σ_i W_ij
    P_ij, dβ_j = Σ_i W_ij Σ_b δ_ib.  So a third of the layer's products is saved.
    """
    d_gamma[:] = 0
    d_beta[:] = 0
    for i in range(weight.shape[0]):
        total = sums[i]
        for j in range(weight.shape[1]):
            w = weight[i, j]
            d_gamma[j] += w * product[i, j]
            d_beta[j] += w * total
            weight[i, j] = w - rate * (gamma[j] * product[i, j] + beta[j] * total) * mask[i, j]
    for j in range(len(gamma)):
        gamma[j] -= rate * d_gamma[j]
        beta[j] -= rate * d_beta[j]


# -- sparse layers: the weights of row i are values[first[i] : first[i + 1]], those of their inputs inputs[…] ----------


@_compiled
def multiply_sparse(first, inputs, values, y, z):
    """z = W y."""
    lanes = LINE // y.itemsize
    for i in range(len(z)):
        column = 0
        while column + 3 * lanes <= y.shape[1]:  # three share weight and input; a batch of 40 is three
            a, b, c = zeros(y), zeros(y), zeros(y)
            for k in range(first[i], first[i + 1]):
                j, w = inputs[k], values[k]
                a = add_scaled(a, w, load(y, j, column))
                b = add_scaled(b, w, load(y, j, column + lanes))
                c = add_scaled(c, w, load(y, j, column + 2 * lanes))
            store(z, i, column, a)
            store(z, i, column + lanes, b)
            store(z, i, column + 2 * lanes, c)
            column += 3 * lanes
        while column < y.shape[1]:
            a = zeros(y)
            for k in range(first[i], first[i + 1]):
                a = add_scaled(a, values[k], load(y, inputs[k], column))
            store(z, i, column, a)
            column += lanes


@_compiled
def back_sparse(first, inputs, values, delta, y, rate, dy):
    """dy = Wᵀ δ, and W ← W − η δ yᵀ on the surviving weights."""
    lanes = LINE // y.itemsize
    dy[:] = 0
    for i in range(len(delta)):
        for k in range(first[i], first[i + 1]):
            j, w = inputs[k], values[k]
            product = zeros(y)
            for column in range(0, y.shape[1], lanes):
                d = load(delta, i, column)
                product = add_product(product, d, load(y, j, column))
                store(dy, j, column, add_scaled(load(dy, j, column), w, d))
            values[k] = w - rate * sum_lanes(product)


@_compiled
def back_sparse_first(first, inputs, values, delta, sums, normed, rate, gamma, beta, of_pixel):
    """The same for the first layer and its batch norm; see `descend_first`.

    `of_pixel` (inputs, 4) is scratch: what a weight needs of its pixel lies together, on one line of the cache.
    """
    lanes = LINE // normed.itemsize
    for j in range(len(gamma)):
        of_pixel[j, 0], of_pixel[j, 1] = gamma[j], beta[j]
        of_pixel[j, 2], of_pixel[j, 3] = 0, 0  # their gradients
    for i in range(len(delta)):
        total = sums[i]
        for k in range(first[i], first[i + 1]):
            j, w = inputs[k], values[k]
            products = zeros(normed)
            for column in range(0, normed.shape[1], lanes):
                products = add_product(products, load(delta, i, column), load(normed, j, column))
            product = sum_lanes(products)
            of_pixel[j, 2] += w * product
            of_pixel[j, 3] += w * total
            values[k] = w - rate * (of_pixel[j, 0] * product + of_pixel[j, 1] * total)
    for j in range(len(gamma)):
        gamma[j] -= rate * of_pixel[j, 2]
        beta[j] -= rate * of_pixel[j, 3]

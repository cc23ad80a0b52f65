"""Products of the CPU engine's dense layers, and the steps that their weights take; see `kernels`, `panels`."""

import numpy as np

from winnow.training.kernels import compiled, direction, directions, dot_rows
from winnow.training.panels import ROWS, VECTORS, full, full_but_half, half_single, narrow, single, thin
from winnow.training.vectors import LINE, add_product, add_scaled, ask_for, load, scaled, store, where

PANEL = VECTORS * LINE
"""Bytes of a panel's row: inputs of a layer are shared out by whole panels."""

_BLOCK = 16  # panels side by side, of whose inputs the images (yᵀ) stay in the cache while the units go by


@compiled
def multiply(
    start: int, stop: int, weight: np.ndarray, transposed: bool, b: np.ndarray, n_images: int, out: np.ndarray
) -> None:
    """Some rows of out = W b, or Wᵀ b: z = W y of some units, dy = Wᵀ δ of some inputs."""
    a, n, width, lanes = weight, len(b), b.shape[1], LINE // b.itemsize
    a_row, a_column = (1, weight.shape[1]) if transposed else (weight.shape[1], 1)
    whole = start + (stop - start) // ROWS * ROWS
    for i in range(start, whole, ROWS):
        c = 0
        while c < n_images:
            left = -(-2 * (n_images - c) // lanes)  # half vectors
            if left >= 2 * VECTORS:
                full(a, i * a_row, a_row, a_column, b, c, n, out, i * width + c)
                c += VECTORS * lanes
            elif left == 2 * VECTORS - 1:
                full_but_half(a, i * a_row, a_row, a_column, b, c, n, out, i * width + c)
                c += VECTORS * lanes
            elif left >= 2:
                narrow(a, i * a_row, a_row, a_column, b, c, n, out, i * width + c)
                c += lanes
            else:
                thin(a, i * a_row, a_row, a_column, b, c, n, out, i * width + c)
                c += lanes
    for i in range(whole, stop):
        for c in range(0, n_images, lanes):
            if 2 * (n_images - c) > lanes:
                single(a, i * a_row, a_row, a_column, b, c, n, out, i * width + c)
            else:
                half_single(a, i * a_row, a_row, a_column, b, c, n, out, i * width + c)


@compiled
def _multiply_panel(
    i: int, n_rows: int, delta: np.ndarray, by_image: np.ndarray, j: int, n_images: int, product: np.ndarray
) -> None:
    """product = (δ yᵀ) of a panel's units from i, inputs from j."""
    width = delta.shape[1]
    if n_rows == ROWS:
        full(delta, i * width, width, 1, by_image, j, n_images, product, 0)
        return
    lanes = LINE // delta.itemsize
    for r in range(n_rows):
        for c in range(0, VECTORS * lanes, lanes):
            single(delta, (i + r) * width, width, 1, by_image, j + c, n_images, product, r * VECTORS * lanes + c)


@compiled
def _ask_for_panel(
    i: int, n_rows: int, j: int, weight: np.ndarray, mask: np.ndarray, velocity: np.ndarray | None
) -> None:
    """Have the weights that a product is for brought into the cache while it is computed."""
    lanes = LINE // weight.itemsize
    for r in range(n_rows):
        ask_for(mask, i + r, j)
        for k in range(0, VECTORS * lanes, lanes):
            ask_for(weight, i + r, j + k)
            if velocity is not None:
                ask_for(velocity, i + r, j + k)


@compiled
def descend(
    start: int,
    stop: int,
    delta: np.ndarray,
    by_image: np.ndarray,
    n_images: int,
    mask: np.ndarray,
    rate: np.floating,
    decay: np.floating | None,
    momentum: np.floating,
    weight: np.ndarray,
    velocity: np.ndarray | None,
) -> None:
    """W takes its step for some inputs, from whole panels on, by the gradient (δ yᵀ) ⊙ m; `by_image` is yᵀ."""
    lanes = LINE // delta.itemsize
    width = VECTORS * lanes
    product = np.empty((ROWS, width), delta.dtype)
    for block in range(start, stop, _BLOCK * width):
        for i in range(0, len(delta), ROWS):
            n_rows = min(ROWS, len(delta) - i)
            for j in range(block, min(block + _BLOCK * width, stop), width):
                _ask_for_panel(i, n_rows, j, weight, mask, velocity)
                _multiply_panel(i, n_rows, delta, by_image, j, n_images, product)
                for r in range(n_rows):
                    for k in range(0, min(width, stop - j), lanes):
                        w, gradient = load(weight, i + r, j + k), where(mask, i + r, j + k, load(product, r, k))
                        along = directions(gradient, w, decay, momentum, velocity, i + r, j + k)
                        store(weight, i + r, j + k, add_scaled(w, -rate, along))


@compiled
def descend_first(
    start: int,
    stop: int,
    delta: np.ndarray,
    by_image: np.ndarray,
    n_images: int,
    sums: np.ndarray,
    mask: np.ndarray,
    rate: np.floating,
    decay: np.floating | None,
    momentum: np.floating,
    gamma: np.ndarray,
    beta: np.ndarray,
    gamma_velocity: np.ndarray | None,
    beta_velocity: np.ndarray | None,
    weight: np.ndarray,
    velocity: np.ndarray | None,
) -> None:
    """The same for some inputs of the first layer and their batch norm, from P = δ normedᵀ: δ yᵀ = γ P + β Σδ.

    Nobody needs the gradient of the pixels, only those of γ and β, and they are sums over the weights: dγ_j = Σ_i W_ij
    P_ij, dβ_j = Σ_i W_ij Σ_b δ_ib.  So a third of the layer's products is saved.  `by_image` is normedᵀ.
    """
    lanes = LINE // delta.itemsize
    width = VECTORS * lanes
    product = np.empty((ROWS, width), delta.dtype)
    of_inputs = np.empty((4, _BLOCK * width), delta.dtype)  # γ, β, and their gradients
    for block in range(start, stop, _BLOCK * width):
        n = min(_BLOCK * width, stop - block)
        of_inputs[:] = 0
        of_inputs[0, :n], of_inputs[1, :n] = gamma[block : block + n], beta[block : block + n]
        for i in range(0, len(delta), ROWS):
            n_rows = min(ROWS, len(delta) - i)
            for j in range(0, n, width):
                _ask_for_panel(i, n_rows, block + j, weight, mask, velocity)
                _multiply_panel(i, n_rows, delta, by_image, block + j, n_images, product)
                for k in range(0, min(width, n - j), lanes):
                    g, b = load(of_inputs, 0, j + k), load(of_inputs, 1, j + k)
                    d_gamma, d_beta = load(of_inputs, 2, j + k), load(of_inputs, 3, j + k)
                    for r in range(n_rows):
                        total = sums[i + r]
                        p, w = load(product, r, k), load(weight, i + r, block + j + k)
                        d_gamma, d_beta = add_product(d_gamma, w, p), add_scaled(d_beta, total, w)
                        gradient = where(mask, i + r, block + j + k, add_product(scaled(total, b), g, p))
                        along = directions(gradient, w, decay, momentum, velocity, i + r, block + j + k)
                        store(weight, i + r, block + j + k, add_scaled(w, -rate, along))
                    store(of_inputs, 2, j + k, d_gamma)
                    store(of_inputs, 3, j + k, d_beta)
        for j in range(n):
            at = block + j
            gamma[at] -= rate * direction(of_inputs[2, j], gamma[at], decay, momentum, gamma_velocity, at)
            beta[at] -= rate * direction(of_inputs[3, j], beta[at], decay, momentum, beta_velocity, at)


# -- inputs that are the same for all images --------------------------------------------------------------------------


@compiled
def add_constant(weight: np.ndarray, y: np.ndarray, n_images: int, z: np.ndarray) -> None:
    """z ← z + W y, with one y (1, ≥ inputs) for all images."""
    for i in range(len(weight)):
        value = dot_rows(weight, i, y, 0)
        for b in range(n_images):
            z[i, b] += value


@compiled
def step_constant(
    weight: np.ndarray,
    velocity: np.ndarray | None,
    y: np.ndarray,
    sums: np.ndarray,
    rate: np.floating,
    decay: np.floating | None,
    momentum: np.floating,
    dy: np.ndarray,
) -> None:
    """Σ_b dy = Wᵀ Σ_b δ, with Σ_b δ in `sums`; then W takes its step by the gradient Σ_b δ yᵀ."""
    of_input = y[0]
    dy[:] = 0
    for i in range(len(weight)):
        of_unit, total = weight[i], sums[i]
        for j in range(len(dy)):
            dy[j] += of_unit[j] * total
            if decay is None:
                of_unit[j] -= rate * total * of_input[j]
            else:
                along = direction(total * of_input[j], of_unit[j], decay, momentum, velocity, (i, j))
                of_unit[j] -= rate * along

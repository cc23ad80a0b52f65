"""Products of the CPU engine's sparse layers, and the steps that their weights take; see `kernels`.

Weights are stored by tiles of units, `tile_units` each, and within a tile by input: what the weights of an input add
to (z) or read (δ) then lies in the cache, and what they share, the input's row of images, in registers.  Input j of
tile t has the weights values[first[s] : first[s + 1]], s = t · inputs + j, of the units units[…].

Three vectors, a batch of up to 48 in float32, are written out: with their number open they are not kept in registers.
"""

import numpy as np

from winnow.training.kernels import compiled, direction, dot_rows
from winnow.training.vectors import LINE, add_product, add_scaled, load, plus_product, store, sum_lanes, zeros


@compiled
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


@compiled
def back_sparse(
    start: int,
    stop: int,
    first: np.ndarray,
    units: np.ndarray,
    values: np.ndarray,
    velocity: np.ndarray | None,
    delta: np.ndarray,
    y: np.ndarray,
    rate: np.floating,
    decay: np.floating | None,
    momentum: np.floating,
    dy: np.ndarray | None,
) -> None:
    """dy = Wᵀ δ for some inputs, if there is a place for it; then their surviving weights take their step by δ yᵀ."""
    lanes = LINE // y.itemsize
    three = y.shape[1] == 3 * lanes
    n_inputs = len(y)
    if dy is not None:
        dy[start:stop] = 0
    for tile in range(0, len(first) - 1, n_inputs):
        for j in range(start, stop):
            s = tile + j
            if first[s] == first[s + 1]:
                continue
            if three:
                a, b, c = load(y, j, 0), load(y, j, lanes), load(y, j, 2 * lanes)
                if dy is not None:
                    da, db, dc = load(dy, j, 0), load(dy, j, lanes), load(dy, j, 2 * lanes)
                for k in range(first[s], first[s + 1]):
                    i, w = units[k], values[k]
                    p, q, r = load(delta, i, 0), load(delta, i, lanes), load(delta, i, 2 * lanes)
                    if dy is not None:
                        da, db, dc = add_scaled(da, w, p), add_scaled(db, w, q), add_scaled(dc, w, r)
                    products = add_product(add_product(add_product(zeros(y), a, p), b, q), c, r)
                    along = direction(sum_lanes(products), w, decay, momentum, velocity, k)
                    values[k] = plus_product(w, -rate, along)
                if dy is not None:
                    store(dy, j, 0, da)
                    store(dy, j, lanes, db)
                    store(dy, j, 2 * lanes, dc)
            else:
                for k in range(first[s], first[s + 1]):
                    i, w = units[k], values[k]
                    products = zeros(y)
                    for column in range(0, y.shape[1], lanes):
                        p = load(delta, i, column)
                        if dy is not None:
                            store(dy, j, column, add_scaled(load(dy, j, column), w, p))
                        products = add_product(products, load(y, j, column), p)
                    along = direction(sum_lanes(products), w, decay, momentum, velocity, k)
                    values[k] = plus_product(w, -rate, along)


@compiled
def back_sparse_first(
    start: int,
    stop: int,
    first: np.ndarray,
    units: np.ndarray,
    values: np.ndarray,
    velocity: np.ndarray | None,
    delta: np.ndarray,
    sums: np.ndarray,
    normed: np.ndarray,
    rate: np.floating,
    decay: np.floating | None,
    momentum: np.floating,
    gamma: np.ndarray,
    beta: np.ndarray,
    gamma_velocity: np.ndarray | None,
    beta_velocity: np.ndarray | None,
    d_gamma: np.ndarray,
    d_beta: np.ndarray,
) -> None:
    """The same for some inputs of the first layer and their batch norm; see `kernels_dense.descend_first`."""
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
            g, b, dg, db = gamma[j], beta[j], d_gamma[j], d_beta[j]
            p, q, r = load(normed, j, 0), zeros(normed), zeros(normed)
            if three:
                q, r = load(normed, j, lanes), load(normed, j, 2 * lanes)
            for k in range(first[s], first[s + 1]):
                i, w = units[k], values[k]
                if three:
                    products = add_product(zeros(normed), p, load(delta, i, 0))
                    products = add_product(products, q, load(delta, i, lanes))
                    product = sum_lanes(add_product(products, r, load(delta, i, 2 * lanes)))
                else:
                    product = dot_rows(normed, j, delta, i)
                dg = plus_product(dg, w, product)
                db = plus_product(db, w, sums[i])
                gradient = plus_product(b * sums[i], g, product)
                values[k] = plus_product(w, -rate, direction(gradient, w, decay, momentum, velocity, k))
            d_gamma[j], d_beta[j] = dg, db
    for j in range(start, stop):
        gamma[j] -= rate * direction(d_gamma[j], gamma[j], decay, momentum, gamma_velocity, j)
        beta[j] -= rate * direction(d_beta[j], beta[j], decay, momentum, beta_velocity, j)

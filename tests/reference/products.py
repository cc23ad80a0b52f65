"""Products of matrices as the CPU engines take them: one sum at a time, in order, each operation rounded once."""

from fractions import Fraction

import numpy as np


def fused(a, b, c):
    """a · b + c, exact, then rounded to the precision of a."""
    exact = Fraction(float(a)) * Fraction(float(b)) + Fraction(float(c))
    return type(a)(float(exact))  # twice rounded in float32, which matters where float64 gives a tie


def multiply(a, b):
    """A B: for each element Σ_k from the first k on."""
    out = np.zeros((a.shape[0], b.shape[1]), a.dtype)
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            total = a.dtype.type(0)
            for k in range(a.shape[1]):
                total = fused(a[i, k], b[k, j], total)
            out[i, j] = total
    return out


def descend(weight, delta, y, mask, rate):
    """W ← W − η (δ yᵀ) ⊙ m."""
    gradient = multiply(delta, y.T)
    minus_rate = -weight.dtype.type(rate)
    return np.array(
        [
            [fused(minus_rate, g if m else weight.dtype.type(0), w) for g, m, w in zip(*rows, strict=True)]
            for rows in zip(gradient, mask, weight, strict=True)
        ],
        weight.dtype,
    )

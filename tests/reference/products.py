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


def descend(weight, delta, y, mask, rate, decay=None, momentum=None, velocity=None):
    """v ← μ v + (δ yᵀ) ⊙ m + λ W; W ← W − η v.  Returns W and v; without decay and momentum v is the gradient."""
    real = weight.dtype.type
    v, minus_rate = np.where(mask, multiply(delta, y.T), real(0)), -real(rate)
    for i, j in np.ndindex(*weight.shape):
        if decay is not None:
            v[i, j] = fused(real(decay), weight[i, j], v[i, j])
        if momentum is not None:
            v[i, j] = fused(real(momentum), velocity[i, j], v[i, j])
    new = [[fused(minus_rate, g, w) for g, w in zip(*rows, strict=True)] for rows in zip(v, weight, strict=True)]
    return np.array(new, weight.dtype), v

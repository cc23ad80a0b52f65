"""What the properties are tried on."""

import itertools

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from examples import examples
from winnow.streams import stream

FIXED = settings(max_examples=examples(60), deadline=None, derandomize=True, database=None)
"""The same examples in every run, however slow the machine."""

seeds = st.integers(0, 2**32)
densities = st.one_of(st.sampled_from([0.0, 0.01, 0.99, 1.0]), st.floats(0, 1))

_EXTREME = [0.0, -0.0, 1.0, -1.0, 1.4e-45, -1.4e-45, 1.2e-38, -1.2e-38, 1e-30, -1e30, 1e30, 3.4e38, -3.4e38]
numbers = st.one_of(st.sampled_from(_EXTREME), st.floats(width=32, allow_nan=False, allow_infinity=False))
"""Single-precision numbers, often equal, often the smallest or the largest there are."""


@st.composite
def parameters(draw: st.DrawFn) -> dict[str, np.ndarray]:
    """A network's layers, of one unit or more."""
    sizes = draw(st.lists(st.integers(1, 5), min_size=3, max_size=5))
    found: dict[str, np.ndarray] = {}
    for i, (n, m) in enumerate(itertools.pairwise(sizes)):
        found[f"layers.{i}.weight"] = draw(arrays(np.float32, (m, n), elements=numbers))
        found[f"layers.{i}.bias"] = draw(arrays(np.float32, m, elements=numbers))
    return found


@st.composite
def connections(draw: st.DrawFn, most: int = 7) -> np.ndarray:
    """Masks of some units, (n, C, rows, columns) bool: any density, also one pixel, one channel."""
    shape = draw(st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(1, most), st.integers(1, most)))
    return stream("property masks", draw(seeds)).random(shape) < draw(densities)


@st.composite
def images(draw: st.DrawFn, least: int = 2) -> np.ndarray:
    """Inputs (N, D) float64: peaked, broad, of few values; some constant, some alike."""
    rng = stream("property images", draw(seeds))
    n, d = draw(st.integers(least, 40)), draw(st.integers(1, 8))
    kind = draw(st.sampled_from(["laplace", "normal", "signs", "bytes"]))
    x = {
        "laplace": lambda: rng.laplace(size=(n, d)) ** 3,
        "normal": lambda: rng.normal(size=(n, d)),
        "signs": lambda: rng.choice([-1.0, 1.0], (n, d)),
        "bytes": lambda: rng.integers(0, 256, (n, d)).astype(float),
    }[kind]()
    x[:, rng.random(d) < draw(st.sampled_from([0, 0, 0.3, 1]))] = draw(st.sampled_from([0.0, 255.0, -0.1]))
    if d > 1 and draw(st.booleans()):
        x[:, 0] = x[:, -1]
    return x


@st.composite
def units(draw: st.DrawFn, n_inputs: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights (H, D) float64 of a layer and their mask: units may be dead, or of any scale from 1e-30 to 1e30."""
    rng = stream("property units", draw(seeds))
    n = draw(st.integers(1, 6))
    weights = rng.normal(size=(n, n_inputs)) * 10.0 ** rng.uniform(-30, 30, (n, 1))
    weights[rng.random(weights.shape) < draw(st.sampled_from([0, 0, 0.2, 1]))] = 0
    return weights, rng.random(weights.shape) < draw(densities)

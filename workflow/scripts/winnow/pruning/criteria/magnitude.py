"""The paper's criterion."""

import numpy as np


def magnitude(trained: np.ndarray, rewind: np.ndarray) -> np.ndarray:
    """|θ(T)|: what magnitude pruning removes the smallest of (the paper)."""
    score: np.ndarray = np.abs(trained)
    return score

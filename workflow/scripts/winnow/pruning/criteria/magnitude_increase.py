"""How much training has strengthened a parameter."""

import numpy as np


def magnitude_increase(trained: np.ndarray, rewind: np.ndarray) -> np.ndarray:
    """|θ(T)| − |θ(t_rewind)| (Zhou et al. 2019)."""
    score: np.ndarray = np.abs(trained) - np.abs(rewind)
    return score

"""Which parameters to prune, and how many.  Imports nothing, so that a configuration is checked without numpy."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    Criterion = Callable[[np.ndarray, np.ndarray], np.ndarray]


def magnitude(trained: "np.ndarray", rewind: "np.ndarray") -> "np.ndarray":
    """|θ(T)|: what magnitude pruning removes the smallest of (the paper)."""
    return abs(trained)


def magnitude_increase(trained: "np.ndarray", rewind: "np.ndarray") -> "np.ndarray":
    """|θ(T)| − |θ(t_rewind)|: how much training has strengthened a parameter (Zhou et al. 2019)."""
    return abs(trained) - abs(rewind)


CRITERIA: "dict[str, Criterion]" = {"magnitude": magnitude, "magnitude_increase": magnitude_increase}
"""By name, as in the setting `pruning.criterion`.  A criterion takes the values of one array of parameters after
training and at the rewind point, and returns a score for each: the smallest are pruned."""


def n_survivors(n_parameters: int, share: float, n: int) -> int:
    """Survivors of a pool of parameters after a round: N (1 − s)^n, to the nearest integer (halves to even)."""
    return round(n_parameters * (1 - share) ** n)

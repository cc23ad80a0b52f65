"""The learning rate of each step, where it changes: a closed form of the step's number t and of T.

| schedule | η(t) |
| --- | --- |
| `constant` | η |
| `step` | η · factor^k, k the number of milestones d with t ≥ round(d T) |
| `cosine` | η (1 + cos(π t / T)) / 2, zero at T |

As a rate depends on nothing else, a network that is rewound to step t goes on at the rate that the dense one had there.
"""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

ScheduleName = Literal["constant", "step", "cosine"]


def rates_of_steps(
    schedule: ScheduleName, rate: float, steps: int, *, milestones: Sequence[float] = (), factor: float = 1.0
) -> np.ndarray | None:
    """The rate of each step t = 0 … T − 1.

    Args:
        schedule: how it changes; see above.
        rate: η, at the first step.
        steps: T.
        milestones: of the schedule `step`: shares of T.
        factor: of the schedule `step`: by which the rate is multiplied at a milestone.

    Returns:
        (T,) float64; None where it is constant.
    """
    if schedule == "constant":
        return None
    t = np.arange(steps)
    if schedule == "step":
        rates = np.full(steps, rate)
        for share in milestones:
            rates[round(share * steps) :] *= factor
        return rates
    # (1 + cos x) / 2 = cos² (x / 2)
    cosine: np.ndarray = rate * _cosine(math.pi / 2 * t / steps) ** 2
    return cosine


_TERMS = [(-1) ** n / math.factorial(2 * n) for n in range(14)]


def _cosine(x: np.ndarray) -> np.ndarray:
    """cos x for 0 ≤ x ≤ π/2, by Taylor's series: libraries' cosines differ by processor in the last digit."""
    series = np.full(len(x), _TERMS[-1])
    for term in _TERMS[-2::-1]:
        series = series * (x * x) + term
    return series

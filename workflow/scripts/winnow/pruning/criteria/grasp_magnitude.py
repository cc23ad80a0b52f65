"""GraSP's score without its sign (Frankle, Dziugaite, Roy & Carbin 2021)."""

import numpy as np

from winnow.pruning.criteria.grasp import grasp
from winnow.pruning.scored import ScoredNetwork


def grasp_magnitude(
    network: ScoredNetwork, *, images: int, per_class: int, temperature: float, statistics: str
) -> dict[str, np.ndarray]:
    """|w · (H g)|: weights whose removal changes ‖g‖² least go first; arguments as `grasp`'s."""
    scores = grasp(network, images=images, per_class=per_class, temperature=temperature, statistics=statistics)
    return {name: np.abs(score) for name, score in scores.items()}

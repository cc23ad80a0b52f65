"""Rigging the lottery (Evci, Gale, Menick, Castro & Elsen 2020, RigL)."""

from collections.abc import Callable

import numpy as np


def rigl(
    weight: np.ndarray, gradient: Callable[[], np.ndarray], draw: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Drop the smallest |w|; grow where the dense gradient |∇L| of one batch is largest."""
    return np.abs(weight), np.abs(gradient())

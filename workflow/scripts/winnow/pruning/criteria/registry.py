"""The criteria by name: each is a module of this package with a function of the same name.

A module is imported when its criterion is used, so that a configuration is checked without numpy and PyTorch.
"""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    Criterion = Callable[[np.ndarray, np.ndarray], np.ndarray]

CRITERIA: tuple[str, ...] = ("magnitude", "magnitude_increase")
"""What the setting `pruning.criterion` may be."""


def load_criterion(name: str) -> "Criterion":
    """The criterion of a name, a function `(trained, rewind) -> score` of one array of parameters.

    It takes their values after training and at the rewind point, and returns a score for each, in an array of the same
    shape: the smallest are pruned.
    """
    criterion: Criterion = getattr(import_module(f"{__package__}.{name}"), name)
    return criterion

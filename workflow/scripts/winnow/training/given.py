"""What the layers of the CPU engine are made of, and how their parameters take steps."""

from typing import NamedTuple

import numpy as np

from winnow.store.tensors import Mask, Parameters
from winnow.training.engine import Sgd


class Descent:
    """What all parameters' steps have in common; see `kernels.direction`.

    Args:
        sgd: how it is trained.
        dtype: of the parameters.

    Attributes:
        real: the type of a parameter.
        rate: η of the present step.
        decay: λ; None in plain SGD.
        momentum: μ.
        moving: whether there is momentum, and parameters have a velocity.
    """

    def __init__(self, sgd: Sgd, dtype: np.dtype):
        self.real: type[np.floating] = dtype.type
        self.rate, self.momentum = self.real(sgd.rate), self.real(sgd.momentum)
        self.moving = sgd.momentum > 0
        self.decay = self.real(sgd.weight_decay) if sgd.weight_decay > 0 or self.moving else None

    @property
    def numbers(self) -> tuple[np.floating, np.floating | None, np.floating]:
        """η, λ and μ, as kernels take them."""
        return self.rate, self.decay, self.momentum


class Given(NamedTuple):
    """What layers and norms are made of.

    Attributes:
        start: the whole state.
        mask: the surviving parameters, of the arrays that have a mask.
        v: velocities by the names of the parameters; None: zero.
        batch: images a step.
        descent: how parameters take their steps.
    """

    start: Parameters
    mask: Mask
    v: Parameters | None
    batch: int
    descent: Descent

    def velocity(self, name: str) -> np.ndarray | None:
        """A copy of a parameter's velocity; None without momentum."""
        if not self.descent.moving:
            return None
        return np.zeros_like(self.start[name]) if self.v is None else self.v[name].astype(self.start[name].dtype)

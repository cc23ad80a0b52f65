"""Batch norm of the CPU engine's layers, and what takes its place where there is none; see `handwritten`."""

import numpy as np

from winnow.store.tensors import Parameters
from winnow.training import kernels
from winnow.training.engine import Sgd
from winnow.training.given import Given
from winnow.training.vectors import aligned


class NoNorm:
    """In the place of batch norm where the network has none: y is x.

    Args:
        x: (features, ≥ batch), a layer's inputs.
        batch: images a step.
    """

    def __init__(self, x: np.ndarray, batch: int):
        self.y, self._batch = x, batch
        self.state: Parameters = {}
        self.velocity: Parameters = {}

    def forward(self, start: int, stop: int, x: np.ndarray) -> None:
        """Nothing: y is x."""

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        """x."""
        return x

    def step(self, start: int, stop: int, dy: np.ndarray, x: np.ndarray, delta: np.ndarray) -> None:
        """δ of the layer below from dy."""
        kernels.back_through_relu(start, stop, dy, self._batch, x, delta)


class Norm:
    """Batch norm of a layer's inputs.

    Attributes:
        state: γ `weight`, β `bias`, `running_mean` and `running_var`, (features,) each.
        normed: (features, ≥ batch), (x − E x) / √(var x + ε) of the present batch.
        y: (features, ≥ batch), γ normed + β.
        gradients: (features,) each, room for those of γ and β.
        velocity: v of γ `weight` and β `bias`, (features,) each; empty without momentum.
        learned: γ, β, and v of each (None without momentum), as kernels take them.
    """

    def __init__(self, given: Given, i: int, sgd: Sgd):
        names = ("weight", "bias", "running_mean", "running_var")
        self.state = {name: given.start[f"norms.{i}.{name}"].copy() for name in names}
        self.gamma, self.beta, self._mean, self._var = self.state.values()
        v_gamma, v_beta = given.velocity(f"norms.{i}.weight"), given.velocity(f"norms.{i}.bias")
        self.learned = (self.gamma, self.beta, v_gamma, v_beta)
        self.velocity: Parameters = {}
        if v_gamma is not None and v_beta is not None:
            self.velocity = {"weight": v_gamma, "bias": v_beta}
        self._batch, self._descent, real = given.batch, given.descent, given.descent.real
        self._keep, self._epsilon = real(sgd.norm_keep), real(sgd.norm_epsilon)
        self.normed, self.y = (aligned(len(self.gamma), sgd.batch, self.gamma.dtype) for _ in range(2))
        self._inverse_sd, d_gamma, d_beta = np.empty((3, len(self.gamma)), self.gamma.dtype)
        self.gradients = (d_gamma, d_beta)

    def forward(self, start: int, stop: int, x: np.ndarray) -> None:
        """y of a batch; the running moments move."""
        settings = (self.gamma, self.beta, self._epsilon, self._keep)
        moments = (self._mean, self._var, self._inverse_sd)
        kernels.normalise(start, stop, x, self._batch, *settings, *moments, self.normed, self.y)

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        """y by the running moments, for any number of images."""
        scale = self.gamma / np.sqrt(self._var + self._epsilon)
        y: np.ndarray = x * scale[:, None] + (self.beta - self._mean * scale)[:, None]
        return y

    def step(self, start: int, stop: int, dy: np.ndarray, x: np.ndarray, delta: np.ndarray) -> None:
        """δ of the layer below from dy; γ and β take their step."""
        of_batch = (dy, self._batch, self.normed, self._inverse_sd, x, *self._descent.numbers)
        kernels.back_through_norm(start, stop, *of_batch, *self.learned, delta)

"""Layers of the CPU engine: stored densely, with dead inputs apart, or sparsely; see `handwritten`."""

from abc import ABC, abstractmethod
from typing import Literal, Protocol

import numpy as np

from winnow.store.tensors import Parameters
from winnow.training import kernels, kernels_dense, kernels_sparse
from winnow.training.given import Given
from winnow.training.kernels_dense import PANEL
from winnow.training.norms import Norm
from winnow.training.panels import ROWS
from winnow.training.vectors import aligned, padded

SPARSE_BELOW = 0.4
"""Density below which a layer is faster when stored sparsely; measured by `benchmarks/`, cost of a step by density."""

_DEAD_APART = 0.05
"""Share of dead inputs from which the output layer keeps them apart."""

_TILE_BYTES = 48 * 1024  # the first cache's usual size: of the images that a tile of sparse weights reads or writes

Layout = Literal["auto", "dense", "sparse"]


class Layer(Protocol):
    """Weights (out, in) and bias of a layer, which take their step on the way back.

    Attributes:
        bias: (out,).
        n_weights: weights that are stored.
        grain: the part of the units that `multiply` does begins at a multiple of it.
        back_grain: the part of the inputs that `step` does begins at a multiple of it.
    """

    bias: np.ndarray
    n_weights: int
    grain: int
    back_grain: int

    def multiply(self, start: int, stop: int, y: np.ndarray, z: np.ndarray, n_images: int) -> None:
        """z = W y of some units, without the bias, for any number of images."""

    def step_bias(self, delta: np.ndarray) -> None:
        """The bias takes its step; its gradient Σ_b δ is kept for the step of the weights."""

    def step(self, start: int, stop: int, delta: np.ndarray, y: np.ndarray) -> np.ndarray:
        """dy = Wᵀ δ of some inputs; then their weights take their step."""

    def weight(self) -> np.ndarray:
        """W with its zeros, a copy."""

    def velocity(self) -> Parameters:
        """v of `weight` and `bias`, copies; empty without momentum."""


def new_layer(given: Given, i: int, layout: Layout) -> Layer:
    """Layer i, if it is not the first, stored as it is fastest, or as the layout says."""
    if f"layers.{i}.weight" in given.mask:
        return masked_layer(given, i, layout)
    below = given.mask.get(f"layers.{i - 1}.weight")
    if below is not None and layout != "dense":
        dead = np.logical_not(np.any(below, axis=1))
        if dead.mean() > _DEAD_APART:
            return LiveInputs(given, i, dead)
    return DenseLayer(given, i)


def masked_layer(given: Given, i: int, layout: Layout) -> "DenseLayer | SparseLayer":
    """A layer that has a mask, or the first one, which may have none."""
    alive = given.mask.get(f"layers.{i}.weight")
    if alive is not None and (layout == "sparse" or (layout == "auto" and alive.mean() < SPARSE_BELOW)):
        return SparseLayer(given, i)
    return DenseLayer(given, i)


class _LayerBase(ABC):
    grain = back_grain = 1
    _v: np.ndarray | None
    """v of the weights as they are stored; None without momentum."""

    def __init__(self, given: Given, i: int):
        weight = given.start[f"layers.{i}.weight"]
        self.bias = given.start[f"layers.{i}.bias"].copy()
        self._bias_v = given.velocity(f"layers.{i}.bias")
        self._bias_mask = given.mask.get(f"layers.{i}.bias", np.ones(self.bias.shape, bool))
        self._batch, self._descent = given.batch, given.descent
        self.sums = np.empty_like(self.bias)
        self._dy = aligned(weight.shape[1], given.batch, weight.dtype)

    def step_bias(self, delta: np.ndarray) -> None:
        """See `Layer`."""
        of_bias = (self.bias, self._bias_v, self.sums)
        kernels.descend_bias(delta, self._bias_mask, *self._descent.numbers, *of_bias)

    def velocity(self) -> Parameters:
        """See `Layer`."""
        if self._v is None or self._bias_v is None:
            return {}
        return {"weight": self._whole(self._v), "bias": self._bias_v.copy()}

    @abstractmethod
    def _whole(self, stored: np.ndarray) -> np.ndarray:
        """A copy (out, in) of what is stored as weights are."""


class DenseLayer(_LayerBase):
    """A layer that is stored with its zeros, or has none."""

    grain = ROWS

    def __init__(self, given: Given, i: int):
        super().__init__(given, i)
        weight = given.start[f"layers.{i}.weight"]
        self._n_inputs, dtype = weight.shape[1], weight.dtype
        self.n_weights = weight.size
        self.back_grain = PANEL // dtype.itemsize
        self._weight, self._mask = (padded(len(weight), self._n_inputs, kind) for kind in (dtype, np.dtype(bool)))
        self._weight[:, : self._n_inputs] = weight
        self._mask[:, : self._n_inputs] = given.mask.get(f"layers.{i}.weight", True)
        self._v = None
        if (v := given.velocity(f"layers.{i}.weight")) is not None:
            self._v = padded(len(weight), self._n_inputs, dtype)
            self._v[:, : self._n_inputs] = v
        whole_panels = -(-self._n_inputs // self.back_grain) * self.back_grain
        self._by_image = aligned(self._dy.shape[1], whole_panels, dtype)

    def multiply(self, start: int, stop: int, y: np.ndarray, z: np.ndarray, n_images: int) -> None:
        """See `Layer`."""
        kernels_dense.multiply(start, stop, self._weight, False, y, n_images, z)

    def step(self, start: int, stop: int, delta: np.ndarray, y: np.ndarray) -> np.ndarray:
        """See `Layer`."""
        kernels_dense.multiply(start, stop, self._weight, True, delta, self._batch, self._dy)
        self.step_pixels(start, stop, delta, y)
        return self._dy

    def step_pixels(self, start: int, stop: int, delta: np.ndarray, y: np.ndarray) -> None:
        """The weights of some inputs take their step; of pixels nobody needs the gradient."""
        kernels.write_by_image(start, stop, y, self._by_image)
        of_batch, of_weights = (delta, self._by_image, self._batch), (self._weight, self._v)
        kernels_dense.descend(start, stop, *of_batch, self._mask, *self._descent.numbers, *of_weights)

    def step_first(self, start: int, stop: int, delta: np.ndarray, norm: Norm) -> None:
        """The weights of some inputs of the first layer, and γ and β of their batch norm, take their step."""
        kernels.write_by_image(start, stop, norm.normed, self._by_image)
        of_batch, of_weights = (delta, self._by_image, self._batch, self.sums), (self._weight, self._v)
        how = (self._mask, *self._descent.numbers)
        kernels_dense.descend_first(start, stop, *of_batch, *how, *norm.learned, *of_weights)

    def weight(self) -> np.ndarray:
        """See `Layer`."""
        return self._whole(self._weight)

    def _whole(self, stored: np.ndarray) -> np.ndarray:
        return stored[:, : self._n_inputs].copy()


class LiveInputs:
    """A dense layer some of whose inputs are dead units: constant, they need products with vectors only."""

    def __init__(self, given: Given, i: int, dead: np.ndarray):
        name = f"layers.{i}.weight"
        weight, v = given.start[name], given.velocity(name)
        self._live, self._dead = np.flatnonzero(~dead), np.flatnonzero(dead)
        self._batch, self._descent = given.batch, given.descent
        of_live = given._replace(start={**given.start, name: np.ascontiguousarray(weight[:, self._live])})
        if given.v is not None and v is not None:
            of_live = of_live._replace(v={**given.v, name: v[:, self._live]})
        self._of_live = DenseLayer(of_live, i)
        self._of_dead = self._part(weight)
        self._dead_v = None if v is None else self._part(v)
        self._dead_y = aligned(1, len(self._dead), weight.dtype)
        self._dead_dy = np.empty(len(self._dead), weight.dtype)
        self.bias = self._of_live.bias
        self.n_weights = weight.size
        self.grain, self.back_grain = weight.shape  # parts would have to pick their inputs

    def _part(self, whole: np.ndarray) -> np.ndarray:
        """What belongs to dead inputs."""
        part = aligned(len(whole), len(self._dead), whole.dtype)
        part[:, : len(self._dead)] = whole[:, self._dead]
        return part

    def multiply(self, start: int, stop: int, y: np.ndarray, z: np.ndarray, n_images: int) -> None:
        """See `Layer`."""
        self._of_live.multiply(start, stop, y[self._live], z, n_images)
        self._dead_y[0, : len(self._dead)] = y[self._dead, 0]
        kernels_dense.add_constant(self._of_dead, self._dead_y, n_images, z)

    def step_bias(self, delta: np.ndarray) -> None:
        """See `Layer`."""
        self._of_live.step_bias(delta)

    def step(self, start: int, stop: int, delta: np.ndarray, y: np.ndarray) -> np.ndarray:
        """See `Layer`."""
        dy = np.zeros_like(y)
        self._dead_y[0, : len(self._dead)] = y[self._dead, 0]
        of_batch = (self._dead_y, self._of_live.sums, *self._descent.numbers)
        kernels_dense.step_constant(self._of_dead, self._dead_v, *of_batch, self._dead_dy)
        # Only Σ_b dy is asked for where an input is constant: by its batch norm, or by its unit's bias.
        dy[self._dead, : self._batch] = (self._dead_dy / self._dead_dy.dtype.type(self._batch))[:, None]
        dy[self._live] = self._of_live.step(0, len(self._live), delta, y[self._live])
        return dy

    def weight(self) -> np.ndarray:
        """See `Layer`."""
        return self._joined(self._of_live.weight(), self._of_dead)

    def velocity(self) -> Parameters:
        """See `Layer`."""
        v = self._of_live.velocity()
        return v if self._dead_v is None else {**v, "weight": self._joined(v["weight"], self._dead_v)}

    def _joined(self, of_live: np.ndarray, of_dead: np.ndarray) -> np.ndarray:
        whole = np.empty((len(self.bias), len(self._live) + len(self._dead)), of_dead.dtype)
        whole[:, self._live], whole[:, self._dead] = of_live, of_dead[:, : len(self._dead)]
        return whole


class SparseLayer(_LayerBase):
    """The surviving weights by tiles of units; see the sparse `kernels`."""

    def __init__(self, given: Given, i: int):
        super().__init__(given, i)
        alive = given.mask[f"layers.{i}.weight"]
        n_units, n_inputs = self._shape = alive.shape
        self.grain = max(1, _TILE_BYTES // self._dy[0].nbytes)
        units, inputs = np.nonzero(alive)
        segment = units // self.grain * n_inputs + inputs
        order = np.lexsort((units, segment))
        self._place = (units[order], inputs[order])
        n_segments = -(-n_units // self.grain) * n_inputs
        first = np.searchsorted(segment[order], np.arange(n_segments + 1))
        self._values = given.start[f"layers.{i}.weight"][self._place]
        v = given.velocity(f"layers.{i}.weight")
        self._v = None if v is None else v[self._place]
        self.n_weights = len(self._values)
        self._weights = (first, units[order].astype(np.int32), self._values)

    def multiply(self, start: int, stop: int, y: np.ndarray, z: np.ndarray, n_images: int) -> None:
        """See `Layer`."""
        kernels_sparse.multiply_sparse(start, stop, *self._weights, self.grain, y, z)

    def step(self, start: int, stop: int, delta: np.ndarray, y: np.ndarray) -> np.ndarray:
        """See `Layer`."""
        kernels_sparse.back_sparse(start, stop, *self._weights, self._v, delta, y, *self._descent.numbers, self._dy)
        return self._dy

    def step_pixels(self, start: int, stop: int, delta: np.ndarray, y: np.ndarray) -> None:
        """The weights of some inputs take their step; of pixels nobody needs the gradient."""
        kernels_sparse.back_sparse(start, stop, *self._weights, self._v, delta, y, *self._descent.numbers, None)

    def step_first(self, start: int, stop: int, delta: np.ndarray, norm: Norm) -> None:
        """The weights of some inputs of the first layer, and γ and β of their batch norm, take their step."""
        of_batch = (delta, self.sums, norm.normed, *self._descent.numbers)
        of_layer = (*self._weights, self._v, *of_batch)
        kernels_sparse.back_sparse_first(start, stop, *of_layer, *norm.learned, *norm.gradients)

    def weight(self) -> np.ndarray:
        """See `Layer`."""
        return self._whole(self._values)

    def _whole(self, stored: np.ndarray) -> np.ndarray:
        whole = np.zeros(self._shape, stored.dtype)
        whole[self._place] = stored
        return whole

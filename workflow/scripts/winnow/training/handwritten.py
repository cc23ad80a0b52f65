"""Training on a CPU: the backward pass written out, buffers allocated once, one pass over each weight a step.

What autograd does in general is not needed here.  The gradient of a layer's weights is subtracted in the pass that
holds the mask, and the pixels' gradient, which nobody reads, is not computed (`kernels.descend_first`).  A layer of few
survivors is stored sparsely: only those are multiplied and updated, so that units and pixels without weights take part
in no product; nor do they in the dense output layer, where a dead unit is one more bias (`_LiveInputs`).

Products and the loops between them are in `kernels_dense`, `kernels_sparse` and `kernels`: no library's, so that
PyTorch need not be imported, and the result does not depend on the processor.  Arrays are feature-major, (features,
batch), padded to whole vectors: sums over the batch run along memory.
"""

from functools import partial
from typing import Literal, Protocol

import numpy as np

from winnow.network import layer_sizes, n_layers
from winnow.store.datasets import Dataset, Split
from winnow.store.tensors import Mask, Parameters
from winnow.training import kernels, kernels_dense, kernels_sparse
from winnow.training.engine import RELEASE_EVERY, Sgd
from winnow.training.kernels_dense import PANEL
from winnow.training.panels import ROWS
from winnow.training.threads import Team, n_threads
from winnow.training.vectors import LINE, aligned, padded

SPARSE_BELOW = 0.4
"""Density below which a layer is faster when stored sparsely; measured by `benchmarks/`, cost of a step by density."""

_DEAD_APART = 0.05
"""Share of dead inputs from which the output layer keeps them apart."""

_PREPARED = 100  # products that take as long as it takes to prepare a pixel of an image
_CHUNK = 128  # validation images at a time: their activations stay in the cache
_TILE_BYTES = 48 * 1024  # the first cache's usual size: of the images that a tile of sparse weights reads or writes

Layout = Literal["auto", "dense", "sparse"]


class HandwrittenEngine:
    """An engine (see `winnow.training.engine.Engine`) for the CPU, with as many threads as `n_threads` says.

    Args:
        start, mask, dataset, sgd: see `winnow.training.build.build_engine`.
        layout: store all layers densely, those with a mask sparsely, or (`auto`) each as it is faster at its density.
    """

    device = "cpu"

    def __init__(
        self,
        start: Parameters,
        mask: Mask | None,
        dataset: Dataset,
        sgd: Sgd,
        *,
        layout: Layout = "auto",
    ):
        sizes = layer_sizes(start)
        dtype = start["layers.0.weight"].dtype
        self.rate, self.precision = sgd.rate, dtype.name
        self._dataset, self._batch = dataset, sgd.batch
        self._team = Team(n_threads())
        self._sgd, self._layout = sgd, layout
        self._build(start, mask or {})
        self._inputs, self._deltas = ([aligned(n, sgd.batch, dtype) for n in ns] for ns in (sizes[:-1], sizes[1:]))
        self._by_image = aligned(self._inputs[0].shape[1], sizes[0], dtype)
        self._per_image = np.empty((3, sgd.batch), dtype)

    def _build(self, start: Parameters, mask: Mask) -> None:
        n = n_layers(start)
        self._first_layer = _masked_layer(start, mask, 0, self._sgd, self._layout)
        others = [_new_layer(start, mask, i, self._sgd, self._layout) for i in range(1, n)]
        self._layers: list[_Layer] = [self._first_layer, *others]
        self._norms = [_Norm(start, i, self._sgd) for i in range(n)]
        self.name = "sparse" if any(isinstance(layer, _SparseLayer) for layer in self._layers) else "dense"

    def restart(self, start: Parameters, mask: Mask) -> None:
        """Go on from other parameters, under another mask; see `Engine`."""
        self._build(start, mask)

    def advance(self, batches: np.ndarray) -> tuple[float, int]:
        """One step of SGD for each row of `batches`; see `Engine`."""
        loss, n_correct = 0.0, 0
        for k, rows in enumerate(batches):
            step_loss, step_correct = self._forward(rows)
            self._backward()
            loss += step_loss
            n_correct += step_correct
            if k % RELEASE_EVERY == 0:
                self._dataset.train.release()
        return loss, n_correct

    def _forward(self, rows: np.ndarray) -> tuple[float, int]:
        """The loss and how many images are right; leaves the gradient of the logits in the last delta."""
        n_pixels = len(self._inputs[0])
        n_products = _PREPARED * n_pixels * self._batch
        self._team.share(partial(self._prepare, rows), n_pixels, grain=LINE, n_products=n_products)
        for i, layer in enumerate(self._layers):
            n_products = layer.n_weights * self._batch
            self._team.share(partial(self._apply, i), len(layer.bias), grain=layer.grain, n_products=n_products)
        logits, labels = self._deltas[-1], np.asarray(self._dataset.train.labels[rows])
        largest, at_label, sums = self._per_image
        n_correct = kernels.shift_logits(logits, self._layers[-1].bias, labels, largest, at_label)
        return kernels.cross_entropy(logits, labels, at_label, sums), n_correct

    def _backward(self) -> None:
        """From the last layer to the first; a layer takes its step as soon as its gradients are known."""
        for i in reversed(range(len(self._layers))):
            layer = self._layers[i]
            layer.step_bias(self._deltas[i])
            n_products = 2 * layer.n_weights * self._batch
            self._team.share(
                partial(self._step, i), len(self._inputs[i]), grain=layer.back_grain, n_products=n_products
            )

    def _apply(self, i: int, start: int, stop: int) -> None:
        """Some units of a layer; normalised, if they are not the last."""
        layer, z = self._layers[i], self._deltas[i]
        layer.multiply(start, stop, self._norms[i].y, z, self._batch)
        if i + 1 < len(self._layers):
            kernels.activate(start, stop, z, self._batch, layer.bias, self._inputs[i + 1])
            self._norms[i + 1].forward(start, stop, self._inputs[i + 1])

    def _step(self, i: int, start: int, stop: int) -> None:
        """Backward through a layer and the batch norm of some of its inputs, which take their step."""
        layer, norm, delta = self._layers[i], self._norms[i], self._deltas[i]
        if i == 0:
            self._first_layer.step_first(start, stop, delta, norm)
        else:
            norm.step(start, stop, layer.step(start, stop, delta, norm.y), self._inputs[i], self._deltas[i - 1])

    def _prepare(self, rows: np.ndarray, start: int, stop: int) -> None:
        """Some pixels of a batch, normalised."""
        self._gather(self._dataset.train, rows, start, stop, self._by_image, self._inputs[0])
        self._norms[0].forward(start, stop, self._inputs[0])

    def _gather(
        self, split: Split, rows: np.ndarray, start: int, stop: int, by_image: np.ndarray, x: np.ndarray
    ) -> None:
        images, scale = np.asarray(split.images), np.float32(self._dataset.pixel_scale)
        kernels.gather(start, stop, images, rows, self._dataset.mean_image, scale, by_image, x)

    def accuracy(self) -> float:
        """Share of the validation images that are classified correctly; see `Engine`."""
        split, dtype = self._dataset.validation, self._inputs[0].dtype
        n_correct = 0
        by_image = aligned(_CHUNK, len(self._inputs[0]), dtype)
        for start in range(0, len(split.images), _CHUNK):
            rows = np.arange(start, min(start + _CHUNK, len(split.images)))
            x = aligned(len(self._inputs[0]), len(rows), dtype)
            self._gather(split, rows, 0, len(x), by_image, x)
            for norm, layer in zip(self._norms, self._layers, strict=True):
                z = aligned(len(layer.bias), len(rows), dtype)
                layer.multiply(0, len(z), norm.evaluate(x), z, len(rows))
                z += layer.bias[:, None]
                x = np.maximum(z, 0)
            n_correct += int((z[:, : len(rows)].argmax(axis=0) == split.labels[rows]).sum())
        split.release()
        return n_correct / len(split.images)

    def parameters(self) -> Parameters:
        """A copy of the whole state; see `Engine`."""
        state: Parameters = {}
        for i, (norm, layer) in enumerate(zip(self._norms, self._layers, strict=True)):
            state |= {f"norms.{i}.{name}": array.copy() for name, array in norm.state.items()}
            state |= {f"layers.{i}.weight": layer.weight(), f"layers.{i}.bias": layer.bias.copy()}
        return state


class _Norm:
    """Batch norm of a layer's inputs.

    Attributes:
        state: γ `weight`, β `bias`, `running_mean` and `running_var`, (features,) each.
        normed: (features, ≥ batch), (x − E x) / √(var x + ε) of the present batch.
        y: (features, ≥ batch), γ normed + β.
        gradients: (features,) each, room for those of γ and β.
    """

    def __init__(self, start: Parameters, i: int, sgd: Sgd):
        names = ("weight", "bias", "running_mean", "running_var")
        self.state = {name: start[f"norms.{i}.{name}"].copy() for name in names}
        self.gamma, self.beta, self._mean, self._var = self.state.values()
        real = self.gamma.dtype.type
        self._batch, self._rate = sgd.batch, real(sgd.rate)
        self._keep, self._epsilon = real(sgd.norm_keep), real(sgd.norm_epsilon)
        self.normed, self.y = (aligned(len(self.gamma), sgd.batch, self.gamma.dtype) for _ in range(2))
        self._inverse_sd, *self.gradients = np.empty((3, len(self.gamma)), self.gamma.dtype)

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
        of_batch = (dy, self._batch, self.normed, self._inverse_sd, x)
        kernels.back_through_norm(start, stop, *of_batch, self._rate, self.gamma, self.beta, delta)


class _Layer(Protocol):
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


def _new_layer(start: Parameters, mask: Mask, i: int, sgd: Sgd, layout: Layout) -> _Layer:
    if f"layers.{i}.weight" in mask:
        return _masked_layer(start, mask, i, sgd, layout)
    below = mask.get(f"layers.{i - 1}.weight")
    if below is not None and layout != "dense":
        dead = np.logical_not(np.any(below, axis=1))
        if dead.mean() > _DEAD_APART:
            return _LiveInputs(start, mask, i, sgd, dead)
    return _DenseLayer(start, mask, i, sgd)


def _masked_layer(start: Parameters, mask: Mask, i: int, sgd: Sgd, layout: Layout) -> "_DenseLayer | _SparseLayer":
    """A layer that has a mask, or the first one, which may have none."""
    alive = mask.get(f"layers.{i}.weight")
    if alive is not None and (layout == "sparse" or (layout == "auto" and alive.mean() < SPARSE_BELOW)):
        return _SparseLayer(start, mask, i, sgd)
    return _DenseLayer(start, mask, i, sgd)


class _LayerBase:
    grain = back_grain = 1

    def __init__(self, start: Parameters, mask: Mask, i: int, sgd: Sgd):
        weight = start[f"layers.{i}.weight"]
        self.bias = start[f"layers.{i}.bias"].copy()
        self._bias_mask = mask.get(f"layers.{i}.bias", np.ones(self.bias.shape, bool))
        self._batch, self._rate = sgd.batch, weight.dtype.type(sgd.rate)
        self.sums = np.empty_like(self.bias)
        self._dy = aligned(weight.shape[1], sgd.batch, weight.dtype)

    def step_bias(self, delta: np.ndarray) -> None:
        kernels.descend_bias(delta, self._bias_mask, self._rate, self.bias, self.sums)


class _DenseLayer(_LayerBase):
    """A layer that is stored with its zeros, or has none."""

    grain = ROWS

    def __init__(self, start: Parameters, mask: Mask, i: int, sgd: Sgd):
        super().__init__(start, mask, i, sgd)
        weight = start[f"layers.{i}.weight"]
        self._n_inputs, dtype = weight.shape[1], weight.dtype
        self.n_weights = weight.size
        self.back_grain = PANEL // dtype.itemsize
        self._weight, self._mask = (padded(len(weight), self._n_inputs, kind) for kind in (dtype, np.dtype(bool)))
        self._weight[:, : self._n_inputs] = weight
        self._mask[:, : self._n_inputs] = mask.get(f"layers.{i}.weight", True)
        whole_panels = -(-self._n_inputs // self.back_grain) * self.back_grain
        self._by_image = aligned(self._dy.shape[1], whole_panels, dtype)

    def multiply(self, start: int, stop: int, y: np.ndarray, z: np.ndarray, n_images: int) -> None:
        kernels_dense.multiply(start, stop, self._weight, False, y, n_images, z)

    def step(self, start: int, stop: int, delta: np.ndarray, y: np.ndarray) -> np.ndarray:
        kernels_dense.multiply(start, stop, self._weight, True, delta, self._batch, self._dy)
        kernels.write_by_image(start, stop, y, self._by_image)
        of_batch = (delta, self._by_image, self._batch)
        kernels_dense.descend(start, stop, *of_batch, self._mask, self._rate, self._weight)
        return self._dy

    def step_first(self, start: int, stop: int, delta: np.ndarray, norm: _Norm) -> None:
        """The weights of some inputs of the first layer, and γ and β of their batch norm, take their step."""
        kernels.write_by_image(start, stop, norm.normed, self._by_image)
        of_batch, of_layer = (delta, self._by_image, self._batch, self.sums), (self._mask, self._rate)
        kernels_dense.descend_first(start, stop, *of_batch, *of_layer, norm.gamma, norm.beta, self._weight)

    def weight(self) -> np.ndarray:
        return self._weight[:, : self._n_inputs].copy()


class _LiveInputs:
    """A dense layer some of whose inputs are dead units: constant, they need products with vectors only."""

    def __init__(self, start: Parameters, mask: Mask, i: int, sgd: Sgd, dead: np.ndarray):
        weight = start[f"layers.{i}.weight"]
        self._live, self._dead = np.flatnonzero(~dead), np.flatnonzero(dead)
        self._batch, self._rate = sgd.batch, weight.dtype.type(sgd.rate)
        live_weight = np.ascontiguousarray(weight[:, self._live])
        self._of_live = _DenseLayer({**start, f"layers.{i}.weight": live_weight}, mask, i, sgd)
        self._of_dead = aligned(len(weight), len(self._dead), weight.dtype)
        self._of_dead[:, : len(self._dead)] = weight[:, self._dead]
        self._dead_y = aligned(1, len(self._dead), weight.dtype)
        self._dead_dy = np.empty(len(self._dead), weight.dtype)
        self.bias = self._of_live.bias
        self.n_weights = weight.size
        self.grain, self.back_grain = weight.shape  # parts would have to pick their inputs

    def multiply(self, start: int, stop: int, y: np.ndarray, z: np.ndarray, n_images: int) -> None:
        self._of_live.multiply(start, stop, y[self._live], z, n_images)
        self._dead_y[0, : len(self._dead)] = y[self._dead, 0]
        kernels_dense.add_constant(self._of_dead, self._dead_y, n_images, z)

    def step_bias(self, delta: np.ndarray) -> None:
        self._of_live.step_bias(delta)

    def step(self, start: int, stop: int, delta: np.ndarray, y: np.ndarray) -> np.ndarray:
        dy = np.zeros_like(y)
        self._dead_y[0, : len(self._dead)] = y[self._dead, 0]
        kernels_dense.step_constant(self._of_dead, self._dead_y, self._of_live.sums, self._rate, self._dead_dy)
        # Batch norm asks for Σ_b dy only where its input is constant.
        dy[self._dead, : self._batch] = (self._dead_dy / self._dead_dy.dtype.type(self._batch))[:, None]
        dy[self._live] = self._of_live.step(0, len(self._live), delta, y[self._live])
        return dy

    def weight(self) -> np.ndarray:
        weight = np.empty((len(self.bias), len(self._live) + len(self._dead)), self._of_dead.dtype)
        weight[:, self._live], weight[:, self._dead] = self._of_live.weight(), self._of_dead[:, : len(self._dead)]
        return weight


class _SparseLayer(_LayerBase):
    """The surviving weights by tiles of units; see the sparse `kernels`."""

    def __init__(self, start: Parameters, mask: Mask, i: int, sgd: Sgd):
        super().__init__(start, mask, i, sgd)
        alive = mask[f"layers.{i}.weight"]
        n_units, n_inputs = self._shape = alive.shape
        self.grain = max(1, _TILE_BYTES // self._dy[0].nbytes)
        units, inputs = np.nonzero(alive)
        segment = units // self.grain * n_inputs + inputs
        order = np.lexsort((units, segment))
        self._place = (units[order], inputs[order])
        n_segments = -(-n_units // self.grain) * n_inputs
        first = np.searchsorted(segment[order], np.arange(n_segments + 1))
        self._values = start[f"layers.{i}.weight"][self._place]
        self.n_weights = len(self._values)
        self._weights = (first, units[order].astype(np.int32), self._values)

    def multiply(self, start: int, stop: int, y: np.ndarray, z: np.ndarray, n_images: int) -> None:
        kernels_sparse.multiply_sparse(start, stop, *self._weights, self.grain, y, z)

    def step(self, start: int, stop: int, delta: np.ndarray, y: np.ndarray) -> np.ndarray:
        kernels_sparse.back_sparse(start, stop, *self._weights, delta, y, self._rate, self._dy)
        return self._dy

    def step_first(self, start: int, stop: int, delta: np.ndarray, norm: _Norm) -> None:
        """The weights of some inputs of the first layer, and γ and β of their batch norm, take their step."""
        of_batch, of_norm = (delta, self.sums, norm.normed), (norm.gamma, norm.beta, *norm.gradients)
        kernels_sparse.back_sparse_first(start, stop, *self._weights, *of_batch, self._rate, *of_norm)

    def weight(self) -> np.ndarray:
        weight = np.zeros(self._shape, self._values.dtype)
        weight[self._place] = self._values
        return weight

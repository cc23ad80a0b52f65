"""Training on a CPU: the backward pass written out, buffers allocated once, one pass over each weight a step.

What autograd does in general is not needed here.  The gradient of a layer's weights is subtracted in the pass that
holds the mask, and the pixels' gradient, which nobody reads, is not computed (`kernels.descend_first`).  A layer of few
survivors is stored sparsely: only those are multiplied and updated, so that units and pixels without weights take part
in no product; nor do they in the dense output layer, where a dead unit is one more bias (`_LiveInputs`).

Matrix products of dense layers are PyTorch's; the loops between them are in `kernels`.  Arrays are feature-major,
(features, batch), padded to whole vectors: sums over the batch run along memory.
"""

from typing import Literal, Protocol

import numpy as np
import torch

from winnow.network import layer_sizes
from winnow.store import Dataset, Mask, Parameters, Split
from winnow.training import kernels
from winnow.training.vectors import aligned

SPARSE_BELOW = 0.25
"""Density below which a layer is faster when stored sparsely; measured by `benchmarks/`, cost of a step by density."""

_DEAD_APART = 0.05
"""Share of dead inputs from which the output layer keeps them apart."""

_CHUNK = 128  # validation images at a time: their activations stay in the cache

Layout = Literal["auto", "dense", "sparse"]


class HandwrittenEngine:
    """An engine (see `winnow.training.Engine`) for the CPU; BLAS products follow PyTorch's number of threads.

    Args:
        start: the parameters to start from, zero where the mask is; the training has their precision.
        mask: the surviving parameters; None: all.
        dataset: training images are drawn from it, the validation accuracy is measured on it.
        batch: images a step.
        rate: learning rate.
        norm_keep: share of the running mean and variance kept per step.
        norm_epsilon: added to the variance in batch norm.
        layout: store all layers densely, those with a mask sparsely, or (`auto`) each as it is faster at its density.
    """

    device = "cpu"

    def __init__(
        self,
        start: Parameters,
        mask: Mask | None,
        dataset: Dataset,
        *,
        batch: int,
        rate: float,
        norm_keep: float,
        norm_epsilon: float,
        layout: Layout = "auto",
    ):
        sizes = layer_sizes(start)
        dtype = start["layers.0.weight"].dtype
        self.rate, self.precision = rate, dtype.name
        self._dataset, self._batch = dataset, batch
        step, keep, epsilon = (dtype.type(value) for value in (rate, norm_keep, norm_epsilon))
        self._layers = [_new_layer(start, mask or {}, i, batch, step, layout) for i in range(len(sizes) - 1)]
        self._norms = [_Norm(start, i, batch, step, keep, epsilon) for i in range(len(sizes) - 1)]
        self._inputs, self._deltas = ([aligned(n, batch, dtype) for n in ns] for ns in (sizes[:-1], sizes[1:]))
        self._per_image = np.empty((3, batch), dtype)
        self.name = "sparse" if any(isinstance(layer, _SparseLayer) for layer in self._layers) else "dense"

    def advance(self, batches: np.ndarray) -> tuple[float, int]:
        """One step of SGD for each row of `batches`; see `Engine`."""
        loss, n_correct = 0.0, 0
        for rows in batches:
            self._gather(self._dataset.train, rows, self._inputs[0])
            step_loss, step_correct = self._forward(np.asarray(self._dataset.train.labels[rows]))
            self._backward()
            loss += step_loss
            n_correct += step_correct
        return loss, n_correct

    def _gather(self, split: Split, rows: np.ndarray, x: np.ndarray) -> None:
        images, scale = np.asarray(split.images), np.float32(self._dataset.pixel_scale)
        kernels.gather(images, rows, self._dataset.mean_image, scale, x)

    def _forward(self, labels: np.ndarray) -> tuple[float, int]:
        """The loss and how many images are right; leaves the gradient of the logits in the last delta."""
        *hidden, last = self._layers
        for i, layer in enumerate(hidden):
            layer.multiply(self._norms[i].forward(self._inputs[i]), self._deltas[i], self._batch)
            kernels.activate(self._deltas[i], self._batch, layer.bias, self._inputs[i + 1])
        logits = self._deltas[-1]
        last.multiply(self._norms[-1].forward(self._inputs[-1]), logits, self._batch)
        largest, at_label, sums = self._per_image
        n_correct = kernels.shift_logits(logits, last.bias, labels, largest, at_label)
        np.exp(logits[:, : self._batch], out=logits[:, : self._batch])
        return kernels.cross_entropy(logits, labels, at_label, sums), n_correct

    def _backward(self) -> None:
        """From the last layer to the first; a layer is updated as soon as its gradients are known."""
        for i in range(len(self._layers) - 1, 0, -1):
            dy = self._layers[i].step(self._deltas[i], self._norms[i].y)
            self._norms[i].step(dy, self._inputs[i], self._deltas[i - 1])
        self._layers[0].step_first(self._deltas[0], self._norms[0])

    def accuracy(self) -> float:
        """Share of the validation images that are classified correctly; see `Engine`."""
        split, dtype = self._dataset.validation, self._inputs[0].dtype
        n_correct = 0
        for start in range(0, len(split.images), _CHUNK):
            rows = np.arange(start, min(start + _CHUNK, len(split.images)))
            x = aligned(len(self._inputs[0]), len(rows), dtype)
            self._gather(split, rows, x)
            for norm, layer in zip(self._norms, self._layers, strict=True):
                z = aligned(len(layer.bias), len(rows), dtype)
                layer.multiply(norm.evaluate(x), z, len(rows))
                z += layer.bias[:, None]
                x = np.maximum(z, 0)
            n_correct += int((z[:, : len(rows)].argmax(axis=0) == split.labels[rows]).sum())
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
    """

    def __init__(
        self, start: Parameters, i: int, batch: int, rate: np.floating, keep: np.floating, epsilon: np.floating
    ):
        names = ("weight", "bias", "running_mean", "running_var")
        self.state = {name: start[f"norms.{i}.{name}"].copy() for name in names}
        self.gamma, self.beta, self._mean, self._var = self.state.values()
        self._batch, self._rate, self._keep, self._epsilon = batch, rate, keep, epsilon
        self.normed, self.y = (aligned(len(self.gamma), batch, self.gamma.dtype) for _ in range(2))
        self._inverse_sd = np.empty_like(self.gamma)

    def forward(self, x: np.ndarray) -> np.ndarray:
        """y of a batch; the running moments move."""
        settings = (self.gamma, self.beta, self._epsilon, self._keep)
        moments = (self._mean, self._var, self._inverse_sd)
        kernels.normalise(x, self._batch, *settings, *moments, self.normed, self.y)
        return self.y

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        """y by the running moments, for any number of images."""
        scale = self.gamma / np.sqrt(self._var + self._epsilon)
        return x * scale[:, None] + (self.beta - self._mean * scale)[:, None]

    def step(self, dy: np.ndarray, x: np.ndarray, delta: np.ndarray) -> None:
        """δ of the layer below from dy; γ and β take their step."""
        of_batch = (dy, self._batch, self.normed, self._inverse_sd, x)
        kernels.back_through_norm(*of_batch, self._rate, self.gamma, self.beta, delta)


class _Layer(Protocol):
    """Weights (out, in) and bias of a layer, which take their step on the way back."""

    bias: np.ndarray

    def multiply(self, y: np.ndarray, z: np.ndarray, n_images: int) -> None:
        """z = W y, without the bias, for any number of images."""

    def step(self, delta: np.ndarray, y: np.ndarray) -> np.ndarray:
        """dy = Wᵀ δ; then weights and bias take their step."""

    def step_first(self, delta: np.ndarray, norm: _Norm) -> None:
        """Weights and bias of the first layer, and γ and β of its batch norm, take their step."""

    def weight(self) -> np.ndarray:
        """W with its zeros, a copy."""


def _new_layer(start: Parameters, mask: Mask, i: int, batch: int, rate: np.floating, layout: Layout) -> _Layer:
    alive = mask.get(f"layers.{i}.weight")
    if alive is not None:
        sparse = layout == "sparse" or (layout == "auto" and alive.mean() < SPARSE_BELOW)
        return (_SparseLayer if sparse else _DenseLayer)(start, mask, i, batch, rate)
    below = mask.get(f"layers.{i - 1}.weight")
    dead = None if below is None else ~below.any(axis=1)
    if layout != "dense" and dead is not None and dead.mean() > _DEAD_APART:
        return _LiveInputs(start, mask, i, batch, rate, dead)
    return _DenseLayer(start, mask, i, batch, rate)


class _LayerBase:
    def __init__(self, start: Parameters, mask: Mask, i: int, batch: int, rate: np.floating):
        weight = start[f"layers.{i}.weight"]
        self.bias = start[f"layers.{i}.bias"].copy()
        self._bias_mask = mask.get(f"layers.{i}.bias", np.ones(self.bias.shape, bool))
        self._mask = mask.get(f"layers.{i}.weight")
        self._batch, self._rate = batch, rate
        self._sums = np.empty_like(self.bias)
        self._dy = aligned(weight.shape[1], batch, weight.dtype)

    def _step_bias(self, delta: np.ndarray) -> np.ndarray:
        """Σ_b δ, the gradient of the bias, which takes its step."""
        kernels.descend_bias(delta, self._bias_mask, self._rate, self.bias, self._sums)
        return self._sums


class _DenseLayer(_LayerBase):
    def __init__(self, start: Parameters, mask: Mask, i: int, batch: int, rate: np.floating):
        super().__init__(start, mask, i, batch, rate)
        self._weight = start[f"layers.{i}.weight"].copy()
        if i == 0 and self._mask is None:
            self._mask = np.ones(self._weight.shape, bool)
        if self._mask is not None:
            self._product = np.empty_like(self._weight)
        self._dy_by_image = np.empty((batch, self._weight.shape[1]), self._weight.dtype)

    def multiply(self, y, z, n_images):
        _multiply(self._weight, y[:, :n_images], z[:, :n_images])

    def step(self, delta, y):
        self._step_bias(delta)
        delta, y = delta[:, : self._batch], y[:, : self._batch]
        # BLAS is faster at δᵀ W than at Wᵀ δ, by more than it takes to transpose the result.
        _multiply(delta.T, self._weight, self._dy_by_image)
        self._dy[:, : self._batch] = self._dy_by_image.T
        if self._mask is None:
            weight, delta, y = map(torch.from_numpy, (self._weight, delta, y))
            weight.addmm_(delta, y.T, alpha=-float(self._rate))
        else:
            _multiply(delta, y.T, self._product)
            kernels.descend(self._product, self._mask, self._rate, self._weight)
        return self._dy

    def step_first(self, delta, norm):
        sums = self._step_bias(delta)
        _multiply(delta[:, : self._batch], norm.normed[:, : self._batch].T, self._product)
        of_pixels = np.empty((2, len(norm.gamma)), self._weight.dtype)
        kernels.descend_first(
            self._product, sums, self._mask, self._rate, norm.gamma, norm.beta, self._weight, *of_pixels
        )

    def weight(self):
        return self._weight.copy()


class _LiveInputs:
    """A dense layer some of whose inputs are dead units: constant, they need products with vectors only."""

    def __init__(self, start: Parameters, mask: Mask, i: int, batch: int, rate: np.floating, dead: np.ndarray):
        weight = start[f"layers.{i}.weight"]
        self._live, self._dead, self._batch, self._rate = np.flatnonzero(~dead), np.flatnonzero(dead), batch, rate
        live_weight = np.ascontiguousarray(weight[:, self._live])
        self._of_live = _DenseLayer({**start, f"layers.{i}.weight": live_weight}, mask, i, batch, rate)
        self._of_dead = np.ascontiguousarray(weight[:, self._dead])
        self.bias = self._of_live.bias

    def multiply(self, y, z, n_images):
        self._of_live.multiply(y[self._live], z, n_images)
        z[:, :n_images] += (self._of_dead @ y[self._dead, 0])[:, None]

    def step(self, delta, y):
        sums, of_dead = delta.sum(axis=1), y[self._dead, 0]
        dy = np.empty_like(y)
        # Batch norm asks for Σ_b dy only where its input is constant.
        dy[self._dead] = (sums @ self._of_dead / self._batch)[:, None]
        dy[self._live] = self._of_live.step(delta, y[self._live])
        self._of_dead -= self._rate * np.multiply.outer(sums, of_dead)
        return dy

    def weight(self):
        weight = np.empty((len(self.bias), len(self._live) + len(self._dead)), self._of_dead.dtype)
        weight[:, self._live], weight[:, self._dead] = self._of_live.weight(), self._of_dead
        return weight


class _SparseLayer(_LayerBase):
    """The surviving weights by row: (where each row begins, the input of each weight, its value)."""

    def __init__(self, start: Parameters, mask: Mask, i: int, batch: int, rate: np.floating):
        super().__init__(start, mask, i, batch, rate)
        first = np.concatenate([[0], np.cumsum(self._mask.sum(axis=1))])
        values = start[f"layers.{i}.weight"][self._mask]
        self._rows = (first, np.nonzero(self._mask)[1].astype(np.int32), values)

    def multiply(self, y, z, n_images):
        kernels.multiply_sparse(*self._rows, y, z)

    def step(self, delta, y):
        self._step_bias(delta)
        kernels.back_sparse(*self._rows, delta, y, self._rate, self._dy)
        return self._dy

    def step_first(self, delta, norm):
        sums = self._step_bias(delta)
        of_pixel = np.empty((len(norm.gamma), 4), delta.dtype)
        kernels.back_sparse_first(*self._rows, delta, sums, norm.normed, self._rate, norm.gamma, norm.beta, of_pixel)

    def weight(self):
        values = self._rows[2]
        weight = np.zeros(self._mask.shape, values.dtype)
        weight[self._mask] = values
        return weight


def _multiply(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
    """out = a b by PyTorch's BLAS, for whose threads and small batches there is no match in numpy's."""
    torch.mm(torch.from_numpy(a), torch.from_numpy(b), out=torch.from_numpy(out))

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
from typing import Literal, NamedTuple, Protocol

import numpy as np

from winnow.network import has_batch_norm, layer_sizes, n_layers
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
        self._sgd, self._layout, self._descent = sgd, layout, _Descent(sgd, dtype)
        self._inputs, self._deltas = ([aligned(n, sgd.batch, dtype) for n in ns] for ns in (sizes[:-1], sizes[1:]))
        self._build(start, mask or {}, None)
        self._by_image = aligned(self._inputs[0].shape[1], sizes[0], dtype)
        self._per_image = np.empty((3, sgd.batch), dtype)

    def _build(self, start: Parameters, mask: Mask, velocity: Parameters | None) -> None:
        n = n_layers(start)
        given = _Given(start, mask, velocity, self._batch, self._descent)
        self._first_layer = _masked_layer(given, 0, self._layout)
        others = [_new_layer(given, i, self._layout) for i in range(1, n)]
        self._layers: list[_Layer] = [self._first_layer, *others]
        if has_batch_norm(start):
            self._norms: list[_Norm | _NoNorm] = [_Norm(given, i, self._sgd) for i in range(n)]
        else:
            self._norms = [_NoNorm(x, self._batch) for x in self._inputs]
        self.name = "sparse" if any(isinstance(layer, _SparseLayer) for layer in self._layers) else "dense"

    def restart(self, start: Parameters, mask: Mask, velocity: Parameters | None = None) -> None:
        """Go on from other parameters, under another mask; see `Engine`."""
        self._build(start, mask, velocity)

    def advance(self, batches: np.ndarray, rates: np.ndarray | None = None) -> tuple[float, int]:
        """One step of SGD for each row of `batches`; see `Engine`."""
        loss, n_correct = 0.0, 0
        for k, rows in enumerate(batches):
            self._descent.rate = self._descent.real(self.rate if rates is None else rates[k])
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
        if i > 0:
            norm.step(start, stop, layer.step(start, stop, delta, norm.y), self._inputs[i], self._deltas[i - 1])
        elif isinstance(norm, _Norm):
            self._first_layer.step_first(start, stop, delta, norm)
        else:
            self._first_layer.step_pixels(start, stop, delta, norm.y)

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

    def velocity(self) -> Parameters:
        """A copy of v; see `Engine`."""
        state: Parameters = {}
        for i, (norm, layer) in enumerate(zip(self._norms, self._layers, strict=True)):
            state |= {f"norms.{i}.{name}": v.copy() for name, v in norm.velocity.items()}
            state |= {f"layers.{i}.{name}": v for name, v in layer.velocity().items()}
        return state


class _Descent:
    """What all parameters' steps have in common; see `kernels.direction`.

    Args:
        sgd: how it is trained.
        dtype: of the parameters.

    Attributes:
        real: the type of a parameter.
        rate: η of the present step.
        decay: λ; None in plain SGD.
        momentum: μ.
    """

    def __init__(self, sgd: Sgd, dtype: np.dtype):
        self.real: type[np.floating] = dtype.type
        self.rate, self.momentum = self.real(sgd.rate), self.real(sgd.momentum)
        self.decay = self.real(sgd.weight_decay) if sgd.weight_decay or sgd.momentum else None

    @property
    def numbers(self) -> tuple[np.floating, np.floating | None, np.floating]:
        """η, λ and μ, as kernels take them."""
        return self.rate, self.decay, self.momentum


class _Given(NamedTuple):
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
    descent: _Descent

    def velocity(self, name: str) -> np.ndarray | None:
        """A copy of a parameter's velocity; None without momentum."""
        if not self.descent.momentum:
            return None
        return np.zeros_like(self.start[name]) if self.v is None else self.v[name].astype(self.start[name].dtype)


class _NoNorm:
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


class _Norm:
    """Batch norm of a layer's inputs.

    Attributes:
        state: γ `weight`, β `bias`, `running_mean` and `running_var`, (features,) each.
        normed: (features, ≥ batch), (x − E x) / √(var x + ε) of the present batch.
        y: (features, ≥ batch), γ normed + β.
        gradients: (features,) each, room for those of γ and β.
        velocity: v of γ `weight` and β `bias`, (features,) each; empty without momentum.
        learned: γ, β, and v of each (None without momentum), as kernels take them.
    """

    def __init__(self, given: _Given, i: int, sgd: Sgd):
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

    def velocity(self) -> Parameters:
        """v of `weight` and `bias`, copies; empty without momentum."""


def _new_layer(given: _Given, i: int, layout: Layout) -> _Layer:
    if f"layers.{i}.weight" in given.mask:
        return _masked_layer(given, i, layout)
    below = given.mask.get(f"layers.{i - 1}.weight")
    if below is not None and layout != "dense":
        dead = np.logical_not(np.any(below, axis=1))
        if dead.mean() > _DEAD_APART:
            return _LiveInputs(given, i, dead)
    return _DenseLayer(given, i)


def _masked_layer(given: _Given, i: int, layout: Layout) -> "_DenseLayer | _SparseLayer":
    """A layer that has a mask, or the first one, which may have none."""
    alive = given.mask.get(f"layers.{i}.weight")
    if alive is not None and (layout == "sparse" or (layout == "auto" and alive.mean() < SPARSE_BELOW)):
        return _SparseLayer(given, i)
    return _DenseLayer(given, i)


class _LayerBase:
    grain = back_grain = 1
    _v: np.ndarray | None
    """v of the weights as they are stored; None without momentum."""

    def __init__(self, given: _Given, i: int):
        weight = given.start[f"layers.{i}.weight"]
        self.bias = given.start[f"layers.{i}.bias"].copy()
        self._bias_v = given.velocity(f"layers.{i}.bias")
        self._bias_mask = given.mask.get(f"layers.{i}.bias", np.ones(self.bias.shape, bool))
        self._batch, self._descent = given.batch, given.descent
        self.sums = np.empty_like(self.bias)
        self._dy = aligned(weight.shape[1], given.batch, weight.dtype)

    def step_bias(self, delta: np.ndarray) -> None:
        of_bias = (self.bias, self._bias_v, self.sums)
        kernels.descend_bias(delta, self._bias_mask, *self._descent.numbers, *of_bias)

    def velocity(self) -> Parameters:
        if self._v is None or self._bias_v is None:
            return {}
        return {"weight": self._whole(self._v), "bias": self._bias_v.copy()}

    def _whole(self, stored: np.ndarray) -> np.ndarray:
        """A copy (out, in) of what is stored as weights are."""
        raise NotImplementedError


class _DenseLayer(_LayerBase):
    """A layer that is stored with its zeros, or has none."""

    grain = ROWS

    def __init__(self, given: _Given, i: int):
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
        kernels_dense.multiply(start, stop, self._weight, False, y, n_images, z)

    def step(self, start: int, stop: int, delta: np.ndarray, y: np.ndarray) -> np.ndarray:
        kernels_dense.multiply(start, stop, self._weight, True, delta, self._batch, self._dy)
        self.step_pixels(start, stop, delta, y)
        return self._dy

    def step_pixels(self, start: int, stop: int, delta: np.ndarray, y: np.ndarray) -> None:
        """The weights of some inputs take their step; of pixels nobody needs the gradient."""
        kernels.write_by_image(start, stop, y, self._by_image)
        of_batch, of_weights = (delta, self._by_image, self._batch), (self._weight, self._v)
        kernels_dense.descend(start, stop, *of_batch, self._mask, *self._descent.numbers, *of_weights)

    def step_first(self, start: int, stop: int, delta: np.ndarray, norm: _Norm) -> None:
        """The weights of some inputs of the first layer, and γ and β of their batch norm, take their step."""
        kernels.write_by_image(start, stop, norm.normed, self._by_image)
        of_batch, of_weights = (delta, self._by_image, self._batch, self.sums), (self._weight, self._v)
        how = (self._mask, *self._descent.numbers)
        kernels_dense.descend_first(start, stop, *of_batch, *how, *norm.learned, *of_weights)

    def weight(self) -> np.ndarray:
        return self._whole(self._weight)

    def _whole(self, stored: np.ndarray) -> np.ndarray:
        return stored[:, : self._n_inputs].copy()


class _LiveInputs:
    """A dense layer some of whose inputs are dead units: constant, they need products with vectors only."""

    def __init__(self, given: _Given, i: int, dead: np.ndarray):
        name = f"layers.{i}.weight"
        weight, v = given.start[name], given.velocity(name)
        self._live, self._dead = np.flatnonzero(~dead), np.flatnonzero(dead)
        self._batch, self._descent = given.batch, given.descent
        of_live = given._replace(start={**given.start, name: np.ascontiguousarray(weight[:, self._live])})
        if given.v is not None and v is not None:
            of_live = of_live._replace(v={**given.v, name: v[:, self._live]})
        self._of_live = _DenseLayer(of_live, i)
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
        self._of_live.multiply(start, stop, y[self._live], z, n_images)
        self._dead_y[0, : len(self._dead)] = y[self._dead, 0]
        kernels_dense.add_constant(self._of_dead, self._dead_y, n_images, z)

    def step_bias(self, delta: np.ndarray) -> None:
        self._of_live.step_bias(delta)

    def step(self, start: int, stop: int, delta: np.ndarray, y: np.ndarray) -> np.ndarray:
        dy = np.zeros_like(y)
        self._dead_y[0, : len(self._dead)] = y[self._dead, 0]
        of_batch = (self._dead_y, self._of_live.sums, *self._descent.numbers)
        kernels_dense.step_constant(self._of_dead, self._dead_v, *of_batch, self._dead_dy)
        # Only Σ_b dy is asked for where an input is constant: by its batch norm, or by its unit's bias.
        dy[self._dead, : self._batch] = (self._dead_dy / self._dead_dy.dtype.type(self._batch))[:, None]
        dy[self._live] = self._of_live.step(0, len(self._live), delta, y[self._live])
        return dy

    def weight(self) -> np.ndarray:
        return self._joined(self._of_live.weight(), self._of_dead)

    def velocity(self) -> Parameters:
        v = self._of_live.velocity()
        return v if self._dead_v is None else {**v, "weight": self._joined(v["weight"], self._dead_v)}

    def _joined(self, of_live: np.ndarray, of_dead: np.ndarray) -> np.ndarray:
        whole = np.empty((len(self.bias), len(self._live) + len(self._dead)), of_dead.dtype)
        whole[:, self._live], whole[:, self._dead] = of_live, of_dead[:, : len(self._dead)]
        return whole


class _SparseLayer(_LayerBase):
    """The surviving weights by tiles of units; see the sparse `kernels`."""

    def __init__(self, given: _Given, i: int):
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
        kernels_sparse.multiply_sparse(start, stop, *self._weights, self.grain, y, z)

    def step(self, start: int, stop: int, delta: np.ndarray, y: np.ndarray) -> np.ndarray:
        kernels_sparse.back_sparse(start, stop, *self._weights, self._v, delta, y, *self._descent.numbers, self._dy)
        return self._dy

    def step_pixels(self, start: int, stop: int, delta: np.ndarray, y: np.ndarray) -> None:
        """The weights of some inputs take their step; of pixels nobody needs the gradient."""
        kernels_sparse.back_sparse(start, stop, *self._weights, self._v, delta, y, *self._descent.numbers, None)

    def step_first(self, start: int, stop: int, delta: np.ndarray, norm: _Norm) -> None:
        """The weights of some inputs of the first layer, and γ and β of their batch norm, take their step."""
        of_batch = (delta, self.sums, norm.normed, *self._descent.numbers)
        of_layer = (*self._weights, self._v, *of_batch)
        kernels_sparse.back_sparse_first(start, stop, *of_layer, *norm.learned, *norm.gradients)

    def weight(self) -> np.ndarray:
        return self._whole(self._values)

    def _whole(self, stored: np.ndarray) -> np.ndarray:
        whole = np.zeros(self._shape, stored.dtype)
        whole[self._place] = stored
        return whole

"""Training on a CPU: the backward pass written out, buffers allocated once, one pass over each weight a step.

What autograd does in general is not needed here.  The gradient of a layer's weights is subtracted in the pass that
holds the mask, and the pixels' gradient, which nobody reads, is not computed (`kernels.descend_first`).  A layer of few
survivors is stored sparsely: only those are multiplied and updated, so that units and pixels without weights take part
in no product; nor do they in the dense output layer, where a dead unit is one more bias (`layers.LiveInputs`).

Products and the loops between them are in `kernels_dense`, `kernels_sparse` and `kernels`: no library's, so that
PyTorch need not be imported, and the result does not depend on the processor.  Arrays are feature-major, (features,
batch), padded to whole vectors: sums over the batch run along memory.
"""

from functools import partial

import numpy as np

from winnow.network import has_batch_norm, layer_sizes, n_layers
from winnow.store.datasets import Dataset, Split
from winnow.store.tensors import Mask, Parameters
from winnow.training import kernels
from winnow.training.engine import RELEASE_EVERY, Sgd
from winnow.training.given import Descent, Given
from winnow.training.layers import Layer, Layout, SparseLayer, masked_layer, new_layer
from winnow.training.norms import NoNorm, Norm
from winnow.training.threads import Team, n_threads
from winnow.training.vectors import LINE, aligned

_PREPARED = 100  # products that take as long as it takes to prepare a pixel of an image
_CHUNK = 128  # validation images at a time: their activations stay in the cache


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
        self._sgd, self._layout, self._descent = sgd, layout, Descent(sgd, dtype)
        self._inputs, self._deltas = ([aligned(n, sgd.batch, dtype) for n in ns] for ns in (sizes[:-1], sizes[1:]))
        self._build(start, mask or {}, None)
        self._by_image = aligned(self._inputs[0].shape[1], sizes[0], dtype)
        self._per_image = np.empty((3, sgd.batch), dtype)

    def _build(self, start: Parameters, mask: Mask, velocity: Parameters | None) -> None:
        n = n_layers(start)
        given = Given(start, mask, velocity, self._batch, self._descent)
        self._first_layer = masked_layer(given, 0, self._layout)
        others = [new_layer(given, i, self._layout) for i in range(1, n)]
        self._layers: list[Layer] = [self._first_layer, *others]
        if has_batch_norm(start):
            self._norms: list[Norm | NoNorm] = [Norm(given, i, self._sgd) for i in range(n)]
        else:
            self._norms = [NoNorm(x, self._batch) for x in self._inputs]
        self.name = "sparse" if any(isinstance(layer, SparseLayer) for layer in self._layers) else "dense"

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
        elif isinstance(norm, Norm):
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

"""Training on a GPU: images resident, the step written out and captured as a CUDA graph, nothing read back on the way.

A step at batch 40 is small for a GPU: the launches of its kernels cost as much as what they do, and a host that waits
for each step costs more than both.  Hence

- the images lie in the device's memory as they are stored, and the batches of a stretch are sent at once;
- `STEPS_PER_REPLAY` steps are one graph, launched by one call; what does not depend on the parameters (images, labels)
  or only reports (loss, accuracy) is done once a replay, for all its steps together;
- a step is 33 kernels for two hidden layers, 35 with a mask: δ stays the gradient of the *summed* loss, softmax minus
  label, and the batch's mean is part of the rate; weights take their step inside the product (`addmm_`); biases, γ and
  β take theirs in one kernel together;
- a constant rate is part of the graph; one that changes is a tensor that the graph reads, as weight decay and momentum
  are more kernels: who asks for none of them launches none.

Floor, derived and not measured, for 3072:1024:1024:1000 (5.22 million weights, 20.9 MB) at batch 40 in float32: the
weights are read forward, read backward, read and written by their step: 84 MB; the mask of the hidden layers adds 9
bytes for each of their 4.19 million weights (read, write, one byte of mask): 38 MB; activations about 10 MB.  At the
4.8 TB/s of an H200 these are 20 µs, with a mask 28 µs; the 1.25 GFLOP of the products take 19 µs at its 67 TFLOP/s.

The same seed gives the same bits on the same device and versions: kernels run one after the other, without atomics, and
PyTorch gives cuBLAS a workspace for each stream (so `CUBLAS_WORKSPACE_CONFIG` need not be set).  The memory that an
engine takes does not grow with its steps, so several processes may share a device.

The steps also run on a CPU, without a graph: so they are tested where there is no GPU.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional

from winnow.job.devices import device_name, free_memory, matmul_precision
from winnow.network import has_batch_norm, n_layers
from winnow.store.datasets import Dataset, Split
from winnow.store.tensors import Mask, Parameters
from winnow.training.engine import Sgd, TrainingError
from winnow.training.graph_descent import Descent

STEPS_PER_REPLAY = 25
"""Steps that one launch does; those that are left over at the end of a stretch are launched one by one."""

_CHUNK = 2048  # validation images at a time
_STAGING = 64 << 20  # bytes of each of the two host buffers through which images pass
_WINDOW = 1 << 30  # bytes on the device for the images of the next steps, where not all images fit
_SPARE = 2 << 30  # bytes that the images leave free: for the network, activations, a window, cuBLAS


class GraphEngine:
    """An engine (see `winnow.training.engine.Engine`) for the GPU.

    Args:
        start, mask, dataset, sgd: see `winnow.training.build.build_engine`.
        precision: of matrix products.
        device: where to train; on a CPU the steps are the same, without a graph.

    Raises:
        TrainingError: the device has too little memory.
    """

    name = "graph"

    def __init__(
        self,
        start: Parameters,
        mask: Mask | None,
        dataset: Dataset,
        sgd: Sgd,
        *,
        precision: str = "float32",
        device: str = "cuda",
    ):
        self.device, self.rate = device_name(device), sgd.rate
        self.precision = "float64" if start["layers.0.weight"].dtype == np.float64 else precision
        self._where, self._dataset, self._batch = device, dataset, sgd.batch
        self._forget, self._epsilon, self._sgd = 1 - sgd.norm_keep, sgd.norm_epsilon, sgd
        with self._memory_explained(), matmul_precision(self.precision):
            self._state = {name: torch.tensor(array, device=device) for name, array in start.items()}
            self._descent = Descent(self._state, sgd)
            self._layers = [_Layer.of(self._state, mask or {}, i) for i in range(n_layers(start))]
            self._normed = has_batch_norm(start)
            self._mean_image = torch.tensor(dataset.mean_image, device=device)
            # A tensor, since PyTorch multiplies by the reciprocal of a number: not what `Dataset.prepare` does.
            self._pixel_scale = torch.tensor(dataset.pixel_scale, dtype=torch.float32, device=device)
            self._classes = torch.arange(len(start[f"layers.{n_layers(start) - 1}.bias"]), device=device)
            self._loss = torch.zeros((), dtype=torch.float64, device=device)  # summed over images
            self._n_correct = torch.zeros((), dtype=torch.int64, device=device)
            self._train, self._validation = (_Images(split, device) for split in (dataset.train, dataset.validation))
            self._recordings = {n: self._record(n) for n in (STEPS_PER_REPLAY, 1)}
            for name, tensor in self._state.items():  # which the recording has moved
                tensor.copy_(torch.tensor(start[name]))
            self._descent.set_velocity(None)

    @contextmanager
    def _memory_explained(self) -> Iterator[None]:
        try:
            yield
        except torch.OutOfMemoryError as error:
            images = [split.images.nbytes / 1e9 for split in (self._dataset.train, self._dataset.validation)]
            raise TrainingError(
                f"{self.device} has too little free memory to train: {free_memory(self._where) / 1e9:.1f} GB are left; "
                f"training needs {_SPARE / 1e9:.1f} GB, and is fastest where the images fit beside them (training "
                f"{images[0]:.1f} GB, validation {images[1]:.1f} GB): let fewer jobs share the GPU, or set "
                "compute.device to cpu"
            ) from error

    # -- the steps ----------------------------------------------------------------------------------------------------

    def advance(self, batches: np.ndarray, rates: np.ndarray | None = None) -> tuple[float, int]:
        """One step of SGD for each row of `batches`; see `Engine`."""
        if rates is not None and not self._sgd.scheduled:
            raise ValueError("the steps were recorded at a constant rate: `Sgd.scheduled` must say that it changes")
        rates = np.full(len(batches), self.rate) if rates is None else rates
        self._loss.zero_()
        self._n_correct.zero_()
        n_at_once = self._train.at_once // self._batch
        with matmul_precision(self.precision):
            for first in range(0, len(batches), n_at_once):
                stretch = slice(first, first + n_at_once)
                self._advance(batches[stretch], rates[stretch])
        return self._loss.item() / self._batch, int(self._n_correct)

    def _advance(self, batches: np.ndarray, rates: np.ndarray) -> None:
        """Steps whose images are on the device together; the host runs ahead and waits for none of them."""
        places = self._train.place(batches.ravel()).reshape(batches.shape)
        labels = np.asarray(self._dataset.train.labels)[batches]
        schedule = torch.from_numpy(np.stack([places, labels])).to(self._where)
        descents = torch.from_numpy(-rates).to(self._layers[0].weight)
        done = 0
        while done < len(batches):
            n = STEPS_PER_REPLAY if len(batches) - done >= STEPS_PER_REPLAY else 1
            self._recordings[n].schedule.copy_(schedule[:, done : done + n])
            if self._sgd.scheduled:
                self._recordings[n].descents.copy_(descents[done : done + n])
            self._recordings[n].replay()
            done += n

    def _record(self, n: int) -> "_Recording":
        """`n` steps, ready to be launched; moves the state, as CUDA wants them to have run before they are captured."""
        schedule = torch.zeros((2, n, self._batch), dtype=torch.int64, device=self._where)
        descents = torch.zeros(n, dtype=self._layers[0].weight.dtype, device=self._where)
        steps = partial(self._steps, schedule, descents if self._sgd.scheduled else None)
        if self.device == "cpu":
            return _Recording(schedule, descents, steps)
        # A stream of its own: graphs captured on one share cuBLAS's workspace there, and lose it when one of them goes.
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            steps()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=stream):
            steps()
        torch.cuda.current_stream().wait_stream(stream)
        return _Recording(schedule, descents, graph.replay)

    def _steps(self, schedule: torch.Tensor, descents: torch.Tensor | None = None) -> None:
        """A step for each batch of `schedule`.

        Args:
            schedule: places of the images and their labels, (2, n, batch).
            descents: (n,) −η of each step; None: always that of `Sgd`.
        """
        places, labels = schedule
        images = self._prepare(self._train.at(places.flatten())).unflatten(0, places.shape)
        targets = (labels.unsqueeze(-1) == self._classes).to(images.dtype)
        of_steps = [None] * len(labels) if descents is None else list(descents)
        logits = torch.stack([self._step(*of_step) for of_step in zip(images, targets, of_steps, strict=True)])
        losses = functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none")
        self._loss += losses.sum(dtype=torch.float64)
        self._n_correct += (logits.argmax(-1) == labels).sum()

    def _step(self, x: torch.Tensor, target: torch.Tensor, descent: torch.Tensor | None = None) -> torch.Tensor:
        """One step of SGD.

        Args:
            x: (batch, D), prepared images.
            target: (batch, K), 1 at the label.
            descent: (), −η; None: that of `Sgd`.

        Returns:
            The logits before the step, (batch, K).
        """
        first = self._layers[0]
        passed, z = [], x
        for layer in self._layers:
            x = z if layer is first else z.relu_()
            y, mean, inverse_sd = self._normalise(layer, x, training=True)
            z = torch.addmm(layer.bias, y, layer.weight.T)
            passed.append((layer, x, y, mean, inverse_sd))

        delta = torch.softmax(z, 1).sub_(target)
        names, masks, gradients = [], [], []
        for layer, x, y, mean, inverse_sd in reversed(passed):
            dx = dy = delta @ layer.weight if self._normed or layer is not first else None
            self._descent.step_weight(f"layers.{layer.i}.weight", delta, y, layer.removed, descent)
            if self._normed:  # nobody needs the gradient of the pixels
                wanted = [layer is not first, True, True]
                dx, d_gamma, d_beta = torch.ops.aten.native_batch_norm_backward(
                    dy, x, layer.gamma, None, None, mean, inverse_sd, True, self._epsilon, wanted
                )
                names += [f"norms.{layer.i}.weight", f"norms.{layer.i}.bias"]
                masks += [layer.ones, layer.ones]
                gradients += [d_gamma, d_beta]
            names.append(f"layers.{layer.i}.bias")
            masks.append(layer.bias_mask)
            gradients.append(delta.sum(0))
            if layer is not first:
                delta = torch.ops.aten.threshold_backward(dx, x, 0)
        self._descent.step_vectors(names, gradients, masks, descent)
        return z

    def _prepare(self, images: torch.Tensor) -> torch.Tensor:
        """As `Dataset.prepare`, bit for bit; then in the precision of the parameters."""
        return torch.sub(images, self._mean_image).div_(self._pixel_scale).to(self._layers[0].weight.dtype)

    def _normalise(self, layer: "_Layer", x: torch.Tensor, *, training: bool) -> tuple[torch.Tensor, ...]:
        """Batch norm y, and mean and 1/sd of the batch; in training the running moments move.  Without it y is x."""
        if not self._normed:
            return x, x, x
        moments = (layer.running_mean, layer.running_var, training, self._forget, self._epsilon)
        return torch.native_batch_norm(x, layer.gamma, layer.beta, *moments)

    def velocity(self) -> Parameters:
        """A copy of v; see `Engine`."""
        return {name: tensor.cpu().numpy().copy() for name, tensor in self._descent.velocity.items()}

    def restart(self, start: Parameters, mask: Mask, velocity: Parameters | None = None) -> None:
        """Go on from other parameters, under another mask; see `Engine`.  What was captured reads the same tensors."""
        for name, tensor in self._state.items():
            tensor.copy_(torch.from_numpy(start[name]))
        self._descent.set_velocity(velocity)
        for i, layer in enumerate(self._layers):
            if layer.removed is not None:
                layer.removed.copy_(torch.from_numpy(~mask[f"layers.{i}.weight"]))
            if f"layers.{i}.bias" in mask:
                layer.bias_mask.copy_(torch.from_numpy(mask[f"layers.{i}.bias"]))

    # -- the results --------------------------------------------------------------------------------------------------

    def accuracy(self) -> float:
        """Share of the validation images that are classified correctly; see `Engine`."""
        labels = np.asarray(self._dataset.validation.labels)
        n_at_once = min(_CHUNK, self._validation.at_once)
        n_correct = torch.zeros_like(self._n_correct)
        with self._memory_explained(), matmul_precision(self.precision):
            for first in range(0, len(labels), n_at_once):
                rows = np.arange(first, min(first + n_at_once, len(labels)))
                z = self._prepare(self._validation.at(torch.from_numpy(self._validation.place(rows)).to(self._where)))
                for layer in self._layers:
                    x = z if layer is self._layers[0] else z.relu_()
                    z = torch.addmm(layer.bias, self._normalise(layer, x, training=False)[0], layer.weight.T)
                n_correct += (z.argmax(1) == torch.from_numpy(labels[rows]).to(self._where)).sum()
        return int(n_correct) / len(labels)

    def parameters(self) -> Parameters:
        """A copy of the whole state; see `Engine`."""
        return {name: tensor.cpu().numpy().copy() for name, tensor in self._state.items()}


class _Recording(NamedTuple):
    """Some steps, and where they read their batches from.

    Attributes:
        schedule: (2, n, batch) int64, places of the images on the device and their labels.
        descents: (n,) −η of each step; read where the rate changes.
        replay: does the n steps.
    """

    schedule: torch.Tensor
    descents: torch.Tensor
    replay: Callable[[], None]


@dataclass(frozen=True)
class _Layer:
    """The tensors of a layer and of the batch norm before it, if there is one, which are those of the state.

    Attributes:
        i: which layer.
        removed: (out, in) bool, the weights that are held at zero; None: no weight is.
        bias_mask: (out,), 1 where a bias survives.
        ones: (in,), the mask of γ and β.
    """

    i: int
    weight: torch.Tensor
    bias: torch.Tensor
    gamma: torch.Tensor | None
    beta: torch.Tensor | None
    running_mean: torch.Tensor | None
    running_var: torch.Tensor | None
    removed: torch.Tensor | None
    bias_mask: torch.Tensor
    ones: torch.Tensor

    @classmethod
    def of(cls, state: dict[str, torch.Tensor], mask: Mask, i: int) -> "_Layer":
        """Layer `i` of a network."""
        weight, bias = state[f"layers.{i}.weight"], state[f"layers.{i}.bias"]
        gamma, beta, mean, var = (
            state.get(f"norms.{i}.{name}") for name in ("weight", "bias", "running_mean", "running_var")
        )
        alive, bias_alive = mask.get(f"layers.{i}.weight"), mask.get(f"layers.{i}.bias")
        removed = None if alive is None else torch.tensor(~alive, device=weight.device)
        bias_mask = torch.ones_like(bias) if bias_alive is None else torch.tensor(bias_alive).to(bias)
        return cls(i, weight, bias, gamma, beta, mean, var, removed, bias_mask, torch.ones_like(weight[0]))


class _Images:
    """A split's images on the device: all of them where they fit, else those that were placed last.

    Attributes:
        at_once: how many images can be placed together.
    """

    def __init__(self, split: Split, device: str):
        self._split = split
        n_images, n_inputs = split.images.shape
        n_bytes = split.images.nbytes
        self._resident = _fits(n_bytes, device)
        n_kept = n_images if self._resident else min(n_images, _WINDOW * n_images // n_bytes)
        self.at_once = np.iinfo(np.int64).max if self._resident else n_kept
        dtype = torch.from_numpy(np.empty(0, split.images.dtype)).dtype
        self._kept = torch.empty((n_kept, n_inputs), dtype=dtype, device=device)
        if self._resident:
            self._upload(np.arange(n_images))

    def at(self, places: torch.Tensor) -> torch.Tensor:
        """The images at some places: (n, D), as they are stored."""
        return self._kept.index_select(0, places)

    def place(self, rows: np.ndarray) -> np.ndarray:
        """Where the images `rows` of the split lie on the device, brought there if need be; forgets those before."""
        if self._resident:
            return rows
        self._upload(rows)
        return np.arange(len(rows))

    def _upload(self, rows: np.ndarray) -> None:
        """Rows of the file to the device, in this order: while one buffer is on its way, the next one is filled."""
        on_gpu = self._kept.is_cuda
        n_inputs = self._kept.shape[1]
        n_staged = min(max(_STAGING // (n_inputs * self._kept.itemsize), 1), len(rows))
        buffers = [torch.empty((n_staged, n_inputs), dtype=self._kept.dtype, pin_memory=on_gpu) for _ in range(2)]
        for k, first in enumerate(range(0, len(rows), n_staged)):
            part = rows[first : first + n_staged]
            staged = buffers[k % 2][: len(part)]
            np.take(self._split.images, part, axis=0, out=staged.numpy(), mode="clip")  # `raise` would copy once more
            if on_gpu:
                torch.cuda.current_stream().synchronize()  # the other buffer has arrived
            self._kept[first : first + len(part)].copy_(staged, non_blocking=True)
            self._split.release()


def _fits(n_bytes: int, device: str) -> bool:
    return torch.device(device).type == "cpu" or n_bytes + _SPARE <= free_memory(device)

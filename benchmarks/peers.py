"""The step of SGD as others would have it: what training is timed beside.

All compute the step of `tests/reference/training.py`, and a test holds them to it.  Each is made of the same start,
mask and data as an engine, and reads its images in the same way.  With no mask they are the plain step of a dense
network, but for `Pruned`, which is for masks.

A time beside them is honest if it is the best one's; which that is differs by processor, density and threads.
"""

import functools
import importlib.util
import itertools
import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import prune

from winnow.masks import full_mask
from winnow.network import layer_sizes
from winnow.store.datasets import Dataset
from winnow.store.tensors import Mask, Parameters
from winnow.training.engine import Sgd


class Pruned:
    """Modules of PyTorch, masked by `torch.nn.utils.prune`, autograd, `torch.optim.SGD`."""

    def __init__(self, start: Parameters, mask: Mask | None, dataset: Dataset, sgd: Sgd):
        mask = full_mask(start) if mask is None else mask
        self._modules: dict[str, nn.Module] = {}
        for i, (n_in, n_out) in enumerate(itertools.pairwise(layer_sizes(start))):
            self._modules[f"norms.{i}"] = nn.BatchNorm1d(n_in, sgd.norm_epsilon, 1 - sgd.norm_keep)
            self._modules[f"layers.{i}"] = nn.Linear(n_in, n_out)
        for name, values in start.items():
            module, _, key = name.rpartition(".")
            getattr(self._modules[module], key).data.copy_(torch.from_numpy(values))
            if name in mask:
                prune.custom_from_mask(self._modules[module], key, torch.from_numpy(mask[name]))
        blocks = [
            [module, nn.ReLU()] if name.startswith("layers") else [module] for name, module in self._modules.items()
        ]
        self._network = nn.Sequential(*[module for block in blocks for module in block][:-1])
        self._optimiser = torch.optim.SGD(self._network.parameters(), lr=sgd.rate)
        self._dataset, self._names, self._mask = dataset, [*start], mask

    def advance(self, batches: np.ndarray) -> None:
        """A step for each row of `batches`."""
        for rows in batches:
            images, labels = _batch(self._dataset, rows)
            self._optimiser.zero_grad()
            functional.cross_entropy(self._network(torch.from_numpy(images)), torch.from_numpy(labels)).backward()
            self._optimiser.step()

    def parameters(self) -> Parameters:
        """A copy of the whole state."""
        state = {}
        for name in self._names:
            module, _, key = name.rpartition(".")
            if name in self._mask:  # the masked array is that of the last step forward
                array = getattr(self._modules[module], f"{key}_orig") * getattr(self._modules[module], f"{key}_mask")
            else:
                array = getattr(self._modules[module], key)
            state[name] = array.detach().numpy().copy()
        return state


class _Tensors(ABC):
    """A state of tensors, which `_step` moves."""

    def __init__(self, start: Parameters, mask: Mask | None, dataset: Dataset, sgd: Sgd):
        self._state = {name: torch.tensor(array) for name, array in start.items()}
        self._trained = {name: tensor for name, tensor in self._state.items() if ".running_" not in name}
        self._running = {name: tensor for name, tensor in self._state.items() if ".running_" in name}
        self._masks = {name: torch.tensor(m) for name, m in (mask or {}).items()}
        self._dataset, self._sgd, self._n_layers = dataset, sgd, len(layer_sizes(start)) - 1

    def advance(self, batches: np.ndarray) -> None:
        """A step for each row of `batches`."""
        for rows in batches:
            images, labels = _batch(self._dataset, rows)
            self._step(torch.from_numpy(images), torch.from_numpy(labels))

    @abstractmethod
    def _step(self, x: torch.Tensor, labels: torch.Tensor) -> None:
        """A step of SGD on prepared images (batch, D) and their labels (batch,)."""

    def parameters(self) -> Parameters:
        """A copy of the whole state."""
        return {name: tensor.detach().numpy().copy() for name, tensor in self._state.items()}


class MaskedWeights(_Tensors):
    """Autograd through w ⊙ m: the mask is part of the network."""

    def __init__(self, start: Parameters, mask: Mask | None, dataset: Dataset, sgd: Sgd):
        super().__init__(start, mask, dataset, sgd)
        self._masks = {name: m.float() for name, m in self._masks.items()}
        for tensor in self._trained.values():
            tensor.requires_grad_()

    def _masked(self) -> dict[str, torch.Tensor]:
        return {name: w * self._masks[name] if name in self._masks else w for name, w in self._trained.items()}

    def _descend(self, name: str, parameter: torch.Tensor, gradient: torch.Tensor) -> None:
        parameter.sub_(gradient, alpha=self._sgd.rate)

    def _step(self, x: torch.Tensor, labels: torch.Tensor) -> None:
        network = self._masked()
        for i in range(self._n_layers):
            norm = [self._running[f"norms.{i}.{name}"] for name in ("running_mean", "running_var")]
            norm += [network[f"norms.{i}.{name}"] for name in ("weight", "bias")]
            x = functional.batch_norm(x, *norm, True, 1 - self._sgd.norm_keep, self._sgd.norm_epsilon)
            x = functional.linear(x, network[f"layers.{i}.weight"], network[f"layers.{i}.bias"])
            x = functional.relu(x) if i < self._n_layers - 1 else x
        gradients = torch.autograd.grad(functional.cross_entropy(x, labels), list(self._trained.values()))
        with torch.no_grad():
            for (name, parameter), gradient in zip(self._trained.items(), gradients, strict=True):
                self._descend(name, parameter, gradient)


class MaskedGradient(MaskedWeights):
    """Autograd, and the gradient masked: the same step, as weights that are zero at the start then stay so."""

    def _masked(self) -> dict[str, torch.Tensor]:
        return self._trained

    def _descend(self, name: str, parameter: torch.Tensor, gradient: torch.Tensor) -> None:
        if name in self._masks:
            gradient.mul_(self._masks[name])
        super()._descend(name, parameter, gradient)


class Compiled(_Tensors):
    """The whole step, its gradient by autograd and masked, compiled as one by `torch.compile`."""

    def _step(self, x: torch.Tensor, labels: torch.Tensor) -> None:
        settings = (self._n_layers, self._sgd.rate, self._sgd.norm_keep, self._sgd.norm_epsilon)
        _compiled_step()(self._trained, self._running, self._masks, x, labels, *settings)


@functools.cache
def _compiled_step() -> Callable[..., None]:
    """Compiled once for all networks and masks of a shape."""
    return torch.compile(_torch_step, fullgraph=True, dynamic=False)


def _torch_step(trained, running, masks, x, labels, n_layers, rate, keep, epsilon):
    """The step of state, masks and batch, in place."""

    def loss(parameters: dict[str, torch.Tensor]) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        moments, z = {}, x
        for i in range(n_layers):
            var, mean = torch.var_mean(z, 0, correction=0)
            moments[f"norms.{i}.running_mean"] = mean
            moments[f"norms.{i}.running_var"] = var * (len(x) / (len(x) - 1))
            y = (z - mean) * torch.rsqrt(var + epsilon) * parameters[f"norms.{i}.weight"] + parameters[
                f"norms.{i}.bias"
            ]
            z = functional.linear(y, parameters[f"layers.{i}.weight"], parameters[f"layers.{i}.bias"])
            z = functional.relu(z) if i < n_layers - 1 else z
        return functional.cross_entropy(z, labels), moments

    gradients, moments = torch.func.grad(loss, has_aux=True)(trained)
    for name, parameter in trained.items():
        gradient = gradients[name] * masks[name] if name in masks else gradients[name]
        parameter.sub_(rate * gradient)
    for name, average in running.items():
        average.copy_(keep * average + (1 - keep) * moments[name])


class Jitted:
    """The whole step, its gradient by `jax.grad` and masked, compiled as one by `jax.jit`; float32.

    JAX has no setting for its threads on a CPU: it starts as many as there are processors that the process may use, so
    that `python -m benchmarks` lets a process use as many as threads were asked for.
    """

    def __init__(self, start: Parameters, mask: Mask | None, dataset: Dataset, sgd: Sgd):
        import jax

        self._state = {name: jax.numpy.array(array, "float32") for name, array in start.items()}
        self._masks = {name: jax.numpy.array(m) for name, m in (mask or {}).items()}
        self._dataset, self._settings = dataset, (sgd.rate, sgd.norm_keep, sgd.norm_epsilon)

    def advance(self, batches: np.ndarray) -> None:
        """A step for each row of `batches`."""
        for rows in batches:
            images, labels = _batch(self._dataset, rows)
            self._state = _jitted_step()(self._state, self._masks, images, labels, *self._settings)
        for array in self._state.values():
            array.block_until_ready()

    def parameters(self) -> Parameters:
        """A copy of the whole state."""
        return {name: np.array(array) for name, array in self._state.items()}


@functools.cache
def _jitted_step() -> Callable[..., dict]:
    """Compiled once for all networks and masks of a shape; the state is overwritten."""
    import jax
    from jax import numpy as jnp

    def loss(parameters: dict, x: jax.Array, labels: jax.Array, epsilon: float) -> tuple[jax.Array, dict]:
        n_layers = sum(name.endswith(".running_var") for name in parameters)
        moments, z = {}, x
        for i in range(n_layers):
            mean, var = z.mean(axis=0), z.var(axis=0)
            moments[f"norms.{i}.running_mean"] = mean
            moments[f"norms.{i}.running_var"] = var * (len(x) / (len(x) - 1))
            y = (z - mean) * jax.lax.rsqrt(var + epsilon) * parameters[f"norms.{i}.weight"] + parameters[
                f"norms.{i}.bias"
            ]
            z = y @ parameters[f"layers.{i}.weight"].T + parameters[f"layers.{i}.bias"]
            z = jax.nn.relu(z) if i < n_layers - 1 else z
        of_label = jnp.take_along_axis(jax.nn.log_softmax(z), labels[:, None], axis=1)
        return -of_label.mean(), moments

    def step(state, masks, x, labels, rate, keep, epsilon):
        gradients, moments = jax.grad(loss, has_aux=True)(state, x, labels, epsilon)
        new = {}
        for name, value in state.items():
            if name in moments:
                new[name] = keep * value + (1 - keep) * moments[name]
            else:
                gradient = jnp.where(masks[name], gradients[name], 0) if name in masks else gradients[name]
                new[name] = value - rate * gradient
        return new

    return jax.jit(step, donate_argnums=0, static_argnums=(4, 5, 6))


def _batch(dataset: Dataset, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return dataset.prepare(dataset.train.images[rows]), np.asarray(dataset.train.labels[rows])


PEERS = {
    "`torch.nn.utils.prune`": Pruned,
    "autograd, weights masked": MaskedWeights,
    "autograd, gradient masked": MaskedGradient,
    "`torch.compile`": Compiled,
    "`jax.jit`": Jitted,
}
"""The peers by the name that the table gives them."""


def missing() -> dict[str, str]:
    """The peers that cannot run here, and why."""
    reasons = {}
    if not any(map(shutil.which, filter(None, (os.environ.get("CXX"), "g++", "c++")))):
        reasons["`torch.compile`"] = "no C++ compiler"
    if importlib.util.find_spec("jax") is None:
        reasons["`jax.jit`"] = "not installed: pip install '.[benchmarks]'"
    return reasons

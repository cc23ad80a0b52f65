"""Training in plain PyTorch and autograd: easily checked against the paper, and what the faster engines must equal.

Softmax cross-entropy, and SGD as `winnow.training.engine.Sgd` has it.
"""

import numpy as np
import torch
from torch.nn import functional

from winnow.job.devices import device_name, matmul_precision
from winnow.store.datasets import Dataset
from winnow.store.tensors import Mask, Parameters
from winnow.training.autograd import FullyConnectedNetwork
from winnow.training.engine import RELEASE_EVERY, Sgd

_CHUNK = 2048  # validation images at a time


class ReferenceEngine:
    """An engine (see `winnow.training.engine.Engine`) in which autograd computes the gradients.

    Args:
        start, mask, dataset, sgd: see `winnow.training.build.build_engine`.
        device: where to train.
        precision: of matrix products on a GPU.
    """

    name = "reference"

    def __init__(
        self,
        start: Parameters,
        mask: Mask | None,
        dataset: Dataset,
        sgd: Sgd,
        *,
        device: str = "cpu",
        precision: str = "float32",
    ):
        self.device, self.rate = device_name(device), sgd.rate
        self._where, self._dataset, self._sgd = device, dataset, sgd
        self._network = FullyConnectedNetwork(start, norm_keep=sgd.norm_keep, norm_epsilon=sgd.norm_epsilon).to(device)
        self._trainable = dict(self._network.named_parameters())
        real = self._trainable["layers.0.weight"].dtype
        self._set_mask(mask or {})
        self._set_velocity(None)
        self.precision = "float64" if real == torch.float64 else "float32" if device == "cpu" else precision

    def _set_mask(self, mask: Mask) -> None:
        like = self._trainable["layers.0.weight"]
        self._masks = {name: torch.from_numpy(m).to(like) for name, m in mask.items()}

    def _set_velocity(self, velocity: Parameters | None) -> None:
        moving = self._trainable if self._sgd.momentum else {}
        if velocity is None:
            self._velocity = {name: torch.zeros_like(parameter) for name, parameter in moving.items()}
        else:
            self._velocity = {name: torch.tensor(velocity[name]).to(parameter) for name, parameter in moving.items()}

    def velocity(self) -> Parameters:
        """A copy of v; see `Engine`."""
        return {name: tensor.cpu().numpy().copy() for name, tensor in self._velocity.items()}

    def restart(self, start: Parameters, mask: Mask, velocity: Parameters | None = None) -> None:
        """Go on from other parameters, under another mask; see `Engine`."""
        self._network.load_state_dict({name: torch.from_numpy(array) for name, array in start.items()}, strict=False)
        self._set_mask(mask)
        self._set_velocity(velocity)

    def advance(self, batches: np.ndarray, rates: np.ndarray | None = None) -> tuple[float, int]:
        """One step of SGD for each row of `batches`; see `Engine`."""
        steps = enumerate(zip(batches, np.full(len(batches), self.rate) if rates is None else rates, strict=True))
        with matmul_precision(self.precision):
            # Sums stay tensors: reading one back at every step would stall an accelerator.
            loss, n_correct = zip(*(self._step(k, rows, float(rate)) for k, (rows, rate) in steps), strict=True)
        return torch.stack(loss).sum(dtype=torch.float64).item(), int(torch.stack(n_correct).sum())

    def _step(self, k: int, rows: np.ndarray, rate: float) -> tuple[torch.Tensor, torch.Tensor]:
        train = self._dataset.train
        if k % RELEASE_EVERY == 0:
            train.release()
        labels = torch.from_numpy(np.asarray(train.labels[rows])).to(self._where)
        logits = self._network(self._dataset.prepare(train.images[rows]))
        loss = functional.cross_entropy(logits, labels)
        gradients = torch.autograd.grad(loss, list(self._trainable.values()))
        with torch.no_grad():
            for (name, parameter), gradient in zip(self._trainable.items(), gradients, strict=True):
                self._descend(name, parameter, gradient, rate)
        return loss.detach(), (logits.argmax(1) == labels).sum()

    def _descend(self, name: str, parameter: torch.Tensor, gradient: torch.Tensor, rate: float) -> None:
        parameter.sub_(self._direction(name, parameter, gradient), alpha=rate)

    def _direction(self, name: str, parameter: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
        """v, of which what follows may be overwritten by the next step."""
        if name in self._masks:
            gradient.mul_(self._masks[name])
        if self._sgd.weight_decay:
            gradient.add_(parameter, alpha=self._sgd.weight_decay)
        if self._sgd.momentum:
            gradient = self._velocity[name].mul_(self._sgd.momentum).add_(gradient)
        return gradient

    @torch.no_grad()
    def accuracy(self) -> float:
        """Share of the validation images that are classified correctly; see `Engine`."""
        self._network.eval()
        images, labels = self._dataset.validation.images, self._dataset.validation.labels
        n_correct = 0
        with matmul_precision(self.precision):
            for start in range(0, len(images), _CHUNK):
                logits = self._network(self._dataset.prepare(images[start : start + _CHUNK]))
                n_correct += int((logits.argmax(1).cpu().numpy() == labels[start : start + _CHUNK]).sum())
        self._network.train()
        return n_correct / len(images)

    def parameters(self) -> Parameters:
        """A copy of the whole state; see `Engine`."""
        return self._network.parameters_by_name()

"""Gradients of the loss with respect to weights, as several criteria need them; no criterion itself."""

from collections.abc import Iterator

import numpy as np
import torch
from torch.nn import functional

from winnow.masks import prunable_names
from winnow.pruning.scored import ScoredNetwork
from winnow.training.autograd import FullyConnectedNetwork

CHUNK = 2048
"""Images at a time, where batch norm takes its running statistics and images are independent of each other."""


class Differentiable:
    """A network whose loss on some training images can be differentiated; nothing of it is changed.

    Args:
        network: the network.
        rows: (N,) the training images.
        statistics: whose mean and variance batch norm takes: the `running` ones, as in evaluation, or those of the
            images (`batch`).
        temperature: logits are divided by it.

    Attributes:
        weights: the weights of all layers by name, the output layer's too; those that do not survive are zero.
        prunable: the names of those that have a mask.
    """

    def __init__(self, network: ScoredNetwork, rows: np.ndarray, statistics: str, temperature: float = 1.0):
        self._network, self._rows, self._temperature = network, rows, temperature
        # Not one step is made: what is kept of the running statistics does not matter.
        module = FullyConnectedNetwork(network.parameters, norm_keep=0.99, norm_epsilon=network.epsilon)
        self._module = module.to(network.device).train(statistics == "batch")
        self._at_a_time = len(rows) if statistics == "batch" else CHUNK
        named = dict(self._module.named_parameters())
        self.weights = {name: array for name, array in named.items() if name.split(".")[::2] == ["layers", "weight"]}
        self.prunable = [name for name in prunable_names(network.parameters) if name in self.weights]

    def losses(self) -> Iterator[torch.Tensor]:
        """The mean cross-entropy over the images, in parts that sum to it."""
        train = self._network.dataset.train
        for start in range(0, len(self._rows), self._at_a_time):
            rows = self._rows[start : start + self._at_a_time]
            labels = torch.from_numpy(np.asarray(train.labels[rows])).to(self._network.device)
            logits = self._module(self._network.dataset.prepare(train.images[rows])) / self._temperature
            yield functional.cross_entropy(logits, labels, reduction="sum") / len(self._rows)

    def gradients(self) -> dict[str, torch.Tensor]:
        """∇L of the weights, (out, in) each; zero where a weight does not survive."""
        total = {name: torch.zeros_like(weight) for name, weight in self.weights.items()}
        for loss in self.losses():
            self._add(total, torch.autograd.grad(loss, list(self.weights.values())))
        return total

    def hessian_times(self, vector: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """H v of the weights: ∇(∇L · v), with v held."""
        total = {name: torch.zeros_like(weight) for name, weight in self.weights.items()}
        weights = list(self.weights.values())
        for loss in self.losses():
            gradients = torch.autograd.grad(loss, weights, create_graph=True)
            along = torch.stack([(g * v).sum() for g, v in zip(gradients, vector.values(), strict=True)]).sum()
            self._add(total, torch.autograd.grad(along, weights))
        return total

    def _add(self, total: dict[str, torch.Tensor], gradients: tuple[torch.Tensor, ...]) -> None:
        for name, gradient in zip(self.weights, gradients, strict=True):
            total[name] += self._alive(name, gradient)

    def _alive(self, name: str, gradient: torch.Tensor) -> torch.Tensor:
        mask = self._network.mask.get(name)
        return gradient if mask is None else gradient * torch.from_numpy(mask).to(gradient.device)

    def scores(self, of_weights: dict[str, torch.Tensor]) -> dict[str, np.ndarray]:
        """The scores of the prunable weights as arrays of numpy."""
        return {name: of_weights[name].detach().cpu().numpy() for name in self.prunable}

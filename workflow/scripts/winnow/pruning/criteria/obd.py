"""Optimal brain damage (LeCun, Denker & Solla 1990)."""

from collections.abc import Callable, Iterator

import numpy as np
import torch

from winnow.masks import prunable_names
from winnow.pruning.criteria.gradients import CHUNK
from winnow.pruning.scored import ScoredNetwork
from winnow.streams import stream
from winnow.training.autograd import FullyConnectedNetwork

Factors = Callable[[torch.Tensor], Iterator[torch.Tensor]]
"""Vectors (n, K) of logits (n, K) whose outer products sum to the loss's second derivative by the logits."""


def obd(network: ScoredNetwork, *, images: int, labels: str, samples: int) -> dict[str, np.ndarray]:
    """½ h θ²: to second order what the loss rises by when the parameter is removed, at a minimum.

    h is the diagonal of the Gauss–Newton matrix E[Jᵀ S J], J the derivative of the logits by the parameters and S =
    diag(p) − p pᵀ that of the loss by the logits: never negative, unlike the diagonal of the Hessian.

    Args:
        network: what is scored, trained.
        images: training images over which h is a mean.
        labels: S is the mean of (e_y − p)(e_y − p)ᵀ over labels y that the network's own p draws (`drawn`), or the sum
            over all classes (`all`): exact, but a backward pass for each.  (The labels of the data in the place of y
            would give the empirical Fisher matrix, which is something else.)
        samples: how many are drawn for each image.
    """
    draw = stream("obd", network.seed)
    factors = (lambda logits: _sampled(logits, samples, draw)) if labels == "drawn" else _exact
    curvature = diagonal_gauss_newton(network, network.rows("obd", images), factors)
    return {name: h * network.parameters[name].astype(np.float64) ** 2 / 2 for name, h in curvature.items()}


def diagonal_gauss_newton(network: ScoredNetwork, rows: np.ndarray, factors: Factors) -> dict[str, np.ndarray]:
    """The diagonal of the Gauss–Newton matrix of the mean loss, for the prunable parameters.

    With running statistics images are independent, and ∂logits/∂W_ij = (∂logits/∂z_i) y_j, y the layer's input: so a
    product (∂logits · v / ∂z)² with y² gives all weights of a layer.

    Args:
        network: the network, in evaluation.
        rows: (N,) the training images.
        factors: of the loss's second derivative by the logits.

    Returns:
        float64 by the names of the parameters.
    """
    module = FullyConnectedNetwork(network.parameters, norm_keep=0.99, norm_epsilon=network.epsilon)
    module.to(network.device).eval().requires_grad_(False)
    names = prunable_names(network.parameters)
    total = {name: torch.zeros(network.parameters[name].shape, dtype=torch.float64) for name in names}
    train = network.dataset.train
    for start in range(0, len(rows), CHUNK):
        prepared = network.dataset.prepare(train.images[rows[start : start + CHUNK]])
        inputs: list[torch.Tensor] = []
        outputs: list[torch.Tensor] = []
        x = torch.from_numpy(prepared).to(next(module.parameters()))
        for norm, layer in zip(module.norms, module.layers, strict=True):
            inputs.append(norm(torch.relu(x) if outputs else x))
            x = layer(inputs[-1])
            outputs.append(x if x.requires_grad else x.requires_grad_())
        for vector in factors(x.detach()):
            deltas = torch.autograd.grad((x * vector).sum(), outputs[:-1], retain_graph=True)
            for i, (delta, y) in enumerate(zip(deltas, inputs, strict=False)):
                square = delta.square()
                total[f"layers.{i}.weight"] += (square.T @ y.detach().square()).double().cpu()
                total[f"layers.{i}.bias"] += square.sum(0).double().cpu()
    return {name: (sums / len(rows)).numpy() for name, sums in total.items()}


def _exact(logits: torch.Tensor) -> Iterator[torch.Tensor]:
    """diag(p) − p pᵀ = Σ_c p_c (e_c − p)(e_c − p)ᵀ."""
    p = torch.softmax(logits, 1)
    for label in range(p.shape[1]):
        vector = -p
        vector[:, label] += 1
        yield vector * p[:, label : label + 1].sqrt()


def _sampled(logits: torch.Tensor, samples: int, draw: np.random.Generator) -> Iterator[torch.Tensor]:
    p = torch.softmax(logits.double(), 1)
    upto = p.cumsum(1)
    for _ in range(samples):
        uniform = torch.from_numpy(draw.random((len(p), 1))).to(p.device)
        labels = (uniform * upto[:, -1:] > upto).sum(1).clamp(max=p.shape[1] - 1)
        vector = -p / samples**0.5
        vector[torch.arange(len(p)), labels] += 1 / samples**0.5
        yield vector.to(logits.dtype)

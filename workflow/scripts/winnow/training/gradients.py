"""The dense gradient of a batch, which the engines do not keep."""

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from winnow.job.devices import Device, matmul_precision
from winnow.store.datasets import Dataset
from winnow.store.tensors import Parameters
from winnow.training.autograd import FullyConnectedNetwork


@dataclass(frozen=True)
class DenseGradient:
    """Of one batch in training.

    Attributes:
        weights: ∇L of the weights of all layers by name, (out, in), also where a weight is pruned.
        loss: mean cross-entropy.
        n_correct: how many images are right.
    """

    weights: dict[str, np.ndarray]
    loss: float
    n_correct: int


def dense_gradient(
    parameters: Parameters, dataset: Dataset, rows: np.ndarray, *, epsilon: float, device: Device = "cpu"
) -> DenseGradient:
    """∇L of the weights for a batch, with the batch's own mean and variance; nothing learns, and nothing moves.

    Args:
        parameters: the network, zero where it is pruned.
        dataset: what it is trained on.
        rows: (batch,) the training images.
        epsilon: ε of batch norm.
        device: where to compute.
    """
    network = FullyConnectedNetwork(parameters, norm_keep=1.0, norm_epsilon=epsilon).to(device)
    weights = {
        name: array for name, array in network.named_parameters() if name.split(".")[::2] == ["layers", "weight"]
    }
    labels = torch.from_numpy(np.asarray(dataset.train.labels[rows])).to(device)
    with matmul_precision("float32"):
        logits = network(dataset.prepare(dataset.train.images[rows]))
        loss = functional.cross_entropy(logits, labels)
        gradients = torch.autograd.grad(loss, list(weights.values()))
    return DenseGradient(
        {name: gradient.cpu().numpy() for name, gradient in zip(weights, gradients, strict=True)},
        loss.item(),
        int((logits.argmax(1) == labels).sum()),
    )

"""Training in plain PyTorch and autograd: easily checked against the paper, and what faster engines must equal.

Softmax cross-entropy, plain SGD at a constant rate, no momentum, no weight decay.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional

from winnow.network import FullyConnectedNetwork
from winnow.store import Dataset, Mask, Parameters

Curve = dict[str, list[float]]
"""The columns `step, loss, train_accuracy, validation_accuracy` of a training curve, one entry a logged step."""


class TrainingError(ArithmeticError):
    """Training that cannot go on; the message gives step and rate and what to do."""


def train(
    start: Parameters,
    mask: Mask | None,
    dataset: Dataset,
    batches: np.ndarray,
    steps: range,
    *,
    rate: float,
    log_every: int,
    norm_keep: float,
    norm_epsilon: float,
) -> tuple[Parameters, Curve]:
    """Train a network with its mask held: `θ ← θ − rate · ∇loss ⊙ m`.

    Args:
        start: the parameters to start from, zero where the mask is; the training has their precision.
        mask: the surviving parameters; None: all.
        dataset: training images are drawn from it, the validation accuracy is measured on it.
        batches: (T, batch) indices of training images; row t is the batch of step t.
        steps: the steps to do, `range(t_first, t_last)`.
        rate: learning rate.
        log_every: steps between two points of the curve (the last step is always one).
        norm_keep: share of the running mean and variance kept per step.
        norm_epsilon: added to the variance in batch norm.

    Returns:
        The parameters after the last step, and the training curve.

    Raises:
        TrainingError: the loss is no longer finite.
    """
    network = FullyConnectedNetwork(start, norm_keep=norm_keep, norm_epsilon=norm_epsilon)
    trainable = dict(network.named_parameters())
    masks = {name: torch.from_numpy(m).to(trainable[name].dtype) for name, m in (mask or {}).items()}
    labels = torch.from_numpy(np.array(dataset.train.labels))
    curve: Curve = {"step": [], "loss": [], "train_accuracy": [], "validation_accuracy": []}
    loss_sum, n_correct, n_since = torch.zeros(()), torch.zeros((), dtype=torch.int64), 0
    network.train()
    for step in steps:
        rows = batches[step]
        targets = labels[rows]
        logits = network(dataset.prepare(dataset.train.images[rows]))
        loss = functional.cross_entropy(logits, targets)
        gradients = torch.autograd.grad(loss, list(trainable.values()))
        with torch.no_grad():
            for (name, parameter), gradient in zip(trainable.items(), gradients, strict=True):
                if name in masks:
                    gradient.mul_(masks[name])
                parameter.sub_(gradient, alpha=rate)
            # Sums stay tensors: reading one back at every step would stall an accelerator.
            loss_sum += loss
            n_correct += (logits.argmax(1) == targets).sum()
        n_since += 1
        if (step + 1) % log_every == 0 or step + 1 == steps.stop:
            mean_loss = loss_sum.item() / n_since
            if not np.isfinite(mean_loss):
                raise TrainingError(
                    f"training diverged by step {step + 1}: the mean loss of the last {n_since} steps is {mean_loss}; "
                    f"lower training.rate (now {rate:g})"
                )
            curve["step"].append(step + 1)
            curve["loss"].append(mean_loss)
            curve["train_accuracy"].append(n_correct.item() / (n_since * len(rows)))
            curve["validation_accuracy"].append(accuracy(network, dataset))
            loss_sum, n_correct, n_since = torch.zeros(()), torch.zeros((), dtype=torch.int64), 0
    return network.parameters_by_name(), curve


@torch.no_grad()
def accuracy(network: FullyConnectedNetwork, dataset: Dataset, chunk: int = 2048) -> float:
    """Share of the validation images that the network classifies correctly, with running batch-norm statistics."""
    network.eval()
    images, labels = dataset.validation.images, dataset.validation.labels
    n_correct = 0
    for start in range(0, len(images), chunk):
        logits = network(dataset.prepare(images[start : start + chunk]))
        n_correct += int((logits.argmax(1).numpy() == labels[start : start + chunk]).sum())
    network.train()
    return n_correct / len(images)


def join_curves(curves: Sequence[Curve]) -> Curve:
    """One curve from those of successive stretches of steps."""
    return {column: [value for curve in curves for value in curve[column]] for column in curves[0]}

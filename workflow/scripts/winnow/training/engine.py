"""What an engine is, and which one trains.

| engine | where | how |
| --- | --- | --- |
| `reference` | CPU or GPU | plain PyTorch and autograd: what the others must equal |
| `dense`, `sparse` | CPU | `handwritten`: the backward pass written out; layers of few survivors stored sparsely |
| `graph` | GPU | the same step captured once and replayed, data resident |

All give the same parameters up to the order in which floating-point sums are taken.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from winnow.job.devices import Device
from winnow.store.datasets import Dataset
from winnow.store.tensors import Mask, Parameters

EngineName = Literal["auto", "reference", "dense", "sparse"]
Precision = Literal["float32", "tf32"]


@dataclass(frozen=True)
class Sgd:
    """Plain stochastic gradient descent: constant rate, no momentum, no weight decay.

    Attributes:
        batch: images a step.
        rate: learning rate.
        norm_keep: share of batch norm's running mean and variance kept per step.
        norm_epsilon: added to the variance in batch norm.
    """

    batch: int
    rate: float
    norm_keep: float
    norm_epsilon: float


class Engine(Protocol):
    """A network in training; made of its start, its mask, the data and `Sgd`, as described in `build_engine`.

    Attributes:
        name: `reference`, `dense`, `sparse` (some layers are) or `graph`.
        device: `cpu`, or the name of the GPU.
        precision: of the matrix products: `float32`, `tf32`, or `float64` where the parameters are.
        rate: learning rate.
    """

    name: str
    device: str
    precision: str
    rate: float

    def advance(self, batches: np.ndarray) -> tuple[float, int]:
        """One step of SGD for each row of `batches`, with the mask held: `θ ← θ − rate · ∇loss ⊙ m`.

        Args:
            batches: (n, batch) indices of training images.

        Returns:
            The sum over the steps of the batch's mean cross-entropy before the step, and how many images were right.
        """

    def accuracy(self) -> float:
        """Share of the validation images that are classified correctly, with running batch-norm statistics."""

    def parameters(self) -> Parameters:
        """A copy of the whole state."""


def build_engine(
    start: Parameters,
    mask: Mask | None,
    dataset: Dataset,
    sgd: Sgd,
    *,
    engine: EngineName = "auto",
    device: Device = "cpu",
    precision: Precision = "float32",
) -> Engine:
    """The engine that fits device and density, or the one asked for.

    Args:
        start: the parameters to start from, zero where the mask is; the training has their precision.
        mask: the surviving parameters; None: all.
        dataset: training images are drawn from it, the validation accuracy is measured on it.
        sgd: how it is trained.
        engine: `dense` and `sparse` are for the CPU; `auto` is the fastest on the device.
        device: where to train.
        precision: of matrix products on a GPU.

    Raises:
        ValueError: the engine does not run on the device.
    """
    if device == "cuda":
        if engine in ("dense", "sparse"):
            raise ValueError(
                f"training.engine: {engine} runs on a CPU only: set compute.device to cpu, or engine to auto"
            )
        if engine == "auto":
            from winnow.training.graph import GraphEngine

            return GraphEngine(start, mask, dataset, sgd, precision=precision)
    if engine == "reference":
        from winnow.training.reference import ReferenceEngine

        return ReferenceEngine(start, mask, dataset, sgd, device=device, precision=precision)
    from winnow.training.handwritten import HandwrittenEngine

    return HandwrittenEngine(start, mask, dataset, sgd, layout=engine)


RELEASE_EVERY = 1000
"""Steps after which a training on the CPU gives back the memory of the images that it has read."""

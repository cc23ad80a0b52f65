"""What an engine is: what lets a network learn, step by step.

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

from winnow.store.tensors import Mask, Parameters

EngineName = Literal["auto", "reference", "dense", "sparse"]
Precision = Literal["float32", "tf32", "float64"]

RELEASE_EVERY = 1000
"""Steps after which a training on the CPU gives back the memory of the images that it has read."""


@dataclass(frozen=True)
class Sgd:
    """Stochastic gradient descent: `v ← μ v + ∇loss ⊙ m + λ θ`, `θ ← θ − η v`, for all parameters alike.

    As `torch.optim.SGD` has it, without dampening and not Nesterov's: biases, γ and β decay too.  v is zero at the
    start, and where the mask is.  With μ = λ = 0, as by default, that is plain SGD.

    Attributes:
        batch: images a step.
        rate: η, the learning rate; of one that changes, the first.
        norm_keep: share of batch norm's running mean and variance kept per step.
        norm_epsilon: added to the variance in batch norm.
        momentum: μ.
        weight_decay: λ.
        scheduled: whether the rate changes: then `Engine.advance` is given that of each step.
    """

    batch: int
    rate: float
    norm_keep: float
    norm_epsilon: float
    momentum: float = 0.0
    weight_decay: float = 0.0
    scheduled: bool = False


class TrainingError(ArithmeticError):
    """Training that cannot go on; the message gives step and rate and what to do."""


class Engine(Protocol):
    """A network in training; made of its start, its mask, the data and `Sgd`, as described in `build_engine`.

    Whether it has batch norm its start says, which then has its parameters (`winnow.network.has_batch_norm`).

    Attributes:
        name: `reference`, `dense`, `sparse` (some layers are) or `graph`.
        device: `cpu`, or the name of the GPU.
        precision: of the matrix products: `float32`, `tf32`, or `float64` where the parameters are.
        rate: learning rate, at the start.
    """

    name: str
    device: str
    precision: str
    rate: float

    def advance(self, batches: np.ndarray, rates: np.ndarray | None = None) -> tuple[float, int]:
        """One step of SGD for each row of `batches`, with the mask held; see `Sgd`.

        Args:
            batches: (n, batch) indices of training images.
            rates: (n,) the learning rate of each step, where it changes; None: always `Sgd.rate`.

        Returns:
            The sum over the steps of the batch's mean cross-entropy before the step, and how many images were right.
        """

    def accuracy(self) -> float:
        """Share of the validation images that are classified correctly, with running batch-norm statistics."""

    def parameters(self) -> Parameters:
        """A copy of the whole state."""

    def velocity(self) -> Parameters:
        """A copy of v by the names of the parameters; empty without momentum."""

    def restart(self, start: Parameters, mask: Mask, velocity: Parameters | None = None) -> None:
        """Go on from other parameters, under another mask of the same arrays: what is learned next depends on no other.

        Args:
            start: the whole state, zero where the mask is.
            mask: of the arrays that had a mask when the engine was made.
            velocity: v, zero where the mask is; None: zero everywhere.
        """

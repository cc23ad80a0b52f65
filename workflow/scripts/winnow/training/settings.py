"""What one training depends on, and the order of its images."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from winnow.job.devices import Device
from winnow.store.datasets import Dataset
from winnow.store.tensors import Mask, Parameters
from winnow.streams import stream
from winnow.training.build import build_engine
from winnow.training.engine import Engine, EngineName, Precision, Sgd
from winnow.training.rates import ScheduleName, rates_of_steps


@dataclass(frozen=True)
class TrainingSettings:
    """What one training depends on, beside its start, its mask and its data; defaults are the configuration's.

    Attributes:
        steps: T, SGD steps of a whole training.
        rewind: t_rewind, the step to which parameters are rewound.
        batch: images a step.
        rate: learning rate, at the first step.
        log_every: steps between two points of the training curve.
        norm_keep: share of batch norm's running mean and variance kept per step.
        norm_epsilon: added to the variance in batch norm.
        engine: which engine trains; see `winnow.training.engine`.
        precision: of parameters and steps; `tf32`: float32, and a GPU rounds the factors of its products.
        momentum: μ; see `winnow.training.engine.Sgd`.
        weight_decay: λ.
        schedule: how the rate changes; see `winnow.training.rates`.
        milestones: of the schedule `step`: shares of T at which the rate is multiplied by `rate_factor`.
        rate_factor: of the schedule `step`.
        replacement: whether images are drawn with replacement; see `draw_batches`.
    """

    steps: int
    rewind: int
    batch: int
    rate: float
    log_every: int
    norm_keep: float
    norm_epsilon: float
    engine: EngineName = "auto"
    precision: Precision = "float32"
    momentum: float = 0.0
    weight_decay: float = 0.0
    schedule: ScheduleName = "constant"
    milestones: Sequence[float] = (0.5, 0.75)
    rate_factor: float = 0.1
    replacement: bool = True

    @property
    def sgd(self) -> Sgd:
        """The steps."""
        return Sgd(
            self.batch,
            self.rate,
            self.norm_keep,
            self.norm_epsilon,
            momentum=self.momentum,
            weight_decay=self.weight_decay,
            scheduled=self.schedule != "constant",
        )

    @property
    def rates(self) -> np.ndarray | None:
        """The rate of each step; None where it is constant."""
        return rates_of_steps(self.schedule, self.rate, self.steps, milestones=self.milestones, factor=self.rate_factor)

    def at_precision(self, parameters: Parameters) -> Parameters:
        """Parameters as a training starts with them: copies, of the precision that it has from them."""
        dtype = np.float64 if self.precision == "float64" else np.float32
        return {name: array.astype(dtype) for name, array in parameters.items()}

    def build_engine(self, start: Parameters, mask: Mask | None, dataset: Dataset, device: Device) -> Engine:
        """A network ready to be trained with these settings; see `winnow.training.build.build_engine`."""
        return build_engine(
            start,
            mask,
            dataset,
            self.sgd,
            engine=self.engine,
            device=device,
            precision=self.precision,
        )


def draw_batches(dataset: Dataset, settings: TrainingSettings, *keys: int | str) -> np.ndarray:
    """Indices of each step's training images, by the keys alone: (steps, batch) int64.

    Drawn with replacement; or (`replacement` false) in passes through all images, each in an order of its own: an image
    comes again when all others have come as often.  A pass may end within a batch.
    """
    draw, n_images = stream("batches", *keys), len(dataset.train.images)
    if settings.replacement:
        return draw.integers(n_images, size=(settings.steps, settings.batch))
    rows = np.empty(settings.steps * settings.batch, np.int64)
    for first in range(0, len(rows), n_images):
        of_pass = rows[first : first + n_images]
        of_pass[:] = draw.permutation(n_images)[: len(of_pass)]
    return rows.reshape(settings.steps, settings.batch)

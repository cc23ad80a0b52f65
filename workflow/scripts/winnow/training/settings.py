"""What one training depends on, and the order of its images."""

from dataclasses import dataclass

import numpy as np

from winnow.job.devices import Device
from winnow.store.datasets import Dataset
from winnow.store.tensors import Mask, Parameters
from winnow.streams import stream
from winnow.training.build import build_engine
from winnow.training.engine import Engine, EngineName, Precision, Sgd


@dataclass(frozen=True)
class TrainingSettings:
    """What one training depends on, beside its start, its mask and its data.

    Attributes:
        steps: T, SGD steps of a whole training.
        rewind: t_rewind, the step to which parameters are rewound.
        batch: images a step, drawn with replacement.
        rate: learning rate.
        log_every: steps between two points of the training curve.
        norm_keep: share of batch norm's running mean and variance kept per step.
        norm_epsilon: added to the variance in batch norm.
        engine: which engine trains; see `winnow.training.engine`.
        precision: of parameters and steps; `tf32`: float32, and a GPU rounds the factors of its products.
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

    @property
    def sgd(self) -> Sgd:
        """The steps."""
        return Sgd(self.batch, self.rate, self.norm_keep, self.norm_epsilon)

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
    """Indices of each step's training images, drawn with replacement, by the keys alone: (steps, batch) int64."""
    return stream("batches", *keys).integers(len(dataset.train.images), size=(settings.steps, settings.batch))

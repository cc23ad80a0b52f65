"""The sections of the configuration beside the datasets."""

import itertools
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SerializerFunctionWrapHandler, field_validator, model_serializer, model_validator

from winnow.config.settings import Count, Seed, Settings, Share, TwoOrMore
from winnow.config.words import nearest
from winnow.pruning.criteria.registry import of_interface

_MOST_DRAWN = 10**10  # images of a training's batches, drawn beforehand: 80 GB


class Network(Settings):
    """The fully connected network D:H:…:H:K."""

    hidden: Annotated[list[Count], Field(min_length=1)] = Field([1024, 1024], description="units of each hidden layer")
    initial_weights: Literal["uniform", "normal"] = Field(
        "uniform", description="distribution of the initial weights, Glorot variance"
    )
    batch_norm: bool = Field(
        True, description="batch norm of each layer's input; false: none, and the next two settings do nothing"
    )
    norm_keep: Share = Field(0.99, description="share of batch norm's running mean and variance kept per step")
    norm_epsilon: Annotated[float, Field(gt=0)] = Field(1e-5, description="added to the variance in batch norm")

    later = frozenset({"batch_norm"})

    @field_validator("norm_epsilon")
    @classmethod
    def _is_felt(cls, epsilon: float) -> float:
        if epsilon < 1e-12:
            raise ValueError(f"{epsilon:g} is lost in single precision where an input is constant: at least 1e-12")
        return epsilon


class Training(Settings):
    """One training of the network, by SGD."""

    steps: Count = Field(40000, description="T: SGD steps of a training")
    rewind: Annotated[int, Field(ge=0)] = Field(1000, description="t_rewind: the step to which parameters are rewound")
    batch: TwoOrMore = Field(40, description="images per step")
    replacement: bool = Field(
        True,
        description="images are drawn with replacement; false: in passes, each image once before any comes again, the "
        "order of each pass drawn anew",
    )
    rate: Annotated[float, Field(gt=0, le=1_000_000)] = Field(0.1, description="learning rate, at the first step")
    schedule: Literal["constant", "step", "cosine"] = Field(
        "constant",
        description="how the rate changes with the step t: step: by rate_factor at each of the milestones; cosine: as "
        "rate (1 + cos(π t / steps)) / 2",
    )
    milestones: list[Share] = Field([0.5, 0.75], description="schedule step: shares of steps at which the rate changes")
    rate_factor: Annotated[float, Field(gt=0, le=1000)] = Field(
        0.1, description="schedule step: by which the rate is multiplied at each"
    )
    momentum: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.0, description="μ in v ← μ v + gradient, a step of -rate v; of PyTorch's SGD"
    )
    weight_decay: Annotated[float, Field(ge=0, le=1000)] = Field(
        0.0, description="λ: λ times the parameter is added to the gradient, for all that learn, as PyTorch's SGD does"
    )
    log_every: Count = Field(1000, description="steps between two points of the training curve")
    engine: Literal["auto", "reference", "dense", "sparse"] = Field(
        "auto",
        description="how the network is trained, all the same up to rounding; reference: autograd; dense, sparse: "
        "written out for the CPU; auto: on a CPU each layer dense or sparse by its density, on a GPU a CUDA graph",
    )
    precision: Literal["float32", "tf32", "float64"] = Field(
        "float32",
        description="of parameters and steps; tf32: float32, whose products a GPU does faster, with factors rounded to "
        "10 bits; float64: slower, and less of the result is rounding",
    )

    later = frozenset({"replacement", "schedule", "milestones", "rate_factor", "momentum", "weight_decay"})

    @model_validator(mode="after")
    def _schedule_uses_what_is_set(self) -> Self:
        unused = [name for name in ("milestones", "rate_factor") if getattr(self, name) != self.default(name)]
        if unused and self.schedule != "step":
            raise ValueError(
                f"{' and '.join(unused)}: only the schedule step uses them; schedule is {self.schedule}: set it to "
                "step, or leave them out"
            )
        if any(a >= b for a, b in itertools.pairwise(self.milestones)):
            raise ValueError(f"milestones must increase; they are {self.milestones}")
        return self

    @model_validator(mode="after")
    def _decay_shrinks(self) -> Self:
        if self.rate * self.weight_decay >= 2:
            raise ValueError(
                f"rate ({self.rate:g}) times weight_decay ({self.weight_decay:g}) must be below 2: a parameter is "
                "multiplied by 1 - rate weight_decay at each step, and would grow for ever; lower one of them"
            )
        return self

    @model_validator(mode="after")
    def _rewind_before_end(self) -> Self:
        if self.rewind >= self.steps:
            raise ValueError(f"rewind ({self.rewind}) must be smaller than steps ({self.steps})")
        if self.steps * self.batch > _MOST_DRAWN:
            raise ValueError(
                f"steps ({self.steps}) of batch ({self.batch}) images take {8e-9 * self.steps * self.batch:,.0f} GB "
                "for the order of the images alone: lower one of them"
            )
        return self


class Pruning(Settings):
    """How parameters are removed."""

    rounds: Count = Field(10, description="N_IMP: rounds of iterative pruning")
    share: Share = Field(0.3, description="s: share of the remaining parameters removed per round")
    pool: Literal["layerwise", "global"] = Field(
        "layerwise", description="which parameters share a threshold: those of a layer, or all"
    )
    criterion: str = Field(
        "magnitude",
        description="score whose smallest values are pruned, by the methods that name none: "
        + ", ".join(of_interface("parameters")),
    )
    biases: Literal["pooled", "apart", "kept"] = Field(
        "pooled",
        description="pooled: biases are pruned with the weights of their pool; apart: in pools of their own; kept: "
        "never (methods at the start and while training prune none anyway)",
    )
    retrain_baselines: bool = Field(
        False, description="train the oneshot and random masks too (accuracy against density for all three)"
    )

    @model_serializer(mode="wrap")
    def _without_the_default(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """As it was before `biases` could be set, where it has its default: what was made of it stays."""
        return {key: value for key, value in dump(self).items() if key != "biases" or value != "pooled"}

    @field_validator("criterion")
    @classmethod
    def _known(cls, criterion: str) -> str:
        known = of_interface("parameters")
        if criterion not in known:
            raise ValueError(
                f"there is no criterion {criterion!r}{nearest(criterion, known)} of parameters alone; known: "
                + ", ".join(known)
            )
        return criterion


class Locality(Settings):
    """How receptive-field widths are measured."""

    channels: Literal["same", "any"] = Field(
        "same", description="pairs of weights in one channel, or of pixels connected through any channel"
    )
    include_origin: bool = Field(False, description="whether the fit includes S(0), the number of weights")
    min_weights: TwoOrMore = Field(5, description="units with fewer weights have no width")


class Measure(Settings):
    """What is measured beside the paper's statistics."""

    statistics: list[Literal["positions", "nongaussianity"]] = Field(
        [],
        description="further statistics of every run, each a table and rows of the table methods: positions, "
        "nongaussianity; see docs/measures.md",
    )

    layers: Annotated[list[Count], Field(min_length=1)] = Field(
        [1],
        description="hidden layers whose statistics are measured, 1 the first; others than the first give tables of "
        "their own, layers_locality and so on, and rows of the table methods; see docs/measures.md",
    )

    @field_validator("statistics")
    @classmethod
    def _each_once(cls, statistics: list[str]) -> list[str]:
        if len(set(statistics)) < len(statistics):
            raise ValueError(f"a statistic is listed twice: {statistics}")
        return statistics

    @field_validator("layers")
    @classmethod
    def _each_layer_once(cls, layers: list[int]) -> list[int]:
        if len(set(layers)) < len(layers):
            raise ValueError(f"a layer is listed twice: {layers}")
        return sorted(layers)

    @property
    def is_deep(self) -> bool:
        """Whether another layer than the first is measured."""
        return self.layers != [1]

    @property
    def tables(self) -> list[str]:
        """The tables that are made on request: of the further statistics, and of deeper layers."""
        asked = [table for statistic in self.statistics for table in FURTHER_TABLES[statistic]]
        return asked + ([*LAYERS_TABLES, *(f"layers_{table}" for table in asked)] if self.is_deep else [])


FURTHER_TABLES = {
    "positions": ("positions",),
    "nongaussianity": ("nongaussianity_by_unit", "nongaussianity_by_class"),
}
"""The tables of each of the statistics that `measure.statistics` can ask for."""

LAYERS_TABLES = (
    "layers_locality",
    "layers_pair_correlation",
    "layers_kurtosis_by_unit",
    "layers_kurtosis_by_class",
    "layers_cavity",
)
"""The tables that `measure.layers` asks for; of the further statistics too, as `layers_positions` and so on."""


class Components(Settings):
    """PCA and ICA of the validation images."""

    number: Count = Field(64, description="components of each kind")
    max_images: TwoOrMore | None = Field(None, description="validation images used; null: all")
    seed: Seed = Field(0, description="seed of the ICA's start")


class Figures(Settings):
    """What the figures show."""

    dataset: str | None = Field(
        None, description="the dataset of the figures; null: the first (claims are checked on all)"
    )
    units: Count = Field(16, description="units whose masks are drawn, at quantiles of their number of weights")
    width: Annotated[float, Field(ge=80, le=250)] = Field(
        177.8,
        description="width of the figures in mm: your journal's, of two columns or of one; below 127 panels that stood "
        "side by side stand in a column",
    )


class Explorer(Settings):
    """What the explorer, `explorer.html`, holds; each seed and each unit adds to its size."""

    seeds: Annotated[list[Seed], Field(min_length=1)] | None = Field(
        None, description="seeds whose masks are in the page; null: the first"
    )
    units: Count = Field(
        16, description="units with weights, histograms and cavity scores, at quantiles of their number of weights"
    )


class Compute(Settings):
    """How jobs use the machine; results depend on it by rounding, which training amplifies, and by nothing else."""

    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto",
        description="where networks are trained; auto: on a CUDA GPU where there is one; cuda: insist on one, and with "
        "--use-conda take the environment that has PyTorch for CUDA",
    )
    measure_device: Literal["auto", "cpu", "cuda"] | None = Field(
        None, description="where statistics are measured; null: cpu if device is cpu, else auto"
    )
    jobs_per_gpu: Count | None = Field(
        None,
        description="jobs that may compute on one GPU at a time; null: as many as its memory has room for, at most 4; "
        "on a cluster 1",
    )
    scratch: str | None = Field(
        None,
        description="folder on each node, such as $TMPDIR, to which it copies a dataset before training on it; null: "
        "datasets are read where they are",
    )
    training_threads: Count = Field(1, description="threads of a job that trains")
    measure_threads: Count = Field(1, description="threads of a job that measures")

    @property
    def measuring_device(self) -> Literal["auto", "cpu", "cuda"]:
        """`measure_device`, resolved."""
        return self.measure_device or ("cpu" if self.device == "cpu" else "auto")

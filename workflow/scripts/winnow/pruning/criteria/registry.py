"""The criteria by name: each is a module of this package with a function of the same name.

A criterion has one of three interfaces:

| interface | function | used by the procedures |
| --- | --- | --- |
| `parameters` | `(trained, rewind) -> score`, an array of parameters at a time | iterate, oneshot, at_start |
| `network` | `(network, **settings) -> scores`, of a network and data | iterate, oneshot, at_start |
| `moving` | `(weight, gradient, draw) -> drop, grow`, of a mask that moves | while_training |

Of the first two the smallest scores are pruned.  Beside the three stands `step`: a step of SGD of its own, `(weight,
gradient, *, rate, strength, **settings) -> weight`, that leaves weights at zero (while_training).  A module is imported
when its criterion is used, so that a configuration is checked without numpy and PyTorch.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import torch

    OfParameters = Callable[[np.ndarray, np.ndarray], np.ndarray]
    OfNetwork = Callable[..., dict[str, np.ndarray]]
    OfStep = Callable[..., torch.Tensor]
    OfMovingMask = Callable[[np.ndarray, Callable[[], np.ndarray], np.random.Generator], tuple[np.ndarray, np.ndarray]]

Pool = Literal["layerwise", "global"]
Biases = Literal["pooled", "apart", "kept"]
Interface = Literal["parameters", "network", "moving", "step"]
Setting: TypeAlias = int | float | str | bool
Settings: TypeAlias = Mapping[str, Setting | tuple[str, ...]]
"""Settings by name with their defaults; of a tuple of words any, and by default the first."""


STATISTICS = ("running", "batch")
"""Whose mean and variance batch norm takes while a network is scored: the running ones, or those of the images."""


@dataclass(frozen=True)
class Criterion:
    """What is known of a criterion without importing it.

    Attributes:
        interface: how it is called; see above.
        pool: which parameters share a threshold as published; None: those that `pruning.pool` says.
        settings: the criterion's own.
    """

    interface: Interface
    pool: Pool | None = None
    settings: Settings = field(default_factory=dict)


_GRASP = Criterion(
    "network", "global", {"images": 100, "per_class": 10, "temperature": 200.0, "statistics": STATISTICS}
)

CRITERIA: dict[str, Criterion] = {
    "magnitude": Criterion("parameters"),
    "magnitude_increase": Criterion("parameters"),
    "snip": Criterion("network", "global", {"images": 100, "per_class": 0, "statistics": STATISTICS}),
    "grasp": _GRASP,
    "grasp_magnitude": _GRASP,
    "synflow": Criterion("network", "global"),
    "obd": Criterion("network", "global", {"images": 50_000, "labels": ("drawn", "all"), "samples": 1}),
    "cavity": Criterion("network", settings={"images": 10_000}),
    "set": Criterion(
        "moving",
        "global",
        {
            "every": 100,
            "drop": 0.3,
            "until": 1.0,
            "decay": ("none", "cosine"),
            "instead_of_step": False,
            "regrown": ("zero", "kept"),
        },
    ),
    "rigl": Criterion(
        "moving",
        "global",
        {
            "every": 100,
            "drop": 0.3,
            "until": 0.75,
            "decay": ("cosine", "none"),
            "instead_of_step": True,
            "regrown": ("kept", "zero"),
        },
    ),
    "beta_lasso": Criterion(
        "step", "global", {"beta": 50.0, "lowest": 1e-8, "highest": 1.0, "trials": 12, "tolerance": 0.02}
    ),
    "cavity_trained": Criterion(
        "network", settings={"images": 10_000, "sign": ("signed", "absolute"), "compared_in": ("layer", "unit")}
    ),
    "cavity_magnitude": Criterion("network", settings={"images": 10_000, "strength": 1.0}),
}
"""What the setting `criterion` of a method may be; `pruning.criterion` may be those of parameters."""


def defaults(settings: Settings) -> dict[str, Setting]:
    """The settings' values where nothing else is said."""
    return {name: value[0] if isinstance(value, tuple) else value for name, value in settings.items()}


def of_interface(interface: Interface) -> list[str]:
    """The criteria of an interface."""
    return [name for name, criterion in CRITERIA.items() if criterion.interface == interface]


def load_criterion(name: str) -> "OfParameters":
    """The criterion of a name, a function `(trained, rewind) -> score` of one array of parameters.

    It takes their values after training and at the rewind point, and returns a score for each, in an array of the same
    shape: the smallest are pruned.
    """
    criterion: OfParameters = _load(name)
    return criterion


def load_network_criterion(name: str) -> "OfNetwork":
    """The criterion of a name, a function `(network, **settings) -> scores` of a `winnow.pruning.scored.ScoredNetwork`.

    It returns an array of scores for each array of parameters that it scores, by name: the smallest are pruned.  Arrays
    that it leaves out are not pruned.
    """
    criterion: OfNetwork = _load(name)
    return criterion


def load_moving_criterion(name: str) -> "OfMovingMask":
    """The criterion of a name, a function `(weight, gradient, draw) -> drop, grow` of one layer's weights.

    It takes the weights (out, in), a function that gives the dense gradient of the loss (out, in) where it is asked
    for, and a random generator.  Of the surviving weights those with the smallest `drop` go, then of those that are not
    there the ones with the largest `grow` come.
    """
    criterion: OfMovingMask = _load(name)
    return criterion


def load_step(name: str) -> "OfStep":
    """The criterion of a name, a function `(weight, gradient, *, rate, strength, **settings) -> weight` of one array.

    It takes tensors before the step and returns the weights after it; the larger `strength`, the more of them are zero.
    """
    step: OfStep = _load(name)
    return step


def _load(name: str) -> Any:
    criterion: Callable[..., Any] = getattr(import_module(f"{__package__}.{name}"), name)
    return criterion

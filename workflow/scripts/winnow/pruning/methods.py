"""The pruning methods by name: ways to a sequence of masks at the densities (1 − s)^n.

A method is a procedure with what it needs: a criterion, a pool, settings.  Imports nothing, so that a configuration is
checked without numpy.

| procedure | what it does |
| --- | --- |
| `iterate` | train, cut, rewind, again (IMP) |
| `oneshot` | train once, cut to each density |
| `at_start` | no training: scores at θ(t_rewind), or at the initial weights |
| `while_training` | a training for each density, in which the mask moves |
| `from_masks` | made of another method's masks |
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from winnow.pruning.criteria.registry import CRITERIA, Criterion, Interface, Pool, Setting, Settings, defaults

Procedure = Literal["iterate", "oneshot", "at_start", "while_training", "from_masks"]
Start = Literal["rewind", "initialisation"]

INTERFACES: dict[Procedure, tuple[Interface, ...]] = {
    "iterate": ("parameters", "network"),
    "oneshot": ("parameters", "network"),
    "at_start": ("parameters", "network"),
    "while_training": ("moving", "step"),
    "from_masks": (),
}
"""The interfaces of the criteria that each procedure takes; `from_masks` takes one of `MAKERS`."""

MAKERS: dict[str, Settings] = {
    "random": {},
    "shuffled_layer": {},
    "shuffled_unit": {},
    "reinitialised": {},
    "kurtosis_random": {"draws": 100, "images": 2000},
}
"""What `from_masks` makes of masks, each with its own settings."""


@dataclass(frozen=True)
class Method:
    """A way to masks.

    Attributes:
        procedure: what it does; see above.
        criterion: whose smallest scores go, or, `from_masks`, what is made; None: `pruning.criterion`.
        pool: which parameters share a threshold; None: the criterion's published one, else `pruning.pool`.
        of: `from_masks`: the method whose masks are used.
        at: `at_start`: where the network is scored.
        iterations: `at_start`: cuts on the way to a density ρ, to ρ^(k / iterations) after cut k.
        by_round: `at_start`, `oneshot`: whether each round goes on from the mask of the round before, scored under it.
        settings: of the criterion or maker, those that differ from its defaults.
    """

    procedure: Procedure
    criterion: str | None = None
    pool: Pool | None = None
    of: str = "imp"
    at: Start = "rewind"
    iterations: int = 1
    by_round: bool = False
    settings: Mapping[str, Setting] = field(default_factory=dict)

    def known(self, default: str) -> Criterion:
        """What is known of its criterion.

        Args:
            default: `pruning.criterion`, for methods that name none.
        """
        return CRITERIA[self.criterion or default]

    def all_settings(self, default: str) -> dict[str, Setting]:
        """The settings of its criterion or maker, with the defaults of those that it does not set."""
        known = MAKERS[self.criterion or ""] if self.procedure == "from_masks" else self.known(default).settings
        return defaults(known) | dict(self.settings)

    def is_nested(self, methods: Mapping[str, "Method"]) -> bool:
        """Whether each of its masks lies in the one before: only then has a weight a round in which it goes.

        Args:
            methods: all methods by name, for those that are made of another's masks.
        """
        if self.procedure == "at_start":
            return self.by_round or self.iterations == 1
        if self.procedure == "from_masks":
            return self.criterion != "kurtosis_random" and methods[self.of].is_nested(methods)
        return self.procedure != "while_training"


BUILT_IN: dict[str, Method] = {
    "imp": Method("iterate"),
    "oneshot": Method("oneshot"),
    "random": Method("from_masks", "random"),
    "imp_global": Method("iterate", "magnitude", "global"),
    "oneshot_global": Method("oneshot", "magnitude", "global"),
    "magnitude_at_start": Method("at_start", "magnitude", at="initialisation"),
    "snip": Method("at_start", "snip"),
    "snip_layerwise": Method("at_start", "snip", "layerwise"),
    "grasp": Method("at_start", "grasp"),
    "grasp_layerwise": Method("at_start", "grasp", "layerwise"),
    "grasp_magnitude": Method("at_start", "grasp_magnitude"),
    "grasp_magnitude_layerwise": Method("at_start", "grasp_magnitude", "layerwise"),
    "synflow": Method("at_start", "synflow", iterations=100),
    "synflow_layerwise": Method("at_start", "synflow", "layerwise", iterations=100),
    "obd": Method("oneshot", "obd"),
    "obd_layerwise": Method("oneshot", "obd", "layerwise"),
    "cavity": Method("at_start", "cavity", by_round=True),
    "cavity_oneshot": Method("at_start", "cavity"),
    "cavity_magnitude": Method("oneshot", "cavity_magnitude"),
    "cavity_trained": Method("oneshot", "cavity_trained", by_round=True, settings={"sign": "absolute"}),
    "set": Method("while_training", "set"),
    "set_layerwise": Method("while_training", "set", "layerwise"),
    "rigl": Method("while_training", "rigl"),
    "rigl_layerwise": Method("while_training", "rigl", "layerwise"),
    "beta_lasso": Method("while_training", "beta_lasso"),
    "kurtosis_random": Method("from_masks", "kurtosis_random"),
    "imp_shuffled_layer": Method("from_masks", "shuffled_layer"),
    "imp_shuffled_unit": Method("from_masks", "shuffled_unit"),
    "imp_reinitialised": Method("from_masks", "reinitialised"),
}
"""The methods that need no definition in the configuration."""

PAPER = ("imp", "oneshot", "random")
"""The paper's methods, which its claims and figures are about, and what is run by default."""

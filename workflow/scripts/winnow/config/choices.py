"""Choices that are varied one at a time: what one of them changes, and what its runs are called."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from winnow.config.sections import Locality, Network, Pruning, Training
from winnow.config.settings import Settings
from winnow.config.sources.source import CLONE_SUFFIX

MARK = "@"
"""Between a dataset's name and a choice's; no name that a person gives has one."""


def _as_given(overrides: Any) -> Any:
    """What is set here is checked together with all that is not: see `Config.under`."""
    return overrides


class Choice(Settings):
    """What is set otherwise than in the experiment; all else is as there."""

    network: Annotated[dict[str, Any], BeforeValidator(_as_given, json_schema_input_type=Network)] = Field(
        {}, description="settings of `network` that differ; its runs train anew"
    )
    training: Annotated[dict[str, Any], BeforeValidator(_as_given, json_schema_input_type=Training)] = Field(
        {}, description="settings of `training` that differ; its runs train anew"
    )
    pruning: Annotated[dict[str, Any], BeforeValidator(_as_given, json_schema_input_type=Pruning)] = Field(
        {}, description="settings of `pruning` that differ; its runs share the dense training"
    )
    locality: Annotated[dict[str, Any], BeforeValidator(_as_given, json_schema_input_type=Locality)] = Field(
        {}, description="settings of `locality` that differ; its runs share all masks, and are measured anew"
    )


SECTIONS = tuple(Choice.model_fields)
"""The sections of the experiment that a choice can change."""

FIXED = {
    "pruning": {
        "rounds": "tables and figures compare the same rounds",
        "retrain_baselines": "baselines are not trained under a choice",
    }
}
"""Settings of these sections that it cannot change, and why."""

STAGES = {
    "dense": ("network", "training"),
    "masks": ("network", "training", "pruning"),
    "widths": ("network", "training", "pruning", "locality"),
}
"""The sections that each stage's results depend on.

`dense`: θ(t_rewind), θ(T); `masks`: masks, and statistics that `locality` has no part in; `widths`: those that it has.
"""


OF_WIDTHS = (
    *("locality", "locality_population", "pair_correlation", "positions"),
    *("layers_locality", "layers_pair_correlation", "layers_positions"),
)
"""The tables that are of the stage `widths`; all others are of the stage `masks`."""


def run_name(dataset: str, choice: str) -> str:
    """What a dataset is called under a choice; its clone has the clone's suffix behind that, as every clone has."""
    plain = dataset.removesuffix(CLONE_SUFFIX)
    return f"{plain}{MARK}{choice}{dataset[len(plain) :]}"


def split_name(name: str) -> tuple[str, str | None]:
    """The dataset, or clone, whose images a run has, and the choice it is under; None: the experiment's settings."""
    plain = name.removesuffix(CLONE_SUFFIX)
    dataset, mark, choice = plain.partition(MARK)
    return dataset + name[len(plain) :], choice if mark else None

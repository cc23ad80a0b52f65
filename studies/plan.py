"""What a study asks: a base experiment, and for each question its variants."""

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from snakemake.utils import update_config

from studies import ROOT
from winnow.config.experiment import Config
from winnow.config.parse import parse_config
from winnow.config.words import ConfigError

_KEYS = {"base", "seeds", "rounds_measured", "questions"}


@dataclass(frozen=True)
class Variant:
    """The base experiment with some settings changed.

    Attributes:
        question: the question that it belongs to.
        name: the value of what is varied, as the figure's axis shows it.
        config: its settings, complete and checked.
    """

    question: str
    name: str
    config: Config


@dataclass(frozen=True)
class Study:
    """A study, as read from its file.

    Attributes:
        name: of the file.
        axes: what is varied, for each question.
        variants: of all questions, in their order.
        seeds: of every variant.
        rounds_measured: rounds whose masks are measured, besides the last one of each variant.
    """

    name: str
    axes: dict[str, str]
    variants: list[Variant]
    seeds: list[int]
    rounds_measured: list[int]


def read_study(path: Path, overrides: dict[str, Any] | None = None) -> Study:
    """Read a study.

    Args:
        path: YAML with `base`, the file of an experiment, from the project's folder; `seeds`; `rounds_measured`, if
            any; and `questions`: for each, `axis`, what is varied, and `variants`, by name the settings that differ.
        overrides: settings that differ from the base in all variants, such as where the images lie.

    Raises:
        ConfigError: a key is missing or unknown, or a variant is no experiment.
    """
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(raw, dict) or not {"base", "seeds", "questions"} <= set(raw) <= _KEYS:
        raise ConfigError(f"{path.name}: a study has the keys base, seeds, questions and, if need be, rounds_measured")
    base = yaml.safe_load((ROOT / raw["base"]).read_text(encoding="utf-8"))
    update_config(base, overrides or {})
    variants = []
    for question, asked in raw["questions"].items():
        if set(asked) != {"axis", "variants"}:
            raise ConfigError(f"{path.name}: questions.{question} must have axis and variants, and nothing else")
        for name, changes in asked["variants"].items():
            settings = copy.deepcopy(base)
            update_config(settings, changes or {})
            config = parse_config(settings, f"{path.name}: questions.{question}.variants.{name}")
            variants.append(Variant(question, str(name), config))
    axes = {question: asked["axis"] for question, asked in raw["questions"].items()}
    return Study(path.stem, axes, variants, raw["seeds"], raw.get("rounds_measured", []))

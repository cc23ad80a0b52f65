"""The whole configuration of an experiment, and what must fit together in it."""

import itertools
import math
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Self

from pydantic import (
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from winnow.config.choices import FIXED, SECTIONS, STAGES, Choice, run_name, split_name
from winnow.config.datasets import DatasetSettings
from winnow.config.methods import Methods, resolve
from winnow.config.sections import (
    Components,
    Compute,
    Explorer,
    Figures,
    Locality,
    Measure,
    Network,
    Pruning,
    Training,
)
from winnow.config.settings import Name, Seed, Settings
from winnow.config.sources.blend import Blend
from winnow.config.sources.clone import CloneOf
from winnow.config.sources.source import CLONE_SUFFIX, Clone, Source
from winnow.config.words import nearest
from winnow.pruning.methods import PAPER, Method
from winnow.pruning.schedule import n_survivors

ASIDE = (".", "x-")
"""How top-level keys begin that are no settings, but a place for anchors."""

_MOST_WEIGHTS = 10**10  # of a layer: 40 GB
_MOST_PATHS = 290  # powers of ten: float64 ends at 308, and an image has up to 10^10 pixels


class Config(Settings):
    """An experiment."""

    model_config = ConfigDict(json_schema_extra={"patternProperties": {r"^(\.|x-)": {}}})

    experiment: Name = Field(description="name of the experiment: everything lies in results/<experiment>/")
    seeds: Annotated[list[Seed], Field(min_length=1)] = Field(description="one independent run each")
    datasets: Annotated[dict[Name, DatasetSettings], Field(min_length=1)] = Field(
        description="a name and a source for each"
    )
    methods: Methods = Field(
        list(PAPER),
        description="pruning methods: a list of names, or names with settings; see docs/methods.md",
        validate_default=True,
    )
    network: Network = Field(default_factory=Network, description=Network.__doc__)
    training: Training = Field(default_factory=Training, description=Training.__doc__)
    pruning: Pruning = Field(default_factory=Pruning, description=Pruning.__doc__)
    locality: Locality = Field(default_factory=Locality, description=Locality.__doc__)
    choices: dict[Annotated[Name, Field(max_length=40)], Choice] = Field(
        {}, description="choices that are varied one at a time, a name and what it changes; see docs/sensitivity.md"
    )
    measure: Measure = Field(default_factory=Measure, description=Measure.__doc__)
    components: Components = Field(default_factory=Components, description=Components.__doc__)
    figures: Figures = Field(default_factory=Figures, description=Figures.__doc__)
    explorer: Explorer = Field(default_factory=Explorer, description=Explorer.__doc__)
    compute: Compute = Field(default_factory=Compute, description=Compute.__doc__)

    @field_validator("seeds")
    @classmethod
    def _each_once(cls, seeds: list[int]) -> list[int]:
        if len(set(seeds)) < len(seeds):
            raise ValueError(f"a seed is listed twice: {seeds}")
        return seeds

    @field_validator("datasets")
    @classmethod
    def _no_clone_by_name(cls, datasets: dict[str, DatasetSettings]) -> dict[str, DatasetSettings]:
        for name in datasets:
            if name.endswith(CLONE_SUFFIX):
                raise ValueError(f"{name!r}: names ending in {CLONE_SUFFIX} belong to Gaussian clones; choose another")
        return datasets

    @field_validator("datasets")
    @classmethod
    def _no_two_in_one_folder(cls, datasets: dict[str, DatasetSettings]) -> dict[str, DatasetSettings]:
        first: dict[str, str] = {}
        for name in with_clones(datasets):
            if (other := first.setdefault(name.lower(), name)) != name:
                raise ValueError(
                    f"{other!r} and {name!r} differ in capitals only: some disks give both one folder; rename one"
                )
        return datasets

    @field_validator("choices", mode="before")
    @classmethod
    def _of_all(cls, choices: Any) -> Any:
        for name, choice in choices.items() if isinstance(choices, Mapping) else ():
            for section in choice if isinstance(choice, Mapping) else ():
                if section in cls.model_fields and section not in SECTIONS:
                    raise ValueError(
                        f"{name}: a choice cannot change {section}, which is of the whole experiment; it can change "
                        + ", ".join(SECTIONS)
                    )
        return choices

    @field_validator("choices")
    @classmethod
    def _named_apart(cls, choices: dict[str, Choice]) -> dict[str, Choice]:
        first: dict[str, str] = {}
        for name in choices:
            if name.endswith(CLONE_SUFFIX):
                raise ValueError(f"{name!r}: names ending in {CLONE_SUFFIX} belong to Gaussian clones; choose another")
            if (other := first.setdefault(name.lower(), name)) != name:
                raise ValueError(
                    f"{other!r} and {name!r} differ in capitals only: some disks give both one folder; rename one"
                )
        return choices

    @model_serializer(mode="wrap")
    def _without_no_choices(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """As it was before there were choices, where there are none: what was made of it stays."""
        return {key: value for key, value in dump(self).items() if key != "choices" or value}

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        self._check()
        return self

    def _check(self) -> None:
        if self.figures.dataset not in (None, *self.datasets):
            raise ValueError(
                f"figures.dataset: there is no dataset {self.figures.dataset!r}"
                f"{nearest(str(self.figures.dataset), self.datasets)}"
            )
        if unknown := sorted(set(self.explorer.seeds or []) - set(self.seeds)):
            raise ValueError(f"explorer.seeds: {unknown} are not among the seeds {self.seeds}; list those to be shown")
        resolve(self.methods, self.pruning.criterion)
        self._has_layers()
        self._clones()
        self._blends()
        for name in self.datasets:
            self._prunes(self.plain(name).n_inputs)
            self._measures(name, self.plain(name))

    def _has_layers(self) -> None:
        hidden, deepest = self.network.hidden, max(self.measure.layers)
        if deepest > len(hidden):
            raise ValueError(
                f"measure.layers: there is no hidden layer {deepest}; network.hidden has {len(hidden)}, of which 1 is "
                "the first"
            )
        if sum(map(math.log10, hidden[: deepest - 1])) > _MOST_PATHS:
            raise ValueError(
                f"measure.layers: a unit of layer {deepest} has more than 10^{_MOST_PATHS} paths to a pixel, which "
                "cannot be counted: leave it out"
            )

    def _clones(self) -> None:
        for name, clone in self.clones.items():
            if clone.of not in self.datasets:
                raise ValueError(
                    f"datasets.{name}.of: there is no dataset {clone.of!r}{nearest(clone.of, self.datasets)}"
                )
            if isinstance(self.datasets[clone.of], Blend | CloneOf):
                raise ValueError(f"datasets.{name}.of: {clone.of!r} must be no clone and no blend")

    def _blends(self) -> None:
        for name, blend in self.blends.items():
            if blend.of not in self.datasets:
                raise ValueError(
                    f"datasets.{name}.of: there is no dataset {blend.of!r}{nearest(blend.of, self.datasets)}"
                )
            cloned = self.datasets[blend.of].clone
            if isinstance(self.datasets[blend.of], Blend | CloneOf) or cloned is None:
                raise ValueError(
                    f"datasets.{name}.of: {blend.of!r} must be no blend, and have a clone: set clone: {{}}"
                )
            if cloned.kind != "exact":
                raise ValueError(
                    f"datasets.{name}.of: the clone of {blend.of!r} is {cloned.kind}, and only an exact one keeps the "
                    "covariance of a blend: leave out `as`"
                )
        if self.blends and any(dataset.dial is not None for dataset in self.datasets.values()):
            raise ValueError(
                "datasets: blends and images with an excess_kurtosis have dials that figure 8 cannot draw on one axis: "
                "give each an experiment of its own"
            )

    def _prunes(self, n_inputs: int) -> None:
        rounds, share = self.pruning.rounds, self.pruning.share
        sizes = list(itertools.pairwise([n_inputs, *self.network.hidden]))
        n, m = max(sizes, key=math.prod)
        if n * m > _MOST_WEIGHTS:
            raise ValueError(
                f"network.hidden: a layer of {n} x {m} weights takes {4e-9 * n * m:,.0f} GB: make it smaller"
            )
        pools = [(n + (self.pruning.biases == "pooled")) * m for n, m in sizes]
        if self.pruning.pool == "global":
            pools = [sum(pools)]
        if n_survivors(min(pools), share, rounds) < 1:
            raise ValueError(
                f"pruning.rounds: {rounds} rounds of {share:g} leave no parameter of a layer with {min(pools)}: prune "
                "fewer rounds, a smaller share, or a wider network"
            )
        if n_survivors(max(pools), share, 1) == max(pools):
            raise ValueError(
                f"pruning.share: a round of {share:g} removes none of {max(pools)} parameters: prune a larger share"
            )

    def _measures(self, name: str, dataset: Source) -> None:
        number, inputs = self.components.number, dataset.n_inputs
        images = min(dataset.most_validation_images, self.components.max_images or math.inf)
        if number > inputs:
            raise ValueError(f"components.number: dataset {name!r} has only {inputs} inputs")
        if number >= images:
            raise ValueError(
                f"components.number: {number} components need more than {number} images, but of the dataset {name!r} "
                f"{images} are used (validation images, at most components.max_images): lower it"
            )
        if self.locality.min_weights > inputs:
            raise ValueError(f"locality.min_weights: a unit of dataset {name!r} has {inputs} weights at most: lower it")

    def clone_of(self, name: str) -> Clone:
        """The settings of the clone of a dataset; KeyError if it has none."""
        clone = self.datasets[name].clone
        if clone is None:
            raise KeyError(name)
        return clone

    @property
    def blends(self) -> dict[str, Blend]:
        """The datasets that are made of another and its clone."""
        return {name: dataset for name, dataset in self.datasets.items() if isinstance(dataset, Blend)}

    @property
    def clones(self) -> dict[str, CloneOf]:
        """The datasets that are one more clone of another."""
        return {name: dataset for name, dataset in self.datasets.items() if isinstance(dataset, CloneOf)}

    def plain(self, name: str) -> DatasetSettings:
        """The settings of a dataset; of a blend or one more clone, those of what it is made of."""
        dataset = self.datasets[name]
        return self.datasets[dataset.of] if isinstance(dataset, Blend | CloneOf) else dataset

    @property
    def dials(self) -> dict[str, tuple[str, float]]:
        """Arm and dial of each dataset that has one, 0 where it is Gaussian.

        The arm of synthetic images is their source, the dial their excess kurtosis; the arm of blends is the dataset
        that is blended, at 1, with its clone at 0, and the dial its share of the variance.
        """
        ends = {end: at for of in self._blended for end, at in ((of, (of, 1.0)), (of + CLONE_SUFFIX, (of, 0.0)))}
        blends = {name: (blend.of, 1 - blend.clone_share) for name, blend in self.blends.items()}
        return {name: (data.source, data.dial) for name, data in self.datasets.items() if data.dial is not None} | (
            ends | blends
        )

    @property
    def _blended(self) -> list[str]:
        return list(dict.fromkeys(blend.of for blend in self.blends.values()))

    @property
    def all_methods(self) -> dict[str, Method]:
        """All methods by name, the built-in ones included, as `methods` has changed them; which run says `methods`."""
        return resolve(self.methods, self.pruning.criterion)

    @property
    def all_datasets(self) -> list[str]:
        """Names of the datasets and their clones."""
        return with_clones(self.datasets)

    @cached_property
    def under(self) -> dict[str, "Config"]:
        """The experiment as it is under each choice.

        Raises:
            pydantic.ValidationError: a section is faulty then; `loc` begins within it.
            ValueError: the sections do not fit together then.
        """
        return {name: self.changed_by(choice) for name, choice in self.choices.items()}

    def changed_by(self, choice: Choice) -> "Config":
        """The experiment as it is under a choice; raises as `under`."""
        changed = {section: self.section_under(section, choice) for section in SECTIONS}
        config = self.model_copy(update={**changed, "choices": {}})
        config._check()
        return config

    def section_under(self, section: str, choice: Choice) -> Settings:
        """A section of the experiment under a choice.

        Raises:
            pydantic.ValidationError: it is faulty; `loc` begins within the section.
            ValueError: the choice changes what it cannot change.
        """
        own: Settings = getattr(self, section)
        given: dict[str, Any] = getattr(choice, section)
        for name, why in FIXED.get(section, {}).items():
            if name in given:
                raise ValueError(f"{section}.{name}: a choice cannot change it: {why}")
        return type(own).model_validate({**own.model_dump(), **given}) if given else own

    def of_run(self, name: str) -> "Config":
        """The experiment with the settings that a run has: those of its choice, where it is under one.

        Args:
            name: of the run: a dataset, a clone, or one of them under a choice.
        """
        choice = split_name(name)[1]
        return self if choice is None else self.under[choice]

    def home(self, name: str, stage: str) -> str:
        """The run that holds a stage's results: of a choice that changes nothing in it, the experiment's own.

        Args:
            name: of the run, as in `of_run`.
            stage: one of `STAGES`.
        """
        settings = self.of_run(name)
        same = all(getattr(settings, section) == getattr(self, section) for section in STAGES[stage])
        return split_name(name)[0] if same else name

    def changes(self, choice: str) -> str:
        """What a choice changes, in words: such as `training.rate 2 instead of 1`."""
        texts = []
        for section in SECTIONS:
            then, now = (getattr(config, section).model_dump() for config in (self.under[choice], self))
            # A setting that is left out where it has its default.
            default = type(getattr(self, section))()
            texts += [
                f"{section}.{name} {_shown(then.get(name, getattr(default, name)))} instead of "
                f"{_shown(now.get(name, getattr(default, name)))}"
                for name in type(default).model_fields
                if then.get(name, getattr(default, name)) != now.get(name, getattr(default, name))
            ]
        return ", ".join(texts)

    @property
    def varied(self) -> dict[str, list[str]]:
        """The runs under each choice: the dataset of the figures and its clone."""
        dataset = self.figure_dataset
        here = with_clones({dataset: self.datasets[dataset]})
        return {choice: [run_name(name, choice) for name in here] for choice in self.choices}

    @property
    def explorer_seeds(self) -> list[int]:
        """The seeds in the explorer, each once, in the order of the experiment."""
        shown = self.explorer.seeds or self.seeds[:1]
        return [seed for seed in self.seeds if seed in shown]

    @property
    def figure_dataset(self) -> str:
        """The dataset of the figures."""
        return self.figures.dataset or next(iter(self.datasets))


def with_clones(datasets: Mapping[str, Source]) -> list[str]:
    """Names of datasets, each followed by its clone's if it is to have one."""
    return [
        full_name
        for name, settings in datasets.items()
        for full_name in ([name, name + CLONE_SUFFIX] if settings.clone is not None else [name])
    ]


def _shown(value: object) -> str:
    """A setting's value as YAML has it."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)

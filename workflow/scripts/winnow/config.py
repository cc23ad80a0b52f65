"""The one definition of the configuration: names, types, ranges, defaults, meaning.

`python -m winnow.config` (with `workflow/scripts` on PYTHONPATH) prints the JSON schema made from it, which editors use
to complete and check `config.yaml`; `python -m winnow.config --table` prints the table of settings of docs/settings.md.
"""

import contextlib
import datetime
import difflib
import itertools
import json
import math
import re
import reprlib
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from winnow.criteria import CRITERIA, n_survivors
from winnow.photo_files import list_photos
from winnow.source_files import (
    CIFAR10,
    CIFAR100,
    CifarEdition,
    check_names,
    find_cifar,
    find_class_folders,
    find_imagenet32,
    find_images,
)

CLONE_SUFFIX = "-clone"

_MOST = 10**9  # of anything that is counted: a typing error above it
_MOST_BITS = 1000  # of a whole number: more are too long to be shown
_MOST_WEIGHTS = 10**10  # of a layer: 40 GB
_MOST_DRAWN = 10**10  # images of a training's batches, drawn beforehand: 80 GB


def _nameable(path: str) -> str:
    check_names([path])
    return path


Count = Annotated[int, Field(ge=1, le=_MOST)]
TwoOrMore = Annotated[int, Field(ge=2, le=_MOST)]
Share = Annotated[float, Field(gt=0, lt=1)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]  # as the tables hold it
# "" would be the folder in which Snakemake runs.
Where = Annotated[str, Field(min_length=1), AfterValidator(_nameable)]
# Part of file names and captions; in reStructuredText an underscore at a word's end makes a link of it.
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9]+((-+|_+)[A-Za-z0-9]+)*$", max_length=100)]


class ConfigError(ValueError):
    """A configuration that cannot be run; every line names file and setting."""


class Settings(BaseModel):
    """Base of all sections: unknown keys are refused, and nothing is converted silently."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _numbers_of_command_line(cls, settings: Any) -> Any:
        """Numbers inside the braces and brackets of `--config` arrive as text."""
        if not isinstance(settings, Mapping):
            return settings
        kinds = {name: str(field.annotation) for name, field in cls.model_fields.items()}
        text = {name for name, kind in kinds.items() if "str" in kind or "Literal" in kind}
        return {name: value if name in text else _numbers(value) for name, value in settings.items()}


def _numbers(value: Any) -> Any:
    return [_number(item) for item in value] if isinstance(value, list) else _number(value)


def _number(value: Any) -> Any:
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        return _SHORT.repr(value)  # pydantic cannot show it
    if not isinstance(value, str):
        return value
    if value in (words := {"true": True, "false": False, "null": None}):
        return words[value]
    for number in (int, float):
        # YAML's own rules: a number with an exponent has a point too, so that 1e3 is text, and 08 is text as well.
        pattern = r"[-+]?(0|[1-9][0-9]*)" if number is int else r"[-+]?[0-9]*\.[0-9]*([eE][-+][0-9]+)?"
        if re.fullmatch(pattern, value):
            with contextlib.suppress(ValueError):
                return number(value)
    return value


class Clone(Settings):
    """The Gaussian clone of a dataset."""

    per: Literal["channel", "joint"] = Field(
        "channel", description="one Gaussian per class and colour channel (the paper), or per class with all channels"
    )
    fit_per_class: TwoOrMore | None = Field(
        None, description="training images per class the Gaussian is fitted to; null: all"
    )
    seed: Seed = Field(0, description="seed of the drawn images")


class Source(Settings, ABC):
    """What the sources of images have in common."""

    clone: Clone | None = Field(
        None, description="make a Gaussian clone too, named after the dataset with -clone; {} for defaults"
    )

    @property
    @abstractmethod
    def n_inputs(self) -> int:
        """Numbers in an image: D."""

    @property
    def most_validation_images(self) -> float:
        """Validation images there can be at most, as far as the settings tell."""
        return math.inf

    def files(self) -> list[Path]:
        """The user's files that the dataset is made of.

        Raises:
            SourceError: Snakemake cannot take some of them, for their names.
        """
        files = self._files()
        check_names(files)
        return files

    def _files(self) -> list[Path]:
        return []


class Photos(Source):
    """Patches of photographs; a class is a tile of a photograph."""

    source: Literal["photos"] = Field(description="patches of photographs")
    photos: Where = Field(
        "bundled",
        description="`bundled`: the colour photographs inside scikit-image and scikit-learn; else a folder of yours",
    )
    add_grey: bool = Field(False, description="add the bundled greyscale photographs, as grey RGB")
    side: Count = Field(32, description="side of a patch in pixels")
    tile: Count = Field(96, description="side of a tile in pixels: a class")
    stride: Count = Field(96, description="pixels from one tile to the next")
    band: Count | None = Field(
        None, description="width in pixels of the held-out bands that validation patches are cut from; null: side"
    )
    scale: Annotated[float, Field(gt=0, le=1)] = Field(1.0, description="factor by which photographs are shrunk first")
    flips: bool = Field(True, description="whether patches are mirrored at random")
    min_contrast: Annotated[float, Field(ge=0)] = Field(
        0.0, description="tiles whose pixel values have a smaller standard deviation (of 255) are left out"
    )
    train_per_class: TwoOrMore = Field(200, description="training patches per class")
    validation_per_class: Count = Field(
        24, description="validation patches per class; they share no pixel with training patches"
    )
    seed: Seed = Field(0, description="seed of the patches' positions")

    @property
    def n_inputs(self) -> int:
        """Numbers in an image: D."""
        return 3 * self.side**2

    @field_validator("photos")
    @classmethod
    def _folder_exists(cls, photos: str) -> str:
        if photos != "bundled" and not Path(photos).is_dir():
            raise ValueError(f"there is no folder {photos!r} (relative folders start where Snakemake runs)")
        check_names(list_photos(photos))
        return photos

    def _files(self) -> list[Path]:
        return [] if self.photos == "bundled" else list_photos(self.photos)

    @model_validator(mode="after")
    def _patch_fits(self) -> Self:
        if self.add_grey and self.photos != "bundled":
            raise ValueError(f"add_grey goes with photos: bundled only; to mix, copy pictures into {self.photos}")
        band = self.side if self.band is None else self.band
        if band < self.side:
            raise ValueError(f"band ({band}) must hold a validation patch: raise it to at least {self.side}")
        if self.tile < self.side + band:
            raise ValueError(
                f"tile ({self.tile}) has no room for a training patch ({self.side}) beside the held-out band ({band}): "
                f"raise tile to at least {self.side + band}"
            )
        return self


class Nlgp(Source):
    """Synthetic images of Ingrosso & Goldt (2022): a Gaussian process on a torus through an error function."""

    source: Literal["nlgp"] = Field(description="synthetic images: a Gaussian process through an error function")
    side: TwoOrMore = Field(32, description="side of an image in pixels")
    channels: Count = Field(1, description="independent channels")
    correlation_lengths: Annotated[list[Annotated[float, Field(gt=0)]], Field(min_length=2)] = Field(
        [2.0, 4.0], description="a class each: correlation length in pixels"
    )
    gain: Annotated[float, Field(ge=0)] = Field(
        3.0, description="gain of the error function: Gaussian images at 0, sharp edges when large"
    )
    train_per_class: TwoOrMore = Field(5000, description="training images per class")
    validation_per_class: Count = Field(1000, description="validation images per class")
    seed: Seed = Field(0, description="seed of the images")

    @property
    def n_inputs(self) -> int:
        """Numbers in an image: D."""
        return self.channels * self.side**2

    @property
    def most_validation_images(self) -> float:
        """Validation images."""
        return len(self.correlation_lengths) * self.validation_per_class

    @model_validator(mode="after")
    def _fits_torus(self) -> Self:
        if max(self.correlation_lengths) > self.side:
            raise ValueError(f"correlation_lengths: {max(self.correlation_lengths)} exceeds the side {self.side}")
        if len(set(self.correlation_lengths)) < len(self.correlation_lengths):
            raise ValueError("correlation_lengths: a length is listed twice; each is a class")
        return self


class Files(Source):
    """What the sources that are read as they are have in common."""

    max_train_per_class: TwoOrMore | None = Field(
        None, description="training images per class at most, for a quick trial; null: all"
    )
    max_validation_per_class: Count | None = Field(
        None, description="validation images per class at most, for a quick trial; null: all"
    )

    @property
    def n_inputs(self) -> int:
        """Numbers in an image: D."""
        return 3 * 32**2

    @property
    def most_classes(self) -> float:
        """Classes there can be at most, as far as the settings tell."""
        return math.inf

    @property
    def most_validation_images(self) -> float:
        """Validation images there can be at most, as far as the settings tell."""
        return self.most_classes * (self.max_validation_per_class or math.inf)


class Imagenet32(Files):
    """ImageNet32, from the files as they are distributed."""

    source: Literal["imagenet32"] = Field(description="ImageNet32: ImageNet at 32 x 32 pixels")
    folder: Where = Field(
        description="folder of train_data_batch_1 to _10 and val_data, pickled or .npz; see docs/data.md"
    )
    classes: Annotated[int, Field(ge=2, le=1000)] = Field(1000, description="classes that are used: the first ones")

    @property
    def most_classes(self) -> float:
        """Classes."""
        return self.classes

    @field_validator("folder")
    @classmethod
    def _files_exist(cls, folder: str) -> str:
        find_imagenet32(folder)
        return folder

    def _files(self) -> list[Path]:
        return list(find_imagenet32(self.folder).values())


class Cifar(Files):
    """What CIFAR-10 and CIFAR-100 have in common."""

    _edition: ClassVar[CifarEdition]

    path: Where = Field(description="the archive, python version, or the folder unpacked from it; see docs/data.md")

    @field_validator("path")
    @classmethod
    def _files_exist(cls, path: str) -> str:
        find_cifar(path, cls._edition)
        return path

    def _files(self) -> list[Path]:
        found = find_cifar(self.path, self._edition)
        return [found] if isinstance(found, Path) else list(found.values())


class Cifar10(Cifar):
    """CIFAR-10."""

    _edition = CIFAR10

    source: Literal["cifar10"] = Field(description="CIFAR-10")

    @property
    def most_classes(self) -> float:
        """Classes."""
        return 10


class Cifar100(Cifar):
    """CIFAR-100."""

    _edition = CIFAR100

    source: Literal["cifar100"] = Field(description="CIFAR-100")
    labels: Literal["fine", "coarse"] = Field("fine", description="the 100 classes or the 20 superclasses")

    @property
    def most_classes(self) -> float:
        """Classes."""
        return {"fine": 100, "coarse": 20}[self.labels]


class ImageFolder(Files):
    """Images of one's own, in a folder for each class."""

    source: Literal["image_folder"] = Field(description="images in a folder for each class")
    folder: Where = Field(
        description="folder of the classes' folders, or of train/ and val/ with such; see docs/data.md"
    )
    side: Count = Field(32, description="side in pixels to which every image is resized")
    validation_share: Share | None = Field(
        None, description="share of each class held out for validation at random; null: the folder has train/ and val/"
    )
    seed: Seed = Field(0, description="seed of the choice of validation images")

    @property
    def n_inputs(self) -> int:
        """Numbers in an image: D."""
        return 3 * self.side**2

    @field_validator("folder")
    @classmethod
    def _classes_exist(cls, folder: str) -> str:
        check_names(find_class_folders(folder).train.values())
        return folder

    @model_validator(mode="after")
    def _split_is_clear(self) -> Self:
        folders = find_class_folders(self.folder)
        if folders.validation is None and self.validation_share is None:
            raise ValueError(
                f"validation_share: the folder {self.folder!r} has no train/ and val/: say which share of each class "
                "is to be held out, such as 0.1"
            )
        if folders.validation is not None and self.validation_share is not None:
            raise ValueError(
                f"validation_share: the folder {self.folder!r} has validation images of its own: remove this setting"
            )
        return self

    def _files(self) -> list[Path]:
        folders = find_class_folders(self.folder)
        of_classes = [*folders.train.values(), *(folders.validation or {}).values()]
        return [file for class_folder in of_classes for file in find_images(class_folder)]


DatasetSettings = Annotated[
    Photos | Nlgp | Imagenet32 | Cifar10 | Cifar100 | ImageFolder, Field(discriminator="source")
]


class Network(Settings):
    """The fully connected network D:H:…:H:K."""

    hidden: Annotated[list[Count], Field(min_length=1)] = Field([1024, 1024], description="units of each hidden layer")
    initial_weights: Literal["uniform", "normal"] = Field(
        "uniform", description="distribution of the initial weights, Glorot variance"
    )
    norm_keep: Share = Field(0.99, description="share of batch norm's running mean and variance kept per step")
    norm_epsilon: Annotated[float, Field(gt=0)] = Field(1e-5, description="added to the variance in batch norm")

    @field_validator("norm_epsilon")
    @classmethod
    def _is_felt(cls, epsilon: float) -> float:
        if epsilon < 1e-12:
            raise ValueError(f"{epsilon:g} is lost in single precision where an input is constant: at least 1e-12")
        return epsilon


class Training(Settings):
    """One training of the network, by plain SGD."""

    steps: Count = Field(40000, description="T: SGD steps of a training")
    rewind: Annotated[int, Field(ge=0)] = Field(1000, description="t_rewind: the step to which parameters are rewound")
    batch: TwoOrMore = Field(40, description="images per step, drawn with replacement")
    rate: Annotated[float, Field(gt=0, le=1_000_000)] = Field(0.1, description="learning rate, constant")
    log_every: Count = Field(1000, description="steps between two points of the training curve")
    engine: Literal["auto", "reference", "dense", "sparse"] = Field(
        "auto",
        description="how the network is trained, all the same up to rounding; reference: autograd; dense, sparse: "
        "written out for the CPU; auto: on a CPU each layer dense or sparse by its density, on a GPU a CUDA graph",
    )
    precision: Literal["float32", "tf32"] = Field(
        "float32", description="of matrix products on a GPU: tf32 is faster and rounds their factors to 10 bits"
    )

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
    criterion: str = Field("magnitude", description="score whose smallest values are pruned: " + ", ".join(CRITERIA))
    retrain_baselines: bool = Field(
        False, description="train the oneshot and random masks too (accuracy against density for all three)"
    )

    @field_validator("criterion")
    @classmethod
    def _known(cls, criterion: str) -> str:
        if criterion not in CRITERIA:
            raise ValueError(
                f"there is no criterion {criterion!r}{_nearest(criterion, CRITERIA)}; known: {', '.join(CRITERIA)}"
            )
        return criterion


class Locality(Settings):
    """How receptive-field widths are measured."""

    channels: Literal["same", "any"] = Field(
        "same", description="pairs of weights in one channel, or of pixels connected through any channel"
    )
    include_origin: bool = Field(False, description="whether the fit includes S(0), the number of weights")
    min_weights: TwoOrMore = Field(5, description="units with fewer weights have no width")


class Components(Settings):
    """PCA and ICA of the validation images."""

    number: Count = Field(64, description="components of each kind")
    max_images: TwoOrMore | None = Field(None, description="validation images used; null: all")
    seed: Seed = Field(0, description="seed of the ICA's start")


class Figures(Settings):
    """What the figures show."""

    dataset: str | None = Field(None, description="the dataset of the figures and claims; null: the first")
    units: Count = Field(16, description="most connected units whose masks are drawn")


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
    jobs_per_gpu: Count = Field(1, description="jobs that may compute on one GPU at a time")
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


class Config(Settings):
    """An experiment."""

    experiment: Name = Field(description="name of the experiment: everything lies in results/<experiment>/")
    seeds: Annotated[list[Seed], Field(min_length=1)] = Field(description="one independent run each")
    datasets: Annotated[dict[Name, DatasetSettings], Field(min_length=1)] = Field(
        description="a name and a source for each"
    )
    network: Network = Field(default_factory=Network, description=Network.__doc__)
    training: Training = Field(default_factory=Training, description=Training.__doc__)
    pruning: Pruning = Field(default_factory=Pruning, description=Pruning.__doc__)
    locality: Locality = Field(default_factory=Locality, description=Locality.__doc__)
    components: Components = Field(default_factory=Components, description=Components.__doc__)
    figures: Figures = Field(default_factory=Figures, description=Figures.__doc__)
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
        for name in _with_clones(datasets):
            if (other := first.setdefault(name.lower(), name)) != name:
                raise ValueError(
                    f"{other!r} and {name!r} differ in capitals only: some disks give both one folder; rename one"
                )
        return datasets

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.figures.dataset not in (None, *self.datasets):
            raise ValueError(
                f"figures.dataset: there is no dataset {self.figures.dataset!r}"
                f"{_nearest(str(self.figures.dataset), self.datasets)}"
            )
        for name, dataset in self.datasets.items():
            self._prunes(dataset.n_inputs)
            self._measures(name, dataset)
        return self

    def _prunes(self, n_inputs: int) -> None:
        rounds, share = self.pruning.rounds, self.pruning.share
        sizes = list(itertools.pairwise([n_inputs, *self.network.hidden]))
        n, m = max(sizes, key=math.prod)
        if n * m > _MOST_WEIGHTS:
            raise ValueError(
                f"network.hidden: a layer of {n} x {m} weights takes {4e-9 * n * m:,.0f} GB: make it smaller"
            )
        pools = [(n + 1) * m for n, m in sizes]
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
    def all_datasets(self) -> list[str]:
        """Names of the datasets and their clones."""
        return _with_clones(self.datasets)

    @property
    def figure_dataset(self) -> str:
        """The dataset of the figures and claims."""
        return self.figures.dataset or next(iter(self.datasets))


def _with_clones(datasets: Mapping[str, Source]) -> list[str]:
    return [
        full_name
        for name, settings in datasets.items()
        for full_name in ([name, name + CLONE_SUFFIX] if settings.clone is not None else [name])
    ]


def check_config_file(path: str | Path) -> None:
    """Check a YAML file for what is lost once it has been read: keys given twice, and numbers that are not as written.

    Raises:
        ConfigError: one line a fault, each naming file and line; also if the file is no YAML in UTF-8.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
        with contextlib.suppress(ValueError):
            json.loads(text)  # as Snakemake does: tabs are allowed in it
            return
        document = yaml.compose(text, Loader=yaml.SafeLoader)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text (byte {error.start}): save it as UTF-8") from None
    except RecursionError:
        raise ConfigError(f"{path}: is nested too deeply to be read") from None
    except yaml.YAMLError as error:
        where = f", line {error.problem_mark.line + 1}" if getattr(error, "problem_mark", None) else ""
        what = getattr(error, "problem", None) or "a character that YAML does not allow"
        raise ConfigError(f"{path}{where}: is not YAML ({what}): indent by spaces, close brackets and quotes") from None
    if not isinstance(document, yaml.MappingNode):
        found = "is empty" if document is None else "is not made of settings"
        raise ConfigError(f"{path}: {found}; it is to hold lines such as `experiment: demo`; see docs/settings.md")
    if faults := list(_yaml_faults(document, set())):
        raise ConfigError("\n".join(f"{path}, line {line}: {fault}" for line, fault in faults))


def _yaml_faults(node: yaml.Node, seen: set[int]) -> Iterator[tuple[int, str]]:
    if id(node) in seen:  # an alias, perhaps of what it stands in
        return
    seen.add(id(node))
    if isinstance(node, yaml.ScalarNode):
        kind, line = node.tag.removeprefix("tag:yaml.org,2002:"), node.start_mark.line + 1
        if kind in ("int", "float") and ":" in node.value:
            yield line, f"YAML reads {node.value} as a number to the base 60: write it as a plain number, or in quotes"
        elif kind == "int" and re.match(r"[-+]?0[0-9_]", node.value):
            yield line, f"YAML reads {node.value} as a number to the base 8: leave out the leading 0"
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _yaml_faults(item, seen)
    elif isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            if name in lines:
                yield line, f"{name} was given in line {lines[name]} already, and only one of them counts: remove one"
            lines.setdefault(name, line)
            yield from _yaml_faults(value, seen)


def parse_config(raw: Any, origin: str) -> Config:
    """Check a configuration.

    Args:
        raw: what the YAML file says.
        origin: where it comes from, for messages.

    Raises:
        ConfigError: one line a fault, each naming origin and setting.
    """
    if not isinstance(raw, Mapping):
        raise ConfigError(f"{origin}: is to hold settings, `name: value` each; it is {_SHORT.repr(raw)}")
    try:
        return Config.model_validate(dict(raw))
    except OSError as error:  # while looking for the user's files
        raise ConfigError(f"{origin}: {error.filename}: {error.strerror}") from None
    except ValidationError as error:
        lines = [f"{origin}: {line}" for fault in error.errors() for line in _explain(fault)]
        raise ConfigError("\n".join(lines)) from None


def _explain(fault: ErrorDetails) -> Iterator[str]:
    location = [part for part in fault["loc"] if part != "[key]"]
    if len(location) > 2 and location[0] == "datasets":
        del location[2]  # the source by which pydantic chose the model is no key of the file
    key = ".".join(part if isinstance(part, str) and part.isprintable() else _SHORT.repr(part) for part in location)
    value, message = fault["input"], fault["msg"].removeprefix("Value error, ")
    match fault["type"]:
        case "extra_forbidden":
            known = _model_at(fault["loc"][:-1]).model_fields
            yield f"{key}: there is no such setting{_nearest(str(location[-1]), known)}"
        case "missing":
            yield f"{key}: this setting is missing"
        case "union_tag_invalid" | "union_tag_not_found":
            given = value.get("source") if isinstance(value, Mapping) else None
            yield (
                f"{key}.source: must be one of {', '.join(_SOURCES)}; it is {_SHORT.repr(given)}"
                f"{_nearest(given, _SOURCES)}"
            )
        case "value_error":
            yield f"{key}: {message}" if key else message
        case "string_pattern_mismatch":
            yield f"{key}: {value!r} may hold letters, digits, - and _ only, and starts and ends with a letter or digit"
        case "model_type" | "model_attributes_type" | "dict_type":
            hint = " (leave the line out, or indent its settings below it)" if value is None else _yaml_trap(value)
            yield f"{key}: is to hold settings, `name: value` each; it is {_SHORT.repr(value)}{hint}"
        case "literal_error":
            given = _SHORT.repr(value)
            yield f"{key}: {message[0].lower()}{message[1:]}; it is {given}{_nearest(value, _choices(message))}"
        case _:
            yield f"{key}: {message[0].lower()}{message[1:]}; it is {_SHORT.repr(value)}{_yaml_trap(value)}"


class _Short(reprlib.Repr):
    def repr_int(self, x: int, level: int) -> str:
        return super().repr_int(x, level) if x.bit_length() <= _MOST_BITS else f"a number of {x.bit_length()} bits"


# Aliases let a short file stand for lists without end.
_SHORT = _Short()
_SHORT.maxlevel, _SHORT.maxstring, _SHORT.maxlong, _SHORT.maxother = 1, 200, 200, 200

_SOURCES: dict[str, type[Source]] = {
    "photos": Photos,
    "nlgp": Nlgp,
    "imagenet32": Imagenet32,
    "cifar10": Cifar10,
    "cifar100": Cifar100,
    "image_folder": ImageFolder,
}


def _model_at(location: tuple[int | str, ...]) -> type[Settings]:
    model: type[Settings] = Config
    for depth, part in enumerate(location):
        if depth == 2 and location[0] == "datasets":
            model = _SOURCES[str(part)]
        elif part in model.model_fields:
            annotation = model.model_fields[str(part)].annotation
            nested = [t for t in (annotation, *getattr(annotation, "__args__", ())) if isinstance(t, type)]
            model = next((t for t in nested if issubclass(t, Settings)), model)
    return model


def _nearest(word: Any, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(known), n=1) if isinstance(word, str) else []
    return f"; did you mean {close[0]!r}?" if close else ""


def _choices(message: str) -> list[str]:
    return re.findall(r"'([^']+)'", message)


def _yaml_trap(value: Any) -> str:
    if isinstance(value, bool):
        return " (YAML reads on, off, yes and no as true and false: put text in quotes)"
    if isinstance(value, datetime.date):
        return f" (YAML reads {value} as a date: put text in quotes)"
    if isinstance(value, float) and value.is_integer():
        return f" (a number with a point: write {value:.0f})"
    if isinstance(value, str):
        try:
            return f" (text; YAML reads numbers such as 1e3 as text: write {float(value):g})"
        except ValueError:
            return ""
    return ""


def schema() -> str:
    """The JSON schema of the configuration."""
    return json.dumps({"title": "winnow", **Config.model_json_schema()}, indent=1, ensure_ascii=False) + "\n"


def settings_table() -> str:
    """A Markdown table of all settings: name, default, meaning."""
    lines = ["| setting | default | meaning |", "| --- | --- | --- |"]
    lines += _rows("", {name: field for name, field in Config.model_fields.items() if field.default_factory is None})
    lines += _rows("datasets.<name>.", Source.model_fields)
    lines += _rows("datasets.<name>.clone.", Clone.model_fields)
    for source, model in _SOURCES.items():
        own = {name: field for name, field in model.model_fields.items() if name not in Source.model_fields}
        lines += _rows("datasets.<name>.", dict(sorted(own.items(), key=lambda item: item[0] != "source")), source)
    for section, settings in _sections():
        lines += _rows(f"{section}.", settings.model_fields)
    return "\n".join(lines) + "\n"


def _rows(prefix: str, fields: Mapping[str, FieldInfo], source: str = "") -> Iterator[str]:
    for name, field in fields.items():
        default = "" if field.is_required() else f"`{json.dumps(field.default)}`"
        yield f"| `{prefix}{name}`{source and f' ({source})'} | {default} | {field.description} |"


def _sections() -> Iterator[tuple[str, type[Settings]]]:
    for name, field in Config.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Settings):
            yield name, field.annotation


if __name__ == "__main__":
    sys.stdout.write(settings_table() if "--table" in sys.argv[1:] else schema())

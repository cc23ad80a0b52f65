"""What the sources of images have in common, and the settings of a Gaussian clone."""

import math
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from winnow.config.settings import Count, Seed, Settings, TwoOrMore
from winnow.datasets.files.names import check_names

CLONE_SUFFIX = "-clone"


class CloneSettings(Settings):
    """How a Gaussian clone is made, or a control of another kind."""

    kind: Literal["exact", "clipped", "phases"] = Field(
        "exact",
        alias="as",
        description="exact: draws from the Gaussian; clipped: the same, clipped and rounded to 8 bits; phases: no "
        "Gaussian, each image with random phases",
    )
    per: Literal["channel", "joint"] = Field(
        "channel",
        description="one Gaussian per class and colour channel (the paper), or per class with all channels; phases are "
        "drawn for each channel, or the same for all",
    )
    fit_per_class: TwoOrMore | None = Field(
        None, description="training images per class the Gaussian is fitted to; null: all"
    )
    seed: Seed = Field(0, description="seed of the drawn images")

    @model_validator(mode="after")
    def _fits_only_gaussians(self) -> Self:
        if self.kind == "phases" and self.fit_per_class is not None:
            raise ValueError("fit_per_class is of Gaussians; images with random phases are not fitted: leave it out")
        return self

    @model_serializer(mode="wrap")
    def _without_the_default(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """As it was before there were kinds, for a clone that is exact: what was made of it stays."""
        return {key: value for key, value in dump(self).items() if key not in ("as", "kind") or value != "exact"}


class Clone(CloneSettings):
    """The Gaussian clone of a dataset."""


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

    @property
    def most_images(self) -> float:
        """Images of both splits there can be at most, as far as the settings tell."""
        return math.inf

    @property
    def dial(self) -> float | None:
        """Where the images stand between Gaussian, 0, and what they could be; null: the source has no dial."""
        return None

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

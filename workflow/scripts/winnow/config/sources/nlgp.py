"""Settings of the source `nlgp`."""

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from winnow.config.settings import Count, Seed, TwoOrMore
from winnow.config.sources.source import Source

Lengths = Annotated[list[Annotated[float, Field(gt=0)]], Field(min_length=2)]


class Nlgp(Source):
    """Synthetic images of Ingrosso & Goldt (2022): a Gaussian process on a torus through an error function."""

    source: Literal["nlgp"] = Field(description="synthetic images: a Gaussian process through an error function")
    side: TwoOrMore = Field(32, description="side of an image in pixels")
    channels: Count = Field(1, description="independent channels")
    correlation_lengths: Lengths = Field([2.0, 4.0], description="a class each: correlation length in pixels")
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

    @property
    def most_images(self) -> float:
        """Images of both splits."""
        return len(self.correlation_lengths) * (self.train_per_class + self.validation_per_class)

    @model_validator(mode="after")
    def _fits_torus(self) -> Self:
        check_lengths(self.correlation_lengths, self.side)
        return self


def check_lengths(lengths: Sequence[float], side: int) -> None:
    """Check that correlation lengths can be classes of images on a torus.

    Raises:
        ValueError: one exceeds the side, or is listed twice.
    """
    if max(lengths) > side:
        raise ValueError(f"correlation_lengths: {max(lengths)} exceeds the side {side}")
    if len(set(lengths)) < len(lengths):
        raise ValueError("correlation_lengths: a length is listed twice; each is a class")

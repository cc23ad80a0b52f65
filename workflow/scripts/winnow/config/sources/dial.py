"""Settings of the sources `saturating`, `heavy_tailed` and `elliptical`: one covariance, and a dial."""

from abc import ABC
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from winnow.config.settings import Count, Seed, TwoOrMore
from winnow.config.sources.nlgp import Lengths, check_lengths
from winnow.config.sources.source import Source

_AboveGaussian = Annotated[float, Field(ge=0, le=100)]


class Dialled(Source, ABC):
    """Synthetic images with the covariance of `nlgp` at a reference gain, whatever their excess kurtosis."""

    side: TwoOrMore = Field(32, description="side of an image in pixels")
    channels: Count = Field(1, description="uncorrelated channels")
    correlation_lengths: Lengths = Field([2.0, 4.0], description="a class each: correlation length in pixels")
    reference_gain: Annotated[float, Field(ge=0)] = Field(
        3.0, description="the images have the covariance of `nlgp` at this gain"
    )
    excess_kurtosis: float = Field(description="of the pixels, the dial")
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

    @property
    def dial(self) -> float:
        """The pixels' excess kurtosis."""
        return self.excess_kurtosis

    @model_validator(mode="after")
    def _fits_torus(self) -> Self:
        check_lengths(self.correlation_lengths, self.side)
        return self


class Saturating(Dialled):
    """Pixels that saturate: a Gaussian process through an error function."""

    source: Literal["saturating"] = Field(description="synthetic images whose pixels saturate, at one covariance")
    excess_kurtosis: Annotated[float, Field(ge=-1.99, le=0)] = Field(
        -1.5, description="of the pixels, the dial: Gaussian images at 0, two-valued ones towards -2"
    )


class HeavyTailed(Dialled):
    """Pixels with heavy tails: a Gaussian process through a hyperbolic sine."""

    source: Literal["heavy_tailed"] = Field(description="synthetic images whose pixels have heavy tails, the same way")
    excess_kurtosis: _AboveGaussian = Field(2.0, description="of the pixels, the dial: Gaussian images at 0")


class Elliptical(Dialled):
    """A Gaussian process times one random scale an image."""

    source: Literal["elliptical"] = Field(description="Gaussian images, each times a random scale, the same way")
    excess_kurtosis: _AboveGaussian = Field(2.0, description="of the pixels, the dial: Gaussian images at 0")

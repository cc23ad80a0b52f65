"""Settings of the source `blend`."""

from typing import Annotated, Literal

from pydantic import Field

from winnow.config.settings import Name
from winnow.config.sources.source import Source


class Blend(Source):
    """Another dataset of the experiment, blended with its own Gaussian clone."""

    source: Literal["blend"] = Field(description="another dataset, blended with its own Gaussian clone")
    of: Name = Field(description="the dataset, which must have a clone")
    clone_share: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.5, description="a, the clone's share of the variance: near 0 the dataset itself, near 1 its clone"
    )

    @property
    def n_inputs(self) -> int:
        """Of the dataset that is blended: `Config.plain` knows it."""
        raise TypeError("a blend has the inputs of what it blends; ask Config.plain(name)")

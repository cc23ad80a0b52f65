"""Settings of the source `clone`."""

from typing import Literal

from pydantic import Field

from winnow.config.settings import Name
from winnow.config.sources.source import CloneSettings, Source


class CloneOf(Source, CloneSettings):
    """One more clone of another dataset, beside the one that its setting `clone` makes."""

    source: Literal["clone"] = Field(description="one more clone of another dataset, or a control of another kind")
    of: Name = Field(description="the dataset, which must be no clone and no blend")

    @property
    def n_inputs(self) -> int:
        """Of the dataset that is cloned: `Config.plain` knows it."""
        raise TypeError("a clone has the inputs of what it is a clone of; ask Config.plain(name)")

"""Settings of the source `imagenet32`."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from winnow.config.settings import Where
from winnow.config.sources.source import Files
from winnow.datasets.files.imagenet32 import find_imagenet32


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

"""Settings of the source `imagenet32`."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SerializerFunctionWrapHandler, field_validator, model_serializer, model_validator

from winnow.config.settings import Where
from winnow.config.sources.source import Files
from winnow.datasets.files.imagenet32 import SIDES, check_sizes, find_imagenet32


class Imagenet32(Files):
    """ImageNet32, from the files as they are distributed."""

    source: Literal["imagenet32"] = Field(description="ImageNet32: ImageNet at 32 x 32 pixels")
    folder: Where = Field(
        description="folder of train_data_batch_1 to _10 and val_data, pickled or .npz; see docs/data.md"
    )
    side: Annotated[int, Field(json_schema_extra={"enum": list(SIDES)})] = Field(
        32,
        description="side of the images in the files, pixels: 64 for ImageNet64, which has the same names; 8, 16, 32",
    )
    classes: Annotated[int, Field(ge=2, le=1000)] = Field(
        1000, description="classes that are used: the first ones that have images in both splits"
    )

    @property
    def n_inputs(self) -> int:
        """Numbers in an image: D."""
        return 3 * self.side**2

    @property
    def most_classes(self) -> float:
        """Classes."""
        return self.classes

    @field_validator("folder")
    @classmethod
    def _files_exist(cls, folder: str) -> str:
        find_imagenet32(folder)
        return folder

    @field_validator("side")
    @classmethod
    def _is_distributed(cls, side: int) -> int:
        if side not in SIDES:
            raise ValueError(f"must be one of {', '.join(map(str, SIDES))}; it is {side}")
        return side

    @model_validator(mode="after")
    def _fits_files(self) -> Self:
        check_sizes(find_imagenet32(self.folder), self.side)
        return self

    @model_serializer(mode="wrap")
    def _without_the_usual_side(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without a side of 32, so that datasets made before there was this setting are not made again."""
        return {name: value for name, value in dump(self).items() if (name, value) != ("side", 32)}

    def _files(self) -> list[Path]:
        return list(find_imagenet32(self.folder).values())

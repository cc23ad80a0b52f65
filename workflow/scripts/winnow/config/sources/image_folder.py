"""Settings of the source `image_folder`."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from winnow.config.settings import Count, Seed, Share, Where
from winnow.config.sources.source import Files
from winnow.datasets.files.image_folder import find_class_folders, find_images
from winnow.datasets.files.names import check_names


class ImageFolder(Files):
    """Images of one's own, in a folder for each class."""

    source: Literal["image_folder"] = Field(description="images in a folder for each class")
    folder: Where = Field(
        description="folder of the classes' folders, or of train/ and val/ (or test/) with such; see docs/data.md"
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

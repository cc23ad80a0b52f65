"""Settings of the source `photos`."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from winnow.config.settings import Count, Seed, TwoOrMore, Where
from winnow.config.sources.source import Source
from winnow.datasets.files.names import check_names
from winnow.datasets.files.photos import list_photos


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

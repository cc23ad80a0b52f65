"""The sources that a dataset of the configuration can have."""

from typing import Annotated

from pydantic import Field

from winnow.config.sources.blend import Blend
from winnow.config.sources.cifar import Cifar10, Cifar100
from winnow.config.sources.clone import CloneOf
from winnow.config.sources.dial import Elliptical, HeavyTailed, Saturating
from winnow.config.sources.image_folder import ImageFolder
from winnow.config.sources.imagenet32 import Imagenet32
from winnow.config.sources.nlgp import Nlgp
from winnow.config.sources.photos import Photos
from winnow.config.sources.source import Source

DatasetSettings = Annotated[
    Photos
    | Nlgp
    | Saturating
    | HeavyTailed
    | Elliptical
    | Blend
    | CloneOf
    | Imagenet32
    | Cifar10
    | Cifar100
    | ImageFolder,
    Field(discriminator="source"),
]

SOURCES: dict[str, type[Source]] = {
    "photos": Photos,
    "nlgp": Nlgp,
    "saturating": Saturating,
    "heavy_tailed": HeavyTailed,
    "elliptical": Elliptical,
    "blend": Blend,
    "clone": CloneOf,
    "imagenet32": Imagenet32,
    "cifar10": Cifar10,
    "cifar100": Cifar100,
    "image_folder": ImageFolder,
}
"""The settings of each source by its name; every one is also a member of `DatasetSettings`."""

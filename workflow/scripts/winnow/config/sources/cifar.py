"""Settings of the sources `cifar10` and `cifar100`."""

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, field_validator

from winnow.config.settings import Where
from winnow.config.sources.source import Files
from winnow.datasets.files.cifar import CIFAR10, CIFAR100, CifarEdition, find_cifar


class Cifar(Files):
    """What CIFAR-10 and CIFAR-100 have in common."""

    _edition: ClassVar[CifarEdition]

    path: Where = Field(description="the archive, python version, or the folder unpacked from it; see docs/data.md")

    @field_validator("path")
    @classmethod
    def _files_exist(cls, path: str) -> str:
        find_cifar(path, cls._edition)
        return path

    @property
    def most_images(self) -> float:
        """Images of both splits."""
        return 60_000

    def _files(self) -> list[Path]:
        found = find_cifar(self.path, self._edition)
        return [found] if isinstance(found, Path) else list(found.values())


class Cifar10(Cifar):
    """CIFAR-10."""

    _edition = CIFAR10

    source: Literal["cifar10"] = Field(description="CIFAR-10")

    @property
    def most_classes(self) -> float:
        """Classes."""
        return 10


class Cifar100(Cifar):
    """CIFAR-100."""

    _edition = CIFAR100

    source: Literal["cifar100"] = Field(description="CIFAR-100")
    labels: Literal["fine", "coarse"] = Field("fine", description="the 100 classes or the 20 superclasses")

    @property
    def most_classes(self) -> float:
        """Classes."""
        return {"fine": 100, "coarse": 20}[self.labels]

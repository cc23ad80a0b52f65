"""Which files are the photographs of a dataset."""

from importlib.util import find_spec
from pathlib import Path, PurePosixPath

from winnow.datasets.files.names import walk

_COLOUR: dict[str, tuple[str, ...]] = {
    "skimage/data": ("astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "rocket.jpg"),
    "sklearn/datasets/images": ("china.jpg", "flower.jpg"),
}

_GREY: dict[str, tuple[str, ...]] = {
    "skimage/data": ("brick.png", "camera.png", "coins.png", "grass.png", "gravel.png", "moon.png")
}


class PhotosError(ValueError):
    """Photographs or settings from which no dataset can be made; the message says which and what to change."""


def list_photos(photos: str | Path = "bundled", add_grey: bool = False) -> list[Path]:
    """The files of which `prepare_photos` makes a dataset, in a fixed order; reads none of them.

    Args:
        photos: `"bundled"`, or a folder: all its files, also in subfolders, except hidden ones (leading dot).
        add_grey: also the bundled greyscale photographs; only with `"bundled"`.

    Raises:
        PhotosError: there is no such folder, or it holds no file.
    """
    return [path for path in find_photos(photos, add_grey).values() if path.is_file()]


def find_photos(photos: str | Path, add_grey: bool) -> dict[str, Path]:
    """Like `list_photos`, by key: the path below the folder, as text that is the same everywhere."""
    if photos == "bundled":
        packages = [_COLOUR, _GREY] if add_grey else [_COLOUR]
        found = {
            name: _installed(where) / name for files in packages for where, names in files.items() for name in names
        }
    elif add_grey:
        raise PhotosError(f"add_grey goes with photos: bundled only; to mix, copy the files into {photos}")
    else:
        if not Path(photos).is_dir():
            raise PhotosError(f"photos: {photos} is no folder; give the path of a folder of photographs, or bundled")
        found = walk(Path(photos))
        if not any(path.is_file() for path in found.values()):
            raise PhotosError(
                f"photos: the folder {photos} holds no file; put photographs there, or use photos: bundled"
            )
    return dict(sorted(found.items()))


def _installed(where: str) -> Path:
    """A folder inside an installed package, which is not imported: that would take a second, or a download."""
    package, *below = PurePosixPath(where).parts
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise PhotosError(f"photos: bundled needs the package {package}, which is not installed; run pip install again")
    return Path(spec.submodule_search_locations[0], *below)

"""Patches of photographs: a class is a tile of a photograph, an image a small patch at a random place in the tile.

No photograph is downloaded: seven colour photographs (and greyscale ones of textures and scenes) lie inside the wheels
of scikit-image and scikit-learn, and any folder of one's own photographs works in the same way.

Validation patches share no pixel with training patches.  Across each photograph run stripes of held-out pixels, `band`
wide and so far apart that every tile contains a whole one, also where tiles overlap.  Validation patches lie wholly
inside the stripes, training patches wholly outside.
"""

import hashlib
import logging
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from winnow.datasets.files.photos import PhotosError, find_photos
from winnow.datasets.pixels import read_photo
from winnow.store.datasets import new_dataset
from winnow.streams import stream

_LOG = logging.getLogger(__name__)


# -- tiles and patches -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cut:
    """How photographs are cut; lengths in pixels of the scaled photograph.

    Attributes:
        side: side of a patch.
        tile: side of a tile, a class; it has room for a training patch beside a held-out stripe.
        stride: distance between neighbouring tiles.
        flips: whether a patch and its mirror image (left-right) are two candidates.
        band: width of the stripes of held-out pixels, at least one patch; None: exactly one.
    """

    side: int
    tile: int
    stride: int
    flips: bool
    band: int | None = None

    @property
    def stripe(self) -> int:
        """Width of a held-out stripe in pixels."""
        return self.side if self.band is None else self.band

    def __post_init__(self) -> None:
        if self.side < 1 or self.stride < 1:
            raise PhotosError(f"side ({self.side}) and stride ({self.stride}) must be at least 1 pixel")
        if self.stripe < self.side:
            raise PhotosError(f"band ({self.band}) must hold a validation patch: raise it to at least {self.side}")
        if self.tile < self.side + self.stripe:
            raise PhotosError(
                f"tile ({self.tile}) must be at least {self.side + self.stripe}: a training patch (side {self.side}) "
                f"and the held-out band ({self.stripe}) share no pixel; enlarge tile, or lower side or band"
            )

    def starts(self, length: int) -> range:
        """First pixels of the tiles along an axis of so many pixels."""
        return range(0, length - self.tile + 1, self.stride)

    def held_out(self, length: int, rng: np.random.Generator) -> np.ndarray:
        """Draw the stripes of held-out pixels along an axis.

        A stripe lies in every n-th tile, n = 1 + (tile - band) // stride being the largest number that still leaves a
        whole stripe in each tile; without overlap n = 1.  It lies at its tile's first or last possible pixel.

        Returns:
            (length,) bool, True where pixels are held out.
        """
        every = 1 + (self.tile - self.stripe) // self.stride
        last = self.tile - self.stripe - (every - 1) * self.stride
        first = int(rng.integers(every)) * self.stride + int(rng.integers(2)) * last
        held = np.zeros(length, bool)
        for start in range(first, length, every * self.stride):
            held[start : start + self.stripe] = True
        return held

    def candidates(self, held: np.ndarray, start: int) -> tuple[np.ndarray, np.ndarray]:
        """Where patches of a tile may begin, along the axis that the stripes divide.

        Args:
            held: (length,) bool, the held-out pixels.
            start: first pixel of the tile.

        Returns:
            Offsets from `start`: those of training patches, which touch no held-out pixel, and those of validation
            patches, which touch no other.
        """
        windows = np.lib.stride_tricks.sliding_window_view(held[start : start + self.tile], self.side)
        return np.flatnonzero(~windows.any(axis=1)), np.flatnonzero(windows.all(axis=1))

    def count(self, offsets: np.ndarray) -> int:
        """Number of different patches: offset along the stripes' axis, offset along the other, flip."""
        return len(offsets) * (self.tile - self.side + 1) * (1 + self.flips)

    def draw(self, offsets: np.ndarray, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Draw different patches.

        Returns:
            Three (n,) arrays: offset along the stripes' axis, offset along the other axis, whether flipped.
        """
        index = rng.choice(self.count(offsets), n, replace=False)
        index, flip = np.divmod(index, 1 + self.flips)
        along, across = np.divmod(index, self.tile - self.side + 1)
        return offsets[along], across, flip.astype(bool)


@dataclass(frozen=True)
class _Photo:
    """A usable photograph: its size after scaling, its tiles' first pixels (row, column), and its held-out stripes."""

    key: str
    path: Path
    height: int
    width: int
    tiles: list[tuple[int, int]]
    n_flat: int
    axis: int
    held: np.ndarray

    def candidates(self, cut: Cut, tile: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        return cut.candidates(self.held, tile[self.axis])


def prepare_photos(
    folder: str | Path,
    *,
    name: str,
    photos: str | Path = "bundled",
    add_grey: bool = False,
    side: int = 32,
    tile: int = 96,
    stride: int = 96,
    band: int | None = None,
    scale: float = 1.0,
    min_contrast: float = 0.0,
    flips: bool = True,
    train_per_class: int = 150,
    validation_per_class: int = 25,
    seed: int = 0,
) -> None:
    """Write a dataset of patches of photographs: (N, 3 * side * side) uint8, pixels 0..255.

    A class is one tile of one photograph, named `photograph/row,column` after its first pixel.  The patches of a class
    are drawn without replacement among all positions in the tile (and flips).  The draws depend on `name`, `seed`, the
    photograph's path below the folder and the tile alone: adding a photograph changes no other's patches.

    Files that cannot be used are logged as warnings and listed in the dataset's facts, `source["unusable"]`, each with
    the reason; so is the number of tiles skipped.

    Args:
        folder: the dataset to write.
        name: the dataset's name.
        photos: `"bundled"`, or a folder of photographs; see `list_photos`.
        add_grey: also the bundled greyscale photographs, as grey RGB.
        side: side of a patch, in pixels of the scaled photograph (as all lengths here).
        tile: side of a tile.
        stride: distance between neighbouring tiles; below `tile`, tiles overlap.
        band: width of the bands of held-out pixels, from which validation patches are cut; None: `side`.
        scale: factor on the photographs' width and height, 0 < scale <= 1; see `read_photo`.
        min_contrast: tiles whose pixels have a smaller standard deviation (0..255, root mean square over the channels)
            are skipped: flat sky.
        flips: whether patches may be flipped left-right.
        train_per_class: training patches per class.
        validation_per_class: validation patches per class.
        seed: seed of the draws.

    Raises:
        PhotosError: settings that make no sense, no usable photograph, or a tile with too few different patches.
    """
    cut = Cut(side, tile, stride, flips, band)
    wanted = {"train_per_class": train_per_class, "validation_per_class": validation_per_class}
    for setting, n in wanted.items():
        if n < 1:
            raise PhotosError(f"{setting} ({n}) must be at least 1")
    if not 0 < scale <= 1:
        raise PhotosError(
            f"scale ({scale}) must lie above 0 and at most at 1: enlarging would spread a pixel over patches"
        )
    usable, unusable = _survey(find_photos(photos, add_grey), cut, scale, min_contrast, ("photos", name, seed))
    if not any(photo.tiles for photo in usable):
        raise PhotosError(_nothing_usable(photos, usable, unusable))
    _check_candidates(usable, cut, wanted)

    labels = _labels(usable)
    classes = [f"{labels[photo.key]}/{row},{column}" for photo in usable for row, column in photo.tiles]
    source = {
        "source": "photos",
        "name": name,
        "photos": str(photos),
        "add_grey": add_grey,
        "side": side,
        "tile": tile,
        "stride": stride,
        "band": cut.stripe,
        "scale": scale,
        "min_contrast": min_contrast,
        "flips": flips,
        "seed": seed,
        "photographs": [
            {"file": p.key, "height": p.height, "width": p.width, "tiles": len(p.tiles), "tiles_skipped": p.n_flat}
            for p in usable
        ],
        "tiles_skipped": sum(photo.n_flat for photo in usable),
        "unusable": unusable,
    }
    with new_dataset(
        folder,
        shape=(3, side, side),
        classes=classes,
        n_train=len(classes) * train_per_class,
        n_validation=len(classes) * validation_per_class,
        dtype=np.uint8,
        pixel_scale=255.0,
        source=source,
    ) as splits:
        for split, n in zip(splits, wanted.values(), strict=True):
            split.labels[:] = np.repeat(np.arange(len(classes)), n)
        k = 0
        for photo in usable:
            # Decoded a second time: only one photograph is in memory, however many there are.
            windows = windows_of(read_photo(photo.path, scale), side)
            for place in photo.tiles:
                for split, which, offsets in zip(splits, wanted, photo.candidates(cut, place), strict=True):
                    n = wanted[which]
                    rng = stream("photos", name, seed, photo.key, *place, which)
                    patches = _patches(windows, place, photo.axis, cut.draw(offsets, n, rng))
                    split.images[k * n : (k + 1) * n] = patches
                k += 1
    _LOG.info("%s: %d classes from %d photographs", name, len(classes), len(usable))


def _survey(
    found: dict[str, Path], cut: Cut, scale: float, min_contrast: float, keys: tuple[str, str, int]
) -> tuple[list[_Photo], list[dict[str, str]]]:
    """Read all files once: the usable photographs with their tiles, and the rest with the reason."""
    usable: list[_Photo] = []
    unusable: list[dict[str, str]] = []
    seen: dict[bytes, str] = {}
    for key, path in found.items():
        try:
            photo = read_photo(path, scale)
            height, width, _ = photo.shape
            if min(height, width) < cut.tile:
                raise PhotosError(f"is too small: {width} x {height} pixels after scaling, a tile needs {cut.tile}")
            # A second copy would bring training pixels into the validation split.
            digest = hashlib.sha256(repr(photo.shape).encode() + photo.tobytes()).digest()
            if digest in seen:
                raise PhotosError(f"has the same pixels as {seen[digest]}")
            seen[digest] = key
        except PhotosError as error:
            _LOG.warning("%s is not used: it %s", key, error)
            unusable.append({"file": key, "why": str(error)})
            continue
        tiles = [(row, column) for row in cut.starts(height) for column in cut.starts(width)]
        kept = (
            [place for place in tiles if _contrast(photo, place, cut.tile) >= min_contrast] if min_contrast else tiles
        )
        rng = stream(*keys, key, "held out")
        axis = int(rng.integers(2))
        held = cut.held_out(photo.shape[axis], rng)
        usable.append(_Photo(key, path, height, width, kept, len(tiles) - len(kept), axis, held))
    return usable, unusable


def _contrast(photo: np.ndarray, place: tuple[int, int], tile: int) -> float:
    row, column = place
    return float(np.sqrt(photo[row : row + tile, column : column + tile].var(axis=(0, 1)).mean()))


def _nothing_usable(photos: str | Path, usable: list[_Photo], unusable: list[dict[str, str]]) -> str:
    reasons = [f"{entry['file']} {entry['why']}" for entry in unusable]
    reasons += [f"{photo.key} has no tile of the contrast asked for (lower min_contrast)" for photo in usable]
    listed = "".join(f"\n  {reason}" for reason in reasons[:20])
    more = f"\n  and {len(reasons) - 20} more" if len(reasons) > 20 else ""
    return f"photos: no usable photograph in {photos}:{listed}{more}"


def _check_candidates(usable: list[_Photo], cut: Cut, wanted: dict[str, int]) -> None:
    for index, (setting, n) in enumerate(wanted.items()):
        counts = [
            (cut.count(photo.candidates(cut, place)[index]), f"{photo.key} at row {place[0]}, column {place[1]}")
            for photo in usable
            for place in photo.tiles
        ]
        fewest, where = min(counts)
        if fewest < n:
            kind = setting.removesuffix("_per_class")
            positions = "positions and flips" if cut.flips else "positions"
            overlap = ", raise stride" if cut.stride < cut.tile else ""
            too_few = sum(count < n for count, _ in counts)
            raise PhotosError(
                f"{too_few} of {len(counts)} tiles have fewer than {n} different {kind} patches; "
                f"the fewest, {fewest} {positions}, has the tile of {where}: "
                f"lower {setting}, enlarge tile ({cut.tile}){overlap}" + ("" if cut.flips else ", or allow flips")
            )


def _labels(usable: list[_Photo]) -> dict[str, str]:
    """What the photographs are called in class names: the path without suffix, unless two would be called the same."""
    short = {photo.key: PurePosixPath(photo.key).with_suffix("").as_posix() for photo in usable}
    uses = Counter(short.values())
    return {key: label if uses[label] == 1 else key for key, label in short.items()}


def windows_of(photo: np.ndarray, side: int) -> np.ndarray:
    """All patches of a photograph, as a view: (height - side + 1, width - side + 1, 3, side, side)."""
    planes = np.ascontiguousarray(photo.transpose(2, 0, 1))
    return np.lib.stride_tricks.sliding_window_view(planes, (side, side), axis=(1, 2)).transpose(1, 2, 0, 3, 4)


def _patches(
    windows: np.ndarray, place: tuple[int, int], axis: int, drawn: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> np.ndarray:
    along, across, flip = drawn
    row, column = (along, across) if axis == 0 else (across, along)
    patches: np.ndarray = windows[place[0] + row, place[1] + column]
    patches[flip] = patches[flip, :, :, ::-1]
    return patches.reshape(len(patches), -1)

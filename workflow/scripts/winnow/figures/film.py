"""Films of masks over the rounds: a frame a round, as GIF, or as MP4 where ffmpeg is."""

import io
import logging
import math
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from winnow.figures.pictures import mask_pictures, tile
from winnow.figures.style import house_style, looks, made_of
from winnow.masks import at_quantiles, check_masks, density, with_full_mask
from winnow.store.atomic import StoreError, complete, write_bytes
from winnow.store.tensors import Mask

log = logging.getLogger(__name__)

SECONDS_A_ROUND, SECONDS_AT_LAST = 0.6, 3.0
"""How long a frame is seen, and how long the last one: a whole number of rounds, so that both films can have it."""

_WIDTH = 720  # pixels of the units at most: readable from the back of a room, and about as high as a slide
_MARGIN, _BAND = 16, 44  # pixels around, and for a line of text above and below
_LETTERS = 26  # pixels
_FRAME = 0.6  # grey around each unit, since both black and white are values
_FRAMES_A_SECOND = 10  # of an MP4: some players stumble over slower ones

_N_CORNERS = 8
PALETTE = np.concatenate(
    [
        [[255 * (k >> channel & 1) for channel in range(3)] for k in range(_N_CORNERS)],
        np.repeat(np.round(np.linspace(0, 255, 256 - _N_CORNERS))[:, None], 3, axis=1),
    ]
).astype(np.uint8)
"""(256, 3): the colours of pixels with any of three channels, then greys from black to white.  All frames share them,
so that a GIF holds what was drawn, and none of it depends on how colours are chosen."""


@dataclass(frozen=True)
class Film:
    """Pictures in their order.

    Attributes:
        frames: (n, height, width) uint8, places in `PALETTE`; height and width are even, as MP4 needs them.
    """

    frames: np.ndarray

    @property
    def seconds(self) -> list[float]:
        """How long each frame is seen."""
        return [SECONDS_A_ROUND] * (len(self.frames) - 1) + [SECONDS_AT_LAST]


@house_style()
def make_film(
    masks: Sequence[Mask],
    shape: tuple[int, int, int],
    *,
    dataset: str,
    method: str,
    seed: int,
    units: int = 16,
) -> Film:
    """Draw first-layer units' masks after every round, from m(0), which is full, to the last.

    The units are those that figure 1 shows, at quantiles of their number of weights after the last round, and the same
    in all frames.  Surviving weights have the colour of their channel, pruned ones are black.  Below stand the round
    and the density, the share of all prunable parameters that survive.

    Args:
        masks: m(1), m(2), …; they need not be nested.
        shape: (C, L, L), channels and side in pixels.
        dataset: for the title, as the two that follow.
        method: name of the pruning method.
        seed: of the run.
        units: how many units are shown; all that have a weight at the end where these are fewer.

    Returns:
        A frame for each mask, and one before them.

    Raises:
        ValueError: there is no mask, masks are of different networks, or they do not fit the shape.
    """
    if not masks:
        raise ValueError(f"no film of {method} on {dataset}, seed {seed}: it has no masks; prune a round at least")
    check_masks(masks)
    shown = at_quantiles(masks[-1], units)
    if not len(shown):
        log.warning("%s on %s, seed %d: no unit has a weight after the last round", method, dataset, seed)
    rounds = with_full_mask(masks)
    mosaics = [_mosaic(mask, shown, shape) for mask in rounds]
    title = f"{looks([method])[method].label} on {dataset}, seed {seed}"
    frames = [
        _frame(mosaic, title, f"round {n} of {len(masks)}", f"density {density(mask):.3g}", is_empty=not len(shown))
        for n, (mosaic, mask) in enumerate(zip(mosaics, rounds, strict=True))
    ]
    return Film(np.stack(frames))


def _mosaic(mask: Mask, units: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """The units' masks in a grid, each framed, as places in the palette; where there are none, a white square."""
    pictures = mask_pictures(mask, units, shape)
    if not len(units):
        return np.full((_WIDTH, _WIDTH), 255, np.uint8)
    columns = math.ceil(math.sqrt(len(units)))
    side = shape[1]
    # Every weight is as many pixels as its neighbours, or else receptive fields have stripes.
    larger = max(1, 16 * _WIDTH // (17 * columns * side))
    pictures = pictures.repeat(larger, axis=1).repeat(larger, axis=2)
    line = 1 if larger < 8 else 2
    pictures = np.pad(pictures, ((0, 0), (line, line), (line, line), (0, 0)), constant_values=_FRAME)
    return in_palette(tile(pictures, columns, max(2, side * larger // 16)))


def in_palette(picture: np.ndarray) -> np.ndarray:
    """Places of a picture's colours in the palette.

    Args:
        picture: (height, width, 3) float in [0, 1]; what is not grey has values 0 and 1 only.

    Returns:
        (height, width) uint8.
    """
    grey = _N_CORNERS + np.round((255 - _N_CORNERS) * picture[..., 0])
    is_grey = (picture == picture[..., :1]).all(axis=-1)
    return np.where(is_grey, grey, np.round(picture) @ (1, 2, 4)).astype(np.uint8)


def _frame(mosaic: np.ndarray, title: str, left: str, right: str, *, is_empty: bool) -> np.ndarray:
    """A mosaic with a line above it and two texts below, as places in the palette."""
    height, width = mosaic.shape
    # A pixel more at the right and below makes sides even.
    size = height + 2 * (_MARGIN + _BAND) + height % 2, max(width, _WIDTH // 2) + 2 * _MARGIN + width % 2
    dpi = 64  # a power of two, or else sizes are rounded to a pixel less
    figure = Figure(figsize=(size[1] / dpi, size[0] / dpi), dpi=dpi)
    figure.set_layout_engine("none")

    def write(x: float, y: float, text: str, place: str, share: float) -> None:
        at = x / size[1], 1 - y / size[0]
        written = figure.text(*at, text, ha=place, va="center", fontsize=_LETTERS * 72 / dpi, parse_math=False)
        room = share * (size[1] - 2 * _MARGIN)
        # More than once: letters are as wide as whole pixels.
        while (needed := written.get_window_extent().width) > room and float(written.get_fontsize()) > 1:
            written.set_fontsize(float(written.get_fontsize()) * min(0.97, room / needed))

    write(_MARGIN, _MARGIN + _BAND / 2, title, "left", 1)
    write(_MARGIN, size[0] - _MARGIN - _BAND / 2, left, "left", 0.48)
    write(size[1] - _MARGIN, size[0] - _MARGIN - _BAND / 2, right, "right", 0.48)
    if is_empty:
        write(size[1] / 2, size[0] / 2, "no unit has a weight after the last round", "center", 0.9)
    drawn = io.BytesIO()
    figure.savefig(drawn, format="raw", dpi=dpi)
    texts = np.frombuffer(drawn.getvalue(), np.uint8).reshape(*size, 4)[..., :1] / 255  # black on white
    frame = in_palette(texts.repeat(3, axis=-1))
    if not is_empty:
        top, at_left = _MARGIN + _BAND, (size[1] - width) // 2
        frame[top : top + height, at_left : at_left + width] = mosaic
    return frame


def write_film(film: Film, path: str | Path, made_by: Mapping[str, str] | None = None) -> None:
    """Write a film; the same one gives the same bytes, an MP4 by the same ffmpeg.

    Args:
        film: the film.
        path: a file ending in .gif, which plays again and again, or in .mp4.
        made_by: what made it, by name, for the file's comment (see `save_figure`).

    Raises:
        ValueError: the path has another suffix.
        StoreError: it cannot be written, ffmpeg is not there or fails.
    """
    comment = "\n".join(f"{name}: {text}" for name, text in made_of(made_by, path).items())
    match Path(path).suffix:
        case ".gif":
            write_bytes(path, _as_gif(film, comment))
        case ".mp4":
            _write_mp4(film, Path(path), comment)
        case _:
            raise ValueError(f"{path}: films are written as .gif or .mp4: name the file so")


def _as_gif(film: Film, comment: str) -> bytes:
    first, *others = (Image.fromarray(frame) for frame in film.frames)
    for picture in (first, *others):
        picture.putpalette(PALETTE.tobytes())
    content = io.BytesIO()
    first.save(
        content,
        "GIF",
        save_all=True,
        append_images=others,
        duration=[round(1000 * seconds) for seconds in film.seconds],
        loop=0,
        optimize=False,
        **({"comment": comment.encode()} if comment else {}),
    )
    return content.getvalue()


def find_ffmpeg() -> str | None:
    """The path of ffmpeg; None where there is none."""
    return shutil.which("ffmpeg")


def _write_mp4(film: Film, path: Path, comment: str) -> None:
    ffmpeg = find_ffmpeg()
    if not ffmpeg:
        raise StoreError(f"{path}: needs ffmpeg, which is not on PATH; install it, or make the .gif, which needs none")
    held = [round(seconds / SECONDS_A_ROUND) for seconds in film.seconds]
    height, width = film.frames.shape[1:]
    before = [
        *(ffmpeg, "-hide_banner", "-loglevel", "error", "-y"),
        *("-f", "rawvideo", "-pixel_format", "rgb24", "-video_size", f"{width}x{height}"),
        *("-framerate", f"{1 / SECONDS_A_ROUND:.9g}", "-i", "-"),
    ]
    # What every player has; one thread and no date or name of the program, so that bytes are the same.
    after = [
        *("-r", str(_FRAMES_A_SECOND), "-pix_fmt", "yuv420p", "-threads", "1", "-movflags", "+faststart"),
        *("-fflags", "+bitexact", "-flags:v", "+bitexact", "-map_metadata", "-1"),
        *(("-metadata", f"comment={comment}") if comment else ()),
    ]
    raw = b"".join(PALETTE[frame].tobytes() * times for frame, times in zip(film.frames, held, strict=True))
    with complete(path) as beside:
        done = subprocess.run([*before, *_codec(ffmpeg), *after, "-f", "mp4", beside], input=raw, capture_output=True)
        if done.returncode or not beside.exists():
            said = done.stderr.decode(errors="replace").strip().splitlines() or [f"exit code {done.returncode}"]
            raise StoreError(f"{path}: ffmpeg ({ffmpeg}) failed: {said[-1]}; the .gif needs no ffmpeg")


def _codec(ffmpeg: str) -> list[str]:
    """H.264 where this ffmpeg writes it; else MPEG-4, which all do, and not all browsers play."""
    known = subprocess.run([ffmpeg, "-hide_banner", "-encoders"], capture_output=True, text=True).stdout.split()
    return ["-c:v", "libx264", "-crf", "16"] if "libx264" in known else ["-c:v", "mpeg4", "-q:v", "2"]

"""Pictures of images and masks: square arrays as colours, many of them in one mosaic."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from winnow.figures.numbers import keep_pictures
from winnow.figures.style import write_note
from winnow.store.tensors import Mask

_MOST_NUMBERED_COLUMNS = 6


def mask_pictures(mask: Mask, units: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Surviving weights in the colour of their input channel, pruned ones black.

    Args:
        mask: the mask, `layers.0.weight` of shape (H, D).
        units: (n,) indices of first-layer units.
        shape: (C, L, L), channels and side in pixels.

    Returns:
        (n, L, L, 3) float in [0, 1]: red, green and blue are added where several channels survive; a weight on data
        with one channel is white.

    Raises:
        ValueError: the mask has not D = C L L inputs.
    """
    weights = mask["layers.0.weight"]
    if weights.shape[1] != np.prod(shape):
        raise ValueError(
            f"the mask has {weights.shape[1]} inputs, images of shape {tuple(shape)} have {np.prod(shape)}"
        )
    return as_colours(weights[units].astype(float), shape)


def as_colours(rows: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Rows in channel-major order as pictures.

    Args:
        rows: (n, D) float in [0, 1].
        shape: (C, L, L): three channels are red, green and blue; any other number is averaged to grey.

    Returns:
        (n, L, L, 3) float in [0, 1].
    """
    pictures = np.moveaxis(rows.reshape(-1, *shape), 1, -1)
    if shape[0] != 3:
        pictures = np.repeat(pictures.mean(axis=-1, keepdims=True), 3, axis=-1)
    return pictures


def tile(pictures: np.ndarray, columns: int | None = None, gap: int | None = None, ground: float = 1.0) -> np.ndarray:
    """Lay pictures in rows.

    Args:
        pictures: (n, height, width, 3) float in [0, 1], n >= 1.
        columns: pictures in a row; as square a mosaic as possible by default.
        gap: pixels between pictures; by default a sixteenth of a picture's height.
        ground: grey between the pictures, 1 for white.

    Returns:
        (height of the mosaic, its width, 3) float.
    """
    n, height, width, _ = pictures.shape
    columns = columns or int(np.ceil(np.sqrt(n)))
    gap = gap if gap is not None else _gap(height)
    rows = -(-n // columns)
    mosaic = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, 3), ground)
    for index, picture in enumerate(pictures):
        top, left = index // columns * (height + gap), index % columns * (width + gap)
        mosaic[top : top + height, left : left + width] = picture
    return mosaic


def mosaic_size(n: int, columns: int, side: int, numbered: bool = False) -> tuple[int, int]:
    """The size of the mosaic that `draw_masks` draws of n units, to give its panel the same shape.

    Args:
        n: how many units, at least 1.
        columns: pictures in a row.
        side: side of a picture in pixels.
        numbered: whether numbers of weights are asked for.

    Returns:
        height and width in pixels.
    """
    rows, gap = -(-n // columns), _gap(side)
    return rows * (side + _band(columns, side, numbered) + gap) - gap, columns * (side + gap) - gap


def draw_masks(
    axes: Axes,
    mask: Mask,
    units: np.ndarray,
    shape: tuple[int, int, int],
    columns: int,
    numbered: bool = False,
    *,
    called: str = "",
    panel: str | None = None,
) -> None:
    """Draw units' masks as a mosaic, each framed in grey since both black and white are values.

    Args:
        axes: where to draw; a note where there are no units.
        mask: the mask.
        units: (n,) indices of first-layer units.
        shape: (C, L, L), channels and side in pixels.
        columns: pictures in a row.
        numbered: whether each unit's number of weights stands below its picture; more than six columns are too narrow
            for numbers and have none.
        called: what the figure's numbers call the units, before each one's own number.
        panel: the panel's letter, in the figure's numbers, where it is not that of the axes.

    Raises:
        ValueError: the mask does not fit the shape.
    """
    pictures = mask_pictures(mask, units, shape)
    if not len(units):
        draw_mosaic(axes, np.ones((1, 1, 3)))
        write_note(axes, "no unit\nhas a weight")
        return
    keep_pictures(
        axes, [f"{called} unit {k}".strip() for k in units], weights=mask["layers.0.weight"][units], panel=panel
    )
    side, gap = shape[1], _gap(shape[1])
    band = _band(columns, side, numbered)
    pictures = np.pad(pictures, ((0, 0), (0, band), (0, 0), (0, 0)), constant_values=1)
    draw_mosaic(axes, tile(pictures, columns, gap), "nearest")
    rows, places = np.divmod(np.arange(len(units)), columns)
    # whole numbers are the centres of pixels
    corners = np.column_stack([places * (side + gap), rows * (side + band + gap)]) - 0.5
    frame = side * np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]])
    frames = LineCollection(list(corners[:, None] + frame), colors="0.6", linewidths=0.6, clip_on=False)
    axes.add_collection(frames, autolim=False)
    if band:
        for (left, top), count in zip(corners, mask["layers.0.weight"][units].sum(axis=1), strict=True):
            middle = left + side / 2, top + side + band / 2
            axes.text(*middle, str(count), ha="center", va="center_baseline", fontsize=7)


def _gap(side: int) -> int:
    return max(1, side // 16)


def _band(columns: int, side: int, numbered: bool) -> int:
    """Pixels for a number below a picture: a twentieth of the mosaic's width, about as high as small print."""
    return -(-columns * side // 20) if numbered and columns <= _MOST_NUMBERED_COLUMNS else 0


def draw_mosaic(axes: Axes, mosaic: np.ndarray, interpolation: str = "auto") -> None:
    """Draw a mosaic at the top of its panel, without axis lines."""
    axes.imshow(mosaic, interpolation=interpolation)
    axes.set_anchor("N")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)

"""A still picture of the explorer's grid, for the report."""

import io

import numpy as np
from PIL import Image

from winnow.figures.pictures import mask_pictures, tile
from winnow.store.tensors import Mask

_GROUND = 0.88  # grey between the units
_LEAST_WIDTH = 900  # pixels


def draw_still(mask: Mask, shape: tuple[int, int, int]) -> bytes:
    """All first-layer units' masks in their own order, as the explorer's grid shows them, as a PNG.

    Args:
        mask: the mask, `layers.0.weight` of shape (H, D).
        shape: (C, L, L); surviving weights have the colour of their channel, or are white where there are not three.
    """
    pictures = mask_pictures(mask, np.arange(len(mask["layers.0.weight"])), shape)
    gap = max(1, shape[1] // 16)
    about = int(np.ceil(np.sqrt(1.6 * len(pictures))))
    # Of the widths about there, the one that leaves least of the last row empty.
    columns = min(range(about, about + about // 4 + 1), key=lambda one: -len(pictures) % one)
    framed = np.pad(tile(pictures, columns, gap, _GROUND), ((gap, gap), (gap, gap), (0, 0)), constant_values=_GROUND)
    mosaic = np.round(255 * framed).astype(np.uint8)
    larger = -(-_LEAST_WIDTH // mosaic.shape[1])
    content = io.BytesIO()
    Image.fromarray(np.kron(mosaic, np.ones((larger, larger, 1), np.uint8))).save(content, "PNG", optimize=True)
    return content.getvalue()

"""A still picture of the explorer's grid, for the report."""

import io

import numpy as np
from PIL import Image

from winnow.store.tensors import Mask

_GROUND = 225  # grey between the units, of 255
_LEAST_WIDTH = 900  # pixels


def draw_still(mask: Mask, shape: tuple[int, int, int]) -> bytes:
    """All first-layer units' masks in their own order, as the explorer's grid shows them, as a PNG.

    Args:
        mask: the mask, `layers.0.weight` of shape (H, D).
        shape: (C, L, L); surviving weights have the colour of their channel, or are white where there are not three.
    """
    channels, rows, columns = shape
    weights = mask["layers.0.weight"].reshape(-1, channels, rows, columns)
    pictures = np.moveaxis(weights, 1, -1)
    if channels != 3:
        pictures = np.repeat(pictures.mean(axis=-1, keepdims=True), 3, axis=-1)
    gap = max(1, rows // 16)
    beside = int(np.ceil(np.sqrt(1.6 * len(pictures))))
    below = -(-len(pictures) // beside)
    mosaic = np.full((below * (rows + gap) + gap, beside * (columns + gap) + gap, 3), _GROUND, np.uint8)
    for k, picture in enumerate(pictures):
        top, left = k // beside * (rows + gap) + gap, k % beside * (columns + gap) + gap
        mosaic[top : top + rows, left : left + columns] = np.round(255 * picture)
    larger = -(-_LEAST_WIDTH // mosaic.shape[1])
    content = io.BytesIO()
    Image.fromarray(np.kron(mosaic, np.ones((larger, larger, 1), np.uint8))).save(content, "PNG", optimize=True)
    return content.getvalue()

"""Arrays in few bytes, as `page/data.js` reads them again.

Deflated by zlib, whose bytes hold no time, and in base64, since they lie in the page's text.
"""

import base64
import zlib

import numpy as np

LEVELS = 7
"""Sizes that `in_levels` tells apart, each with two signs."""


def block(content: bytes | np.ndarray) -> str:
    """Bytes or an array, deflated, in base64.

    Masks are nearly random: codes of single bytes (Huffman alone) take less than repetitions would.  Tables repeat.
    """
    raw = content if isinstance(content, bytes) else content.tobytes()
    packed = []
    for strategy in (zlib.Z_DEFAULT_STRATEGY, zlib.Z_HUFFMAN_ONLY):
        deflate = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS, 9, strategy)
        packed.append(deflate.compress(raw) + deflate.flush())
    return base64.b64encode(min(packed, key=len)).decode()


def in_nibbles(values: np.ndarray) -> np.ndarray:
    """Numbers below 16, two a byte: the first in the lower four bits."""
    flat = values.ravel().astype(np.uint8)
    if flat.size % 2:
        flat = np.append(flat, np.uint8(0))
    packed: np.ndarray = flat[::2] | flat[1::2] << 4
    return packed


def in_planes(values: np.ndarray, decimals: int) -> np.ndarray:
    """Rounded numbers in four planes of bytes, of which the upper ones are nearly empty and deflate to nothing.

    Args:
        values: not negative; NaN where there is none.
        decimals: digits after the point that are kept.

    Returns:
        (4, n) uint8, the bytes of 1 + value · 10^decimals, lowest first; 0 for no value.
    """
    flat = np.asarray(values, np.float64).ravel()
    known = np.isfinite(flat)
    whole = np.zeros(flat.size, "<u4")
    whole[known] = 1 + np.round(flat[known] * 10**decimals)
    return np.ascontiguousarray(whole.view(np.uint8).reshape(-1, 4).T)


def in_levels(values: np.ndarray, full: float) -> np.ndarray:
    """Signed numbers as 0 … 15: their size in `LEVELS` steps of its square root, plus 8 where they are negative.

    They are drawn as squares whose side is the step, so that their area is in proportion to the size.

    Args:
        values: any shape.
        full: the size of a full square; what is larger is drawn no larger.
    """
    if full <= 0:
        return np.zeros(values.shape, np.uint8)
    step = np.ceil(LEVELS * np.sqrt(np.clip(np.abs(values) / full, 0, 1)) - 1e-9)
    levels: np.ndarray = step.astype(np.uint8) + np.where((values < 0) & (step > 0), 8, 0).astype(np.uint8)
    return levels

"""What chance gives: close pairs and masks of units whose weights lie at random.

At random means here: each unit keeps the number of its weights in every channel, and their places within the channel
are drawn anew, all equally likely.  So neither the number of weights nor the image's window can look like structure.
"""

from typing import NamedTuple

import numpy as np

from winnow.streams import stream

CLOSE = 3
"""Radius of the largest ring of close pairs: a pair is close if its distance lies in the rings r = 1 … 3 of g(r)."""

DRAWS = 2000
"""Random masks that a unit is compared with."""

_UNITS_AT_A_TIME = 256


class ClosePairs(NamedTuple):
    """How close a unit's weights lie together, and how close they would at random; one entry a unit.

    Attributes:
        expected: mean number of close pairs of random masks, exact.
        deviation: their standard deviation, exact.
        p: share of the random masks, the unit's own among them, that have at least as many close pairs as the unit.
    """

    expected: np.ndarray
    deviation: np.ndarray
    p: np.ndarray


def is_close(rows: int, columns: int) -> np.ndarray:
    """Whether a displacement (|dy|, |dx|) is that of a close pair, 1/2 ≤ |d| < CLOSE + 1/2: (rows, columns) bool."""
    distance = np.hypot(np.arange(rows)[:, None], np.arange(columns))
    return (distance >= 0.5) & (distance < CLOSE + 0.5)


def compare_close_pairs(close_pairs: np.ndarray, n_connected: np.ndarray, size: tuple[int, int]) -> ClosePairs:
    """Compare the close pairs of units with those of random masks.

    Args:
        close_pairs: (n,) pairs of connected pixels of one channel at a close distance, each counted once.
        n_connected: (n, C) connected pixels of each channel.
        size: rows and columns of an image.

    Returns:
        Exact moments, see `random_moments`, and p from `DRAWS` random masks, whose places are the same for all units
        and on every call.
    """
    mean, variance = random_moments(n_connected, size)
    sizes, index = np.unique(n_connected, return_inverse=True)
    counts = _random_counts(sizes, size)
    # Channels are independent: each takes another of the random masks.
    turns = [(np.arange(DRAWS) + channel * DRAWS // n_connected.shape[1]) % DRAWS for channel in range(index.shape[1])]
    as_many = np.empty(len(close_pairs), np.int64)
    for start in range(0, len(close_pairs), _UNITS_AT_A_TIME):
        some = slice(start, start + _UNITS_AT_A_TIME)
        by_chance = sum(counts[of_channel][:, turn] for of_channel, turn in zip(index[some].T, turns, strict=True))
        as_many[some] = (by_chance >= close_pairs[some, None]).sum(axis=1)
    return ClosePairs(mean, np.sqrt(variance), (1 + as_many) / (1 + DRAWS))


def random_moments(n_connected: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of the number of close pairs of random masks, (n,) each.

    Let an image have N pixels and E close pairs of them, of which W pairs of close pairs share a pixel.  Each k pixels
    are among the n connected ones with probability p_k = n (n − 1) … (n − k + 1) / (N (N − 1) … (N − k + 1)).  Then the
    mean is E p₂, and the mean square E p₂ + 2 W p₃ + (E (E − 1) − 2 W) p₄: a pair with itself, with one that shares a
    pixel, with one that shares none.  Channels are independent: their means and variances are added.

    Args:
        n_connected: (n, C) connected pixels of each channel.
        size: rows and columns of an image.
    """
    rows, columns = size
    pairs = _close_pixels(rows, columns)
    n_pixels, n_pairs = rows * columns, len(pairs)
    neighbours = np.bincount(pairs.ravel(), minlength=n_pixels)
    sharing = int((neighbours * (neighbours - 1) // 2).sum())
    factors = [(n_connected - k) / max(n_pixels - k, 1) for k in range(4)]
    p2, p3, p4 = (np.clip(np.prod(factors[:k], axis=0), 0, None) for k in (2, 3, 4))
    mean = n_pairs * p2
    # Few weights: factors beyond the last one are negative, and their product is zero before that.
    p3, p4 = np.where(n_connected < 3, 0, p3), np.where(n_connected < 4, 0, p4)
    square = mean + 2 * sharing * p3 + (n_pairs * (n_pairs - 1) - 2 * sharing) * p4
    variance = np.clip(square - mean**2, 0, None)
    return mean.sum(axis=1), variance.sum(axis=1)


def scatter(connected: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Random masks with as many connected pixels in each unit and channel, (n, C, rows, columns) bool."""
    n, n_channels, rows, columns = connected.shape
    return rng.permuted(connected.reshape(n, n_channels, -1), axis=2).reshape(n, n_channels, rows, columns)


def _close_pixels(rows: int, columns: int) -> np.ndarray:
    """All close pairs of an image's pixels, (E, 2) indices of pixels, row by row."""
    index = np.arange(rows * columns).reshape(rows, columns)
    pairs = [np.empty((0, 2), index.dtype)]
    for dy, dx in zip(*np.nonzero(is_close(rows, columns)), strict=True):
        pairs.append(np.stack([index[: rows - dy, : columns - dx].ravel(), index[dy:, dx:].ravel()], axis=1))
        if dy and dx:
            pairs.append(np.stack([index[: rows - dy, dx:].ravel(), index[dy:, : columns - dx].ravel()], axis=1))
    return np.concatenate(pairs)


def _random_counts(sizes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Numbers of close pairs of random masks of one channel with so many connected pixels, (len(sizes), DRAWS).

    A random order of the pixels holds a random mask of every size, its first n pixels.  A close pair is in the mask as
    soon as the later of its two pixels is, so one count of these gives the close pairs of all sizes.
    """
    rows, columns = size
    first, second = _close_pixels(rows, columns).T
    n_pixels = rows * columns
    counts = np.empty((len(sizes), DRAWS), np.int32)
    for draw in range(DRAWS):
        place = stream("places at random", rows, columns, draw).permutation(n_pixels)
        complete = np.bincount(np.maximum(place[first], place[second]) + 1, minlength=n_pixels + 1)
        counts[:, draw] = complete.cumsum()[sizes]
    return counts

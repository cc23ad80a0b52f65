"""Where in the image a unit's weights lie: entropy and variance of their positions, and how near the next one is."""

from collections.abc import Sequence
from functools import cache
from itertools import groupby

import numpy as np

from winnow.masks import PruningError, check_masks, density
from winnow.measure.locality import Channels
from winnow.measure.preactivations import WEIGHT
from winnow.store.tensors import Mask, Parameters

_UNITS_AT_A_TIME = 128
_PIXELS_AT_A_TIME = 250_000


def measure_positions(
    parameters: Parameters, masks: Sequence[Mask], shape: tuple[int, int, int], *, channels: Channels = "same"
) -> dict[str, np.ndarray]:
    """Fan-in, entropy and variance of positions, and nearest distance of every first-layer unit, after every round.

    See `position_spread`, `nearest_distances` and `expected_nearest_distances`.

    Args:
        parameters: θ, the network at the rewind point; `layers.0.weight` (H, D) is used.
        masks: m(0), m(1), …
        shape: (C, rows, columns) of an image.
        channels: whether the nearest weight is sought in the `same` channel, or the nearest pixel that is connected
            through `any` channel.

    Returns:
        Columns of the table `positions` without dataset, method and seed.  NaN: entropy and variances of a unit whose
        weights are all zero, distances of one that has no two weights (or pixels) in a channel.

    Raises:
        PruningError: parameters, masks and images are not of one network.
        ValueError: `channels` is neither of the two.
    """
    if channels not in ("same", "any"):
        raise ValueError(f"channels is {channels!r}, but must be 'same' or 'any'")
    check_masks(masks)
    weight = parameters[WEIGHT].astype(np.float64)
    if masks[0][WEIGHT].shape != weight.shape:
        raise PruningError(f"the mask of {WEIGHT} has the shape {masks[0][WEIGHT].shape}, the weights {weight.shape}")
    if weight.shape[1] != np.prod(shape):
        raise PruningError(f"{WEIGHT} has {weight.shape[1]} inputs, but images of {shape} have {np.prod(shape)} pixels")
    by_round: list[dict[str, np.ndarray]] = []
    for mask in masks:
        connected: np.ndarray = mask[WEIGHT].reshape(-1, *shape)
        largest = np.abs(weight * mask[WEIGHT]).max(axis=1)[:, None, None, None]
        # Divided by the largest, so that no square leaves the range.
        sizes = weight.reshape(connected.shape) * connected / np.where(largest > 0, largest, 1)
        if channels == "any":
            connected = np.any(connected, axis=1, keepdims=True)
        by_round.append(
            {
                "n_weights": mask[WEIGHT].sum(axis=1),
                **position_spread(sizes**2),
                "nearest_distance": nearest_distances(connected),
                "nearest_distance_expected": expected_nearest_distances(
                    connected.sum(axis=(2, 3)), (shape[1], shape[2])
                ),
            }
        )
    n_units = len(weight)
    return {
        "round": np.repeat(np.arange(len(masks)), n_units),
        "density": np.repeat([density(mask) for mask in masks], n_units),
        "unit": np.tile(np.arange(n_units), len(masks)),
        **{name: np.concatenate([columns[name] for columns in by_round]) for name in by_round[0]},
    }


def position_spread(shares: np.ndarray) -> dict[str, np.ndarray]:
    """Entropy and variance of the position at which a share of the unit lies.

    With p(z) the share of pixel z, summed over the channels and divided by the unit's total, the entropy is
    −Σ_z p log p, and the variances are those of the column x and the row y of z under p.  Squared weights as shares are
    the distribution of Lufkin, Saxe & Grant (2025, arXiv 2501.17284); a mask, or the paths of a deeper unit to the
    pixels, will do as well.

    Args:
        shares: (n, C, rows, columns), not negative.

    Returns:
        `position_entropy` in nats, `position_variance_x` along a row and `position_variance_y` along a column in
        pixels²: (n,) each, NaN where a unit has no share at all.
    """
    of_pixel = shares.sum(axis=1, dtype=np.float64)
    total = of_pixel.sum(axis=(1, 2))
    with np.errstate(invalid="ignore"):  # 0 / 0 = NaN
        p = of_pixel / total[:, None, None]
    logarithm = np.log(p, out=np.zeros_like(p), where=p > 0)
    return {
        # Without the subtraction a single pixel would have the entropy -0.
        "position_entropy": 0.0 - (p * logarithm).sum(axis=(1, 2)),
        "position_variance_x": _variance(p.sum(axis=1)),
        "position_variance_y": _variance(p.sum(axis=2)),
    }


def _variance(p: np.ndarray) -> np.ndarray:
    """Variance of the index under each row of p."""
    place = np.arange(p.shape[1])
    mean = p @ place
    variance: np.ndarray = (p * (place - mean[:, None]) ** 2).sum(axis=1)
    return variance


def nearest_distances(connected: np.ndarray) -> np.ndarray:
    """Mean distance in pixels from a unit's connected pixels to the nearest other one of the same channel.

    Pixels that are alone in their channel do not count.

    Args:
        connected: (n, C, rows, columns) bool.

    Returns:
        (n,) float64; NaN where no channel has two connected pixels.
    """
    means = [np.empty(0)]
    for start in range(0, len(connected), _UNITS_AT_A_TIME):
        some = connected[start : start + _UNITS_AT_A_TIME]
        n, n_channels, rows, columns = some.shape
        # Beside and below each image as much emptiness as it is wide and high, so that whoever leaves it meets nobody.
        padded = np.zeros((n, n_channels, 2 * rows - 1, 2 * columns - 1), bool)
        padded[:, :, :rows, :columns] = some & (some.sum(axis=(2, 3), keepdims=True) > 1)
        flat, of_unit = padded.ravel(), padded[0].size
        waiting = np.flatnonzero(flat)
        counts = np.bincount(waiting // of_unit, minlength=n)
        totals = np.zeros(n)
        for distance, (dy, dx) in _rings(rows, columns):
            if len(waiting) == 0:
                break
            offsets = dy * (2 * columns - 1) + dx
            found = np.concatenate(
                [
                    # An index before the first image is, counted from the end, in the emptiness below the last.
                    flat[waiting[k : k + _PIXELS_AT_A_TIME, None] + offsets].any(axis=1)
                    for k in range(0, len(waiting), _PIXELS_AT_A_TIME)
                ]
            )
            totals += distance * np.bincount(waiting[found] // of_unit, minlength=n)
            waiting = waiting[~found]
        with np.errstate(invalid="ignore"):  # 0 / 0 = NaN
            means.append(totals / counts)
    return np.concatenate(means)


@cache
def _rings(rows: int, columns: int) -> list[tuple[float, tuple[np.ndarray, np.ndarray]]]:
    """All displacements in an image but none, by their length: it, and the dy and dx that have it."""
    dy, dx = (each.ravel() for each in np.mgrid[1 - rows : rows, 1 - columns : columns])
    squares = dy**2 + dx**2
    order = np.argsort(squares, kind="stable")[1:]
    rings = []
    for square, group in groupby(order, key=lambda k: squares[k]):
        of_ring = np.fromiter(group, np.int64)
        rings.append((float(np.sqrt(square)), (dy[of_ring], dx[of_ring])))
    return rings


def expected_nearest_distances(n_connected: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The mean of `nearest_distances` if each unit's pixels lay at random in their channels, all places equally likely.

    Let d_1 ≤ d_2 ≤ … ≤ d_{N−1} be the distances from a pixel to the others, d_0 = 0.  If n pixels are connected, it
    among them, none of its k nearest is so with probability P_n(k) = C(N−1−k, n−1) / C(N−1, n−1), and the distance to
    the nearest connected one is Σ_{k≥0} (d_{k+1} − d_k) P_n(k) on average; then the mean over all pixels is taken.

    Args:
        n_connected: (n, C) connected pixels of each channel.
        size: rows and columns of an image.

    Returns:
        (n,) float64, exact; NaN where no channel has two connected pixels.
    """
    steps = _mean_steps(*size)
    n_pixels = size[0] * size[1]
    # log k!, for k = 0 … N: quotients of binomials are differences of these.
    log_factorial = np.concatenate([[0.0], np.log(np.arange(1, n_pixels + 1)).cumsum()])
    sizes, index = np.unique(n_connected, return_inverse=True)
    expected = np.zeros(len(sizes))
    for place, n in enumerate(sizes):
        if n < 2:
            continue
        k = np.arange(n_pixels - n + 1)
        log_p = log_factorial[n_pixels - 1 - k] - log_factorial[n_pixels - n - k]
        expected[place] = np.exp(log_p - log_p[0]) @ steps[: len(k)]
    counts = np.where(n_connected > 1, n_connected, 0)
    with np.errstate(invalid="ignore"):  # 0 / 0 = NaN
        means: np.ndarray = (counts * expected[index.reshape(n_connected.shape)]).sum(axis=1) / counts.sum(axis=1)
    return means


@cache
def _mean_steps(rows: int, columns: int) -> np.ndarray:
    """d_{k+1} − d_k for k = 0 … N − 2, the mean over the pixels."""
    y, x = (each.ravel() for each in np.mgrid[:rows, :columns])
    total = np.zeros(rows * columns)
    for row in range(rows):
        distances = np.hypot(y - row, x - np.arange(columns)[:, None])
        total += np.sort(distances, axis=1).sum(axis=0)
    return np.diff(total / (rows * columns))

"""Receptive-field widths and pair correlations of the first layer's masks (Eq. 1, Figs. 3C, 4A)."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from winnow.masks import check_masks, density
from winnow.measure.arrays import Array, arrays_of, arrays_on
from winnow.measure.autocorrelation import fold, folded_autocorrelations
from winnow.measure.chance import compare_close_pairs, is_close, scatter
from winnow.measure.pair_correlation import pair_correlation
from winnow.measure.preactivations import WEIGHT
from winnow.measure.widths import fit_folded, without_origin
from winnow.store.tensors import Mask
from winnow.streams import stream

Channels = Literal["same", "any"]


class LocalityTables(NamedTuple):
    """Columns of the tables `locality`, `locality_population`, `pair_correlation`, without dataset, method and seed."""

    units: dict[str, np.ndarray]
    population: dict[str, np.ndarray]
    pair_correlation: dict[str, np.ndarray]


def measure_locality(
    masks: Sequence[Mask],
    shape: tuple[int, int, int],
    *,
    channels: Channels = "same",
    include_origin: bool = False,
    min_weights: int = 5,
    seed: int = 0,
    device: str = "cpu",
) -> LocalityTables:
    """Receptive-field widths and close pairs of every first-layer unit, beside what chance gives, for each mask.

    Args:
        masks: m(0), m(1), …; row `round` n belongs to m(n).
        shape: (C, rows, columns) of an image.
        channels: `same` counts pairs of weights in one channel, `any` pairs of pixels connected through any channel.
        include_origin: whether fit and second moment include S(0), the number of weights (or pixels).
        min_weights: units with fewer weights have no width and no comparison with chance: NaN, and `converged` None.
        seed: of the random masks whose widths stand beside the units'.
        device: `cpu` or `cuda`.

    Returns:
        Units: one row per round and unit; what chance gives keeps the unit's number of weights in each channel, see
        `winnow.measure.chance`.  Population: one row per round, the width of Σ_i S_i, and the pair correlation, one row
        per round and radius, see `pair_correlation`.  A width at the limit of what is fitted (0.2 pixels, twice the
        image) is no width: `converged` is False there.

    Raises:
        ValueError: a mask does not fit the shape or the other masks, or `channels` is neither of the two.
    """
    if channels not in ("same", "any"):
        raise ValueError(f"channels is {channels!r}, but must be 'same' or 'any'")
    check_masks(masks)
    n_inputs = int(np.prod(shape))
    weights = [mask[WEIGHT] for mask in masks]
    for n, w in enumerate(weights):
        if w.shape[1] != n_inputs:
            raise ValueError(f"m({n}) has {w.shape[1]} inputs, but images of {shape} have {n_inputs} pixels")
    densities = [density(mask) for mask in masks]

    n_units = len(weights[0])
    n_weights = np.concatenate([w.sum(axis=1) for w in weights])
    enough = n_weights >= min_weights
    units, at_random, sums, pairs, n_connected = [], [], [], [], []
    with arrays_on(device) as arrays:
        for n, w in enumerate(weights):
            connected: np.ndarray = w.reshape(-1, *shape)
            if channels == "any":
                connected = np.any(connected, axis=1, keepdims=True)
            folded, total = folded_autocorrelations(connected, arrays)
            units.append(folded)
            sums.append(fold(total[None]))
            n_connected.append(connected.sum(axis=(2, 3)))
            pairs.append(pair_correlation(total, n_connected[-1]))
            at_random.append(folded_autocorrelations(scatter(connected, stream("scatter", seed, n)), arrays)[0])
        folded, random = arrays.xp.concat(units), arrays.xp.concat(at_random)
        folded[arrays.put(~enough)] = random[arrays.put(~enough)] = 0
        by_unit = {
            **_width_columns(folded, include_origin, enough),
            **_chance_columns(random, include_origin),
            **_close_pair_columns(folded, np.concatenate(n_connected), enough),
        }
    without = np.isnan(by_unit["sigma_x"]).reshape(-1, n_units).sum(axis=1)
    rounds = np.arange(len(masks))
    return LocalityTables(
        {
            "round": np.repeat(rounds, n_units),
            "density": np.repeat(densities, n_units),
            "unit": np.tile(np.arange(n_units), len(masks)),
            "n_weights": n_weights,
            **by_unit,
        },
        {
            "round": rounds,
            "density": np.array(densities),
            "n_units": np.full(len(masks), n_units),
            "n_without_width": without,
            **_width_columns(np.concatenate(sums), include_origin, np.ones(len(masks), bool)),
        },
        {
            "round": np.repeat(rounds, len(pairs[0]["radius"])),
            "density": np.repeat(densities, len(pairs[0]["radius"])),
            **{name: np.concatenate([columns[name] for columns in pairs]) for name in pairs[0]},
        },
    )


def _width_columns(folded: Array, include_origin: bool, enough: np.ndarray) -> dict[str, np.ndarray]:
    """The columns sigma_x … converged for S folded to a quadrant; all null where there are not enough weights."""
    folded = without_origin(folded, include_origin)
    widths = fit_folded(folded, include_origin)
    converged = widths.converged.astype(object)
    converged[~enough] = None
    arrays = arrays_of(folded)
    by_x, by_y = (arrays.get(arrays.xp.sum(folded, axis=axis)) for axis in (1, 2))
    total = by_x.sum(axis=1)
    lags_x, lags_y = np.arange(folded.shape[2]), np.arange(folded.shape[1])
    with np.errstate(invalid="ignore"):  # no pairs have no moment: 0 / 0 = NaN
        moment_x = np.sqrt(by_x @ lags_x**2 / total)
        moment_y = np.sqrt(by_y @ lags_y**2 / total)
    return {
        "sigma_x": widths.sigma_x,
        "sigma_y": widths.sigma_y,
        "moment_x": moment_x,
        "moment_y": moment_y,
        "converged": converged,
    }


def _chance_columns(folded: Array, include_origin: bool) -> dict[str, np.ndarray]:
    """The columns chance_sigma_x, chance_sigma_y for S of random masks; null where the fit did not converge."""
    widths = fit_folded(without_origin(folded, include_origin), include_origin)
    return {
        "chance_sigma_x": np.where(widths.converged, widths.sigma_x, np.nan),
        "chance_sigma_y": np.where(widths.converged, widths.sigma_y, np.nan),
    }


def _close_pair_columns(folded: Array, n_connected: np.ndarray, enough: np.ndarray) -> dict[str, np.ndarray]:
    """The columns close_pairs … close_pairs_p; null where there are not enough weights."""
    arrays = arrays_of(folded)
    size = folded.shape[1], folded.shape[2]
    # S counts a pair twice, once for each direction.
    close_pairs = arrays.get(arrays.xp.sum(folded * arrays.put(is_close(*size)), axis=(1, 2))) / 2
    chance = compare_close_pairs(close_pairs, n_connected, size)
    return {
        "close_pairs": np.where(enough, close_pairs, np.nan),
        "close_pairs_expected": np.where(enough, chance.expected, np.nan),
        "close_pairs_deviation": np.where(enough, chance.deviation, np.nan),
        "close_pairs_p": np.where(enough, chance.p, np.nan),
    }

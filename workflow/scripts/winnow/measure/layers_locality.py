"""Effective receptive fields of deeper layers: how much of the image they reach, and how local they are."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from winnow.masks import check_masks, check_same, density
from winnow.measure.arrays import arrays_on
from winnow.measure.autocorrelation import folded_autocorrelations
from winnow.measure.layers import Columns, stacked, with_layer
from winnow.measure.locality import Channels, measure_locality
from winnow.measure.pair_correlation import pair_correlation
from winnow.measure.participation import measure_participation
from winnow.measure.paths import check_layers, down_to_pixels, weight_name
from winnow.measure.positions import position_spread
from winnow.measure.preactivations import WEIGHT
from winnow.store.tensors import Mask, Parameters
from winnow.streams import stream


class LayersLocalityTables(NamedTuple):
    """Columns of `layers_locality` and `layers_pair_correlation`, without dataset, method and seed."""

    units: Columns
    pair_correlation: Columns


class Field(NamedTuple):
    """The effective receptive fields of a layer's units under a mask.

    Attributes:
        mask: (H, ·) bool, the mask of the layer itself.
        below: (·, D) float64, paths to the units of the layer below; None for the first layer, whose inputs are pixels.
        paths: (H, D) float64, paths from each input to each unit, see `winnow.measure.paths`.
        weights: (H, D) float64, the product of the masked weights: for each input the sum over its paths of the product
            of the weights on the path.  Without batch norm and ReLU, and were there no biases, it would be what the
            network multiplies the input by.
    """

    mask: np.ndarray
    below: np.ndarray | None
    paths: np.ndarray
    weights: np.ndarray

    @property
    def n_weights(self) -> np.ndarray:
        """(H,) fan-in: surviving weights of each unit in its own layer."""
        counts: np.ndarray = self.mask.sum(axis=1)
        return counts

    @property
    def support(self) -> np.ndarray:
        """(H, D) bool, the inputs that a path leads from."""
        reached: np.ndarray = self.paths > 0
        return reached

    def mixed(self, rng: np.random.Generator) -> np.ndarray:
        """(H, D) float64, paths if each unit had as many inputs, drawn at random from the layer below.

        What a layer inherits from the one below, whatever it chooses from it: patches, if fields below are patches, but
        patches of anywhere.
        """
        mixed = rng.permuted(self.mask, axis=1).astype(np.float64)
        return mixed if self.below is None else np.asarray(mixed @ self.below)

    def as_first_layer(self) -> tuple[Parameters, Mask]:
        """Weights and mask of a first layer whose units have these fields."""
        return {WEIGHT: self.weights}, {WEIGHT: self.support}


def fields_of(parameters: Parameters, mask: Mask, layers: Sequence[int]) -> dict[int, Field]:
    """The effective receptive fields of some hidden layers, 1 the first.

    Raises:
        PruningError: parameters and mask are not of one network, or it has no such layer.
    """
    check_layers(layers, mask)
    check_same("the mask", mask, "the parameters", {name: parameters[name] for name in mask if name in parameters})
    names = [weight_name(layer) for layer in range(1, max(layers) + 1)]
    paths = [*down_to_pixels(mask[name] for name in names)]
    weights = down_to_pixels(parameters[name] * mask[name] for name in names)
    return {
        layer: Field(mask[names[layer - 1]], None if layer == 1 else paths[layer - 2], paths[layer - 1], product)
        for layer, product in enumerate(weights, start=1)
        if layer in layers
    }


def measure_layers_locality(
    parameters: Parameters,
    masks: Sequence[Mask],
    shape: tuple[int, int, int],
    *,
    layers: Sequence[int],
    channels: Channels = "same",
    include_origin: bool = False,
    min_weights: int = 5,
    seed: int = 0,
    device: str = "cpu",
) -> LayersLocalityTables:
    """Reach, widths, close pairs and participation of the effective receptive fields of some hidden layers.

    Widths (Eq. 1), close pairs and pair correlation are those of the support, taken for the mask of a first layer.  A
    support of all inputs is the window of the image and no more: its width equals that of chance, and its g(r) is 1.
    So how many inputs are reached stands beside them, and what weighs inputs by their paths, which tells places apart
    also where all are reached.

    Local fields in one layer leave patches in the fields of the next, even if it chose its inputs at random: `mixed` is
    what it would have then, see `Field.mixed`.

    Args:
        parameters: θ, the network at the rewind point; the weights are used.
        masks: m(0), m(1), …; row `round` n belongs to m(n).
        shape: (C, rows, columns) of an image.
        layers: which hidden layers, 1 the first.
        channels: as of `winnow.measure.locality.measure_locality`, like the next four.
        include_origin: as there.
        min_weights: units that reach fewer inputs have no width and no comparison with chance.
        seed: as there.
        device: as there.

    Returns:
        Units: one row per layer, round and unit.  Beside what `measure_locality` gives of supports: n_weights, its
        fan-in; n_reached and share_reached, the inputs of the support; n_paths, all paths; `ipr` and `ipr_paths`,
        Σ w⁴ / (Σ w²)² of the products of weights and of the path counts; path_entropy and path_variance_x, _y, entropy
        and variance of the position of an input that is drawn by its paths, see
        `winnow.measure.positions.position_spread`; and of the mixed fields mixed_share_reached and
        mixed_path_variance_x, _y.  What no path leads to has no participation, entropy and variance: NaN.  Pair
        correlation: one row per layer, round and radius, with the mixed fields' g as mixed_g.

    Raises:
        ValueError: parameters, masks and images do not fit together, there is no such layer, or `channels` is wrong.
    """
    check_masks(masks)
    check_layers(layers, masks[0])
    if (n_inputs := masks[0][WEIGHT].shape[1]) != np.prod(shape):
        raise ValueError(f"the masks have {n_inputs} inputs, but images of {shape} have {np.prod(shape)} pixels")
    supports: dict[int, list[Mask]] = {layer: [] for layer in sorted(layers)}
    beside: dict[int, list[Columns]] = {layer: [] for layer in supports}
    mixed_g: dict[int, list[np.ndarray]] = {layer: [] for layer in supports}
    for n, mask in enumerate(masks):
        for layer, field in fields_of(parameters, mask, layers).items():
            mixed = field.mixed(stream("mixed inputs", seed, layer, n))
            supports[layer].append({WEIGHT: field.support})
            beside[layer].append(_of_paths(field, mixed, shape))
            mixed_g[layer].append(_g_of((mixed > 0).reshape(-1, *shape), channels, device))
    densities = np.array([density(mask) for mask in masks])
    units, pairs = [], []
    for layer, of_layer in supports.items():
        tables = measure_locality(
            of_layer,
            shape,
            channels=channels,
            include_origin=include_origin,
            min_weights=min_weights,
            seed=seed,
            device=device,
        )
        of_support = {"n_reached" if name == "n_weights" else name: each for name, each in tables.units.items()}
        units.append(with_layer(of_support | stacked(beside[layer]), layer))
        pairs.append(with_layer(tables.pair_correlation | {"mixed_g": np.concatenate(mixed_g[layer])}, layer))
    both = stacked(units), stacked(pairs)
    return LayersLocalityTables(*(columns | {"density": densities[columns["round"]]} for columns in both))


def _g_of(connected: np.ndarray, channels: Channels, device: str) -> np.ndarray:
    """g(r) of some fields."""
    if channels == "any":
        connected = np.any(connected, axis=1, keepdims=True)
    with arrays_on(device) as arrays:
        _, total = folded_autocorrelations(connected, arrays)
    return pair_correlation(total, connected.sum(axis=(2, 3)))["g"]


def _of_paths(field: Field, mixed: np.ndarray, shape: tuple[int, int, int]) -> Columns:
    """The columns that `measure_locality` does not give, of one mask."""
    weights, support = field.as_first_layer()
    spread, of_mixed = (position_spread(paths.reshape(-1, *shape)) for paths in (field.paths, mixed))
    return {
        "n_weights": field.n_weights,
        "share_reached": field.support.mean(axis=1),
        "n_paths": field.paths.sum(axis=1),
        "ipr": measure_participation(weights, [support])["ipr"],
        "ipr_paths": measure_participation({WEIGHT: field.paths}, [support])["ipr"],
        **{name.replace("position", "path"): values for name, values in spread.items()},
        "mixed_share_reached": (mixed > 0).mean(axis=1),
        **{f"mixed_path_variance_{axis}": of_mixed[f"position_variance_{axis}"] for axis in "xy"},
    }

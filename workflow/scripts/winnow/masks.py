"""Masks: which parameters of a network survive.

The weights and biases of the hidden layers are prunable; the output layer and batch norm are not.  Of the first layer's
units, some are shown: the most connected, or those at quantiles of their number of weights.
"""

import itertools
import logging
from collections.abc import Sequence

import numpy as np

from winnow.store.tensors import Mask, Parameters

log = logging.getLogger(__name__)


class PruningError(ValueError):
    """Parameters, scores or masks that cannot be pruned or do not fit together; the message says which."""


def prunable_names(parameters: Parameters) -> list[str]:
    """Names of the prunable arrays, layer by layer: all weights and biases but the output layer's."""
    layers = sorted({int(name.split(".")[1]) for name in parameters if name.startswith("layers.")})
    return [f"layers.{i}.{kind}" for i in layers[:-1] for kind in ("weight", "bias")]


def full_mask(parameters: Parameters) -> Mask:
    """m(0): everything survives."""
    return {name: np.ones(parameters[name].shape, bool) for name in prunable_names(parameters)}


def with_full_mask(masks: Sequence[Mask]) -> list[Mask]:
    """m(0), m(1), …: the masks of rounds 1, 2, … after the mask of no pruning."""
    return [{name: np.ones(m.shape, bool) for name, m in masks[0].items()}, *masks]


def check_masks(masks: Sequence[Mask]) -> None:
    """Check that masks are of one network.

    Raises:
        PruningError: arrays are not bool, or masks differ in their arrays or shapes.
    """
    for n, mask in enumerate(masks):
        for name, array in mask.items():
            if array.dtype != bool:
                raise PruningError(f"{name} of mask {n} is an array of {array.dtype}, not of bool: is it a mask?")
        check_same(f"mask {n}", mask, "mask 0", masks[0])


def check_nested(masks: Sequence[Mask]) -> None:
    """Check that masks m(0), m(1), … of one network only ever lose parameters.

    Raises:
        PruningError: they are not of one network, or one has a parameter that the mask before it had lost.
    """
    check_masks(masks)
    for n, (before, after) in enumerate(itertools.pairwise(masks), start=1):
        for name in before:
            if (after[name] & ~before[name]).any():
                raise PruningError(
                    f"the masks are not nested: m({n}) has parameters of {name} that m({n - 1}) had lost"
                )


def check_same(what: str, arrays: Parameters, other: str, others: Parameters) -> None:
    """Check that two sets of arrays are of the same network.

    Args:
        what: the first, in words.
        arrays: its arrays by name.
        other: the second, in words.
        others: its arrays by name.

    Raises:
        PruningError: they differ in their names or shapes.
    """
    if differ := sorted(arrays.keys() ^ others.keys()):
        raise PruningError(f"{what} and {other} are not of the same network: only one has {', '.join(differ)}")
    for name, array in arrays.items():
        if array.shape != others[name].shape:
            raise PruningError(
                f"{what} and {other} are not of the same network: {name} has the shapes {array.shape} and "
                f"{others[name].shape}"
            )


def say_emptied(mask: Mask, n: int) -> Mask:
    """The mask m(n) as it is; a layer that it leaves without any weight is said in the log."""
    for name, array in mask.items():
        if name.endswith(".weight") and not array.any():
            log.warning("round %d leaves %s without any weight: the network no longer sees its images", n, name)
    return mask


def density(mask: Mask) -> float:
    """Share of the prunable parameters that survive."""
    return sum(int(m.sum()) for m in mask.values()) / sum(m.size for m in mask.values())


def apply_mask(parameters: Parameters, mask: Mask) -> Parameters:
    """θ ⊙ m: a copy in which the pruned parameters are zero.

    Raises:
        PruningError: the mask is not one of these parameters.
    """
    check_masks([mask])
    check_same("the mask", mask, "the parameters", {name: parameters[name] for name in prunable_names(parameters)})
    return {name: array * mask[name] if name in mask else array.copy() for name, array in parameters.items()}


def most_connected(mask: Mask, n_units: int) -> np.ndarray:
    """The first-layer units with the most surviving weights.

    Args:
        mask: the mask, `layers.0.weight` of shape (H, D).
        n_units: how many units; all that have a weight where these are fewer.

    Returns:
        (n,) int, unit indices, most connected first, ties by index.  Units without any weight are left out: their
        pictures would be black.
    """
    counts = mask["layers.0.weight"].sum(axis=1)
    return np.argsort(-counts, kind="stable")[: min(n_units, np.count_nonzero(counts))]


def at_quantiles(mask: Mask, n_units: int) -> np.ndarray:
    """First-layer units at evenly spaced quantiles of their number of weights: what is typical, and how it varies.

    The M units that have a weight stand in a row, most connected first, ties by index.  The row is cut into n equal
    parts, and the unit in the middle of each is taken: place floor((k + 1/2) M / n) of the row, k and places from 0.

    Args:
        mask: the mask, `layers.0.weight` of shape (H, D).
        n_units: how many units, at least 1; where M is smaller, n is M, and all are taken.

    Returns:
        (n,) int, unit indices, each once, most connected first.  Units without any weight are left out.

    Raises:
        ValueError: fewer than one unit is asked for.
    """
    if n_units < 1:
        raise ValueError(f"{n_units} units at quantiles: at least one has to be asked for")
    row = most_connected(mask, len(mask["layers.0.weight"]))
    n = min(n_units, len(row))
    return row[(2 * np.arange(n) + 1) * len(row) // max(2 * n, 1)]

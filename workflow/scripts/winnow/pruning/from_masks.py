"""Masks made of another method's, to tell apart what matters of them: numbers, places or values of weights."""

from collections.abc import Mapping, Sequence

import numpy as np

from winnow.masks import check_masks
from winnow.network import InitialWeights, has_batch_norm, initial_parameters, layer_sizes
from winnow.pruning.criteria.registry import Setting
from winnow.pruning.kurtosis_random import draw_with_most_kurtosis
from winnow.pruning.methods import MAKERS
from winnow.store.datasets import Dataset
from winnow.store.tensors import Mask, Parameters
from winnow.streams import stream


def prune_from_masks(
    masks: Sequence[Mask],
    *,
    seed: int,
    maker: str,
    of_maker: Mapping[str, Setting] | None = None,
    rewind: Parameters | None = None,
    dataset: Dataset | None = None,
    epsilon: float = 1e-5,
) -> list[Mask]:
    """Make masks of another method's m(1), m(2), ….

    | maker | masks | nested if theirs are |
    | --- | --- | --- |
    | `shuffled_layer` | the same masks, the places in each array in another order | yes |
    | `shuffled_unit` | the same within each unit, which keeps its number of weights | yes |
    | `reinitialised` | the same masks; other weights under them, `reinitialise` | yes |
    | `kurtosis_random` | of many random masks the one with the most kurtosis | no |

    Args:
        masks: of the other method.
        seed: seed of the run.
        maker: one of `winnow.pruning.methods.MAKERS` but `random`, which is `prune_random`: it needs no data.
        of_maker: its own settings.
        rewind: θ(t_rewind), for `kurtosis_random`.
        dataset: for `kurtosis_random`, which looks at its training images.
        epsilon: ε of batch norm.

    Returns:
        One mask a round.

    Raises:
        PruningError: the masks are not of one network.
        ValueError: there is no such maker, or it lacks what it looks at.
    """
    check_masks(masks)
    match maker:
        case "shuffled_layer":
            return _reordered(masks, {name: _any_place(seed, name, m.shape) for name, m in masks[0].items()})
        case "shuffled_unit":
            of_weights = [name for name in masks[0] if name.endswith(".weight")]
            return _reordered(masks, {name: _within_units(seed, name, masks[0][name].shape) for name in of_weights})
        case "reinitialised":
            return [{name: array.copy() for name, array in mask.items()} for mask in masks]
        case "kurtosis_random":
            if rewind is None or dataset is None:
                raise ValueError("kurtosis_random looks at the rewind point and at images: give both")
            own = {**MAKERS[maker], **(of_maker or {})}
            numbers = {name: value for name, value in own.items() if isinstance(value, int)}
            return draw_with_most_kurtosis(masks, rewind, dataset, seed=seed, epsilon=epsilon, **numbers)
    raise ValueError(f"nothing called {maker!r} is made of masks")


def reinitialise(rewind: Parameters, seed: int, distribution: InitialWeights) -> Parameters:
    """Other initial parameters for masks that were found with those of the run.

    Weights are drawn anew, biases are 0, γ 1 and β 0.  The running statistics are those of the rewind point: those of
    the pixels depend on no weight, and without them preactivations would not be normalised.

    Args:
        rewind: θ(t_rewind), for its sizes and running statistics.
        seed: seed of the run.
        distribution: of the initial weights.
    """
    # A seed of its own, of the whole run's: no other run has these weights.
    seed = int(stream("other weights", seed).integers(2**62))
    drawn = initial_parameters(layer_sizes(rewind), seed, distribution, batch_norm=has_batch_norm(rewind))
    return {
        name: rewind[name].copy() if ".running_" in name else array.astype(rewind[name].dtype)
        for name, array in drawn.items()
    }


def _reordered(masks: Sequence[Mask], orders: Mapping[str, np.ndarray]) -> list[Mask]:
    """Masks with their entries at other places, the same ones in all masks: nested masks stay nested."""
    return [
        {
            name: array.ravel()[orders[name]].reshape(array.shape) if name in orders else array.copy()
            for name, array in mask.items()
        }
        for mask in masks
    ]


def _any_place(seed: int, name: str, shape: tuple[int, ...]) -> np.ndarray:
    return stream("shuffled layer", seed, name).permutation(int(np.prod(shape)))


def _within_units(seed: int, name: str, shape: tuple[int, ...]) -> np.ndarray:
    places = np.arange(int(np.prod(shape))).reshape(shape)
    return stream("shuffled units", seed, name).permuted(places, axis=1).ravel()

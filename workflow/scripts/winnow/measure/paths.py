"""What a unit of any layer sees of the image: paths from the pixels up to it, through the masks between.

Layer 1 is the first hidden layer.  The effective receptive field of a unit of layer l is its row of the product of
masks m⁽ˡ⁾ ⋯ m⁽¹⁾: entry j counts the paths of surviving weights from input j to the unit.  The inputs with a path are
its *support*, which is for a deep unit what the mask is for one of the first layer: there it is the mask itself.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from winnow.masks import PruningError
from winnow.store.tensors import Mask


def weight_name(layer: int) -> str:
    """The name of a layer's weights in masks and parameters; layers count from 1, names from 0."""
    return f"layers.{layer - 1}.weight"


def check_layers(layers: Sequence[int], mask: Mask) -> None:
    """Check that a network has these hidden layers.

    Raises:
        PruningError: none is asked for, or one that there is not.
    """
    n_hidden = sum(name.endswith(".weight") for name in mask)
    if not layers or min(layers) < 1 or max(layers) > n_hidden:
        raise PruningError(f"hidden layers {list(layers)} were asked for, but the masks have {n_hidden}, from 1 on")


def down_to_pixels(matrices: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """The products A⁽¹⁾, A⁽²⁾ A⁽¹⁾, …, one a layer.

    Of masks they count paths.  These are whole numbers and never negative; in float64 they are exact up to 2⁵³ (three
    hidden layers of 1,024 units have 2²⁰ paths from a pixel at most, six 2⁵⁰), and beyond that wrong by less than
    10⁻¹⁰ of themselves for any network that can be trained.  Whether there is a path at all is exact throughout, since
    sums of positive numbers do not vanish.

    Args:
        matrices: A⁽¹⁾ (H₁, D), A⁽²⁾ (H₂, H₁), …: masks, or masked weights, from the pixels on.

    Yields:
        (H_l, D) float64.
    """
    product: np.ndarray | None = None
    for matrix in matrices:
        own = matrix.astype(np.float64)
        product = own if product is None else own @ product
        yield product

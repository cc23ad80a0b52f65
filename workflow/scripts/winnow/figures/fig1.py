"""Figure 1: the masks of the most connected units, IMP beside oneshot."""

import math

from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from winnow.figures.bands import format_sparsity
from winnow.figures.pictures import draw_masks
from winnow.figures.style import METHODS, PAGE_WIDTH, house_style, set_heading
from winnow.store.tensors import Mask


@house_style()
def plot_fig1(imp: Mask, oneshot: Mask, shape: tuple[int, int, int], *, units: int = 16) -> Figure:
    """Draw Fig. 1: (A) masks found by IMP, (B) by oneshot pruning at the same density.

    Each picture is one first-layer unit: its surviving weights in the colour of their input channel, the pruned ones
    black.  The units are those with the most surviving weights, ties by index.

    Args:
        imp: IMP's mask after the last round.
        oneshot: the mask of oneshot pruning at the same density.
        shape: (C, L, L), channels and side in pixels.
        units: how many units a panel shows.

    Raises:
        ValueError: a mask does not fit the shape.
    """
    shown = min(units, len(imp["layers.0.weight"]))
    columns = math.ceil(math.sqrt(shown))
    layout = ConstrainedLayoutEngine(wspace=0.06)
    figure = Figure(layout=layout, figsize=(PAGE_WIDTH, 0.35 + 3.4 * math.ceil(shown / columns) / columns))
    panels = figure.subplots(1, 2)
    for axes, letter, method, mask in zip(panels, "AB", ("imp", "oneshot"), (imp, oneshot), strict=True):
        draw_masks(axes, mask, units, shape)
        density = sum(int(array.sum()) for array in mask.values()) / sum(array.size for array in mask.values())
        set_heading(axes, letter, f"{METHODS[method].label}, sparsity {format_sparsity(density)} %")
    return figure

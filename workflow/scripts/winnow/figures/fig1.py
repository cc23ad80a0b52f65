"""Figure 1: first-layer units' masks, IMP beside oneshot."""

import math

import numpy as np

from winnow.figures.bands import format_sparsity
from winnow.figures.numbers import Drawing
from winnow.figures.pictures import draw_masks, mosaic_size
from winnow.figures.style import METHODS, PAGE, PAGE_WIDTH, Page, house_style, set_heading
from winnow.masks import at_quantiles, most_connected
from winnow.store.tensors import Mask


@house_style()
def plot_fig1(imp: Mask, oneshot: Mask, shape: tuple[int, int, int], *, units: int = 16, page: Page = PAGE) -> Drawing:
    """Draw Fig. 1: (A) masks found by IMP, (B) by oneshot pruning at the same density.

    Each picture is one first-layer unit: its surviving weights in the colour of their input channel, the pruned ones
    black.  The large ones are units at quantiles of their number of weights, which stands below each; the small ones
    are the units with the most weights, which the paper shows and which are not typical of the others.

    Args:
        imp: IMP's mask after the last round.
        oneshot: the mask of oneshot pruning at the same density.
        shape: (C, L, L), channels and side in pixels.
        units: how many units a mosaic shows.
        page: what it is drawn for.

    Raises:
        ValueError: a mask does not fit the shape.
    """
    shown = max(1, *(len(most_connected(mask, units)) for mask in (imp, oneshot)))
    columns = math.ceil(math.sqrt(shown))
    rows = math.ceil(shown / columns)
    # Twice as many rows in the same height make pictures about half as large.
    beside = math.ceil(shown / (2 * rows))
    height, width = mosaic_size(shown, columns, shape[1], numbered=True)
    small_height, small_width = mosaic_size(2 * rows * beside, beside, shape[1])
    widths = (width / height, small_width / small_height)
    of_column = 2 * (0.6 + 3.35 / sum(widths))
    figure = Drawing(figsize=page.size(0.6 + (PAGE_WIDTH - 0.5) / 2 / sum(widths), of_column))
    if page.is_narrow:
        grid = figure.add_gridspec(2, 1)
        halves = grid[0], grid[1]
    else:
        grid = figure.add_gridspec(1, 3, width_ratios=(1, 0.035, 1))
        halves = grid[0], grid[2]
    for half, letter, method, mask in zip(halves, "AB", ("imp", "oneshot"), (imp, oneshot), strict=True):
        places = half.subgridspec(1, 2, width_ratios=widths, wspace=0.025)
        large, small = figure.add_subplot(places[0]), figure.add_subplot(places[1])
        draw_masks(large, mask, at_quantiles(mask, units), shape, columns, numbered=True, called=METHODS[method].label)
        large.set_xlabel("units at quantiles of their number of weights", fontsize=7)
        draw_masks(
            small, mask, most_connected(mask, units), shape, beside, called=f"{METHODS[method].label}, most connected,"
        )
        small.set_xlabel("most\nconnected", fontsize=7)
        density = sum(int(array.sum()) for array in mask.values()) / sum(array.size for array in mask.values())
        set_heading(large, letter, f"{METHODS[method].label}, sparsity {format_sparsity(density)} %")
        counts = mask["layers.0.weight"].sum(axis=1)
        figure.quotes.append(
            f"({letter}) {METHODS[method].label}: {(counts > 0).sum()} of {len(counts)} units have weights, "
            f"{np.median(counts):g} in the median, {counts.max()} at most."
        )
    page.fit_text(figure)
    return figure

"""Figure 3: on a Gaussian clone of the data, IMP finds no local receptive fields."""

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from winnow.figures.bands import converged_widths, of_dataset, over_seeds
from winnow.figures.numbers import Drawing, keep_pictures, keep_summary, quote_ends
from winnow.figures.pictures import as_colours, draw_masks, draw_mosaic, mosaic_size, tile
from winnow.figures.style import CLONE, METHODS, PAGE, Look, Page, house_style, set_heading, write_note
from winnow.masks import at_quantiles, most_connected
from winnow.store.datasets import Dataset, Split
from winnow.store.tensors import Mask

CONTRAST_QUANTILE = 0.75
"""Which of a class's images are shown: many have next to no contrast, few the most, and neither shows much."""


@house_style()
def plot_fig3(
    original: Dataset,
    clone: Dataset,
    original_mask: Mask,
    clone_mask: Mask,
    locality: pd.DataFrame,
    *,
    dataset: str,
    clone_name: str,
    units: int = 16,
    examples: int = 8,
    page: Page = PAGE,
) -> Drawing:
    """Draw Fig. 3: (A) images and their clones, (B) IMP's masks on both, (C) the median width by round.

    (A) takes classes spread evenly, and of each the image whose contrast (standard deviation of the pixels) is nearest
    to the 75 % quantile of its class, then the next nearest; beside it stands the clone's image of the same number in
    the class, which is a draw of its own, not a version of it.

    (B) shows units at quantiles of their number of weights, which stands below each, and, smaller, the clone's most
    connected ones.

    Error bars in (C) run from the smallest to the largest median over the seeds; the reference line is the random
    mask's median width at the same density, which is what the image window alone gives.  Only converged fits count.

    Args:
        original: the dataset.
        clone: its Gaussian clone.  Its pixels are clipped to the range of the original, for display only.
        original_mask: IMP's mask on the original after the last round.
        clone_mask: the same on the clone.
        locality: table `locality`, with rows of both datasets.
        dataset: name of the original in the table.
        clone_name: name of the clone in the table.
        units: how many units each mosaic of (B) shows.
        examples: how many pairs of images (A) shows.
        page: what it is drawn for.

    Raises:
        ValueError: a mask does not fit the images, or the table lacks one of the datasets.
    """
    shown = max(1, *(len(most_connected(mask, units)) for mask in (original_mask, clone_mask)))
    columns = math.ceil(math.sqrt(shown))
    height, width = mosaic_size(shown, columns, clone.shape[1], numbered=True)
    mosaics = height / width
    if page.is_narrow:
        heights = 2.1, 0.5 + 1.65 * mosaics, 2.1
        figure = Drawing(figsize=page.size(sum(heights)))
        grid = figure.add_gridspec(3, 2, height_ratios=heights)
        places = grid[0, 0], grid[1, 0], grid[1, 1]
        below, of_small = grid[2, :], grid[0, 1]
    else:
        upper, lower = 0.5 + 2.2 * max(1, mosaics), 1.9
        figure = Drawing(figsize=page.size(upper + lower))
        grid = figure.add_gridspec(2, 1, height_ratios=(upper, lower))
        above = grid[0].subgridspec(1, 3, wspace=0.06)
        places = above[0], above[1], above[2]
        halves = grid[1].subgridspec(1, 2, width_ratios=(2, 1), wspace=0.06)
        below, of_small = halves[0], halves[1].subgridspec(1, 3, width_ratios=(1, 5, 1))[1]
    pairs, on_original, on_clone = map(figure.add_subplot, places)
    _draw_pairs(pairs, original, clone, examples)
    set_heading(pairs, "A", "validation images")

    masks = [(on_original, "B", "IMP, original", original_mask), (on_clone, "", "IMP, clone", clone_mask)]
    for axes, letter, text, mask in masks:
        draw_masks(axes, mask, at_quantiles(mask, units), clone.shape, columns, numbered=True, called=f"{text},")
        quantiles = "units at quantiles of", "their number of weights"
        axes.set_xlabel(("\n" if page.is_narrow else " ").join(quantiles), fontsize=7)
        set_heading(axes, letter, text)
    medians, small = figure.add_subplot(below), figure.add_subplot(of_small)
    draw_masks(
        small,
        clone_mask,
        most_connected(clone_mask, units),
        clone.shape,
        columns,
        called="IMP, clone, most connected,",
        panel="B",
    )
    small.set_xlabel("IMP, clone: most connected", fontsize=7)

    widths = converged_widths(locality)
    of_dataset(locality, dataset), of_dataset(locality, clone_name)
    for name, method, label, look in [
        (dataset, "imp", "IMP, original", METHODS["imp"]),
        (clone_name, "imp", "IMP, clone", CLONE),
        (dataset, "random", "random mask", METHODS["random"]),
    ]:
        rows = widths[(widths["dataset"] == name) & (widths["method"] == method)]
        _draw_medians(medians, over_seeds(rows, "sigma_x", ["round"], per_seed="median"), label, look)
    if medians.lines:
        medians.legend(loc="best")
    else:
        write_note(medians, "no unit has a width")
    medians.xaxis.set_major_locator(MaxNLocator(integer=True))
    medians.set_xlabel("pruning round")
    medians.set_ylabel("median RF width σₓ (pixels)")
    set_heading(medians, "C")
    quote_ends(medians, "C")
    page.fit_text(figure)
    return figure


def _draw_medians(axes: Axes, medians: pd.DataFrame, label: str, look: Look) -> None:
    """A line with error bars from minimum to maximum; the random mask, as a reference, is a bare line."""
    if medians.empty:
        return
    is_reference = look is METHODS["random"]
    keep_summary(axes, label, medians["round"], medians)
    # The mean of equal numbers may lie a rounding beside them.
    below, above = (medians["mean"] - medians["minimum"]).clip(0), (medians["maximum"] - medians["mean"]).clip(0)
    axes.errorbar(
        medians["round"],
        medians["mean"],
        yerr=None if is_reference else [below, above],
        color=look.colour,
        linestyle=look.linestyle,
        marker="" if is_reference else look.marker,
        capsize=2,
        elinewidth=0.8,
        label=label,
    )


def _draw_pairs(axes: Axes, original: Dataset, clone: Dataset, examples: int) -> None:
    """Images and clones of the same class beside each other, two pairs a row."""
    pairs = _choose_pairs(original.validation, clone.validation, examples)
    if not pairs:
        draw_mosaic(axes, np.ones((1, 1, 3)))
        write_note(axes, "no class has images in both")
        return
    names = [
        f"{which} {row}, class {split.labels[row]}"
        for pair in pairs
        for which, split, row in zip(("original", "clone"), (original.validation, clone.validation), pair, strict=True)
    ]
    sources = original.validation.images[[first for first, _ in pairs]].astype(float)
    clones = clone.validation.images[[second for _, second in pairs]].astype(float)
    keep_pictures(axes, names, pixels=np.stack([sources, clones], axis=1).reshape(len(names), -1))
    is_photograph = np.issubdtype(original.validation.images.dtype, np.integer)
    low, high = (0.0, 255.0) if is_photograph else (sources.min(), sources.max())
    sources, clones = (
        as_colours(np.clip((rows - low) / (high - low or 1), 0, 1), original.shape) for rows in (sources, clones)
    )
    gap = max(1, original.shape[1] // 16)
    columns = min(2, len(pairs))
    beside = np.stack([tile(np.stack(pair), 2, gap) for pair in zip(sources, clones, strict=True)])
    draw_mosaic(axes, tile(beside, columns, 2 * gap))
    side, step = original.shape[2], beside.shape[2] + 2 * gap
    centres = [pair * step + place * (side + gap) + (side - 1) / 2 for pair in range(columns) for place in (0, 1)]
    axes.set_xticks(centres, ["original", "clone"] * columns)
    axes.tick_params(length=0, pad=2)


def _choose_pairs(original: Split, clone: Split, examples: int) -> list[tuple[int, int]]:
    """Indices of images of the same class, from classes spread evenly, each class's first pairs first.

    The k-th image of a class makes a pair with the k-th of its clone.  The pairs of a class come in the order in which
    their originals' contrasts lie near the class's `CONTRAST_QUANTILE`; the clones have no say in it.
    """
    classes = np.intersect1d(original.labels, clone.labels)
    if not classes.size:
        return []
    chosen = classes[np.unique(np.linspace(0, classes.size - 1, min(examples, classes.size)).round().astype(int))]
    places = {}
    for label in chosen:
        of_original, of_clone = np.flatnonzero(original.labels == label), np.flatnonzero(clone.labels == label)
        n = min(len(of_original), len(of_clone))
        order = nearest_to_quantile(contrasts(original.images[of_original[:n]]), CONTRAST_QUANTILE)
        places[label] = list(zip(of_original[order], of_clone[order], strict=True))
    turns = -(-examples // len(chosen))
    pairs = [places[label][turn] for turn in range(turns) for label in chosen if turn < len(places[label])]
    return [(int(first), int(second)) for first, second in pairs[:examples]]


def contrasts(images: np.ndarray) -> np.ndarray:
    """The contrast of each image: the standard deviation of its pixels, over all places and channels.

    Args:
        images: (n, D), n >= 1.

    Returns:
        (n,) float64, in the pixels' unit.
    """
    return np.array([np.std(image, dtype=np.float64) for image in images])


def nearest_to_quantile(values: np.ndarray, quantile: float) -> np.ndarray:
    """Indices of all values, those nearest to a quantile of them first, the earlier of two as near.

    Args:
        values: (n,), n >= 1.
        quantile: in [0, 1]; between two values it is interpolated.
    """
    # Values as near up to rounding, above and below, are as near: the earlier comes first on every machine.
    return np.argsort(np.round(np.abs(values - np.quantile(values, quantile)), 9), kind="stable")

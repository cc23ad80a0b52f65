"""Figure 7, which the paper lacks: all methods at a glance."""

import math
from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes

from winnow.figures.bands import draw_band, of_dataset, set_sparsity_axis
from winnow.figures.numbers import Drawing, keep_summary, quote_ends
from winnow.figures.pictures import draw_masks
from winnow.figures.style import PAGE, PAGE_WIDTH, REFERENCE, Look, Page, house_style, looks, set_heading, write_note
from winnow.masks import at_quantiles
from winnow.store.tensors import Mask

_PANELS = (
    ("width", "mean RF width σₓ (pixels)", None),
    ("pair_correlation", "mean g(r), r = 1 … 3", 1.0),
    ("ipr", "inverse participation ratio", None),
    ("kurtosis", "mean kurtosis per class", 3.0),
    ("accuracy", "validation accuracy", None),
)
_WIDE = ("imp", "random", "imp_shuffled_unit")
"""The line to beat, the floor and the null: drawn with their bands, the others as thin lines."""

_MASKS_IN_A_ROW = 10, 12
"""Columns of masks for which there is at least, and at most, room."""


@house_style()
def plot_fig7(
    methods: pd.DataFrame,
    masks: Mapping[str, Mask],
    shape: tuple[int, int, int],
    *,
    dataset: str,
    units: int = 5,
    page: Page = PAGE,
) -> Drawing:
    """Draw (A to E) five statistics of every method against sparsity, and (F) masks of its units, a column a method.

    Lines are means over the seeds; IMP's, the random mask's and the shuffled masks' bands run from the smallest to the
    largest seed.  Grey lines: g of weights at random places, the kurtosis of a Gaussian.  The masks are those after the
    last round of one seed, at quantiles of the units' numbers of weights, most connected at the top.

    Args:
        methods: table `methods`.
        masks: the last mask of each method that is to be drawn.
        shape: (C, L, L), channels and side in pixels.
        dataset: name of the dataset in the table.
        units: units of each method.
        page: what it is drawn for.

    Raises:
        ValueError: the table has no rows of the dataset; a mask does not fit the shape.
    """
    rows = of_dataset(methods, dataset)
    rows = rows[rows["seed"].isna() & rows["compared_with"].isna()]
    drawn = looks(list(rows["method"].unique()))
    narrow = 2 if page.is_narrow else 1
    fewest, most = (number // narrow for number in _MASKS_IN_A_ROW)
    n_rows = math.ceil(len(masks) / most)
    in_a_row = math.ceil(len(masks) / max(n_rows, 1))  # rows of one length, not a full one and its rest
    n_columns = max(in_a_row, fewest)
    picture = (PAGE_WIDTH - 0.3) / (n_columns * narrow)
    curves = [1.9] * 3 if page.is_narrow else [2.1] * 2
    heights = [*curves, *[picture * units + 0.35] * n_rows]
    figure = Drawing(figsize=page.size(sum(heights)))
    grid = figure.add_gridspec(len(heights), 1, height_ratios=heights)
    above = [grid[k].subgridspec(1, 6 // len(curves)) for k in range(len(curves))]
    panels = [figure.add_subplot(row[column]) for row in above for column in range(6 // len(curves))]
    for axes, (statistic, label, reference), letter in zip(panels, _PANELS, "ABCDE", strict=False):
        _draw_statistic(axes, rows[rows["statistic"] == statistic], drawn, reference)
        axes.set_ylabel(label)
        set_heading(axes, letter)
        quote_ends(axes, letter)
    _draw_legend(panels[-1], drawn)
    below = [grid[len(curves) + k].subgridspec(1, n_columns, wspace=0.02) for k in range(n_rows)]
    titles = _broken([drawn[method].label if method in drawn else method for method in masks])
    for k, (method, mask) in enumerate(masks.items()):
        row, column = divmod(k, in_a_row)
        axes = figure.add_subplot(below[row][column])
        draw_masks(
            axes, mask, at_quantiles(mask, units), shape, 1, called=drawn[method].label if method in drawn else method
        )
        if k == 0:
            set_heading(axes, "F")
        axes.set_title(titles[k], fontsize=6)
    page.fit_text(figure)
    return figure


def _draw_statistic(axes: Axes, rows: pd.DataFrame, drawn: Mapping[str, Look], reference: float | None) -> None:
    """One line a method over the axis of sparsity, those without values left out."""
    if reference is not None:
        axes.axhline(reference, color=REFERENCE, linestyle=(0, (5, 3)), linewidth=0.8, zorder=1)
    ticks: list[float] = []
    for method, look in drawn.items():
        summary = rows[(rows["method"] == method) & rows["value"].notna()].sort_values("round")
        summary = summary.rename(columns={"value": "mean"})
        summary["sparsity"] = 1 - summary["density"]
        keep_summary(axes, look.label, summary["sparsity"], summary)
        if method not in _WIDE:
            summary["minimum"] = summary["maximum"] = summary["mean"]
        draw_band(axes, summary["sparsity"], summary, look, method not in _WIDE)
        # Those of one method: at the start biases stay, so that densities lie beside the others'.
        ticks = ticks or summary["sparsity"].tolist()
    set_sparsity_axis(axes, ticks, max_ticks=4)
    if not ticks:
        write_note(axes, "no method has a value")


def _draw_legend(axes: Axes, drawn: Mapping[str, Look]) -> None:
    """The legend of all panels, in a panel of its own."""
    axes.set_axis_off()
    for look in drawn.values():
        axes.plot([], [], color=look.colour, linestyle=look.linestyle, marker=look.marker, label=look.label)
    axes.legend(loc="center", ncols=1 + (len(drawn) > 11), fontsize=5 if len(drawn) > 11 else 6, handlelength=3)


def _broken(labels: Sequence[str]) -> list[str]:
    """Methods' names in lines that fit over a picture, all of as many lines, so that the pictures stand in rows."""
    lines = [label.replace(", ", ",\n").replace(" in ", "\nin ").replace("_", "\n").split("\n") for label in labels]
    most = max(map(len, lines), default=0)
    return ["\n".join([*[""] * (most - len(some)), *some]) for some in lines]

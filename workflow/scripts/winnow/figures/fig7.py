"""Figure 7, which the paper lacks: all methods at a glance, as curves, or where they are many as rows of dots."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.gridspec import GridSpec, SubplotSpec

from winnow.figures.bands import draw_band, of_dataset, set_sparsity_axis
from winnow.figures.dots import draw_dots, explain_dots, set_rows
from winnow.figures.numbers import Drawing, keep_summary, quote_ends
from winnow.figures.pictures import draw_masks
from winnow.figures.style import (
    PAGE,
    PAGE_WIDTH,
    PNG_DPI,
    REFERENCE,
    Look,
    Page,
    house_style,
    looks,
    set_heading,
    write_note,
)
from winnow.masks import at_quantiles
from winnow.store.tensors import Mask

MOST_CURVES = 8
"""More methods than these are rows of dots: so many lines cross that nobody tells who is who."""

_PANELS = (
    ("width", "mean RF width σₓ (pixels)", None),
    ("pair_correlation", "mean g(r), r = 1 … 3", 1.0),
    ("ipr", "inverse participation ratio", None),
    ("kurtosis", "mean kurtosis per class", 3.0),
    ("accuracy", "validation accuracy", None),
)
_WIDE = ("imp", "random", "imp_shuffled_unit")
"""The line to beat, the floor and the null: drawn with their bands, the others as thin lines."""

_PROCEDURES = {
    "iterate": Look("iterated", "#000000", "-", "o"),
    "oneshot": Look("one shot", "#0072B2", "-", "s"),
    "at_start": Look("at the start", "#E69F00", "-", "D"),
    "while_training": Look("while training", "#009E73", "-", "v"),
    "from_masks": Look("of other masks", "#D55E00", "-", "^"),
}
_OTHER = Look("", REFERENCE, "-", "X")


@house_style()
def plot_fig7(
    methods: pd.DataFrame,
    masks: Mapping[str, Mask],
    shape: tuple[int, int, int],
    *,
    dataset: str,
    procedures: Mapping[str, str] | None = None,
    units: int = 5,
    page: Page = PAGE,
) -> Drawing:
    """Draw (A to E) five statistics of every method at every sparsity, and (F) masks of its units.

    Up to `MOST_CURVES` methods are curves against sparsity: means over the seeds; IMP's, the random mask's and the
    shuffled masks' bands run from the smallest to the largest seed.  More are a row each, sorted by the width after the
    last round, with the statistics as columns: `winnow.figures.dots.draw_dots` says what a row shows.  Grey dashed
    lines: g of weights at random places, the kurtosis of a Gaussian.  The masks are those after the last round of one
    seed, at quantiles of the units' numbers of weights, most connected first, in the order of the rows or the legend.

    Args:
        methods: table `methods`.
        masks: the last mask of each method that is to be drawn.
        shape: (C, L, L), channels and side in pixels.
        dataset: name of the dataset in the table.
        procedures: what each method does, as in `winnow.pruning.methods`; it gives the rows their colours.
        units: units of each method: twice as many where there is room, fewer where the methods are many.
        page: what it is drawn for.

    Raises:
        ValueError: the table has no rows of the dataset; a mask does not fit the shape.
    """
    rows = of_dataset(methods, dataset)
    rows = rows[rows["compared_with"].isna()]
    names = list(rows["method"].unique())
    are_many = len(names) > MOST_CURVES
    drawn = looks(names)
    if are_many:
        names = by_locality(rows)
        height = _height_of_dots(len(names), page)
    else:
        height = 3 * 1.9 if page.is_narrow else 2 * 2.1
    blocks = _Blocks.of(len(masks), units, page, are_numbered=are_many and page.is_narrow)
    n_blocks = len(blocks.lengths)
    # At the resolution at which it is written: small letters are wider there, and names as long as these do not fit.
    figure = Drawing(figsize=page.size(height + n_blocks * blocks.height), dpi=PNG_DPI)
    grid = figure.add_gridspec(1 + n_blocks, 1, height_ratios=[height, *[blocks.height] * n_blocks])
    if are_many:
        groups = {name: _PROCEDURES.get((procedures or {}).get(name, ""), _OTHER) for name in names}
        labels = {name: drawn[name].label for name in names}
        _draw_dots(figure, grid[0], rows, labels, groups, page.is_narrow)
    else:
        _draw_curves(figure, grid[0], rows[rows["seed"].isna()], drawn, 3 if page.is_narrow else 2)
    shown = [name for name in names if name in masks] + [name for name in masks if name not in names]
    called = {name: drawn[name].label if name in drawn else name for name in shown}
    _draw_masks(figure, grid, {called[name]: masks[name] for name in shown}, shape, blocks)
    page.fit_text(figure)
    return figure


# -- few methods: curves -----------------------------------------------------------------------------------------------


def _draw_curves(
    figure: Drawing, place: SubplotSpec, rows: pd.DataFrame, drawn: Mapping[str, Look], n_rows: int
) -> None:
    """Panels A to E, a line a method, and the legend in the sixth place."""
    grid = place.subgridspec(n_rows, 6 // n_rows)
    panels = [figure.add_subplot(grid[divmod(k, 6 // n_rows)]) for k in range(6)]
    for axes, (statistic, label, reference), letter in zip(panels, _PANELS, "ABCDE", strict=False):
        _draw_statistic(axes, rows[rows["statistic"] == statistic], drawn, reference)
        axes.set_ylabel(label)
        set_heading(axes, letter)
        quote_ends(axes, letter)
    panels[-1].set_axis_off()
    for look in drawn.values():
        panels[-1].plot([], [], color=look.colour, linestyle=look.linestyle, marker=look.marker, label=look.label)
    panels[-1].legend(loc="center", handlelength=3)


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


# -- many methods: rows of dots ----------------------------------------------------------------------------------------


def by_locality(rows: pd.DataFrame) -> list[str]:
    """Methods by their mean width after the last round, narrowest first; those without one come last, in their order.

    Args:
        rows: of a table `methods`, of one dataset, without differences.
    """
    of_all = rows[rows["seed"].isna() & rows["statistic"].eq("width") & rows["round"].eq(rows["round"].max())]
    widths = of_all.set_index("method")["value"].reindex(rows["method"].unique())
    return list(widths.sort_values(kind="stable", na_position="last").index)


def _height_of_dots(n: int, page: Page) -> float:
    """Inches of n methods' rows with their axis and the legend: once on a page, twice in a column."""
    row = min(max(3.6 / n, 0.1 if page.is_narrow else 0.125), 0.18)
    return 2 * (row * n + 0.6) if page.is_narrow else row * n + 0.95


def _draw_dots(
    figure: Drawing,
    place: SubplotSpec,
    rows: pd.DataFrame,
    labels: Mapping[str, str],
    groups: Mapping[str, Look],
    is_narrow: bool,
) -> None:
    """Panels A to E side by side, the methods' names at the left, and the legend above.

    In a column A to C, and below them D, E and the legend; names have numbers, which stand for them above the masks.
    """
    lines = {name: look for name, look in looks(_WIDE).items() if name in labels}
    n_columns = 3 if is_narrow else 5
    grid = place.subgridspec(math.ceil(len(_PANELS) / n_columns), n_columns, wspace=0.04)
    for k, ((statistic, label, reference), letter) in enumerate(zip(_PANELS, "ABCDE", strict=True)):
        axes = figure.add_subplot(grid[divmod(k, n_columns)])
        names = [f"{text} {row}" if is_narrow else text for row, text in enumerate(labels.values(), start=1)]
        set_rows(axes, names if k % n_columns == 0 else [""] * len(labels), bold=[name in lines for name in labels])
        of_panel = rows[rows["statistic"] == statistic]
        draw_dots(axes, of_panel, labels, groups, lines, name=label, reference=reference)
        set_heading(axes, letter)
        quote_ends(axes, letter, curves=[labels[name] for name in _noted(of_panel, lines)])
    handles = explain_dots([look for look in _PROCEDURES.values() if look in groups.values()], lines.values())
    if is_narrow:
        axes = figure.add_subplot(grid[1, 2])
        axes.set_axis_off()
        for handle in handles:
            handle.set_label(str(handle.get_label()).replace(" in ", "\nin "))
        legend = axes.legend(handles=handles, loc="center right", fontsize=5, handlelength=2, handletextpad=0.5)
        legend.set_in_layout(False)
    else:
        figure.legend(handles=handles, loc="outside upper center", ncols=6, fontsize=6, handlelength=2)


def _noted(rows: pd.DataFrame, lines: Collection[str]) -> list[str]:
    """Methods whose last value a caption quotes: those that all are compared with, the smallest and the largest."""
    of_all = rows[rows["seed"].isna() & rows["value"].notna() & rows["round"].eq(rows["round"].max())]
    of_all = of_all.sort_values("value", kind="stable")
    return list(dict.fromkeys([*lines, *of_all["method"].iloc[:1], *of_all["method"].iloc[-1:]]))


# -- masks -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Blocks:
    """How the methods' masks are laid out: blocks of methods side by side, below each other."""

    lengths: list[int]
    """Methods of each block."""
    places: int
    """Methods for which each block has room."""
    across: int
    """Pictures of a method side by side."""
    units: int
    """Pictures of a method."""
    height: float
    """Inches of a block, names included, in the layout for the page."""

    are_numbered: bool
    """Whether numbers stand above the masks, those of the rows, for want of room for names."""

    @classmethod
    def of(cls, n: int, units: int, page: Page, *, are_numbered: bool) -> "_Blocks":
        """Blocks of one length, not a full one and its rest; few methods get several pictures side by side."""
        columns, fewest, most = (6, 4, 14 if are_numbered else 6) if page.is_narrow else (10, 8, 14)
        n_blocks = math.ceil(n / most)
        longest = math.ceil(n / n_blocks) if n else 1
        across = max(1, columns // longest)
        if across > 1:
            units = math.ceil(2 * units / across) * across
        elif n_blocks > 1:
            units = math.ceil(units / 2)
        places = longest if across > 1 else max(longest, fewest)
        picture = (PAGE_WIDTH / (2 if page.is_narrow else 1) - 0.2) / (places * across)
        return cls(
            [min(longest, n - k * longest) for k in range(n_blocks)],
            places,
            across,
            units,
            picture * units / across + (0.15 if are_numbered else 0.35),
            are_numbered,
        )


def _draw_masks(
    figure: Drawing, grid: GridSpec, masks: Mapping[str, Mask], shape: tuple[int, int, int], blocks: _Blocks
) -> None:
    """Panel F: each method's masks under its name, or the number of its row."""
    size = 7 if blocks.across > 1 else 6 if blocks.places <= 12 else 5
    names = [
        str(k) if blocks.are_numbered else name if blocks.across > 1 else _broken(name)
        for k, name in enumerate(masks, start=1)
    ]
    lines = max((1 + name.count("\n") for name in names[: blocks.places]), default=1)
    below = [grid[1 + k].subgridspec(1, blocks.places, wspace=0.02 * blocks.across) for k in range(len(blocks.lengths))]
    for k, (called, mask) in enumerate(masks.items()):
        block, column = divmod(k, max(blocks.lengths))
        axes = figure.add_subplot(below[block][column])
        draw_masks(axes, mask, at_quantiles(mask, blocks.units), shape, blocks.across, called=called)
        # A title would share its height with the panel's letter, which stands above them all.
        below_letter: dict[str, Any] = {"xytext": (0, 2), "textcoords": "offset points", "ha": "center", "va": "bottom"}
        axes.annotate(names[k], (0.5, 1), xycoords="axes fraction", fontsize=size, **below_letter)
        if k == 0:
            axes.set_title("F", loc="left", fontweight="bold", fontsize=9, pad=4 + 1.2 * size * lines)


def _broken(name: str) -> str:
    """A method's name in lines that fit over a picture."""
    return name.replace(", ", ",\n").replace(" in ", "\nin ").replace("_", "\n")

"""Figure 10, which the paper lacks: what deeper layers see, layer by layer."""

import re
from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FormatStrFormatter, LogLocator, NullLocator

from winnow.figures.bands import draw_band, of_dataset, set_sparsity_axis
from winnow.figures.numbers import Drawing, keep_summary, quote_ends
from winnow.figures.style import PAGE, REFERENCE, Look, Page, house_style, looks, set_heading, write_note

_ROWS = (
    ("share_reached", "share of the\npixels reached", 1.0),
    ("width_ratio", "field width over\nthat of chance", 1.0),
    ("pair_correlation", "mean g(r),\nr = 1 … 3", 1.0),
    ("path_spread", "spread of paths\n(pixels)", None),
    ("kurtosis_median", "median kurtosis\nper class", 3.0),
    ("cavity_signs", "cavity cells with\nthe predicted sign", None),
)
_MIXED = Look("IMP, each unit's inputs mixed", REFERENCE, (0, (4, 1, 1, 1)), "x")
"""What IMP's layers would have if units drew their inputs at random from the layer below: what they inherit."""

_QUOTED = "ABE"
"""Panels whose last points the caption quotes."""


@house_style()
def plot_fig10(methods: pd.DataFrame, *, dataset: str, page: Page = PAGE) -> Drawing:
    """Draw six statistics (rows) of the hidden layers (columns) against sparsity, a curve a method.

    Lines are means over the seeds, bands run from the smallest to the largest seed.  Grey lines: all pixels, fields
    without structure, the kurtosis of a Gaussian; with crosses, what IMP's layers inherit from those below.

    Args:
        methods: table `methods`, with the statistics of layers.
        dataset: name of the dataset in the table.
        page: what it is drawn for.

    Raises:
        ValueError: the table has no rows of the dataset, or none of layers.
    """
    rows = of_dataset(methods, dataset)
    rows = rows[rows["seed"].isna() & rows["compared_with"].isna()]
    found = {re.match(r"layer(\d+)_", statistic) for statistic in rows["statistic"].unique()}
    layers = sorted({int(of_layer[1]) for of_layer in found if of_layer})
    if not layers:
        raise ValueError("there is nothing to draw: the table has no statistics of layers (setting measure.layers)")
    drawn = looks(list(rows["method"].unique()))
    figure = Drawing(figsize=page.size(1.25 * len(_ROWS) + 0.6))
    panels = figure.subplots(len(_ROWS), len(layers), sharex=True, sharey="row", squeeze=False)
    for (statistic, label, reference), row, letter in zip(_ROWS, panels, "ABCDEF", strict=True):
        for layer, axes in zip(layers, row, strict=True):
            of_panel = rows[rows["statistic"] == f"layer{layer}_{statistic}"]
            _draw_methods(axes, f"layer {layer}", of_panel, drawn, reference)
            mixed = rows[(rows["statistic"] == f"layer{layer}_{statistic}_mixed") & (rows["method"] == "imp")]
            if mixed["value"].notna().any():
                _draw_curve(axes, f"layer {layer}", mixed, _MIXED, thin=True)
        row[0].set_ylabel(label)
        set_heading(row[0], letter)
        for axes in row if letter in _QUOTED else ():
            quote_ends(axes, letter)
    _set_kurtosis_axis(panels[4, 0])
    for axes in panels[:-1].flat:
        axes.set_xlabel("")
    for layer, top in zip(layers, panels[0], strict=True):
        top.set_title(f"layer {layer}")
    curves = {text: line for axes in panels.flat for line, text in zip(*axes.get_legend_handles_labels(), strict=True)}
    figure.legend(curves.values(), curves.keys(), loc="outside lower center", ncols=2 if page.is_narrow else 4)
    page.fit_text(figure)
    return figure


def _set_kurtosis_axis(axes: Axes) -> None:
    """Make y, which the panels of a row share, logarithmic: 2 is as far from a Gaussian's 3 as 4.5 is."""
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5)))
    axes.yaxis.set_major_formatter(FormatStrFormatter("%g"))
    axes.yaxis.set_minor_locator(NullLocator())


def _draw_methods(
    axes: Axes, layer: str, rows: pd.DataFrame, drawn: Mapping[str, Look], reference: float | None
) -> None:
    """One curve a method over the axis of sparsity, those without values left out."""
    if reference is not None:
        axes.axhline(reference, color=REFERENCE, linestyle=(0, (5, 3)), linewidth=0.8, zorder=1)
    ticks: list[float] = []
    for method, look in drawn.items():
        sparsities = _draw_curve(axes, layer, rows[rows["method"] == method], look, thin=len(drawn) > 4)
        # Those of one method: at the start biases stay, so that densities lie beside the others'.
        ticks = ticks or sparsities
    set_sparsity_axis(axes, ticks, max_ticks=4)
    if not ticks:
        write_note(axes, "no value")


def _draw_curve(axes: Axes, layer: str, rows: pd.DataFrame, look: Look, *, thin: bool) -> list[float]:
    """A curve of the rows that have a value; its sparsities."""
    summary = rows[rows["value"].notna()].sort_values("round").rename(columns={"value": "mean"})
    summary["sparsity"] = 1 - summary["density"]
    keep_summary(axes, f"{layer}, {look.label}", summary["sparsity"], summary)
    draw_band(axes, summary["sparsity"], summary, look, thin)
    return list(summary["sparsity"])

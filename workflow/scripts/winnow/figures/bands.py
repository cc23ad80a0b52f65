"""Curves over seeds: a mean line in a band from minimum to maximum, and the axis of sparsity they are drawn over."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullLocator

from winnow.figures.style import Look


def of_dataset(table: pd.DataFrame, dataset: str) -> pd.DataFrame:
    """The rows of one dataset.

    Raises:
        ValueError: the table has none.
    """
    rows = table[table["dataset"] == dataset]
    if rows.empty:
        raise ValueError(f"no rows of dataset {dataset!r} to draw; the table has {sorted(table['dataset'].unique())}")
    return rows


def converged_widths(locality: pd.DataFrame) -> pd.DataFrame:
    """The rows of a table `locality` whose fit converged: only those have a width to average."""
    return locality[locality["converged"].eq(True) & locality["sigma_x"].notna()]


def over_seeds(table: pd.DataFrame, value: str, by: Sequence[str], per_seed: str = "mean") -> pd.DataFrame:
    """Summarise a statistic within each seed, then over the seeds.

    Args:
        table: one row an observation, with a column `seed`; rows where the value is missing are left out.
        value: the column to summarise.
        by: the columns that tell the points of the curve apart.
        per_seed: how the observations of one seed are summarised: `"mean"` or `"median"`.

    Returns:
        one row a point, sorted: the columns `by` (a missing key is a point of its own), `mean`, `minimum`, `maximum`
        over the seeds, and `sparsity` (1 - mean density) where the table has a density.
    """
    known = table.dropna(subset=[value])
    keys = list(by)
    summaries = {value: per_seed, **({"density": "mean"} if "density" in known else {})}
    seeds = known.groupby([*keys, "seed"], dropna=False, observed=True).agg(summaries).reset_index()
    points = seeds.groupby(keys, dropna=False, observed=True)
    summary = points[value].agg(["mean", "min", "max"]).rename(columns={"min": "minimum", "max": "maximum"})
    if "density" in seeds:
        summary["sparsity"] = 1 - points["density"].mean()
    return summary.reset_index()


def draw_band(axes: Axes, x: pd.Series, summary: pd.DataFrame, look: Look, thin: bool = False) -> None:
    """Draw the mean line over its min-max band; draws nothing where the summary is empty.

    Args:
        axes: where to draw.
        x: the positions of the points, in the summary's order.
        summary: from `over_seeds`.
        look: colour, line style, marker and label.
        thin: whether the curve stays in the background.
    """
    if summary.empty:
        return
    axes.fill_between(x, summary["minimum"], summary["maximum"], color=look.colour, alpha=0.18, linewidth=0)
    axes.plot(
        x,
        summary["mean"],
        color=look.colour,
        linestyle=look.linestyle,
        linewidth=0.8 if thin else None,
        marker=look.marker,
        markersize=2 if thin else None,
        markevery=max(1, len(summary) // 15),
        label=look.label,
    )


def format_sparsity(density: float) -> str:
    """The sparsity 1 - density in percent, with as many digits as leave two of the density (0.0282 gives "97.2")."""
    percent = 100 * density
    decimals = max(0, 1 - int(np.floor(np.log10(percent)))) if 0 < percent < 100 else 0
    return f"{100 - percent:.{decimals}f}"


def set_sparsity_axis(axes: Axes, sparsities: Sequence[float] | np.ndarray, max_ticks: int = 6) -> None:
    """Make x an axis of sparsity on which rounds that prune the same share lie equally far apart.

    The position of a sparsity s is -log(1 - s), so this is the logarithmic axis of density, running to the right.

    Args:
        axes: the axes, whose x data are sparsities in [0, 1).
        sparsities: those drawn; ticks are put at some of them, among them the largest.
        max_ticks: how many ticks there is room for.
    """
    smallest = 1e-12
    axes.set_xscale(
        "function", functions=(lambda s: -np.log(np.clip(1 - s, smallest, None)), lambda x: 1 - np.exp(-np.asarray(x)))
    )
    # the density of one round may differ by rounding between methods: one tick for both
    places = np.unique(np.round(np.asarray(sparsities, dtype=float), 6))[::-1]
    ticks = places[:: max(1, -(-len(places) // max_ticks))]
    axes.xaxis.set_major_locator(FixedLocator(ticks.tolist()))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(ticks, [format_sparsity(1 - tick) for tick in ticks])
    axes.set_xlabel("sparsity (%)")

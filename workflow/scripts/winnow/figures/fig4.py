"""Figure 4: receptive-field width and preactivation kurtosis against sparsity."""

import pandas as pd
from matplotlib.axes import Axes

from winnow.figures.bands import converged_widths, draw_band, of_dataset, over_seeds, set_sparsity_axis
from winnow.figures.numbers import Drawing, keep_curve, keep_summary, quote_ends
from winnow.figures.style import METHODS, PAGE, REFERENCE, Page, house_style, set_heading, write_note


@house_style()
def plot_fig4(locality: pd.DataFrame, kurtosis_by_class: pd.DataFrame, *, dataset: str, page: Page = PAGE) -> Drawing:
    """Draw Fig. 4: (A) the mean width, (B) the mean kurtosis per class against sparsity for the three methods.

    Lines are the mean over the seeds of each seed's mean, bands run from the smallest to the largest seed.  Only
    converged fits count in (A); in (B) units without variance have no kurtosis.  The dashed line is a Gaussian's.  Thin
    lines in (A) are the widths of random masks with the number of weights that IMP's and oneshot's units have: what
    lies on them is no structure.

    Args:
        locality: table `locality`.
        kurtosis_by_class: table `kurtosis_by_class`.
        dataset: name of the dataset in the tables.
        page: what it is drawn for.

    Raises:
        ValueError: a table has no rows of the dataset.
    """
    figure = Drawing(figsize=page.size(2.7, 5.0))
    left, right = figure.subplots(*((2, 1) if page.is_narrow else (1, 2)))
    _draw_chance(left, of_dataset(locality, dataset))
    _draw_methods(left, converged_widths(of_dataset(locality, dataset)), "sigma_x", "no unit has a width")
    left.set_ylabel("mean RF width σₓ (pixels)")
    set_heading(left, "A")

    _draw_methods(right, of_dataset(kurtosis_by_class, dataset), "kurtosis_mean", "no unit has a kurtosis")
    right.axhline(3, color=REFERENCE, linestyle=(0, (5, 3)), linewidth=0.8, zorder=1, label="Gaussian")
    right.set_ylabel("mean kurtosis per class")
    set_heading(right, "B")
    for axes, letter in ((left, "A"), (right, "B")):
        quote_ends(axes, letter)
        if axes.lines:
            axes.legend(loc="best")
    page.fit_text(figure)
    return figure


def _draw_chance(axes: Axes, locality: pd.DataFrame) -> None:
    """A thin dotted line for each method whose units have other numbers of weights than the random mask's."""
    label: str | None = "as many weights at random places"
    for method in ("imp", "oneshot"):
        summary = over_seeds(locality[locality["method"] == method], "chance_sigma_x", ["round"])
        if not summary.empty:
            axes.plot(summary["sparsity"], summary["mean"], ":", color=METHODS[method].colour, lw=0.9, label=label)
            keep_curve(axes, f"random, weights as {METHODS[method].label}", summary["sparsity"], summary["mean"])
            label = None


def _draw_methods(axes: Axes, table: pd.DataFrame, value: str, otherwise: str) -> None:
    """One band a method over the axis of sparsity."""
    sparsities: list[float] = []
    for method, look in METHODS.items():
        summary = over_seeds(table[table["method"] == method], value, ["round"])
        draw_band(axes, summary["sparsity"], summary, look)
        keep_summary(axes, look.label, summary["sparsity"], summary)
        sparsities.extend(summary["sparsity"])
    set_sparsity_axis(axes, sparsities)
    if not sparsities:
        write_note(axes, otherwise)

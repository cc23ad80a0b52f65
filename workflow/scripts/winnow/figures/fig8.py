"""Figure 8, which the paper lacks: dose and response, the statistics against the dial of the data."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullLocator

from winnow.figures.numbers import Drawing, keep_curve
from winnow.figures.style import METHODS, PAGE, REFERENCE, Look, Page, house_style, looks, set_heading, write_note

_ROWS = (
    ("width", "mean RF width σₓ\n(pixels)", None),
    ("pair_correlation", "mean g(r),\nr = 1 … 3", 1.0),
    ("ipr", "inverse\nparticipation ratio", None),
    ("kurtosis", "mean kurtosis\nper class", 3.0),
    ("cavity_signs", "cavity cells with\nthe predicted sign", None),
)
ARMS = {
    "saturating": Look("saturating", "#0072B2", "-", "o"),
    "heavy_tailed": Look("heavy-tailed", "#D55E00", "--", "^"),
    "elliptical": Look("elliptical", "#009E73", ":", "s"),
}
"""The arms of synthetic images; all begin at the Gaussian ones.  Those of blends are called after what is blended."""

_LINEAR_UP_TO = 1.0  # excess kurtosis, beyond which the axis is logarithmic: heavy tails have no end


@house_style()
def plot_fig8(responses: pd.DataFrame, *, page: Page = PAGE) -> Drawing:
    """Draw five statistics after the last round (rows) of three methods (columns) against the dial, a curve an arm.

    Points are seeds, lines their means.  The dial is the pixels' excess kurtosis, or the share of natural images in
    blends with their clone; at 0 the images are Gaussian, and the covariance is the same all along.  Grey lines:
    Gaussian images, g of weights at random places, the kurtosis of a Gaussian.

    Args:
        responses: table `responses`.
        page: what it is drawn for.

    Raises:
        ValueError: the table has no rows.
    """
    if responses.empty:
        raise ValueError("there is nothing to draw: no dataset has a dial that differs from 0")
    own = responses[responses["compared_with"].isna()]
    methods = [method for method in METHODS if method in set(own["method"])]
    arms = list(dict.fromkeys(own["arm"]))
    drawn = {arm: ARMS.get(arm) or blend for arm, blend in looks(arms).items()}
    figure = Drawing(figsize=page.size(1.5 * len(_ROWS) + 0.5, 1.3 * len(_ROWS) + 0.5))
    panels = figure.subplots(len(_ROWS), len(methods), sharex=True, sharey="row", squeeze=False)
    for (statistic, label, reference), row, letter in zip(_ROWS, panels, "ABCDE", strict=True):
        for method, axes in zip(methods, row, strict=True):
            _draw_arms(
                axes,
                METHODS[method].label,
                own[(own["statistic"] == statistic) & (own["method"] == method)],
                drawn,
                reference,
            )
        row[0].set_ylabel(label)
        set_heading(row[0], letter)
    for method, top, bottom in zip(methods, panels[0], panels[-1], strict=True):
        top.set_title(METHODS[method].label)
        if set(drawn) <= set(ARMS):
            _set_kurtosis_axis(bottom, own["dial"].to_numpy())
            of_x = "excess kurtosis", "of the pixels"
        else:
            of_x = "natural share", "of the variance, 1 − a"
        bottom.set_xlabel(("\n" if page.is_narrow else " ").join(of_x))
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=len(drawn))
    page.fit_text(figure)
    return figure


def _draw_arms(axes: Axes, method: str, rows: pd.DataFrame, arms: Mapping[str, Look], reference: float | None) -> None:
    """One curve an arm: every seed's point, and the mean at each level."""
    lines = [axes.axvline(0)] + ([] if reference is None else [axes.axhline(reference)])
    for line in lines:
        line.set(color=REFERENCE, linestyle=(0, (5, 3)), linewidth=0.8, zorder=1)
    known = rows[rows["value"].notna()]
    for arm, look in arms.items():
        of_arm = known[known["arm"] == arm]
        if of_arm.empty:
            continue
        means = of_arm.groupby("dial")["value"].mean()
        seeds = of_arm.groupby("dial")["value"]
        keep_curve(axes, f"{method}, {look.label}", means.index.to_series(), means, seeds.min(), seeds.max())
        axes.plot(means.index, means, color=look.colour, linestyle=look.linestyle, label=look.label)
        axes.plot(
            of_arm["dial"],
            of_arm["value"],
            look.marker,
            color=look.colour,
            markersize=2.5,
            alpha=0.6,
            markeredgewidth=0,
        )
    if known.empty:
        write_note(axes, "no value")


def _set_kurtosis_axis(axes: Axes, dials: np.ndarray) -> None:
    """Make x an axis of excess kurtosis, linear about 0 and logarithmic far from it."""
    axes.set_xscale("asinh", linear_width=_LINEAR_UP_TO)
    ticks = [tick for tick in (-2, -1, 0, 1, 2, 4, 8, 16, 32, 64) if dials.min() - 0.5 <= tick <= dials.max()]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(ticks, [str(tick).replace("-", "−") for tick in ticks])

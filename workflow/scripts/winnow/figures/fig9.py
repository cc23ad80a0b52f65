"""Figure 9, which the paper lacks: which claims depend on which choice."""

import math
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from winnow.figures.numbers import Drawing, keep_curve
from winnow.figures.style import ACCENT, PAGE, REFERENCE, Page, house_style, set_heading, write_note

OWN = "own settings"
"""What the row of the experiment's own settings is called."""

_FILLED = {"supported": "full", "not supported": "none", "undetermined": "left"}
"""How much of a point is black, by verdict."""

_IN_A_ROW = 5, 3
"""Panels side by side on a page, and in a column."""

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

_UNITS = {
    "1": "gap of widths (pixels)",
    "1b": "gap of g(r) − 1",
    "2": "clone − original\n(pixels)",
    "2b": "g(r), original\n− clone",
    "3": "gap of kurtosis",
    "3b": "gap of |kurtosis − 3|",
    "4": "share of rounds\nthat rise",
    "4b": "share of rounds\nthat leave 3",
    "5": "share of cells as\npredicted",
    "5b": "share of next\ncells > 0",
}


@house_style()
def plot_fig9(sensitivity: pd.DataFrame, *, page: Page = PAGE) -> Drawing:
    """Draw every claim's effect (panels) under every choice (rows): its mean over the seeds and its 95 % interval.

    The first row, the vertical line and the band are the experiment's own settings, their effect and its interval.
    Dashed: the value without effect; dotted: the one that decides.  Points are filled where the claim is supported,
    open where it is not, half filled where it is undetermined; ≠ marks a verdict that is not that of the own settings.
    Intervals that would flatten the points of a panel are cut at its edge.

    Args:
        sensitivity: table `sensitivity`.
        page: what it is drawn for.

    Raises:
        ValueError: the table has no choice.
    """
    choices = sensitivity["choice"].dropna().unique().tolist()
    if not choices:
        raise ValueError("there is nothing to draw: no choice is varied")
    claims = sensitivity["claim"].unique().tolist()
    names = [OWN, *choices]
    in_a_row = _IN_A_ROW[page.is_narrow]
    n_rows = math.ceil(len(claims) / in_a_row)
    height = n_rows * (0.15 * len(names) + 0.85) + 0.3
    figure = Drawing(figsize=page.size(height))
    # Names are wider in a PNG than where the layout is settled, at a lower resolution.
    figure.set_layout_engine("constrained", w_pad=0.07)
    panels = figure.subplots(n_rows, in_a_row, sharey=True, squeeze=False)
    for axes in panels.flat[len(claims) :]:
        axes.set_axis_off()
    for axes, claim, letter in zip(panels.flat, claims, _LETTERS, strict=False):
        rows = sensitivity[sensitivity["claim"] == claim]
        _draw_claim(axes, rows.assign(name=rows["choice"].fillna(OWN)).set_index("name").reindex(names))
        axes.set_xlabel(_UNITS.get(claim, "effect"), fontsize=6)
        set_heading(axes, letter, f"claim {claim}", is_small=True)
    for axes in panels[:, 0]:
        axes.set_yticks(range(len(names)), names)
        axes.set_ylim(len(names) - 0.4, -0.6)
    _draw_legend(figure, panels.flat[0], 2 if page.is_narrow else 4)
    _quote(figure, sensitivity)
    page.fit_text(figure)
    return figure


def _draw_claim(axes: Axes, rows: pd.DataFrame) -> None:
    """One point a row, in the order of the table; the first row is the experiment's own settings."""
    own = rows.iloc[0]
    known = rows["effect"].notna()
    axes.tick_params(labelsize=6)
    axes.axhline(0.5, color=REFERENCE, linewidth=0.4, zorder=0)
    for place, (name, row) in enumerate(rows.iterrows()):
        keep_curve(
            axes,
            str(name),
            pd.Series([place + 1.0], name="row"),
            [row["effect"]],
            [row["low"]],
            [row["high"]],
            str(row["statistic"]),
        )
        if known.iloc[place]:
            _draw_point(axes, place, row)
        else:
            axes.text(0.5, place, "–", transform=axes.get_yaxis_transform(), ha="center", va="center", color=REFERENCE)
        if row["differs"] is True:
            axes.text(
                1.0,
                place,
                "≠",
                transform=axes.get_yaxis_transform(),
                ha="right",
                va="center",
                fontsize=7,
                fontweight="bold",
                color=ACCENT,
            )
    if not known.any():
        axes.set_xticks([])
        write_note(axes, "no value")
        return
    if pd.notna(own["no_effect"]):
        axes.axvline(own["no_effect"], color=REFERENCE, linestyle=(0, (5, 3)), linewidth=0.8, zorder=1)
    if own["threshold"] != own["no_effect"]:
        axes.axvline(own["threshold"], color=REFERENCE, linestyle=":", linewidth=0.8, zorder=1)
    if known.iloc[0]:
        axes.axvline(own["effect"], color="#0072B2", linewidth=0.8, zorder=1)
        if pd.notna(own["low"]):
            axes.axvspan(own["low"], own["high"], color="#0072B2", alpha=0.15, linewidth=0, zorder=0)
    axes.set_xlim(*_limits(rows[known]))
    axes.locator_params(axis="x", nbins=3)


def _draw_point(axes: Axes, place: int, row: "pd.Series[Any]") -> None:
    if pd.notna(row["low"]):
        axes.plot([row["low"], row["high"]], [place, place], color="black", linewidth=0.9, zorder=2)
    axes.plot(
        row["effect"],
        place,
        "o",
        color="black",
        fillstyle=_FILLED[str(row["verdict"])],
        markerfacecolor="black" if row["verdict"] != "not supported" else "white",
        markerfacecoloralt="white",
        markersize=4,
        markeredgewidth=0.7,
        zorder=3,
    )


def _limits(rows: pd.DataFrame) -> tuple[float, float]:
    """From the least to the largest effect, with the lines, and of the intervals as much again on either side."""
    fixed = rows[["effect", "no_effect", "threshold"]].to_numpy(float)
    low, high = np.nanmin(fixed), np.nanmax(fixed)
    span = high - low or max(abs(high), 1.0)
    low = max(np.nanmin([low, *rows["low"]]), low - span)
    high = min(np.nanmax([high, *rows["high"]]), high + span)
    return low - 0.08 * span, high + 0.12 * span


def _draw_legend(figure: Drawing, axes: Axes, n_columns: int) -> None:
    """What the points, lines and marks of all panels mean."""
    for verdict, fill in _FILLED.items():
        axes.plot(
            [],
            [],
            "o",
            color="black",
            fillstyle=fill,
            markerfacecoloralt="white",
            markersize=4,
            markeredgewidth=0.7,
            label=verdict,
        )
    axes.plot([], [], color="#0072B2", linewidth=0.8, label=OWN)
    axes.plot([], [], color=REFERENCE, linestyle=(0, (5, 3)), linewidth=0.8, label="no effect")
    axes.plot([], [], color=REFERENCE, linestyle=":", linewidth=0.8, label="decides")
    axes.plot([], [], color=ACCENT, marker="$≠$", linestyle="", markersize=5, label="another verdict")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=n_columns, fontsize=6)


def _quote(figure: Drawing, sensitivity: pd.DataFrame) -> None:
    """Have the caption say what each choice changes, and whose verdict it changes."""
    varied = sensitivity[sensitivity["choice"].notna()]
    for choice, rows in varied.groupby("choice", sort=False):
        other = [f"{row['claim']} ({row['verdict']})" for _, row in rows.iterrows() if row["differs"]]
        words = f"another verdict on claim{'s' if len(other) > 1 else ''} {', '.join(other)}" if other else "none"
        figure.quotes.append(f"{choice} ({rows['changes'].iloc[0]}): {words}.")

"""Many methods beside each other: a row a method, a statistic along x, a dot after every round."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from winnow.figures.numbers import keep_curve, keep_summary
from winnow.figures.style import REFERENCE, Look, write_note

_LABEL = 6
"""Size of names and numbers along the axes, in points."""

_STRIPE = "#F2F2F2"
_DOT = 4.0
_SMALL: dict[str, Any] = {"markersize": 3, "markeredgewidth": 0}
_SEED: dict[str, Any] = {"markersize": 5, "markeredgewidth": 0.6}
"""Sizes, in points, of the dot of the last mean, of the others, and of the strokes of the seeds."""

_REACH = 3.0
"""How far x reaches beyond the middle 80 % of the methods, in units of their extent: who lies further out stands at the
edge, as an arrow."""


def set_rows(axes: Axes, labels: Sequence[str], *, bold: Sequence[bool]) -> None:
    """Make y an axis of rows, the first at the top, every other one on a grey stripe.

    Args:
        axes: where to draw.
        labels: of the rows.
        bold: which of them are bold.
    """
    n = len(labels)
    for row in range(1, n, 2):
        axes.axhspan(row - 0.5, row + 0.5, color=_STRIPE, linewidth=0, zorder=0)
    axes.set_ylim(n - 0.5, -0.5)
    axes.set_yticks(range(n), labels)
    axes.tick_params(axis="y", length=0, labelsize=_LABEL)
    for label, is_bold in zip(axes.get_yticklabels(), bold, strict=True):
        label.set_fontweight("bold" if is_bold else "normal")


def draw_dots(
    axes: Axes,
    rows: pd.DataFrame,
    labels: Mapping[str, str],
    groups: Mapping[str, Look],
    lines: Mapping[str, Look],
    *,
    name: str,
    reference: float | None = None,
) -> None:
    """Draw one statistic of all methods.

    In a method's row: small dots, joined, its means over the seeds after each round; a large one that after its last
    round, hollow where that is not the table's last, an arrow where it lies outside; upright strokes its seeds there,
    and a bar the mean's 95 % interval.

    Args:
        axes: from `set_rows`.
        rows: of a table `methods`, of one dataset and statistic, without differences.
        labels: methods, as they are called, by name, in the order of the rows.
        groups: colour and marker of each.
        lines: methods whose last mean is a line through all rows.
        name: of the statistic, for the label and the numbers.
        reference: the place of another line, dashed and grey.
    """
    axes.set_xlabel(textwrap.fill(name.replace(" = 1 … 3", "\xa0=\xa01\xa0…\xa03"), 14), fontsize=_LABEL)
    known = rows[rows["value"].notna()].sort_values("round")
    if known.empty:
        axes.set_xticks([])
        write_note(axes, "no method\nhas a value")
        return
    summaries, seeds = known[known["seed"].isna()], known[known["seed"].notna()]
    left, right = _limits(summaries.groupby("method")["value"].last(), summaries["value"])
    if reference is not None:
        left, right = min(left, reference), max(right, reference)
        axes.axvline(reference, color=REFERENCE, linestyle=(0, (5, 3)), linewidth=0.6, zorder=1)
    for row, (method, label) in enumerate(labels.items()):
        summary = summaries[summaries["method"] == method].rename(columns={"value": "mean"})
        if summary.empty:
            continue
        last = summary.iloc[-1]
        of_seeds = seeds[seeds["method"].eq(method) & seeds["round"].eq(last["round"])]
        _keep(axes, label, summary, of_seeds, name)
        if method in lines:
            axes.axvline(last["mean"], color=lines[method].colour, linestyle=lines[method].linestyle, linewidth=0.8)
        look = groups[method]
        colour, level = look.colour, [row] * len(summary)
        axes.plot(summary["mean"], level, color=colour, alpha=0.5, linewidth=0.4, marker=".", **_SMALL, zorder=2)
        interval = last[["interval_low", "interval_high"]].astype(float)
        axes.plot(interval, [row, row], color=colour, alpha=0.35, linewidth=1.8, solid_capstyle="butt", zorder=3)
        axes.plot(of_seeds["value"], [row] * len(of_seeds), color=colour, linestyle="", marker="|", **_SEED, zorder=4)
        is_last = last["round"] == rows["round"].max()
        axes.plot(
            *([np.clip(last["mean"], left, right)], [row]),
            color=colour,
            marker=">" if last["mean"] > right else "<" if last["mean"] < left else look.marker,
            markersize=_DOT,
            markeredgewidth=0.6,
            markerfacecolor=colour if is_last else "white",
            clip_on=False,
            zorder=5,
        )
    margin = 0.05 * (right - left)
    axes.set_xlim(left - margin, right + margin)
    axes.xaxis.set_major_locator(MaxNLocator(3, min_n_ticks=2))
    axes.tick_params(axis="x", labelsize=_LABEL)


def _keep(axes: Axes, label: str, summary: pd.DataFrame, seeds: pd.DataFrame, name: str) -> None:
    """What a row shows: the curve with the seeds' extremes, the interval at its end, the seeds."""
    sparsity = (1 - summary["density"]).rename("sparsity")
    keep_summary(axes, label, sparsity, summary, name)
    last = summary.iloc[[-1]]
    if last["interval_low"].notna().all():
        ends = last["interval_low"], last["interval_high"]
        keep_curve(axes, f"{label}, 95 % interval", sparsity[-1:], last["mean"], *ends, y_name=name)
    for seed, value in zip(seeds["seed"], seeds["value"], strict=True):
        keep_curve(axes, f"{label}, seed {seed:g}", sparsity[-1:], [value], y_name=name)


def _limits(last: "pd.Series[float]", every: "pd.Series[float]") -> tuple[float, float]:
    """What x covers: all values, but for those so far out that the others would stand on one spot."""
    low, high = np.quantile(last, [0.1, 0.9])
    reach = _REACH * (high - low)
    left, right = max(every.min(), low - reach), min(every.max(), high + reach)
    return (float(left), float(right)) if left < right else (left - 0.5, right + 0.5)


def explain_dots(groups: Iterable[Look], lines: Iterable[Look]) -> list[Line2D]:
    """What a legend lists: the lines through all rows, the colours and markers, the parts of a row."""
    grey: dict[str, Any] = {"color": REFERENCE, "linestyle": ""}
    return [
        *(
            Line2D([], [], color=a.colour, linestyle=cast(Any, a.linestyle), linewidth=0.8, label=a.label)
            for a in lines
        ),
        *(
            Line2D([], [], color=a.colour, linestyle="", marker=a.marker, markersize=_DOT, label=a.label)
            for a in groups
        ),
        Line2D([], [], **grey, marker=".", **_SMALL, label="each round"),
        Line2D([], [], **grey, marker="|", **_SEED, label="each seed"),
        Line2D([], [], color=REFERENCE, alpha=0.35, linewidth=1.8, label="95 % interval"),
    ]

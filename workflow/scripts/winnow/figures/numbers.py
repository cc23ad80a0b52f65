"""The numbers that a figure shows: kept while it is drawn, written beside it as CSV, and quoted in its caption."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLUMNS = ("panel", "curve", "x_name", "x", "y_name", "y", "y_minimum", "y_maximum", "pixels", "inputs")
"""Columns of a figure's CSV.

A row is a point of a curve, or a picture, whose `x` is its number in the panel: of an image or component `pixels` are
the values, of a unit `inputs` are the numbers of the inputs that its surviving weights have, both channel by channel,
row by row, separated by spaces.
"""


@dataclass(frozen=True)
class _Shown:
    """A curve or a row of pictures; what its axes are called is asked when all is drawn."""

    axes: Axes
    panel: str | None
    rows: dict[str, Any]


class Drawing(Figure):
    """A figure that knows what it shows."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.shown: list[_Shown] = []
        self.quotes: list[str] = []


def keep_curve(
    axes: Axes,
    curve: str,
    x: "pd.Series[float]",
    y: npt.ArrayLike,
    minimum: npt.ArrayLike | None = None,
    maximum: npt.ArrayLike | None = None,
    y_name: str | None = None,
) -> None:
    """Keep a curve that is drawn, in a figure that is a `Drawing`.

    Args:
        axes: where it is drawn; the panel's letter and the name of y are those that it has in the end.
        curve: what it is called.
        x: the positions of its points; the series' name is theirs.
        y: its values.
        minimum: the lower ends of its bars or band.
        maximum: the upper ends.
        y_name: the name of y, where its axes do not have it.
    """
    rows = {
        "curve": curve,
        "x_name": str(x.name),
        "x": np.asarray(x, dtype=float),
        "y": np.asarray(y, dtype=float),
        "y_minimum": None if minimum is None else np.asarray(minimum, dtype=float),
        "y_maximum": None if maximum is None else np.asarray(maximum, dtype=float),
        **({} if y_name is None else {"y_name": y_name}),
    }
    _keep(axes, None, rows)


def keep_summary(
    axes: Axes, curve: str, x: "pd.Series[float]", summary: pd.DataFrame, y_name: str | None = None
) -> None:
    """Keep a mean with its bars or band from `mean`, `minimum` and `maximum`; arguments as of `keep_curve`."""
    keep_curve(axes, curve, x, summary["mean"], summary["minimum"], summary["maximum"], y_name)


def keep_pictures(
    axes: Axes,
    names: Sequence[str],
    *,
    pixels: np.ndarray | None = None,
    weights: np.ndarray | None = None,
    panel: str | None = None,
) -> None:
    """Keep pictures that are drawn, in a figure that is a `Drawing`.

    Args:
        axes: where they are drawn.
        names: what each is called.
        pixels: (n, D) their values, if they are images or components.
        weights: (n, D) bool, which weights survive, if they are units.
        panel: the panel's letter where it is not that of the axes.
    """
    rows = {
        "curve": list(names),
        "x_name": "picture",
        "x": np.arange(1, len(names) + 1),
        "y_name": "" if weights is None else "number of weights",
        "y": None if weights is None else weights.sum(axis=1),
        "pixels": None if pixels is None else [" ".join(f"{value:.6g}" for value in row) for row in pixels],
        "inputs": None if weights is None else [" ".join(map(str, np.flatnonzero(row))) for row in weights],
    }
    _keep(axes, panel, rows)


def _keep(axes: Axes, panel: str | None, rows: dict[str, Any]) -> None:
    figure = axes.get_figure(root=True)
    if isinstance(figure, Drawing):
        figure.shown.append(_Shown(axes, panel, rows))


def tabulate(figure: Drawing) -> str:
    """What the figure shows as CSV, with the columns `COLUMNS`; numbers of curves in full."""
    letters, letter = {}, ""
    for axes in figure.axes:
        letters[axes] = letter = axes.get_title(loc="left") or letter
    tables = [
        pd.DataFrame({"panel": one.panel or letters[one.axes], "y_name": _name_of_y(one.axes), **one.rows})
        for one in figure.shown
        if np.size(one.rows["x"])
    ]
    table = pd.concat([pd.DataFrame(columns=COLUMNS, dtype=object), *(table.astype(object) for table in tables)])
    order = {letter: place for place, letter in enumerate(sorted(set(table["panel"])))}
    table = table.sort_values("panel", key=lambda panels: panels.map(order), kind="stable")
    return table[list(COLUMNS)].to_csv(index=False, lineterminator="\n")


def quote_ends(axes: Axes, letter: str, end: str = "last", curves: Sequence[str] | None = None) -> None:
    """Have the caption quote the first or last point of each curve that is kept of these axes.

    Args:
        axes: where they are drawn.
        letter: the panel's.
        end: `"first"` or `"last"`.
        curves: those that are quoted, in this order; all by default.
    """
    figure = axes.get_figure(root=True)
    if not isinstance(figure, Drawing):
        return
    place = {"first": 0, "last": -1}[end]
    values: list[str] = []
    at = name = ""
    kept = [one for one in figure.shown if one.axes is axes and np.size(one.rows["x"])]
    if curves is not None:
        kept = sorted(
            (one for one in kept if one.rows["curve"] in curves), key=lambda one: curves.index(one.rows["curve"])
        )
    for one in kept:
        name = one.rows.get("y_name") or _name_of_y(axes)
        x, y = (float(one.rows[name][place]) for name in ("x", "y"))
        at = (
            f"{100 * x:.3g} % sparsity"
            if one.rows["x_name"] == "sparsity"
            else f"{one.rows['x_name'].replace('_', ' ')} {x:g}"
        )
        text = f"{one.rows['curve']} {y:.3g}"
        if one.rows["y_minimum"] is not None:
            low, high = (float(one.rows[name][place]) for name in ("y_minimum", "y_maximum"))
            text += f" ({low:.3g} to {high:.3g})"
        values.append(text)
    if values:
        figure.quotes.append(f"({letter}) {name} at {at}: {'; '.join(values)}.")


def quoted(figure: Drawing) -> str:
    """What the caption quotes, as reStructuredText: a paragraph, or nothing."""
    if not figure.quotes:
        return ""
    escaped = re.sub(r"([\\*_`|])", r"\\\1", " ".join(figure.quotes))
    escaped = re.sub(r"(?<![\w.])-(?=\d)", "−", escaped)
    return f"*This run*: {escaped}\n"


def _name_of_y(axes: Axes) -> str:
    """The label of y; in a row of panels with one axis, that of the first."""
    label = axes.get_ylabel()
    if not label:
        label = next((one.get_ylabel() for one in axes.get_shared_y_axes().get_siblings(axes) if one.get_ylabel()), "")
    return " ".join(label.split())

"""What a study found, as a figure and as a table."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from studies.plan import Study
from winnow.figures.style import CLONE, METHODS, house_style, set_heading

PANELS = {
    "final_width": "mean RF width σₓ (pixels)",
    "short_range_order": "mean g(r) − 1, r = 1 … 3",
    "share_clustered": "share of clustered units",
}
SERIES = [("original", method) for method in METHODS] + [("clone", "imp")]


@house_style()
def plot_study(study: Study, table: pd.DataFrame) -> Figure:
    """Draw a column a question and a row a measure, at the last round of each variant: every seed's point, their mean.

    Args:
        study: the study.
        table: its rows, see `studies.chain.run_chain`, with `question` and `variant`.
    """
    asked = [question for question in study.axes if (table["question"] == question).any()]
    figure = Figure(figsize=(max(3.4, 2.4 * len(asked)), 6.4))
    panels = figure.subplots(len(PANELS), len(asked), squeeze=False, sharex="col", sharey="row")
    for column, question in enumerate(asked):
        names = [variant.name for variant in study.variants if variant.question == question]
        rows = last_round(table[table["question"] == question])
        for axes, value in zip(panels[:, column], PANELS, strict=True):
            _draw(axes, rows, value, names)
        panels[-1, column].set_xticks(range(len(names)), names, rotation=30, ha="right", rotation_mode="anchor")
        panels[-1, column].set_xlabel(study.axes[question])
        set_heading(panels[0, column], "ABCDEFGHIJ"[column])
    for row, label in enumerate(PANELS.values()):
        panels[row, 0].set_ylabel(label)
    panels[0, 0].legend(loc="best")
    return figure


def _draw(axes: Axes, rows: pd.DataFrame, value: str, names: list[str]) -> None:
    for dataset, method in SERIES:
        look = CLONE if dataset == "clone" else METHODS[method]
        some = rows[(rows["dataset"] == dataset) & (rows["method"] == method)]
        if some.empty:
            continue
        means = some.groupby("variant")[value].mean().reindex(names)
        axes.plot(range(len(names)), means, color=look.colour, linestyle=look.linestyle, label=look.label)
        places = [names.index(name) for name in some["variant"]]
        axes.plot(places, some[value], look.marker, color=look.colour, markersize=3, linestyle="")


def last_round(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of each variant's last round."""
    return table[table["round"] == table.groupby(["question", "variant"])["round"].transform("max")]


def as_markdown(study: Study, table: pd.DataFrame) -> str:
    """A table a question: mean width, in brackets g(r) − 1, of each series at the last round, means over the seeds."""
    parts = []
    for question, axis in study.axes.items():
        rows = last_round(table[table["question"] == question])
        if rows.empty:
            continue
        lines = [f"| {axis} | IMP | oneshot | random | IMP on the clone | accuracy |", "| --- " * 6 + "|"]
        for name in dict.fromkeys(rows["variant"]):
            of_variant = rows[rows["variant"] == name]
            cells = []
            for dataset, method in SERIES:
                some = of_variant[(of_variant["dataset"] == dataset) & (of_variant["method"] == method)]
                width, order = (some[column].mean() for column in ("final_width", "short_range_order"))
                cells.append(f"{width:.1f} ({order:.2f})" if len(some) else "")
            accuracy = of_variant.loc[of_variant["dataset"] == "original", "accuracy_before"].mean()
            lines.append(f"| {name} | {' | '.join(cells)} | {100 * accuracy:.1f} % |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"

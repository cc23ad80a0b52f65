"""The scaling curves: cost of a step against density, of cavity scores against their size, of a run against seeds."""

from dataclasses import replace
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from benchmarks.bench import OURS, Row
from benchmarks.table import peers, time_of
from winnow.figures.style import house_style, save_figure


def draw_curves(rows: list[dict], folder: Path) -> list[Path]:
    """Draw the curves whose rows are there, one PNG each: which were drawn."""
    parsed = [Row(**row) for row in rows]
    drawn = []
    steps = [row for row in parsed if row.section in ("training", "training curve") and row.x is not None]
    if steps:
        lines = [row for row in steps if row.section == "training curve"]
        timed = [row for row in steps if row.section == "training"]
        for row in timed:
            lines += [replace(row, what=name.replace("`", ""), times={OURS: row.times[name]}) for name in peers(row)]
        lines += [replace(row, what="chosen") for row in timed]
        drawn.append(folder / "step_by_density.png")
        _draw(drawn[-1], lines, "density of the hidden layers", "step, ms", 1e3)
    for section, axis in (("cavity by images", "validation images"), ("cavity by units", "first-layer units")):
        points = [replace(row, what="measured") for row in parsed if row.section == section]
        if points:
            drawn.append(folder / f"{section.replace(' ', '_')}.png")
            _draw(drawn[-1], points, axis, "cavity scores, s", 1)
    runs = [row for row in parsed if row.section == "run by seeds"]
    if runs:
        drawn.append(folder / "run_by_seeds.png")
        _draw(drawn[-1], runs, "seeds", "whole run, s", 1)
    return drawn


@house_style()
def _draw(path: Path, rows: list[Row], x_label: str, y_label: str, unit: float) -> None:
    """A panel a number of threads, a line a contestant, on logarithmic axes."""
    threads = sorted({row.threads for row in rows})
    figure = Figure(figsize=(3.5 * len(threads), 2.8))
    panels = figure.subplots(1, len(threads), squeeze=False, sharey=True)[0]
    for axes, n in zip(panels, threads, strict=True):
        for what in dict.fromkeys(row.what for row in rows):
            points = sorted(
                (row.x, time_of(row).median * unit) for row in rows if row.threads == n and row.what == what
            )
            look = {"linewidth": 3, "alpha": 0.35} if what == "chosen" else {"marker": "o"}
            axes.plot(*zip(*points, strict=True), label=what, **look)
        axes.set(xscale="log", yscale="log", xlabel=x_label, title=f"{n} thread{'s' * (n > 1)}")
        axes.set_xticks(sorted({row.x for row in rows})[:: -(-len({row.x for row in rows}) // 6)])
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.2g}" if value < 100 else f"{value:.0f}"))
            axis.set_minor_formatter(NullFormatter())
    panels[0].set_ylabel(y_label)
    if len(panels[-1].lines) > 1:
        panels[-1].legend(loc="center left", bbox_to_anchor=(1.02, 0.5))
    save_figure(figure, path)

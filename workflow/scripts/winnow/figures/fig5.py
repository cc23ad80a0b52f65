"""Figure 5: IMP removes weights when their removal would make the preactivations less Gaussian."""

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm, ListedColormap, to_hex
from matplotlib.gridspec import SubplotSpec
from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter

from winnow.figures.bands import draw_band, of_dataset, over_seeds
from winnow.figures.numbers import Drawing, keep_curve, keep_summary
from winnow.figures.style import ACCENT, METHODS, PAGE, REFERENCE, Look, Page, house_style, set_heading, write_note

_SCORE = "scaled mean cavity score"


@house_style()
def plot_fig5(
    example: pd.DataFrame, cavity: pd.DataFrame, *, dataset: str, clone_name: str | None = None, page: Page = PAGE
) -> Drawing:
    """Draw Fig. 5 and its controls.

    (A) One unit's preactivation with and without one weight, beside the Gaussian, and below it the difference; (B) the
    mean cavity score (Eq. 5, times the number of surviving weights) before any pruning, by the round that removes the
    weights; (C) the same after every round, one line a round.  Second row, the controls in the manner of (C): (D) fates
    from random masks, (E) fates from oneshot's order, (F) IMP on the Gaussian clone.

    Lines are means over the seeds, bands run from the smallest to the largest seed.  Circles mark the weights about to
    be removed by the next round; the last place are the weights that survive all rounds.  A panel's y axis is symmetric
    logarithmic where its largest score would flatten the others.

    Args:
        example: table `cavity_example`; of several weights the first is drawn, without any a note.
        cavity: table `cavity`.
        dataset: name of the dataset in the tables.
        clone_name: name of its Gaussian clone in the tables; without it, or without rows of it, (F) is left out.
        page: what it is drawn for.

    Raises:
        ValueError: the table `cavity` has no rows of the dataset.
    """
    ours, of_clone = of_dataset(cavity, dataset), cavity[cavity["dataset"] == clone_name]
    figure = Drawing(figsize=page.size(4.7, 6.6))
    grid = figure.add_gridspec(*((3, 2) if page.is_narrow else (2, 3)))
    _draw_example(figure, grid[0], example[example["dataset"] == dataset], is_small=page.is_narrow)

    n_rounds = int(np.nanmax([cavity["removed_in"].max(), cavity["rounds_done"].max() + 1]))
    colours = [to_hex(colour) for colour in colormaps["viridis"](np.linspace(0, 0.9, n_rounds))]
    before = ours[ours["rounds_done"] == 0]
    panels = [
        (grid[1], "B", "before pruning", before[before["fates_of"] == "imp"]),
        (grid[2], "C", "after each round", ours[ours["fates_of"] == "imp"]),
        (grid[3], "D", "control: random", ours[ours["fates_of"] == "random"]),
        (grid[4], "E", "control: oneshot", ours[ours["fates_of"] == "oneshot"]),
        (grid[5], "F", "control: clone", of_clone[of_clone["fates_of"] == "imp"]),
    ]
    drawn = []
    for place, letter, text, scores in panels:
        if letter == "F" and of_clone.empty:
            continue
        axes = figure.add_subplot(place)
        _draw_scores(
            axes, scores, n_rounds, [METHODS["imp"].colour] if letter == "B" else colours, is_small=page.is_narrow
        )
        set_heading(axes, letter, text, is_small=page.is_narrow)
        if letter == "B":
            axes.set_ylabel(_SCORE)
            _quote_next(figure, scores)
        drawn.append(axes)
    for axes in drawn[1::2] if page.is_narrow else drawn[2:3]:
        axes.set_ylabel(_SCORE)
    drawn[0].legend(loc="best", handletextpad=0.2)
    bar = figure.colorbar(
        ScalarMappable(BoundaryNorm(np.arange(n_rounds + 1) - 0.5, n_rounds), ListedColormap(colours)),
        ax=drawn,
        ticks=range(0, n_rounds, -(-n_rounds // 10)),
        label="rounds done",
        aspect=50,
        pad=0.01,
        location="bottom" if page.is_narrow else "right",
    )
    bar.ax.tick_params(length=0)
    bar.minorticks_off()
    page.fit_text(figure)
    return figure


def _quote_next(figure: Drawing, before: pd.DataFrame) -> None:
    """Have the caption quote the score, before pruning, of the weights that the first round removes."""
    for _, point in over_seeds(before[before["removed_in"] == 1], "scaled_mean", ["removed_in"]).iterrows():
        value, low, high = (point[name] for name in ("mean", "minimum", "maximum"))
        figure.quotes.append(f"(B) {_SCORE} of the weights removed in round 1: {value:.3g} ({low:.3g} to {high:.3g}).")


def _draw_example(figure: Drawing, place: SubplotSpec, example: pd.DataFrame, *, is_small: bool) -> None:
    """The density with and without the weight on a logarithmic axis, where tails show, and their difference."""
    if example.empty:
        axes = figure.add_subplot(place)
        write_note(axes, "no weight has a score")
        set_heading(axes, "A")
        return
    rows = place.subgridspec(2, 1, height_ratios=(2.4, 1), hspace=0.02)
    upper = figure.add_subplot(rows[0])
    lower = figure.add_subplot(rows[1], sharex=upper)
    first = example.iloc[0]
    weight = (example[["seed", "unit", "input"]] == first[["seed", "unit", "input"]]).all(axis=1)
    bins = example[weight].sort_values("preactivation")
    x, with_weight, without = (bins[name] for name in ("preactivation", "density_with", "density_without"))
    visible = np.concatenate([with_weight, without])
    floor = min([0.005, *visible[visible > 0] / 2])

    gaussian = np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)
    kurtoses = first["kurtosis_with"], first["kurtosis_without"]
    upper.fill_between(x, with_weight, floor, step="mid", color="#CCCCCC", label=f"with: kurtosis {kurtoses[0]:.4g}")
    upper.plot(x, without, drawstyle="steps-mid", color=ACCENT, label=f"without: {kurtoses[1]:.4g}")
    upper.plot(x, gaussian, color=METHODS["imp"].colour, linestyle="--", linewidth=0.8, label="Gaussian: 3")
    keep_curve(upper, "with the weight", x, with_weight)
    keep_curve(upper, "without the weight", x, without)
    keep_curve(upper, "Gaussian", x, gaussian)
    keep_curve(lower, "without − with the weight", x, without - with_weight)
    figure.quotes.append(
        f"(A) unit {first['unit']}, input {first['input']}: kurtosis {kurtoses[0]:.4g} with, {kurtoses[1]:.4g} without "
        f"the weight, cavity score {first['score']:.2g}."
    )
    upper.set_yscale("log")
    top = max(visible.max(), gaussian.max())
    # the legend stands above the histogram: three lines need about half of the panel
    upper.set_ylim(floor, top * (top / floor) ** 0.75)
    upper.yaxis.set_major_locator(FixedLocator((10.0 ** np.arange(-12, 1, 2 if floor < 1e-3 else 1)).tolist()))
    upper.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    upper.yaxis.set_minor_locator(NullLocator())
    upper.set_ylabel("density")
    upper.legend(loc="upper center", borderaxespad=0, handlelength=1.5, labelspacing=0.2)
    upper.tick_params(labelbottom=False)
    score = f"{'' if is_small else 'cavity '}score {first['score']:+.2g}".replace("-", "−")
    set_heading(upper, "A", score, is_small=is_small)

    lower.plot(x, without - with_weight, drawstyle="steps-mid", color=ACCENT, linewidth=0.8)
    lower.axhline(0, color=REFERENCE, linewidth=0.6)
    lower.margins(y=0.25)
    lower.ticklabel_format(axis="y", style="plain")
    lower.set_ylabel("difference")
    lower.set_xlabel("preactivation (s.d.)")


def _draw_scores(axes: Axes, scores: pd.DataFrame, n_rounds: int, colours: list[str], *, is_small: bool) -> None:
    """One line for each number of rounds done, over the round that removes the weights."""
    axes.axhline(0, color=REFERENCE, linewidth=0.8, zorder=1)
    summary = over_seeds(scores, "scaled_mean", ["rounds_done", "removed_in"])
    # set apart from the rounds, and far enough for its label
    survivors = n_rounds + max(1.6, 0.15 * n_rounds)
    summary["place"] = summary["removed_in"].astype(float).fillna(survivors)
    for rounds_done in sorted(summary["rounds_done"].unique()):
        line = summary[summary["rounds_done"] == rounds_done]
        draw_band(axes, line["place"], line, Look("_", colours[int(rounds_done)], "-", "."), thin=True)
        keep_summary(axes, f"after round {rounds_done}", line["removed_in"], line, _SCORE)
    diagonal = summary[summary["removed_in"] == summary["rounds_done"] + 1]
    axes.scatter(
        diagonal["place"],
        diagonal["mean"],
        s=16,
        c=[colours[int(rounds_done)] for rounds_done in diagonal["rounds_done"]],
        edgecolors="black",
        linewidths=0.8,
        zorder=3,
        label="removed next",
    )
    if summary.empty:
        write_note(axes, "no scores")

    step = -(-n_rounds // (3 if is_small else 5))
    rounds = [place for place in range(1, n_rounds + 1, step) if place < survivors - 0.2 * n_rounds]
    axes.set_xticks([*rounds, survivors], [*map(str, rounds), "survive"])
    axes.set_xlim(0.5, survivors + 0.4)
    axes.set_xlabel("removed in round")
    _scale_scores(axes, summary[["mean", "minimum", "maximum"]].to_numpy().ravel())


def _scale_scores(axes: Axes, scores: np.ndarray) -> None:
    """Make y symmetric logarithmic, linear up to the typical score, if the largest is more than 30 times as large."""
    sizes = np.abs(scores[np.isfinite(scores) & (scores != 0)])
    if not sizes.size or sizes.max() <= 30 * np.median(sizes):
        return
    lowest, highest = int(np.floor(np.log10(np.median(sizes)))), int(np.floor(np.log10(sizes.max())))
    axes.set_yscale("symlog", linthresh=10.0**lowest)
    decades = 10.0 ** np.arange(highest, lowest - 1, -max(1, -(-(highest - lowest + 1) // 3)))
    axes.yaxis.set_major_locator(FixedLocator([*-decades, 0, *decades]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))

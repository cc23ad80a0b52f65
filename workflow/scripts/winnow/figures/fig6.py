"""Figure 6, which the paper lacks: accuracy against sparsity, and the pair correlation of the masks."""

import pandas as pd
from matplotlib.axes import Axes

from winnow.figures.bands import draw_band, of_dataset, over_seeds, set_sparsity_axis
from winnow.figures.numbers import Drawing, keep_summary, quote_ends
from winnow.figures.style import CLONE, METHODS, PAGE, REFERENCE, Page, house_style, set_heading, write_note


@house_style()
def plot_fig6(
    training: pd.DataFrame,
    pair_correlation: pd.DataFrame,
    *,
    dataset: str,
    clone_name: str | None = None,
    n_classes: int | None = None,
    page: Page = PAGE,
) -> Drawing:
    """Draw (A) the validation accuracy against sparsity and (B) the pair correlation g(r) of the last masks.

    The accuracy is that at the last step of each round's training.  g(r) compares the pairs of surviving weights at
    distance r with those to expect if the weights lay at random in the image; 1 means no structure.  Lines are means
    over the seeds, bands run from the smallest to the largest seed.

    Args:
        training: table `training`; methods without rows are named in (A).
        pair_correlation: table `pair_correlation`.
        dataset: name of the dataset in the tables.
        clone_name: name of its Gaussian clone, whose IMP masks are added to (B) where the table has them.
        n_classes: number of classes, for the line of chance in (A).
        page: what it is drawn for.

    Raises:
        ValueError: a table has no rows of the dataset.
    """
    figure = Drawing(figsize=page.size(2.7, 5.0))
    left, right = figure.subplots(*((2, 1) if page.is_narrow else (1, 2)))
    _draw_accuracy(left, of_dataset(training, dataset), n_classes)
    set_heading(left, "A")
    quote_ends(left, "A")

    ours = of_dataset(pair_correlation, dataset)
    curves = [(ours[ours["method"] == method], look, False) for method, look in METHODS.items()]
    is_clone = (pair_correlation["dataset"] == clone_name) & (pair_correlation["method"] == "imp")
    for rows, look, thin in [*curves, (pair_correlation[is_clone], CLONE, True)]:
        last = over_seeds(rows[rows["round"] == rows["round"].max()], "g", ["radius"])
        draw_band(right, last["radius"], last, look, thin)
        keep_summary(right, look.label, last["radius"], last)
    if right.lines:
        right.legend(loc="best")
    else:
        write_note(right, "no mask has pairs of weights")
    right.axhline(1, color=REFERENCE, linewidth=0.8, zorder=1)
    right.set_xlabel("distance r (pixels)")
    right.set_ylabel("pair correlation g(r)")
    set_heading(right, "B")
    quote_ends(right, "B", "first")
    page.fit_text(figure)
    return figure


def _draw_accuracy(axes: Axes, training: pd.DataFrame, n_classes: int | None) -> None:
    run = ["method", "seed", "round"]
    last = training[training["step"] == training.groupby(run)["step"].transform("max")]
    sparsities: list[float] = []
    absent = []
    for method, look in METHODS.items():
        summary = over_seeds(last[last["method"] == method], "validation_accuracy", ["round"])
        draw_band(axes, summary["sparsity"], summary, look)
        keep_summary(axes, look.label, summary["sparsity"], summary)
        sparsities.extend(summary["sparsity"])
        if summary.empty:
            absent.append(look.label)
    set_sparsity_axis(axes, sparsities)
    if n_classes:
        axes.axhline(1 / n_classes, color=REFERENCE, linestyle=(0, (5, 3)), linewidth=0.8, zorder=1, label="chance")
    axes.set_ylabel("validation accuracy")
    if axes.lines:
        note = f"not retrained: {', '.join(absent)}" if absent else None
        axes.legend(loc="best", title=note, title_fontsize=7, alignment="left")

"""Figures for print: readable at every width, with their numbers, and what made them, beside them."""

import csv
import io
import re
from collections.abc import Callable
from functools import cache

import numpy as np
import pandas as pd
import pytest
import synthetic
from docutils.core import publish_parts
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image
from synthetic import CLONE_NAME, FULL, NAME, TINY, Experiment

from winnow.figures.fig1 import plot_fig1
from winnow.figures.fig2 import plot_fig2
from winnow.figures.fig3 import plot_fig3
from winnow.figures.fig4 import plot_fig4
from winnow.figures.fig5 import plot_fig5
from winnow.figures.fig6 import plot_fig6
from winnow.figures.fig7 import plot_fig7
from winnow.figures.fig8 import plot_fig8
from winnow.figures.fig9 import plot_fig9
from winnow.figures.fig10 import plot_fig10
from winnow.figures.numbers import COLUMNS, Drawing, quoted, tabulate
from winnow.figures.style import METHODS, PAGE, Page, house_style, save_figure
from winnow.masks import at_quantiles, most_connected
from winnow.pruning.methods import BUILT_IN

Box = list[float]
Make = Callable[[Experiment, Page], Drawing]
NAMES = {"dataset": NAME, "clone_name": CLONE_NAME}


def masks(of: Experiment) -> list:
    return [synthetic.mask(of, spread) for spread in (0.1, 0.5)]


def images(of: Experiment) -> list:
    return [synthetic.images(of), synthetic.images(of, clone=True)]


FIGURES: dict[str, Make] = {
    "fig1": lambda of, page: plot_fig1(*masks(of), of.shape, page=page),
    "fig2": lambda of, page: plot_fig2(synthetic.components(of, n=9), of.shape, page=page),
    "fig3": lambda of, page: plot_fig3(*images(of), *masks(of), synthetic.locality(of), **NAMES, page=page),
    "fig4": lambda of, page: plot_fig4(
        synthetic.locality(of), synthetic.kurtosis_by_class(of), dataset=NAME, page=page
    ),
    "fig5": lambda of, page: plot_fig5(synthetic.cavity_example(of), synthetic.cavity(of), **NAMES, page=page),
    "fig6": lambda of, page: plot_fig6(synthetic.training(of), synthetic.pair_correlation(of), **NAMES, page=page),
    "fig7": lambda of, page: plot_fig7(
        synthetic.methods(of),
        dict.fromkeys(("imp", "oneshot", "random"), masks(of)[0]),
        of.shape,
        dataset=NAME,
        page=page,
    ),
    "fig8": lambda of, page: plot_fig8(synthetic.responses(of), page=page),
    "fig9": lambda of, page: plot_fig9(synthetic.sensitivity(of), page=page),
    "fig10": lambda of, page: plot_fig10(synthetic.by_layer(of), dataset=NAME, page=page),
}
EACH = pytest.mark.parametrize("name", FIGURES)


@cache
def drawn(name: str, of: Experiment = TINY, width: float = 177.8) -> Drawing:
    """A figure, to be left as it is."""
    return FIGURES[name](of, Page.of_millimetres(width))


# -- widths ------------------------------------------------------------------------------------------------------------


def boxes(figure: Figure) -> tuple[dict[Text, Box], list[Box]]:
    """Where texts lie, but for those of ticks, and where axes with all that belongs to them: edges in pixels."""
    with house_style():
        renderer = FigureCanvasAgg(figure).get_renderer()
        figure.draw_without_rendering()
        ticks = [tick for axes in figure.axes for axis in (axes.xaxis, axes.yaxis) for tick in axis.get_major_ticks()]
        ticks += [tick for axes in figure.axes for axis in (axes.xaxis, axes.yaxis) for tick in axis.get_minor_ticks()]
        of_ticks = {label for tick in ticks for label in (tick.label1, tick.label2)}
        texts = {text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()} - of_ticks
        return (
            {text: text.get_window_extent(renderer).extents.tolist() for text in texts},
            [axes.get_tightbbox(renderer).extents.tolist() for axes in figure.axes],
        )


@pytest.mark.parametrize(("name", "width"), [*((name, 89) for name in FIGURES), ("fig3", 130), ("fig5", 130)])
def test_at_any_width_text_is_readable_and_within_the_figure(name, width):
    assert_readable(drawn(name, FULL if name == "fig5" else TINY, width))


@pytest.mark.parametrize("width", [84, 178])
def test_many_methods_are_readable_and_within_the_figure(width):
    table = synthetic.methods(TINY)
    of_one = table[(table["method"] == "imp") & (table["dataset"] == NAME) & table["compared_with"].isna()]
    names = sorted(BUILT_IN, key=len)[-28:]  # the longest
    many = pd.concat([of_one.assign(method=name) for name in names], ignore_index=True)
    procedures = {name: BUILT_IN[name].procedure for name in names}
    page = Page.of_millimetres(width)
    shown = dict.fromkeys(names, masks(TINY)[0])
    figure = plot_fig7(many, shown, TINY.shape, dataset=NAME, procedures=procedures, page=page)
    assert_readable(figure)
    assert figure.get_figheight() * 25.4 < 250, "no page of a journal is as high"


def assert_readable(figure: Figure) -> None:
    """No text is small, cut off, or over another panel's heading."""
    texts, panels = boxes(figure)
    right, top = figure.bbox.width, figure.bbox.height
    for x0, y0, x1, y1 in [*texts.values(), *panels]:
        assert x0 >= -1 and y0 >= -1 and x1 <= right + 1 and y1 <= top + 1
    for text in figure.findobj(Text):
        assert text.get_fontsize() >= 4.6, text
    headings = [box for text, box in texts.items() if text.axes and text in _headings(text.axes)]
    assert headings
    for k, one in enumerate(headings):
        assert not any(_overlap(one, other) for other in headings[:k]), (one, headings)


def _headings(axes) -> list[Text]:
    return [axes.title, axes._left_title, axes._right_title]


def _overlap(one, other) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


@pytest.mark.parametrize("width", [89, 183])
def test_the_files_are_as_wide_as_asked_for(tmp_path, width):
    save_figure(FIGURES["fig4"](TINY, Page.of_millimetres(width)), tmp_path / "fig4.png", tmp_path / "fig4.pdf")
    with Image.open(tmp_path / "fig4.png") as picture:
        assert picture.width == int(round(width / 25.4, 6) * 200)
    (box,) = re.findall(rb"/MediaBox \[ 0 0 ([\d.]+) ", (tmp_path / "fig4.pdf").read_bytes())
    assert float(box) / 72 * 25.4 == pytest.approx(width, abs=0.01)


def test_the_default_is_the_whole_page():
    assert Page.of_millimetres(177.8) == PAGE and PAGE.width == 7.0
    assert not PAGE.is_narrow and PAGE.zoom == 1.0


# -- numbers -----------------------------------------------------------------------------------------------------------


def table(name: str, of: Experiment = TINY) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(tabulate(drawn(name, of))), dtype={"pixels": str, "inputs": str})


@EACH
def test_each_line_that_has_a_label_is_in_the_numbers_as_it_is_drawn(name):
    """The other way round than they are written: from what matplotlib has drawn to the CSV."""
    figure = drawn(name)
    rows = list(csv.DictReader(io.StringIO(tabulate(figure))))
    assert rows and tuple(rows[0]) == COLUMNS
    kept = {(float(row["x"]), float(row["y"])) for row in rows if row["x"] and row["y"]}
    n_lines = 0
    for axes in figure.axes:
        bars = {container[0]: container.get_label() for container in axes.containers}
        for line in axes.lines:
            label = bars.get(line, line.get_label())
            if label.startswith("_") or label in ("Gaussian", "chance") or not line.get_xydata().size:
                continue
            n_lines += 1
            assert {(float(x), float(y)) for x, y in line.get_xydata() if np.isfinite(y)} <= kept, label
    assert n_lines or name in ("fig1", "fig2", "fig9")


def test_numbers_of_figure_4_are_those_of_the_tables():
    locality = synthetic.locality(TINY)
    known = locality[(locality["dataset"] == NAME) & locality["converged"].eq(True) & locality["sigma_x"].notna()]
    numbers = table("fig4")
    for method, look in METHODS.items():
        rows = numbers[(numbers["panel"] == "A") & (numbers["curve"] == look.label)]
        seeds = known[known["method"] == method].groupby(["round", "seed"])["sigma_x"].mean().groupby("round")
        assert rows["x_name"].unique() == ["sparsity"] and rows["y_name"].unique() == ["mean RF width σₓ (pixels)"]
        np.testing.assert_allclose(rows["x"], [1 - TINY.density(n) for n in range(TINY.n_rounds + 1)])
        for column, values in (("y", seeds.mean()), ("y_minimum", seeds.min()), ("y_maximum", seeds.max())):
            np.testing.assert_allclose(rows[column], values)


def test_numbers_of_masks_are_their_surviving_inputs():
    first, second = masks(TINY)
    numbers = table("fig1")
    for panel, mask, label in (("A", first, "IMP"), ("B", second, "oneshot")):
        rows = numbers[numbers["panel"] == panel]
        units = [f"{label} unit {k}" for k in at_quantiles(mask, 16)]
        assert rows["curve"].tolist() == units + [
            f"{label}, most connected, unit {k}" for k in most_connected(mask, 16)
        ]
        for _, row in rows.iterrows():
            survive = mask["layers.0.weight"][int(row["curve"].split()[-1])]
            assert [int(place) for place in row["inputs"].split()] == np.flatnonzero(survive).tolist()
            assert row["y"] == survive.sum()


def test_numbers_of_images_are_their_pixels_unclipped():
    original, clone = images(TINY)
    rows = table("fig3")
    rows = rows[(rows["panel"] == "A")]
    assert len(rows) == 16
    for _, row in rows.iterrows():
        which, number = re.match(r"(original|clone) (\d+), class \d+$", row["curve"]).groups()
        image = {"original": original, "clone": clone}[which].validation.images[int(number)]
        np.testing.assert_allclose([float(value) for value in row["pixels"].split()], image, rtol=1e-5)


def test_numbers_of_figure_5_have_no_round_for_what_survives():
    rows = table("fig5", FULL)
    rows = rows[(rows["panel"] == "C") & (rows["curve"] == "after round 4")]
    assert rows["x"].dropna().tolist() == [5, 6, 7, 8, 9, 10] and len(rows) == 7


# -- what captions quote -----------------------------------------------------------------------------------------------


@EACH
def test_quotes_are_valid_and_of_the_numbers(name):
    figure = drawn(name)
    text = quoted(figure)
    if not figure.quotes:
        assert text == ""
        return
    html = publish_parts(text, writer="html5", settings_overrides={"halt_level": 2, "report_level": 2})["body"]
    assert "This run" in html
    if name == "fig4":
        last = table("fig4").groupby(["panel", "curve"]).last()
        row = last.loc[("A", "IMP")]
        assert f"IMP {row['y']:.3g} ({row['y_minimum']:.3g} to {row['y_maximum']:.3g})" in html
        assert "65.7 % sparsity" in html


def test_names_in_quotes_are_no_markup():
    figure = Drawing()
    figure.quotes.append("method_ `a` *b* |c| -1.5 to 2, photos-clone, 1e-05.")
    html = publish_parts(quoted(figure), writer="html5", settings_overrides={"halt_level": 2})["body"]
    assert "method_ `a` *b* |c| −1.5 to 2, photos-clone, 1e-05." in html


# -- what made it ------------------------------------------------------------------------------------------------------


def test_files_say_what_made_them_and_nothing_of_when(tmp_path):
    made = {"commit": "0123abc", "configuration": "sha256:00ff", "command": "snakemake --cores 1"}
    files = [tmp_path / f"fig4.{kind}" for kind in ("png", "pdf", "csv", "rst")]
    figure = FIGURES["fig4"](TINY, PAGE)
    save_figure(figure, *files, made_by=made)
    with Image.open(files[0]) as picture:
        assert {name: picture.text[name] for name in made} == made | {"command": f"snakemake --cores 1 {files[0]}"}
        assert not any("time" in name.lower() or "date" in name.lower() for name in picture.text)
    content = files[1].read_bytes()
    (subject,) = re.findall(rb"/Subject \((.*?)\)", content, re.DOTALL)
    assert subject.decode().replace("\\n", "\n").splitlines() == [
        "commit: 0123abc",
        "configuration: sha256:00ff",
        f"command: snakemake --cores 1 {files[1]}",
    ]
    assert b"Date" not in content
    before = [file.read_bytes() for file in files]
    save_figure(FIGURES["fig4"](TINY, PAGE), *files, made_by=made)
    assert [file.read_bytes() for file in files] == before
    assert files[2].read_text() == tabulate(figure) and files[3].read_text() == quoted(figure)

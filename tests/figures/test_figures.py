"""Each figure on full, one-seed, tiny and degenerate inputs: what is drawn is what the tables say."""

import math
from functools import cache

import numpy as np
import pandas as pd
import pytest
import synthetic
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from synthetic import CLONE_NAME, FULL, NAME, ONE_SEED, TINY, Experiment

from winnow.figures.fig1 import plot_fig1
from winnow.figures.fig2 import plot_fig2
from winnow.figures.fig3 import _choose_pairs, nearest_to_quantile, plot_fig3
from winnow.figures.fig4 import plot_fig4
from winnow.figures.fig5 import plot_fig5
from winnow.figures.fig6 import plot_fig6
from winnow.figures.fig7 import MOST_CURVES, plot_fig7
from winnow.figures.fig8 import ARMS, plot_fig8
from winnow.figures.fig9 import OWN, plot_fig9
from winnow.figures.fig10 import plot_fig10
from winnow.figures.pictures import mask_pictures
from winnow.figures.style import CLONE, METHODS, Page, house_style, looks
from winnow.masks import at_quantiles, most_connected
from winnow.store.datasets import Dataset, Split
from winnow.store.tensors import Mask

EXPERIMENTS = pytest.mark.parametrize(
    "experiment",
    [
        pytest.param(FULL, id="full", marks=pytest.mark.slow),
        pytest.param(ONE_SEED, id="one seed"),
        pytest.param(TINY, id="tiny"),
    ],
)
ONE_ROUND = Experiment(n_rounds=1, seeds=(0,), n_units=3, shape=(3, 8, 8), n_classes=2)


def draw(figure: Figure) -> None:
    """Draw to the end, so that faults of layout and ticks show; a warning is a fault."""
    with house_style():
        figure.draw_without_rendering()


def letters(figure: Figure) -> str:
    return "".join(axes.get_title(loc="left") for axes in figure.axes)


def curves(axes) -> dict:
    """Labelled lines by label, as (n, 2) arrays."""
    return {line.get_label(): line.get_xydata() for line in axes.lines if not line.get_label().startswith("_")}


def band_limits(collection) -> dict[float, tuple[float, float]]:
    """Smallest and largest y of a band by x."""
    vertices = pd.DataFrame(collection.get_paths()[0].vertices, columns=["x", "y"]).round(9)
    return {x: (rows["y"].min(), rows["y"].max()) for x, rows in vertices.groupby("x")}


def assert_over_seeds(line: np.ndarray, band, seeds: dict[int, list[float]], experiment) -> None:
    """The line is the mean over the seeds and the band their extremes, round by round, at the round's sparsity."""
    sparsities = [1 - experiment.density(n) for n in seeds]
    means = [np.mean(values) for values in seeds.values()]
    np.testing.assert_allclose(line, list(zip(sparsities, means, strict=True)))
    limits = band_limits(band)
    extremes = [(min(values), max(values)) for values in seeds.values()]
    np.testing.assert_allclose([limits[round(s, 9)] for s in sparsities], extremes, rtol=1e-6)


def expected_seed_means(table: pd.DataFrame, value: str, statistic=np.mean) -> dict[int, list[float]]:
    """By round: one number a seed, computed the slow way."""
    result: dict[int, list[float]] = {}
    for n in sorted(table["round"].unique()):
        for seed in sorted(table["seed"].unique()):
            rows = table[(table["round"] == n) & (table["seed"] == seed)]
            values = [number for number in rows[value] if np.isfinite(number)]
            result.setdefault(n, []).append(float(statistic(values)))
    return result


pytestmark = pytest.mark.filterwarnings("error")


# -- figure 1 ----------------------------------------------------------------------------------------------------------


def assert_masks(
    axes: Axes, mask: Mask, units: np.ndarray, columns: int, experiment: Experiment, numbered: bool
) -> None:
    """The panel shows these units' masks pixel by pixel, in rows, with their numbers of weights or without."""
    (image,) = axes.images
    mosaic = np.asarray(image.get_array())
    side, gap = experiment.shape[1], max(1, experiment.shape[1] // 16)
    step = (mosaic.shape[0] + gap) // -(-len(units) // columns)
    for index, picture in enumerate(mask_pictures(mask, units, experiment.shape)):
        row, column = divmod(index, columns)
        top, left = row * step, column * (side + gap)
        np.testing.assert_array_equal(mosaic[top : top + side, left : left + side], picture)
    counts = mask["layers.0.weight"].sum(axis=1)
    assert [text.get_text() for text in axes.texts] == ([str(counts[unit]) for unit in units] if numbered else [])


def labels(figure: Figure) -> list[str]:
    return [axes.get_xlabel().replace("\n", " ") for axes in figure.axes]


AT_QUANTILES = "units at quantiles of their number of weights"


@pytest.mark.parametrize("experiment", [FULL, TINY, ONE_ROUND], ids=["full", "tiny", "one round"])
def test_fig1_shows_the_masks_pixel_by_pixel(experiment):
    masks = synthetic.mask(experiment, 0.1), synthetic.mask(experiment, 0.3)
    figure = plot_fig1(*masks, experiment.shape, units=9)
    draw(figure)
    assert letters(figure) == "AB"
    assert labels(figure) == [AT_QUANTILES, "most connected"] * 2
    shown = min(9, experiment.n_units)
    columns = int(np.ceil(np.sqrt(shown)))
    for large, small, mask in zip(figure.axes[::2], figure.axes[1::2], masks, strict=True):
        assert_masks(large, mask, at_quantiles(mask, 9), columns, experiment, numbered=True)
        beside = -(-shown // (2 * -(-shown // columns)))
        assert_masks(small, mask, most_connected(mask, 9), beside, experiment, numbered=False)


@pytest.mark.parametrize("units", [1, 2, 16, 50])
def test_fig1_mosaics_of_one_panel_are_of_one_height_and_one_is_smaller(units):
    experiment = Experiment(n_units=64)
    mask = synthetic.mask(experiment, 0.2)
    figure = plot_fig1(mask, mask, experiment.shape, units=units)
    draw(figure)
    large, small, *_ = (axes.get_position() for axes in figure.axes)
    assert large.y1 == pytest.approx(small.y1)
    if units == 16:
        assert large.y0 == pytest.approx(small.y0, abs=0.005)
    scales = [axes.get_position().width / axes.images[0].get_array().shape[1] for axes in figure.axes[:2]]
    assert 0.4 < scales[1] / scales[0] < 0.7


def without_weights(mask: Mask, *, but: int = 0) -> Mask:
    """The mask without the weights of its first layer, except those of some first units."""
    keep = np.arange(len(mask["layers.0.weight"])) < but
    return mask | {"layers.0.weight": mask["layers.0.weight"] & keep[:, None]}


def test_fig1_leaves_out_units_without_weights():
    mask = without_weights(synthetic.mask(TINY, 0.2), but=3)
    figure = plot_fig1(mask, without_weights(mask), TINY.shape)
    draw(figure)
    connected = most_connected(mask, 16)
    assert sorted(connected) == [0, 1, 2]
    assert_masks(figure.axes[0], mask, connected, 2, TINY, numbered=True)
    assert [axes.texts[0].get_text() for axes in figure.axes[2:]] == ["no unit\nhas a weight"] * 2
    draw(plot_fig1(without_weights(mask), without_weights(mask), TINY.shape))


@pytest.mark.parametrize("units", [1, pytest.param(1024, marks=pytest.mark.slow)])
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 32, 32)])
def test_masks_of_any_number_of_units_are_drawn(units, shape):
    experiment = Experiment(n_rounds=3, n_units=1024, shape=shape, n_classes=2)
    masks = [synthetic.mask(experiment, spread) for spread in (0.1, 0.3)]
    figures = [plot_fig1(*masks, shape, units=units), fig3(experiment, units=units)]
    for figure in figures:
        draw(figure)
    for axes in figures[0].axes + figures[1].axes[1:3]:
        assert len(axes.collections[0].get_segments()) == units
        assert len(axes.texts) in (0, units)
    assert bool(figures[0].axes[0].texts) == (units == 1), "numbers stand where there is room for them"


def test_fig1_titles_give_method_and_sparsity():
    weights = np.zeros((4, 3 * 16), dtype=bool)
    weights[:, :5] = True  # with the biases 24 of 200 parameters survive
    mask = {"layers.0.weight": weights, "layers.0.bias": np.array([True] * 4 + [False] * 4)}
    figure = plot_fig1(mask, mask, (3, 4, 4))
    assert [axes.get_title() for axes in figure.axes[::2]] == ["IMP, sparsity 88 %", "oneshot, sparsity 88 %"]


# -- figure 2 ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("experiment", [FULL, TINY], ids=["full", "tiny"])
def test_fig2_scales_each_component_symmetrically(experiment):
    components = synthetic.components(experiment, 7)
    components["pca"][3] *= 1e6
    components["pca"][5] = 0
    figure = plot_fig2(components, experiment.shape)
    draw(figure)
    assert letters(figure) == "AB"
    side, gap = experiment.shape[1], max(1, experiment.shape[1] // 16)
    for axes, rows in zip(figure.axes, (components["ica"], components["pca"]), strict=True):
        mosaic = np.asarray(axes.images[0].get_array())
        for index, row in enumerate(rows):
            top, left = (place * (side + gap) for place in divmod(index, 3))
            picture = mosaic[top : top + side, left : left + side]
            largest = np.abs(row).max() or 1
            expected = np.moveaxis((row / largest).reshape(experiment.shape), 0, -1)
            np.testing.assert_allclose(2 * picture - 1, np.broadcast_to(expected, picture.shape), atol=1e-12)


# -- figure 3 ----------------------------------------------------------------------------------------------------------


def fig3(experiment: Experiment, locality: pd.DataFrame | None = None, **settings) -> Figure:
    return plot_fig3(
        synthetic.images(experiment),
        synthetic.images(experiment, clone=True),
        synthetic.mask(experiment, 0.1),
        synthetic.mask(experiment, 0.5),
        synthetic.locality(experiment) if locality is None else locality,
        dataset=NAME,
        clone_name=CLONE_NAME,
        **settings,
    )


@EXPERIMENTS
def test_fig3_medians_and_error_bars(experiment):
    locality = synthetic.locality(experiment)
    figure = fig3(experiment, locality)
    draw(figure)
    assert letters(figure) == "ABC"
    axes = panels(figure)["C"]
    known = locality[locality["converged"].eq(True)]
    drawn = {container.get_label(): container for container in axes.containers}
    assert list(drawn) == ["IMP, original", "IMP, clone", "random mask"]
    for label, dataset, method in [
        ("IMP, original", NAME, "imp"),
        ("IMP, clone", CLONE_NAME, "imp"),
        ("random mask", NAME, "random"),
    ]:
        rows = known[(known["dataset"] == dataset) & (known["method"] == method)]
        medians = expected_seed_means(rows, "sigma_x", np.median)
        line, _, bars = drawn[label]
        np.testing.assert_allclose(line.get_xydata(), [(n, np.mean(values)) for n, values in medians.items()])
        assert bool(bars) == (method == "imp")
        for bar in bars:
            limits = [(segment[0, 1], segment[1, 1]) for segment in bar.get_segments()]
            np.testing.assert_allclose(limits, [(min(values), max(values)) for values in medians.values()])
    assert drawn["IMP, original"][0].get_color() == METHODS["imp"].colour
    assert drawn["IMP, clone"][0].get_color() == CLONE.colour


@pytest.mark.parametrize("width", [0.1, 0.7])
def test_fig3_with_equal_medians_of_all_seeds(width):
    assert np.mean([width] * 3) != width, "the case: a mean beside the numbers that it is the mean of"
    locality = synthetic.locality(FULL).assign(sigma_x=width, converged=True)
    draw(fig3(FULL, locality[locality["seed"].isin(range(3))]))


@pytest.mark.parametrize("experiment", [FULL, TINY, ONE_ROUND], ids=["full", "tiny", "one round"])
def test_fig3_shows_masks_of_both_datasets_beside_each_other(experiment):
    on_original, on_clone = synthetic.mask(experiment, 0.1), synthetic.mask(experiment, 0.5)
    figure = fig3(experiment, units=9)
    draw(figure)
    columns = int(np.ceil(np.sqrt(min(9, experiment.n_units))))
    _, original, clone, _, small = figure.axes
    assert [axes.get_title() for axes in (original, clone)] == ["IMP, original", "IMP, clone"]
    assert labels(figure)[1:3] + labels(figure)[4:] == [AT_QUANTILES, AT_QUANTILES, "IMP, clone: most connected"]
    assert_masks(original, on_original, at_quantiles(on_original, 9), columns, experiment, numbered=True)
    assert_masks(clone, on_clone, at_quantiles(on_clone, 9), columns, experiment, numbered=True)
    assert_masks(small, on_clone, most_connected(on_clone, 9), columns, experiment, numbered=False)
    boxes = [axes.get_position() for axes in (original, clone, small)]
    assert boxes[0].y0 == pytest.approx(boxes[1].y0) and boxes[0].width == pytest.approx(boxes[1].width)
    assert boxes[2].width < 0.8 * boxes[1].width


def test_fig3_without_weights_on_the_clone_says_so():
    mask = synthetic.mask(TINY, 0.1)
    images = synthetic.images(TINY), synthetic.images(TINY, clone=True)
    names = {"dataset": NAME, "clone_name": CLONE_NAME}
    for original in (mask, without_weights(mask)):
        figure = plot_fig3(*images, original, without_weights(mask), synthetic.locality(TINY), **names)
        draw(figure)
        assert [figure.axes[panel].texts[0].get_text() for panel in (2, 4)] == ["no unit\nhas a weight"] * 2


def in_order_of_contrast(dataset: Dataset, label: int) -> list[int]:
    """Rows of a class, the contrast nearest to the 75 % quantile first: the slow way."""
    rows = [row for row, of_row in enumerate(dataset.validation.labels) if of_row == label]
    spread = {row: float(np.std(dataset.validation.images[row].astype(float))) for row in rows}
    ranked = sorted(spread.values())
    place = 0.75 * (len(ranked) - 1)
    low, high = ranked[math.floor(place)], ranked[math.ceil(place)]
    quantile = low + (place - math.floor(place)) * (high - low)
    return sorted(rows, key=lambda row: (round(abs(spread[row] - quantile), 9), row))


def test_fig3_puts_images_of_one_class_beside_each_other_chosen_by_contrast():
    original, clone = synthetic.images(FULL), synthetic.images(FULL, clone=True)
    axes = fig3(FULL, examples=4).axes[0]
    mosaic = np.asarray(axes.images[0].get_array())
    side, gap = 32, 2
    step = 2 * side + gap + 2 * gap
    chosen = [in_order_of_contrast(original, label)[0] for label in (0, 6, 13, 19)]
    assert chosen != [0, 6, 13, 19], "the case: not each class's first image"
    for index, row in enumerate(chosen):
        top, left = index // 2 * (side + 2 * gap), index % 2 * step
        for place, dataset in enumerate((original, clone)):
            expected = np.clip(dataset.validation.images[row].reshape(3, 32, 32) / 255.0, 0, 1)
            start = left + place * (side + gap)
            np.testing.assert_allclose(mosaic[top : top + side, start : start + side], np.moveaxis(expected, 0, -1))
    assert [label.get_text() for label in axes.get_xticklabels()] == ["original", "clone"] * 2
    assert clone.validation.images.min() < 0 and clone.validation.images.max() > 255, "the clone itself is not clipped"


def test_fig3_takes_several_images_of_a_class_where_there_are_few_classes():
    mosaic = np.asarray(fig3(TINY, examples=8).axes[0].images[0].get_array())
    dataset = synthetic.images(TINY)
    orders = [in_order_of_contrast(dataset, label) for label in (0, 1)]
    for index in range(8):  # classes 0, 1, 0, 1, …
        top, left = index // 2 * 10, index % 2 * 19
        image = dataset.validation.images[orders[index % 2][index // 2]]
        np.testing.assert_allclose(mosaic[top : top + 8, left : left + 8, 0], image.reshape(8, 8) / 255)


def test_fig3_pairs_the_same_numbers_of_classes_of_unequal_size():
    draw = np.random.default_rng(3)
    original = Split(draw.normal(0, 1, (12, 4)) * np.arange(12)[:, None], np.array([0] * 7 + [1] * 5))
    clone = Split(draw.normal(0, 1, (8, 4)), np.array([1, 0, 0, 1, 0, 0, 2, 1]))
    pairs = _choose_pairs(original, clone, 99)
    assert len(pairs) == 4 + 3
    numbers = [[1, 2, 4, 5], [0, 3, 7]]
    for first, second in pairs:
        label = int(first >= 7)
        assert second == numbers[label][first - 7 * label]


@given(st.lists(st.integers(0, 9), min_size=1, max_size=20), st.sampled_from([0.0, 0.3, 0.75, 1.0]))
def test_nearest_to_quantile_puts_the_nearest_first_and_of_two_as_near_the_earlier(values, quantile):
    order = nearest_to_quantile(np.array(values, dtype=float), quantile)
    assert sorted(order) == list(range(len(values)))
    distances = [round(abs(values[k] - float(np.quantile(values, quantile))), 9) for k in order]
    assert [(d, k) for d, k in zip(distances, order, strict=True)] == sorted(zip(distances, order, strict=True))


def test_fig3_without_widths_says_so():
    locality = synthetic.locality(TINY).assign(sigma_x=np.nan, converged=None)
    figure = fig3(TINY, locality)
    draw(figure)
    assert [text.get_text() for text in panels(figure)["C"].texts] == ["no unit has a width"]


def test_fig3_refuses_a_table_without_the_clone():
    with pytest.raises(ValueError, match=CLONE_NAME):
        fig3(TINY, synthetic.locality(TINY, clone=False))


# -- figure 4 ----------------------------------------------------------------------------------------------------------


@EXPERIMENTS
def test_fig4_lines_are_means_and_bands_extremes_over_seeds(experiment):
    locality, kurtosis = synthetic.locality(experiment), synthetic.kurtosis_by_class(experiment)
    figure = plot_fig4(locality, kurtosis, dataset=NAME)
    draw(figure)
    assert letters(figure) == "AB"
    tables = [(locality[locality["converged"].eq(True)], "sigma_x"), (kurtosis, "kurtosis_mean")]
    for axes, (table, value) in zip(figure.axes, tables, strict=True):
        drawn = curves(axes)
        for method, band in zip(METHODS, axes.collections, strict=True):
            rows = table[(table["dataset"] == NAME) & (table["method"] == method)]
            assert_over_seeds(drawn[METHODS[method].label], band, expected_seed_means(rows, value), experiment)
            assert to_rgb(METHODS[method].colour) == tuple(band.get_facecolor()[0][:3])
    gaussian = curves(figure.axes[1])["Gaussian"]
    assert (gaussian[:, 1] == 3).all()
    chance = "as many weights at random places"
    assert {text.get_text() for text in figure.axes[0].get_legend().texts} == {"IMP", "oneshot", "random", chance}
    rows = locality[(locality["dataset"] == NAME) & (locality["method"] == "imp")]
    expected = rows.groupby(["round", "seed"])["chance_sigma_x"].mean().groupby("round").mean()
    np.testing.assert_allclose(curves(figure.axes[0])[chance][:, 1], expected)


def test_fig4_leaves_out_fits_that_did_not_converge():
    locality = synthetic.locality(TINY)
    wild = locality.assign(sigma_x=locality["sigma_x"].where(locality["converged"].eq(True), 1e9))
    drawn = [
        curves(plot_fig4(table, synthetic.kurtosis_by_class(TINY), dataset=NAME).axes[0]) for table in (locality, wild)
    ]
    for label, line in drawn[0].items():
        np.testing.assert_array_equal(line, drawn[1][label])


def test_fig4_with_nothing_to_average_says_so():
    locality = synthetic.locality(TINY).assign(sigma_x=np.nan, converged=None)
    kurtosis = synthetic.kurtosis_by_class(TINY).assign(kurtosis_mean=np.nan)
    figure = plot_fig4(locality, kurtosis, dataset=NAME)
    draw(figure)
    assert [axes.texts[0].get_text() for axes in figure.axes] == ["no unit has a width", "no unit has a kurtosis"]


def test_fig4_draws_the_methods_that_are_there():
    locality, kurtosis = synthetic.locality(TINY), synthetic.kurtosis_by_class(TINY)
    figure = plot_fig4(locality[locality["method"] == "imp"], kurtosis, dataset=NAME)
    draw(figure)
    assert list(curves(figure.axes[0])) == ["as many weights at random places", "IMP"]


# -- figure 5 ----------------------------------------------------------------------------------------------------------


def scores(table: pd.DataFrame, dataset: str, fates_of: str, n: int) -> dict[float, list[float]]:
    """By round of removal (infinity: survives): the scaled means of the seeds."""
    rows = table[(table["dataset"] == dataset) & (table["fates_of"] == fates_of) & (table["rounds_done"] == n)]
    result: dict[float, list[float]] = {}
    for _, row in rows.iterrows():
        fate = np.inf if pd.isna(row["removed_in"]) else row["removed_in"]
        result.setdefault(fate, []).append(row["scaled_mean"])
    return dict(sorted(result.items()))


def panels(figure: Figure) -> dict:
    return {axes.get_title(loc="left"): axes for axes in figure.axes if axes.get_title(loc="left")}


@pytest.mark.parametrize("experiment", [FULL, ONE_SEED, TINY, ONE_ROUND], ids=["full", "one seed", "tiny", "one round"])
def test_fig5_panels_show_the_groups_in_the_order_of_removal(experiment):
    cavity = synthetic.cavity(experiment)
    figure = plot_fig5(synthetic.cavity_example(experiment), cavity, dataset=NAME, clone_name=CLONE_NAME)
    draw(figure)
    drawn = panels(figure)
    assert "".join(drawn) == "ABCDEF"
    for letter, dataset, fates_of, rounds in [
        ("B", NAME, "imp", [0]),
        ("C", NAME, "imp", range(experiment.n_rounds)),
        ("D", NAME, "random", range(experiment.n_rounds)),
        ("E", NAME, "oneshot", range(experiment.n_rounds)),
        ("F", CLONE_NAME, "imp", range(experiment.n_rounds)),
    ]:
        axes = drawn[letter]
        zero, *lines = axes.lines
        assert list(zero.get_ydata()) == [0, 0]
        *bands, diagonal = axes.collections
        assert len(lines) == len(bands) == len(rounds)
        survivors = axes.get_xticks()[-1]
        assert axes.get_xticklabels()[-1].get_text() == "survive" and survivors > experiment.n_rounds
        for n, line, band in zip(rounds, lines, bands, strict=True):
            groups = scores(cavity, dataset, fates_of, n)
            x = [min(fate, survivors) for fate in groups]
            np.testing.assert_allclose(line.get_xydata(), list(zip(x, map(np.mean, groups.values()), strict=True)))
            limits = band_limits(band)
            np.testing.assert_allclose(
                [limits[round(place, 9)] for place in x], [(min(v), max(v)) for v in groups.values()], atol=1e-8
            )
        marked = [(n + 1, np.mean(scores(cavity, dataset, fates_of, n)[n + 1])) for n in rounds]
        np.testing.assert_allclose(diagonal.get_offsets(), marked)


def test_fig5_one_line_a_round_in_its_own_colour():
    figure = plot_fig5(synthetic.cavity_example(FULL), synthetic.cavity(FULL), dataset=NAME, clone_name=CLONE_NAME)
    _, *lines = panels(figure)["C"].lines
    colours = [to_rgb(line.get_color()) for line in lines]
    luminance = np.array(colours) @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(luminance) > 0).all(), "later rounds must be lighter, also in grey"
    bar = next(axes for axes in figure.axes if "rounds done" in axes.get_ylabel())
    assert [label.get_text() for label in bar.get_yticklabels()] == [str(n) for n in range(10)]


@pytest.mark.parametrize("clone_name", [None, CLONE_NAME])
def test_fig5_leaves_out_a_clone_that_is_not_there(clone_name):
    cavity = synthetic.cavity(TINY, clone=False)
    figure = plot_fig5(synthetic.cavity_example(TINY), cavity, dataset=NAME, clone_name=clone_name)
    draw(figure)
    assert "".join(panels(figure)) == "ABCDE"


def test_fig5_example_shows_the_densities_and_kurtoses():
    example = synthetic.cavity_example(FULL).sample(frac=1, random_state=0)
    first = example.iloc[0]
    figure = plot_fig5(example, synthetic.cavity(FULL), dataset=NAME)
    upper, lower = figure.axes[:2]
    bins = example[example["seed"] == first["seed"]].sort_values("preactivation")
    without = next(line for line in upper.lines if line.get_label().startswith("without"))
    np.testing.assert_array_equal(without.get_xydata(), bins[["preactivation", "density_without"]])
    gaussian = next(line for line in upper.lines if line.get_label().startswith("Gaussian"))
    x = bins["preactivation"].to_numpy()
    np.testing.assert_allclose(gaussian.get_ydata(), np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi))
    np.testing.assert_allclose(lower.lines[0].get_ydata(), bins["density_without"] - bins["density_with"])
    texts = " ".join(text.get_text() for text in upper.get_legend().texts)
    assert "4.021" in texts and "4.107" in texts and "+0.021" in upper.get_title()
    assert upper.get_yscale() == "log"


def test_fig5_scale_is_symlog_only_where_large_scores_would_hide_the_others():
    cavity = synthetic.cavity(FULL)
    figure = plot_fig5(synthetic.cavity_example(FULL), cavity, dataset=NAME, clone_name=CLONE_NAME)
    scales = {letter: axes.get_yscale() for letter, axes in panels(figure).items()}
    assert scales["C"] == scales["D"] == "linear" and scales["E"] == "symlog"


def test_fig5_with_missing_scores():
    cavity = synthetic.cavity(TINY)
    gone = cavity["fates_of"].eq("random") | (cavity["fates_of"].eq("imp") & cavity["removed_in"].eq(1))
    figure = plot_fig5(
        synthetic.cavity_example(TINY), cavity.assign(scaled_mean=cavity["scaled_mean"].mask(gone)), dataset=NAME
    )
    draw(figure)
    drawn = panels(figure)
    assert [text.get_text() for text in drawn["D"].texts] == ["no scores"]
    assert drawn["B"].lines[1].get_xdata()[0] == 2


# -- figure 6 ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("retrained", [False, True])
@EXPERIMENTS
def test_fig6_accuracy_is_that_of_the_last_step(experiment, retrained):
    training = synthetic.training(experiment, retrained).sample(frac=1, random_state=1)
    figure = plot_fig6(training, synthetic.pair_correlation(experiment), dataset=NAME, n_classes=experiment.n_classes)
    draw(figure)
    assert letters(figure) == "AB"
    axes = figure.axes[0]
    drawn = curves(axes)
    assert (drawn.pop("chance")[:, 1] == 1 / experiment.n_classes).all()
    assert list(drawn) == (["IMP", "oneshot", "random"] if retrained else ["IMP"])
    for method, band in zip(METHODS, axes.collections, strict=False):
        rows = training[(training["dataset"] == NAME) & (training["method"] == method) & (training["step"] == 600)]
        seeds = expected_seed_means(rows, "validation_accuracy")
        assert_over_seeds(drawn[METHODS[method].label], band, seeds, experiment)
    title = axes.get_legend().get_title().get_text()
    assert title == ("" if retrained else "not retrained: oneshot, random")


@EXPERIMENTS
def test_fig6_pair_correlation_is_that_of_the_last_masks(experiment):
    pairs = synthetic.pair_correlation(experiment)
    pairs.loc[pairs["radius"] == pairs["radius"].max(), "g"] = np.nan
    figure = plot_fig6(synthetic.training(experiment), pairs, dataset=NAME, clone_name=CLONE_NAME)
    draw(figure)
    drawn = curves(figure.axes[1])
    assert list(drawn) == ["IMP", "oneshot", "random", CLONE.label]
    last = pairs[(pairs["round"] == experiment.n_rounds) & pairs["g"].notna()]
    for label, dataset, method in [
        *((look.label, NAME, m) for m, look in METHODS.items()),
        (CLONE.label, CLONE_NAME, "imp"),
    ]:
        rows = last[(last["dataset"] == dataset) & (last["method"] == method)]
        np.testing.assert_allclose(drawn[label], rows.groupby("radius")["g"].mean().reset_index())
    assert list(figure.axes[1].lines[-1].get_ydata()) == [1, 1]


@pytest.mark.parametrize("clone_name", [None, CLONE_NAME])
def test_fig6_without_clone_or_pairs(clone_name):
    pairs = synthetic.pair_correlation(TINY, clone=False)
    figure = plot_fig6(synthetic.training(TINY), pairs, dataset=NAME, clone_name=clone_name)
    draw(figure)
    assert list(curves(figure.axes[1])) == ["IMP", "oneshot", "random"]
    figure = plot_fig6(synthetic.training(TINY), pairs.assign(g=np.nan), dataset=NAME)
    draw(figure)
    assert [text.get_text() for text in figure.axes[1].texts] == ["no mask has pairs of weights"]


# -- figure 7 ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("retrained", [False, True])
@EXPERIMENTS
def test_fig7_draws_the_means_over_the_seeds_and_says_what_has_none(experiment, retrained):
    methods = synthetic.methods(experiment, retrained)
    masks = {method: synthetic.mask(experiment, 0.2) for method in METHODS}
    figure = plot_fig7(methods, masks, experiment.shape, dataset=NAME, units=3)
    draw(figure)
    assert letters(figure) == "ABCDEF"
    width = curves(figure.axes[0])
    rows = methods[
        (methods["dataset"] == NAME)
        & (methods["method"] == "imp")
        & (methods["statistic"] == "width")
        & methods["seed"].isna()
        & methods["compared_with"].isna()
    ]
    np.testing.assert_allclose(width["IMP"], np.column_stack([1 - rows["density"], rows["value"]]))
    accuracy = curves(figure.axes[4])
    assert {"IMP", "oneshot", "random"} & set(accuracy) == ({"IMP", "oneshot", "random"} if retrained else {"IMP"})
    legend = [text.get_text() for text in figure.axes[5].get_legend().get_texts()]
    assert legend == ["IMP", "oneshot", "random"]
    assert len(figure.axes) == 6 + len(masks)


@cache
def methods_of(n: int) -> tuple[pd.DataFrame, dict[str, Mask]]:
    """A table of n methods, whose widths fall and whose other statistics rise with their number, and their masks."""
    table = synthetic.methods(TINY)
    imp = table[(table["method"] == "imp") & (table["dataset"] == NAME) & table["compared_with"].isna()]
    names = ["imp", "random", "imp_shuffled_unit", *(f"method_{k}" for k in range(n))][:n]
    numbers = ["value", "minimum", "maximum", "interval_low", "interval_high"]
    sign = np.where(imp["statistic"] == "width", -0.01, 0.01)[:, None]
    many = [imp.assign(method=name, **(imp[numbers] + k * sign)) for k, name in enumerate(names)]
    return pd.concat(many, ignore_index=True), {name: synthetic.mask(TINY, 0.2) for name in names}


def test_fig7_tells_as_many_methods_apart_as_it_draws_curves():
    names = ["imp", "random", "imp_shuffled_unit", *(f"method_{k}" for k in range(15))]
    drawn = looks(names)
    assert len({(look.colour, look.linestyle, look.marker) for look in drawn.values()}) == len(names) > MOST_CURVES


@pytest.mark.parametrize("width", [177.8, 84])
def test_fig7_of_many_methods_is_a_row_a_method_from_the_most_local_on(width):
    table, masks = methods_of(MOST_CURVES + 3)
    procedures = dict.fromkeys(masks, "at_start") | {"imp": "iterate"}
    page = Page.of_millimetres(width)
    figure = plot_fig7(table, masks, TINY.shape, dataset=NAME, units=2, procedures=procedures, page=page)
    draw(figure)
    assert letters(figure) == "ABCDEF"
    axes = figure.axes[0]
    last = table[(table["round"] == TINY.n_rounds) & (table["statistic"] == "width")]
    means = last[last["seed"].isna()].set_index("method")["value"]
    order = list(means.sort_values().index)
    numbers = [f" {row + 1}" if page.is_narrow else "" for row in range(len(order))]
    assert [text.get_text() for text in axes.get_yticklabels()] == [
        f"{looks([name])[name].label}{number}" for name, number in zip(order, numbers, strict=True)
    ]
    for row, name in enumerate(order):
        strokes, interval, dot = (
            [line for line in axes.lines if set(line.get_ydata()) == {row} and what(line)]
            for what in (
                lambda line: line.get_marker() == "|",
                lambda line: line.get_linewidth() == 1.8,
                lambda line: line.get_markersize() == 4,
            )
        )
        seeds = last[(last["method"] == name) & last["seed"].notna()]
        assert sorted(strokes[0].get_xdata()) == sorted(seeds["value"])
        summary = last[(last["method"] == name) & last["seed"].isna()].iloc[0]
        assert list(interval[0].get_xdata()) == [summary["interval_low"], summary["interval_high"]]
        assert list(dot[0].get_xdata()) == [summary["value"]]
        assert dot[0].get_color() == ("#000000" if name == "imp" else "#E69F00")
    through = [line.get_xdata()[0] for line in axes.lines if list(line.get_ydata()) == [0, 1]]
    assert sorted(through) == sorted(means[["imp", "random", "imp_shuffled_unit"]])
    quoted = [looks([name])[name].label for name in ("imp", "random", "imp_shuffled_unit", order[0])]
    assert [
        one.rsplit(" (", 1)[0].rsplit(" ", 1)[0] for one in figure.quotes[0].split(": ", 1)[1].split("; ")
    ] == quoted


def test_fig7_marks_who_lies_outside_and_who_went_less_far():
    table, masks = methods_of(MOST_CURVES + 3)
    of_one = table["method"].eq("method_1") & table["statistic"].eq("width")
    far = table.assign(value=table["value"] + 1000 * of_one)
    figure = plot_fig7(far, masks, TINY.shape, dataset=NAME)
    large = [line for line in figure.axes[0].lines if line.get_markersize() == 4]
    assert [line.get_marker() for line in large].count(">") == 1 and large[-1].get_marker() == ">"
    assert figure.axes[0].get_xlim()[1] < 100
    short = table.assign(value=table["value"].mask(of_one & table["round"].eq(TINY.n_rounds)))
    figure = plot_fig7(short, masks, TINY.shape, dataset=NAME)
    large = [line for line in figure.axes[0].lines if line.get_markersize() == 4]
    assert [line.get_markerfacecolor() for line in large].count("white") == 1
    assert large[-1].get_markerfacecolor() == "white" and len(large) == len(masks)


@pytest.mark.parametrize(
    ("n", "width", "rows", "units"),
    [
        (3, 177.8, [3], 12),
        (8, 177.8, [8], 5),
        (28, 177.8, [14, 14], 3),
        (30, 177.8, [10, 10, 10], 3),
        (3, 84, [3], 10),
        (8, 84, [4, 4], 3),
    ],
)
def test_fig7_has_rows_of_masks_of_one_length(n, width, rows, units):
    table, masks = methods_of(n)
    figure = plot_fig7(table, masks, TINY.shape, dataset=NAME, page=Page.of_millimetres(width))
    pictures = [axes for axes in figure.axes if axes.images]
    tops = [round(axes.get_subplotspec().get_position(figure).y1, 6) for axes in pictures]
    assert [tops.count(top) for top in sorted(set(tops), reverse=True)] == rows
    assert sum(len(one.rows["x"]) for one in figure.shown if one.axes is pictures[0]) == units


def test_fig7_without_any_value():
    table = synthetic.methods(TINY)
    figure = plot_fig7(table.assign(value=np.nan), {}, TINY.shape, dataset=NAME)
    draw(figure)
    assert [text.get_text() for text in figure.axes[0].texts] == ["no method has a value"]
    with pytest.raises(ValueError, match="no rows of dataset"):
        plot_fig7(table, {}, TINY.shape, dataset="other")


# -- figure 8 ----------------------------------------------------------------------------------------------------------


@EXPERIMENTS
def test_fig8_draws_every_seed_and_the_mean_at_each_level_of_each_arm(experiment):
    responses = synthetic.responses(experiment)
    figure = plot_fig8(responses)
    draw(figure)
    assert letters(figure) == "ABCDE" and len(figure.axes) == 5 * 3
    assert [axes.get_title() for axes in figure.axes[:3]] == ["IMP", "oneshot", "random"]
    own = responses[responses["compared_with"].isna()]
    for column, method in enumerate(METHODS):
        for row, statistic in enumerate(["width", "pair_correlation", "ipr", "kurtosis", "cavity_signs"]):
            lines = [line for line in figure.axes[3 * row + column].lines if len(line.get_xdata()) > 2]
            drawn = [(line.get_label(), np.column_stack(line.get_data())) for line in lines]
            means = [line for label, line in drawn if not label.startswith("_")]
            points = [line for label, line in drawn if label.startswith("_")]
            for k, arm in enumerate(dict.fromkeys(own["arm"])):
                rows = own[(own["arm"] == arm) & (own["method"] == method) & (own["statistic"] == statistic)]
                expected = rows.groupby("dial")["value"].mean()
                if len(expected) > 2:
                    np.testing.assert_allclose(means[k], np.column_stack([expected.index, expected]))
                    assert sorted(map(tuple, points[k])) == sorted(zip(rows["dial"], rows["value"], strict=True))
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == [look.label for look in ARMS.values()]
    assert figure.axes[-1].get_xlabel() == "excess kurtosis of the pixels"


def test_fig8_without_values_and_without_a_dial():
    responses = synthetic.responses(TINY)
    figure = plot_fig8(responses.assign(value=np.nan))
    draw(figure)
    assert {text.get_text() for axes in figure.axes for text in axes.texts} == {"no value"}
    with pytest.raises(ValueError, match="no dataset has a dial"):
        plot_fig8(responses.iloc[:0])


# -- figure 9 ----------------------------------------------------------------------------------------------------------


@EXPERIMENTS
def test_fig9_draws_each_claim_under_each_choice(experiment):
    sensitivity = synthetic.sensitivity(experiment)
    figure = plot_fig9(sensitivity)
    draw(figure)
    assert letters(figure) == "ABCDEFGHIJ" and len(figure.axes) == 10
    names = [OWN, *synthetic.CHOICES]
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == names
    for axes, (claim, rows) in zip(figure.axes, sensitivity.groupby("claim", sort=False), strict=True):
        assert axes.get_title(loc="right") == f"claim {claim}"
        drawn = [line.get_xydata() for line in axes.lines if line.get_marker() == "o"]
        points = {float(y): float(x) for line in drawn for x, y in line}
        expected = {place: value for place, value in enumerate(rows["effect"]) if not np.isnan(value)}
        assert points == pytest.approx(expected)
        for place, point in points.items():
            assert axes.get_xlim()[0] < point < axes.get_xlim()[1], (claim, place)
        marked = {text.get_position()[1] for text in axes.texts if text.get_text() == "≠"}
        assert marked == {place for place, differs in enumerate(rows["differs"]) if differs is True}
        without = {text.get_position()[1] for text in axes.texts if text.get_text() == "–"}
        assert without == set(range(len(names))) - set(expected)
    # Without a clone claim 2 has no value.
    assert sensitivity.loc[sensitivity["choice"].eq("no_clone") & sensitivity["claim"].eq("2"), "effect"].isna().all()


def test_fig9_fills_points_by_verdict_and_bars_are_the_intervals():
    sensitivity = synthetic.sensitivity(TINY)
    (axes, *_) = plot_fig9(sensitivity).axes
    rows = sensitivity[sensitivity["claim"] == "1"]
    points = [line for line in axes.lines if line.get_marker() == "o" and len(line.get_xdata())]
    expected = {"supported": "full", "not supported": "none", "undetermined": "left"}
    assert [point.get_fillstyle() for point in points] == [expected[verdict] for verdict in rows["verdict"]]
    bars = [line for line in axes.lines if (line.get_color(), line.get_linestyle()) == ("black", "-")]
    bars = [line.get_xdata() for line in bars if line.get_marker() == "None" and len(line.get_xdata())]
    np.testing.assert_allclose(bars, rows[["low", "high"]])


def test_fig9_with_one_seed_has_no_bars_and_without_values_says_so():
    one_seed = synthetic.sensitivity(ONE_SEED)
    assert one_seed["low"].isna().all() and one_seed["effect"].notna().any()
    figure = plot_fig9(one_seed.assign(effect=np.nan, verdict="undetermined"))
    draw(figure)
    assert all("no value" in {text.get_text() for text in axes.texts} for axes in figure.axes)
    with pytest.raises(ValueError, match="no choice is varied"):
        plot_fig9(one_seed[one_seed["choice"].isna()])


def test_fig9_says_in_its_caption_what_changes_and_what_turns():
    figure = plot_fig9(synthetic.sensitivity(TINY))
    assert len(figure.quotes) == len(synthetic.CHOICES)
    turned, without = figure.quotes[1:]
    assert turned.startswith("order_reversed (all widths -1 instead of 1): another verdict on claim")
    assert "1 (not supported)" in turned and "2 (undetermined)" in without


# -- figure 10 ---------------------------------------------------------------------------------------------------------


@EXPERIMENTS
def test_fig10_draws_each_statistic_of_each_layer_against_sparsity(experiment):
    table = synthetic.by_layer(experiment)
    figure = plot_fig10(table, dataset=NAME)
    draw(figure)
    assert letters(figure) == "ABCDEF" and len(figure.axes) == 6 * 3
    assert [axes.get_title() for axes in figure.axes[:3]] == ["layer 1", "layer 2", "layer 3"]
    rows = table[(table["dataset"] == NAME) & table["seed"].isna() & table["compared_with"].isna()]
    names = ["share_reached", "width_ratio", "pair_correlation", "path_spread", "kurtosis_median", "cavity_signs"]
    for row, name in enumerate(names):
        for column in range(3):
            of_panel = rows[rows["statistic"] == f"layer{column + 1}_{name}"]
            drawn = curves(figure.axes[3 * row + column])
            mixed = ["IMP, each unit's inputs mixed"] if name in ("pair_correlation", "path_spread") else []
            assert list(drawn) == ["IMP", "oneshot", "random", *mixed]
            for method, look in METHODS.items():
                expected = of_panel[of_panel["method"] == method]
                np.testing.assert_allclose(
                    drawn[look.label], np.column_stack([1 - expected["density"], expected["value"]])
                )
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["IMP", "oneshot", "random", "IMP, each unit's inputs mixed"]


def test_fig10_without_values_and_without_layers():
    table = synthetic.by_layer(TINY, layers=1)
    figure = plot_fig10(table.assign(value=np.nan), dataset=NAME)
    draw(figure)
    assert len(figure.axes) == 6 and {axes.texts[0].get_text() for axes in figure.axes} == {"no value"}
    with pytest.raises(ValueError, match="no statistics of layers"):
        plot_fig10(synthetic.methods(TINY), dataset=NAME)
    with pytest.raises(ValueError, match="no rows of dataset"):
        plot_fig10(table, dataset="other")

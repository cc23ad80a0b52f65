"""Summaries over seeds, and the axis of sparsity."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from winnow.figures.bands import converged_widths, draw_band, format_sparsity, of_dataset, over_seeds, set_sparsity_axis
from winnow.figures.style import METHODS


def observations() -> pd.DataFrame:
    """Two seeds with unequal numbers of observations, one missing, in two rounds."""
    rows = [(0, 0, 1.0), (0, 0, 2.0), (0, 0, 6.0), (1, 0, 5.0), (1, 0, np.nan), (0, 1, 4.0), (1, 1, np.nan)]
    table = pd.DataFrame(rows, columns=["seed", "round", "value"])
    return table.assign(density=0.7 ** table["round"])


def test_over_seeds_weighs_seeds_equally_and_leaves_missing_values_out():
    summary = over_seeds(observations(), "value", ["round"])
    assert summary["round"].tolist() == [0, 1]
    np.testing.assert_allclose(summary["mean"], [(3 + 5) / 2, 4])
    np.testing.assert_allclose(summary["minimum"], [3, 4])
    np.testing.assert_allclose(summary["maximum"], [5, 4])
    np.testing.assert_allclose(summary["sparsity"], [0, 0.3])


def test_over_seeds_takes_the_median_within_a_seed():
    summary = over_seeds(observations(), "value", ["round"], per_seed="median")
    np.testing.assert_allclose(summary["mean"], [(2 + 5) / 2, 4])


def test_over_seeds_keeps_a_missing_key_as_a_point():
    table = pd.DataFrame({"seed": [0, 1, 0], "fate": [np.nan, np.nan, 1.0], "value": [1.0, 3.0, 7.0]})
    summary = over_seeds(table, "value", ["fate"])
    assert summary["mean"].tolist() == [7.0, 2.0]
    assert np.isnan(summary["fate"].iloc[1])


def test_over_seeds_of_nothing_is_empty():
    assert over_seeds(observations().iloc[:0], "value", ["round"]).empty


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_converged_widths_leaves_out_the_others(missing):
    table = pd.DataFrame(
        {
            "sigma_x": [1.0, 2.0, np.nan, 4.0],
            "converged": pd.Series([True, False, missing, True], dtype=object),
        }
    )
    assert converged_widths(table)["sigma_x"].tolist() == [1.0, 4.0]
    assert converged_widths(table.iloc[2:3]).empty


def test_of_dataset_names_what_there_is():
    table = pd.DataFrame({"dataset": ["a", "b"], "value": [1, 2]})
    assert of_dataset(table, "b")["value"].tolist() == [2]
    with pytest.raises(ValueError, match=r"'c'.*\['a', 'b'\]"):
        of_dataset(table, "c")


def test_draw_band_draws_mean_and_extremes():
    axes = Figure().subplots()
    summary = over_seeds(observations(), "value", ["round"])
    draw_band(axes, summary["round"], summary, METHODS["oneshot"])
    (line,), (band,) = axes.lines, axes.collections
    np.testing.assert_allclose(line.get_xydata(), [[0, 4], [1, 4]])
    corners = {tuple(corner) for corner in band.get_paths()[0].vertices}
    assert {(0, 3), (0, 5), (1, 4)} <= corners and {y for _, y in corners} == {3, 4, 5}
    assert line.get_color() == METHODS["oneshot"].colour and line.get_label() == "oneshot"

    empty = Figure().subplots()
    draw_band(empty, summary["round"], summary.iloc[:0], METHODS["imp"])
    assert not empty.has_data()


@pytest.mark.parametrize(
    ("density", "text"),
    [
        (1, "0"),
        (0.7, "30"),
        (0.49, "51"),
        (0.7**10, "97.2"),
        (0.1, "90"),
        (0.04, "96.0"),
        (0.7**20, "99.920"),
        (0, "100"),
    ],
)
def test_format_sparsity_leaves_two_digits_of_the_density(density, text):
    assert format_sparsity(density) == text


@pytest.mark.parametrize("n_rounds", [1, 3, 10, 30])
def test_sparsity_axis_spaces_rounds_evenly_and_labels_the_last(n_rounds):
    axes = Figure().subplots()
    sparsities = 1 - 0.7 ** np.arange(n_rounds + 1)
    axes.plot(sparsities, sparsities)
    # a second method whose counts are rounded differently adds no ticks
    set_sparsity_axis(axes, [*sparsities, *(sparsities + 1e-9)])
    places = axes.transData.transform(np.column_stack([sparsities, sparsities]))[:, 0]
    np.testing.assert_allclose(np.diff(places), np.diff(places).mean(), rtol=1e-6)
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert format_sparsity(0.7**n_rounds) in labels and len(labels) <= 6
    assert axes.get_xlabel() == "sparsity (%)"

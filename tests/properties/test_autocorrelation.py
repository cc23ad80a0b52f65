"""Autocorrelations of masks, widths and pair correlations: symmetries, sums, bounds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples import examples
from properties.strategies import FIXED, connections, seeds
from reference import locality as reference
from winnow.measure.autocorrelation import autocorrelation
from winnow.measure.locality import measure_locality
from winnow.measure.pair_correlation import pair_correlation
from winnow.streams import stream


@FIXED
@given(connections())
def test_pairs_are_counted_twice_and_all_of_them(connected):
    s = autocorrelation(connected)
    n, _, rows, columns = connected.shape
    assert s.dtype == np.int64 and s.shape == (n, 2 * rows - 1, 2 * columns - 1)
    assert (s == s[:, ::-1, ::-1]).all()  # S(d) = S(−d)
    counts = connected.sum(axis=(2, 3))
    assert (s[:, rows - 1, columns - 1] == counts.sum(axis=1)).all()  # S(0) = N
    assert (s.sum(axis=(1, 2)) == (counts**2).sum(axis=1)).all()  # Σ S(d) = N², channel by channel
    assert (s >= 0).all() and (s <= counts.sum(axis=1)[:, None, None]).all()


@settings(FIXED, max_examples=examples(25))
@given(connections(most=5))
def test_is_the_count_pair_by_pair(connected):
    expected = [reference.autocorrelation(mask) for mask in connected]
    np.testing.assert_array_equal(autocorrelation(connected), expected)


@FIXED
@given(connections(), st.integers(0, 5), st.integers(0, 5), seeds)
def test_where_in_the_window_does_not_matter(connected, down, right, seed):
    """In a window of which the mask leaves a margin free, S depends on the mask alone."""
    n, c, rows, columns = connected.shape
    windows = np.zeros((2, n, c, rows + 5, columns + 5), bool)
    windows[0, :, :, :rows, :columns] = connected
    windows[1, :, :, down : down + rows, right : right + columns] = connected
    s = [autocorrelation(window) for window in windows]
    assert (s[0] == s[1]).all()
    assert (s[0][:, 5:-5, 5:-5] == autocorrelation(connected)).all() and s[0].sum() == s[0][:, 5:-5, 5:-5].sum()


@FIXED
@given(connections(), seeds)
def test_mirrored_turned_and_reordered_masks(connected, seed):
    s = autocorrelation(connected)
    assert (autocorrelation(connected[:, :, ::-1]) == s[:, ::-1]).all()
    assert (autocorrelation(connected.transpose(0, 1, 3, 2)) == s.transpose(0, 2, 1)).all()
    rng = stream("reordered", seed)
    order, channels = rng.permutation(len(connected)), rng.permutation(connected.shape[1])
    assert (autocorrelation(connected[order][:, channels]) == s[order]).all()
    assert (sum(autocorrelation(connected[:, [c]]) for c in channels) == s).all()


def tables(connected, **settings):
    n, *shape = connected.shape
    mask = {"layers.0.weight": connected.reshape(n, -1), "layers.0.bias": np.ones(n, bool)}
    return measure_locality([mask], tuple(shape), **settings)


@FIXED
@pytest.mark.filterwarnings("error")
@given(connections(), st.sampled_from(["same", "any"]), st.booleans(), st.integers(2, 5))
def test_every_mask_has_widths_or_none_and_is_counted(connected, channels, include_origin, min_weights):
    units, population, _ = tables(connected, channels=channels, include_origin=include_origin, min_weights=min_weights)
    few = connected.sum(axis=(1, 2, 3)) < min_weights
    assert (units["n_weights"] == connected.sum(axis=(1, 2, 3))).all()
    for name in ("sigma_x", "sigma_y", "moment_x", "moment_y"):
        assert np.isnan(units[name][few]).all()
        assert not np.isinf(units[name]).any() and not (units[name] < 0).any()
    assert [value is None for value in units["converged"]] == few.tolist()
    assert not units["converged"][np.isnan(units["sigma_x"])].any()
    assert population["n_without_width"] == np.isnan(units["sigma_x"]).sum()
    longest = np.array(connected.shape[2:]) - 1
    assert (np.nan_to_num(units["moment_x"]) <= longest[1]).all()
    assert (np.nan_to_num(units["moment_y"]) <= longest[0]).all()


@settings(FIXED, max_examples=examples(40))
@given(connections(), st.booleans(), seeds)
def test_widths_follow_their_unit_and_turn_with_the_image(connected, include_origin, seed):
    options = {"include_origin": include_origin, "min_weights": 3}
    units = tables(connected, **options).units
    order = stream("reordered", seed).permutation(len(connected))
    moved = tables(connected[order], **options).units
    for name in ("sigma_x", "sigma_y", "moment_x", "moment_y"):
        np.testing.assert_array_equal(moved[name], units[name][order])
    mirrored = tables(connected[:, :, ::-1, ::-1], **options).units
    for name in ("sigma_x", "sigma_y", "moment_x", "moment_y"):
        np.testing.assert_array_equal(mirrored[name], units[name])
    turned = tables(connected.transpose(0, 1, 3, 2), **options).units
    np.testing.assert_allclose(turned["moment_x"], units["moment_y"], rtol=1e-12)


@FIXED
@given(connections())
def test_pair_correlation_counts_all_pairs_and_expects_as_many(connected):
    s, counts = autocorrelation(connected).sum(axis=0), connected.sum(axis=(2, 3))
    found = pair_correlation(s, counts)
    n_pairs = (counts * (counts - 1)).sum()
    assert found["pairs"].sum() == n_pairs
    np.testing.assert_allclose(found["expected_pairs"].sum(), n_pairs, rtol=1e-12)
    assert (np.isnan(found["g"]) == (found["expected_pairs"] == 0)).all()
    full = np.ones_like(connected)
    of_full = pair_correlation(autocorrelation(full).sum(axis=0), full.sum(axis=(2, 3)))["g"]
    np.testing.assert_allclose(of_full, 1, rtol=1e-12)  # all of the window is no structure


@settings(FIXED, max_examples=examples(20))
@given(connections(most=4))
def test_pair_correlation_is_that_of_counting(connected):
    square = connected[:, :, : min(connected.shape[2:]), : min(connected.shape[2:])]
    found = pair_correlation(autocorrelation(square).sum(axis=0), square.sum(axis=(2, 3)))
    expected = reference.pair_correlation(square)
    assert set(found["radius"]) >= set(expected)
    for radius, pairs, n_expected in zip(found["radius"], found["pairs"], found["expected_pairs"], strict=True):
        np.testing.assert_allclose((pairs, n_expected), expected.get(radius, (0, 0)), rtol=1e-12)

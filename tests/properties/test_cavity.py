"""Cavity scores: what they are, what they must not depend on, and where there are none."""

from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from properties.strategies import FIXED, images, seeds, units
from reference import cavity as reference
from winnow.measure import cavity_scores as scoring
from winnow.measure.cavity import measure_cavity
from winnow.measure.cavity_scores import cavity_scores
from winnow.pruning.random import prune_random
from winnow.store.datasets import Dataset, Split
from winnow.streams import stream

pytestmark = pytest.mark.filterwarnings("error")


@st.composite
def layers(draw):
    """Images (N, D), weights (H, D) and their mask."""
    x = draw(images())
    return x, *draw(units(x.shape[1]))


def scores_of(weights, mask, x):
    return cavity_scores(weights, mask, x, dtype="float64")


def assert_same(scores, expected, share):
    """The same missing scores, and errors below a share of the unit's largest score, or of 1."""
    np.testing.assert_array_equal(np.isnan(scores), np.isnan(expected))
    scale = np.nanmax(np.abs(expected), axis=1, initial=1, keepdims=True)
    assert not (np.abs(scores - expected) > share * scale).any()


def clear(scores, x, weights, mask):
    """Where a unit's kurtosis is not 3 but for rounding: there the score's sign is arbitrary."""
    lam = (x - x.mean(axis=0)) @ (weights * mask).T
    with np.errstate(invalid="ignore", divide="ignore"):
        kurtosis = (lam**4).mean(axis=0) / (lam**2).mean(axis=0) ** 2
    return np.where((np.abs(kurtosis - 3) > 1e-6)[:, None], scores, np.abs(scores))


@FIXED
@given(layers(), st.sampled_from([0, 16]))
def test_each_score_is_that_of_leaving_the_weight_out(layer, few):
    x, weights, mask = layer
    expected = reference.cavity_scores(weights, mask, x - x[0])  # so that constant inputs are exactly that
    with mock.patch.object(scoring, "_EXACT_WEIGHTS", few):  # else the units would all be too small for the moments
        found = scores_of(weights, mask, x)
    assert_same(clear(found, x, weights, mask), clear(expected, x, weights, mask), 1e-7)


@FIXED
@given(layers(), st.integers(-60, 60), st.sampled_from([-1, 1]))
def test_a_factor_of_a_units_weights_changes_nothing(layer, power, sign):
    x, weights, mask = layer
    found = scores_of(weights, mask, x)
    scaled = scores_of(sign * 2.0**power * weights, mask, x)
    assert_same(clear(scaled, x, weights, mask), clear(found, x, weights, mask), 1e-10)


@FIXED
@given(layers(), seeds)
def test_shift_and_scale_of_an_input_change_nothing(layer, seed):
    x, weights, mask = layer
    rng = stream("affine", seed)
    scale = rng.choice([-1, 1], x.shape[1]) * 2.0 ** rng.integers(-20, 20, x.shape[1])
    shifted = (x + rng.integers(-50, 50, x.shape[1])) * scale
    found, moved = scores_of(weights, mask, x), scores_of(weights / scale, mask, shifted)
    assert_same(clear(moved, x, weights, mask), clear(found, x, weights, mask), 1e-7)


@FIXED
@given(layers(), seeds)
def test_order_and_repetition_of_images_units_and_inputs(layer, seed):
    x, weights, mask = layer
    rng = stream("orders", seed)
    rows, i, j = (rng.permutation(n) for n in (len(x), *mask.shape))
    found = clear(scores_of(weights, mask, x), x, weights, mask)
    again = np.concatenate([x[rows], x])
    moved = clear(scores_of(weights[i][:, j], mask[i][:, j], again[:, j]), again[:, j], weights[i][:, j], mask[i][:, j])
    assert_same(moved, found[i][:, j], 1e-7)


@FIXED
@given(layers(), seeds)
def test_constant_inputs_score_zero_and_do_not_count(layer, seed):
    x, weights, mask = layer
    constant = stream("constant", seed).random(x.shape[1]) < 0.5
    still = np.where(constant, 7.7, x)
    found = scores_of(weights, mask, still)
    varies = np.ptp(still @ (weights * mask * ~constant).T, axis=0) > 0
    assert np.isin(found[:, constant][mask[:, constant] & varies[:, None]], 0).all()
    assert np.isnan(found[~mask]).all()
    without = scores_of(weights, mask & ~constant, still)
    assert_same(
        clear(found, still, weights, mask)[:, ~constant], clear(without, still, weights, mask)[:, ~constant], 1e-10
    )


@FIXED
@given(layers(), st.integers(1, 3))
def test_without_variance_there_is_no_score(layer, n):
    x, weights, mask = layer
    assert np.isnan(scores_of(weights, mask, np.repeat(x[:1], n, axis=0))).all()
    assert np.isnan(scores_of(np.zeros_like(weights), mask, x)).all()
    twice = [np.concatenate(pair, axis=1) for pair in ((weights, -weights), (mask, mask), (x, x))]
    assert np.isnan(scores_of(*twice)).all()  # λ − λ is rounding


@FIXED
@given(layers(), seeds)
def test_every_weight_is_counted_with_its_fate(layer, seed):
    x, weights, mask = layer
    n, d = weights.shape
    weights = weights / np.maximum(np.abs(weights).max(axis=1, keepdims=True), 1e-300)  # single precision, here
    parameters = {"layers.0.weight": weights.astype(np.float32), "layers.0.bias": np.zeros(n, np.float32)}
    parameters |= {f"norms.0.{name}": np.ones(d, np.float32) for name in ("weight", "running_var")}
    parameters |= {f"norms.0.{name}": np.zeros(d, np.float32) for name in ("bias", "running_mean")}
    full = {"layers.0.weight": np.ones((n, d), bool), "layers.0.bias": np.ones(n, bool)}
    first = {**full, "layers.0.weight": mask}
    masks = [
        full,
        *prune_random([first, {**first, "layers.0.weight": mask & (stream("fate", seed).random((n, d)) < 0.5)}], 0),
    ]
    labels = np.zeros(len(x), np.int64)
    split = Split(x.astype(np.float32), labels)
    dataset = Dataset((1, 1, d), ("all",), 1.0, np.zeros(d, np.float32), {}, split, split)
    table = measure_cavity(parameters, masks, dataset)
    assert len(table["round"]) == 3 + 2
    for rounds_done in (0, 1):
        rows = table["rounds_done"] == rounds_done
        assert table["n_weights"][rows].sum() == masks[rounds_done]["layers.0.weight"].sum()
    assert (table["n_without_score"] <= table["n_weights"]).all() and (table["n_without_score"] >= 0).all()
    none = table["n_without_score"] == table["n_weights"]
    for name in ("mean_score", "scaled_mean", "share_positive"):
        assert (np.isnan(table[name].astype(float)) == none).all()

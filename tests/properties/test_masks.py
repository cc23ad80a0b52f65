"""Masks: exact counts, order, nesting, and what they must not depend on."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from properties.strategies import FIXED, densities, parameters, seeds
from winnow.masks import apply_mask, full_mask, prunable_names
from winnow.pruning.imp_first_round import prune_imp_first_round
from winnow.pruning.oneshot import prune_oneshot
from winnow.pruning.random import prune_random
from winnow.pruning.scores import prune_by_score
from winnow.store.tensors import read_mask, write_mask
from winnow.streams import stream

shares = st.one_of(st.sampled_from([0.3, 0.5, 0.25]), st.floats(0.01, 0.99))
pools = st.sampled_from(["layerwise", "global"])
rounds = st.integers(1, 8)


def flat(arrays, names):
    return np.concatenate([arrays[name].ravel() for name in names])


def members(mask, pool):
    """The names of each pool."""
    names = list(mask)
    return [names[k : k + 2] for k in range(0, len(names), 2)] if pool == "layerwise" else [names]


def magnitudes(theta):
    return {name: abs(theta[name]) for name in prunable_names(theta)}


def magnitude_mask(theta, n, share, pool):
    return prune_oneshot([n], rewind=theta, trained=theta, share=share, pool=pool, criterion="magnitude")[0]


def same(mask, other):
    return mask.keys() == other.keys() and all((mask[name] == other[name]).all() for name in mask)


def subset(mask, of):
    return all(not (mask[name] & ~of[name]).any() for name in of)


@FIXED
@given(parameters(), rounds, shares, pools)
def test_each_pool_keeps_the_nearest_whole_number(theta, n, share, pool):
    mask = magnitude_mask(theta, n, share, pool)
    for names in members(mask, pool):
        kept = flat(mask, names)
        exact = len(kept) * (1 - Fraction(share)) ** n
        assert abs(int(kept.sum()) - exact) <= Fraction(1, 2) + Fraction(1, 10**9)


@FIXED
@given(parameters(), rounds, shares, pools)
def test_what_stays_is_no_smaller_and_among_equals_comes_first(theta, n, share, pool):
    mask = magnitude_mask(theta, n, share, pool)
    for names in members(mask, pool):
        score, kept = flat(magnitudes(theta), names), flat(mask, names)
        if kept.any() and not kept.all():
            threshold = score[kept].min()
            assert threshold >= score[~kept].max()
            assert not np.diff(kept[score == threshold].astype(int)).max(initial=0) > 0


@FIXED
@given(st.data(), parameters(), shares, pools)
def test_rounds_are_nested_and_again_changes_nothing(data, theta, share, pool):
    mask = full_mask(theta)
    for n in range(1, 4):
        scores = {name: data.draw(st.permutations(range(m.size))) for name, m in mask.items()}
        scores = {name: np.reshape(scores[name], m.shape).astype(float) for name, m in mask.items()}
        new = prune_by_score(scores, mask, n, share=share, pool=pool)
        assert subset(new, mask)
        assert same(prune_by_score(scores, new, n, share=share, pool=pool), new)
        mask = new


@FIXED
@given(parameters(), shares, pools)
def test_oneshot_is_nested_over_rounds_and_begins_as_imp(theta, share, pool):
    options = {"rewind": theta, "trained": theta, "share": share, "pool": pool, "criterion": "magnitude"}
    masks = prune_oneshot(range(1, 6), **options)
    assert all(subset(after, before) for before, after in pairwise(masks))
    assert same(masks[0], prune_imp_first_round(**options))


@FIXED
@given(parameters(), rounds, shares, pools, seeds)
def test_negative_weights_are_treated_as_positive_ones(theta, n, share, pool, seed):
    signs = {name: stream("signs", seed, name).choice([-1, 1], array.shape) for name, array in theta.items()}
    turned = {name: (array * signs[name]).astype(np.float32) for name, array in theta.items()}
    assert same(magnitude_mask(turned, n, share, pool), magnitude_mask(theta, n, share, pool))


@FIXED
@given(parameters(), rounds, shares, pools, st.integers(-40, 40))
def test_a_positive_factor_changes_nothing(theta, n, share, pool, power):
    double = {name: array.astype(np.float64) for name, array in theta.items()}  # in which no power of two is lost
    scaled = {name: array * 2.0**power for name, array in double.items()}
    assert same(magnitude_mask(scaled, n, share, pool), magnitude_mask(double, n, share, pool))


@FIXED
@given(parameters(), rounds, shares, st.floats(2**-20, 2**20))
def test_layers_with_pools_of_their_own_do_not_know_of_each_other(theta, n, share, factor):
    first = {
        name: array if name.startswith("layers.0.") else array + np.float32(factor) for name, array in theta.items()
    }
    masks = [magnitude_mask(each, n, share, "layerwise") for each in (theta, first)]
    assert all((masks[0][name] == masks[1][name]).all() for name in ("layers.0.weight", "layers.0.bias"))


@FIXED
@given(parameters(), rounds, shares, pools, seeds)
def test_units_in_another_order_keep_their_masks(theta, n, share, pool, seed):
    rng = stream("order of units", seed)
    names = prunable_names(theta)
    ranks = np.split(
        rng.permutation(sum(theta[name].size for name in names)), np.cumsum([theta[name].size for name in names])
    )
    scores = {name: rank.reshape(theta[name].shape) for name, rank in zip(names, ranks, strict=False)}
    order = rng.permutation(len(theta["layers.0.bias"]))

    def turned(arrays):
        return {name: array[order] if name.startswith("layers.0.") else array for name, array in arrays.items()}

    full = full_mask(theta)
    mask = prune_by_score(scores, full, n, share=share, pool=pool)
    assert same(prune_by_score(turned(scores), full, n, share=share, pool=pool), turned(mask))


@FIXED
@given(parameters(), shares, pools, st.sampled_from([np.nan, np.inf, -np.inf, 1e38]))
def test_scores_of_what_is_pruned_do_not_count(theta, share, pool, value):
    mask = magnitude_mask(theta, 1, share, pool)
    scores = magnitudes(theta)
    other = {name: np.where(mask[name], score, np.float32(value)) for name, score in scores.items()}
    options = {"share": share, "pool": pool}
    assert same(prune_by_score(scores, mask, 2, **options), prune_by_score(other, mask, 2, **options))


@FIXED
@given(parameters(), shares, pools, seeds)
def test_random_masks_have_each_arrays_count_and_are_nested(theta, share, pool, seed):
    options = {"rewind": theta, "trained": theta, "share": share, "pool": pool, "criterion": "magnitude"}
    imp = prune_oneshot(range(1, 5), **options)
    random = prune_random(imp, seed)
    for mask, of in zip(random, imp, strict=True):
        assert {name: m.sum() for name, m in mask.items()} == {name: m.sum() for name, m in of.items()}
    assert all(subset(after, before) for before, after in pairwise(random))
    assert all(same(*pair) for pair in zip(prune_random(imp[:2], seed), random[:2], strict=True))


@FIXED
@given(parameters(), rounds, shares, pools)
def test_applied_masks_leave_what_survives_as_it_was(theta, n, share, pool):
    mask = magnitude_mask(theta, n, share, pool)
    masked = apply_mask(theta, mask)
    for name, array in theta.items():
        kept = mask.get(name, np.ones(array.shape, bool))
        np.testing.assert_array_equal(masked[name][kept], array[kept])
        assert (masked[name][~kept] == 0).all() and masked[name].dtype == array.dtype


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("masks")


@FIXED
@given(st.lists(st.lists(st.integers(0, 19), min_size=1, max_size=3), min_size=1, max_size=4), densities, seeds)
def test_masks_of_every_shape_come_back_from_the_store(folder, shapes, density, seed):
    rng = stream("stored masks", seed)
    mask = {f"layers.{len(shapes) - k}.weight": rng.random(shape) < density for k, shape in enumerate(shapes)}
    contents = []
    for name in ("one", "other"):
        path = folder / f"{name}.safetensors"
        write_mask(path, mask)
        contents.append(path.read_bytes())
    read = read_mask(folder / "one.safetensors")
    assert list(read) == list(mask) and contents[0] == contents[1]
    for name, array in mask.items():
        np.testing.assert_array_equal(read[name], array, strict=True)

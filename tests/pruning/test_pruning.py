from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples import examples
from reference import pruning as reference
from winnow.masks import PruningError, apply_mask, density, full_mask, prunable_names, with_full_mask
from winnow.network import initial_parameters
from winnow.pruning.imp_first_round import prune_imp_first_round
from winnow.pruning.oneshot import prune_oneshot
from winnow.pruning.random import prune_random
from winnow.pruning.schedule import n_survivors
from winnow.pruning.scores import prune_by_score, score_parameters

SIZES = [12, 9, 7, 5]


def parameters(seed=0, sizes=SIZES):
    values = initial_parameters(sizes, seed)
    draw = np.random.default_rng(seed)
    return {name: array + draw.normal(0, 0.1, array.shape).astype(np.float32) for name, array in values.items()}


def chain(pool, rounds=8, share=0.3):
    """Masks of IMP with fresh scores every round."""
    masks = [full_mask(parameters())]
    for n in range(1, rounds + 1):
        scores = score_parameters(rewind=parameters(), trained=parameters(n), criterion="magnitude")
        masks.append(prune_by_score(scores, masks[-1], n, share=share, pool=pool))
    return masks


def test_hidden_weights_and_biases_are_prunable_the_output_layer_is_not():
    expected = ["layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias"]
    assert prunable_names(parameters()) == expected
    assert list(full_mask(parameters())) == expected


@pytest.mark.parametrize(
    ("n_parameters", "share", "n", "survivors"),
    [(10, 0.3, 0, 10), (10, 0.3, 1, 7), (10, 0.3, 2, 5), (1000, 0.2, 3, 512), (10, 0.5, 2, 2), (14, 0.5, 2, 4)],
)
def test_the_number_of_survivors_by_hand(n_parameters, share, n, survivors):
    assert n_survivors(n_parameters, share, n) == survivors


@pytest.mark.parametrize("pool", ["layerwise", "global"])
def test_counts_are_exact_and_masks_nested(pool):
    masks = chain(pool)
    for n, (before, after) in enumerate(pairwise(masks), start=1):
        for name in before:
            assert not (after[name] & ~before[name]).any()
        if pool == "global":
            n_all = sum(m.size for m in after.values())
            assert sum(m.sum() for m in after.values()) == n_survivors(n_all, 0.3, n)
        else:
            for i in range(2):
                pair = [after[f"layers.{i}.{kind}"] for kind in ("weight", "bias")]
                assert sum(m.sum() for m in pair) == n_survivors(sum(m.size for m in pair), 0.3, n)


@given(
    seed=st.integers(0, 10**6),
    share=st.floats(0.05, 0.95),
    n=st.integers(1, 5),
    pool=st.sampled_from(["layerwise", "global"]),
    biases=st.sampled_from(["pooled", "apart", "kept"]),
    levels=st.integers(1, 6),
)
@settings(max_examples=examples(60))
def test_equals_the_reference_also_with_ties(seed, share, n, pool, biases, levels):
    draw = np.random.default_rng(seed)
    mask = full_mask(parameters(sizes=[4, 3, 5, 2]))
    scores = {name: draw.integers(0, levels, m.shape).astype(float) for name, m in mask.items()}
    for k in range(1, n + 1):
        expected = reference.prune_by_score(scores, mask, k, share=share, pool=pool, biases=biases)
        new = prune_by_score(scores, mask, k, share=share, pool=pool, biases=biases)
        assert all((new[name] == expected[name]).all() for name in mask)
        mask = new


def test_negative_survivors_stay_as_positive_ones_do():
    trained = parameters()
    mask = prune_imp_first_round(rewind=trained, trained=trained, share=0.5, pool="layerwise", criterion="magnitude")
    kept = trained["layers.0.weight"][mask["layers.0.weight"]]
    cut = trained["layers.0.weight"][~mask["layers.0.weight"]]
    assert (kept < 0).any() and (kept > 0).any()
    assert np.abs(kept).min() >= np.abs(cut).max()


@pytest.mark.parametrize("pool", ["layerwise", "global"])
def test_biases_are_pruned_with_the_weights_among_themselves_or_not(pool):
    trained = parameters()
    options = {"rewind": trained, "trained": trained, "share": 0.5, "pool": pool, "criterion": "magnitude"}
    by_default = prune_oneshot([2], **options)[0]
    found = {biases: prune_oneshot([2], biases=biases, **options)[0] for biases in ("pooled", "apart", "kept")}
    assert all((found["pooled"][name] == mask).all() for name, mask in by_default.items())
    weights = [name for name in by_default if name.endswith(".weight")]
    biases = [name for name in by_default if name.endswith(".bias")]
    assert all(found["kept"][name].all() for name in biases)
    for name in weights:
        assert (found["kept"][name] == found["apart"][name]).all()
    for names in (weights, biases):
        counts = [sum(int(found["apart"][name].sum()) for name in names)]
        sizes = [sum(found["apart"][name].size for name in names)]
        if pool == "layerwise":
            counts, sizes = ([int(f(found["apart"][name])) for name in names] for f in (np.sum, np.size))
        assert counts == [n_survivors(size, 0.5, 2) for size in sizes]
    first = prune_imp_first_round(biases="kept", **options)
    assert all(first[name].all() for name in biases)


def test_ten_layers_are_pools_of_their_own():
    mask = full_mask(parameters(sizes=[3] * 13))
    scores = {name: np.full(m.shape, float(i)) for i, (name, m) in enumerate(mask.items())}
    new = prune_by_score(scores, mask, 1, share=0.5, pool="layerwise")
    assert {sum(int(new[f"layers.{i}.{kind}"].sum()) for kind in ("weight", "bias")) for i in range(11)} == {6}


def test_oneshot_is_nested_and_begins_like_imp():
    trained, rewind = parameters(1), parameters(2)
    options = {"share": 0.3, "pool": "layerwise", "criterion": "magnitude"}
    masks = prune_oneshot(range(1, 6), rewind=rewind, trained=trained, **options)
    first = prune_imp_first_round(rewind=rewind, trained=trained, **options)
    assert all((masks[0][name] == first[name]).all() for name in first)
    for before, after in pairwise(masks):
        assert all(not (after[name] & ~before[name]).any() for name in after)


@pytest.mark.parametrize("pool", ["layerwise", "global"])
def test_random_masks_have_imps_density_array_by_array_and_are_nested(pool):
    imp = chain(pool)[1:]
    masks = prune_random(imp, seed=0)
    for mask, of in zip(masks, imp, strict=True):
        assert {name: m.sum() for name, m in mask.items()} == {name: m.sum() for name, m in of.items()}
    for before, after in pairwise(masks):
        assert all(not (after[name] & ~before[name]).any() for name in after)
    other = prune_random(imp, seed=1)
    assert any((mask["layers.0.weight"] != o["layers.0.weight"]).any() for mask, o in zip(masks, other, strict=True))


def test_random_masks_are_uniform():
    imp = [{"layers.0.weight": np.arange(40).reshape(5, 8) < 10}]
    mean = np.mean([prune_random(imp, seed)[0]["layers.0.weight"] for seed in range(2000)], axis=0)
    assert np.abs(mean - 0.25).max() < 5 * np.sqrt(0.25 * 0.75 / 2000)


def test_apply_mask_and_density():
    values, mask = parameters(), chain("layerwise")[3]
    masked = apply_mask(values, mask)
    assert (masked["layers.0.weight"] == values["layers.0.weight"] * mask["layers.0.weight"]).all()
    assert (masked["layers.2.weight"] == values["layers.2.weight"]).all()
    assert density(mask) == sum(m.sum() for m in mask.values()) / sum(m.size for m in mask.values())
    assert density(with_full_mask([mask])[0]) == 1


def test_nan_scores_and_empty_masks_are_refused():
    mask = full_mask(parameters())
    scores = {name: np.ones(m.shape) for name, m in mask.items()}
    scores["layers.0.weight"][0, 0] = np.nan
    with pytest.raises(PruningError, match=r"layers\.0\.weight.*NaN.*diverged"):
        prune_by_score(scores, mask, 1, share=0.3, pool="layerwise")
    with pytest.raises(PruningError, match="0 survivors"):
        prune_by_score(scores, {name: ~m for name, m in mask.items()}, 1, share=0.3, pool="global")


# -- numbers that go wrong ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [0.0, 1.0, 3e38])
@pytest.mark.parametrize("pool", ["layerwise", "global"])
def test_equal_magnitudes_are_cut_to_the_exact_number_in_order(pool, value):
    equal = {name: np.full_like(array, value) for name, array in parameters().items()}
    mask = full_mask(equal)
    for n in range(1, 5):
        scores = score_parameters(rewind=equal, trained=equal, criterion="magnitude")
        mask = prune_by_score(scores, mask, n, share=0.3, pool=pool)
        pools = (
            [list(mask)]
            if pool == "global"
            else [[f"layers.{i}.{kind}" for kind in ("weight", "bias")] for i in (0, 1)]
        )
        for names in pools:
            kept = np.concatenate([mask[name].ravel() for name in names])
            assert kept.tolist() == (np.arange(kept.size) < n_survivors(kept.size, 0.3, n)).tolist()


@pytest.mark.parametrize("pool", ["layerwise", "global"])
def test_less_than_one_parameter_is_none_and_stays_none(pool):
    scores = score_parameters(rewind=parameters(), trained=parameters(), criterion="magnitude")
    empty = prune_by_score(scores, full_mask(parameters()), 50, share=0.3, pool=pool)
    assert density(empty) == 0
    assert density(prune_by_score(scores, empty, 51, share=0.3, pool=pool)) == 0
    assert not any(apply_mask(parameters(), empty)[name].any() for name in empty)
    assert density(prune_random([empty], 0)[0]) == 0


def test_a_global_pool_may_empty_a_layer():
    trained = parameters()
    for name in ("layers.1.weight", "layers.1.bias"):
        trained[name] = trained[name] * 1e-6
    scores = score_parameters(rewind=trained, trained=trained, criterion="magnitude")
    mask = prune_by_score(scores, full_mask(trained), 3, share=0.3, pool="global")
    assert not mask["layers.1.weight"].any() and not mask["layers.1.bias"].any()
    assert sum(m.sum() for m in mask.values()) == n_survivors(sum(m.size for m in mask.values()), 0.3, 3)


def test_a_layer_that_is_emptied_is_said_by_every_method_with_its_round(caplog):
    trained, options = parameters(), {"share": 0.3, "pool": "global", "criterion": "magnitude"}
    for name in ("layers.1.weight", "layers.1.bias"):
        trained[name] = trained[name] * 1e-6
    said = "round 2 leaves layers.1.weight without any weight"
    prune_imp_first_round(rewind=trained, trained=trained, **options)
    assert caplog.messages == []
    masks = prune_oneshot([1, 2], rewind=trained, trained=trained, **options)
    assert [said in message for message in caplog.messages] == [True]
    caplog.clear()
    prune_random(masks, seed=0)
    assert [said in message for message in caplog.messages] == [True]
    caplog.clear()
    scores = score_parameters(rewind=trained, trained=trained, criterion="magnitude")
    prune_by_score(scores, masks[0], 2, share=0.3, pool="global")
    assert [said in message for message in caplog.messages] == [True]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("criterion", ["magnitude", "magnitude_increase"])
def test_parameters_that_are_not_finite_are_not_pruned(bad, criterion):
    trained = parameters()
    trained["layers.1.weight"][2, 3] = bad
    with pytest.raises(
        PruningError, match=r"layers.1.weight, layers.1.bias hold NaN or infinity: has training diverged"
    ):
        prune_imp_first_round(rewind=parameters(), trained=trained, share=0.3, pool="layerwise", criterion=criterion)

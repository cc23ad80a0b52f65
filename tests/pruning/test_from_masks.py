"""Masks made of another method's: what they keep of it, and what not."""

from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from conftest import make_dataset
from winnow.masks import PruningError, apply_mask, density
from winnow.network import initial_parameters
from winnow.pruning.from_masks import prune_from_masks, reinitialise
from winnow.pruning.kurtosis_random import mean_kurtosis
from winnow.pruning.methods import MAKERS
from winnow.pruning.oneshot import prune_oneshot
from winnow.pruning.random import prune_random
from winnow.pruning.scored import ScoredNetwork

SIZES = [108, 24, 16, 4]


def masks():
    trained = {name: array + 0.01 for name, array in initial_parameters(SIZES, 1).items()}
    return prune_oneshot([1, 2, 4], rewind=trained, trained=trained, share=0.3, pool="layerwise", criterion="magnitude")


def nested(made):
    return all(not (after[name] & ~before[name]).any() for before, after in pairwise(made) for name in after)


@pytest.mark.parametrize("maker", ["shuffled_layer", "shuffled_unit", "reinitialised"])
def test_numbers_of_each_array_are_kept_and_masks_nested(maker):
    theirs, ours = masks(), prune_from_masks(masks(), seed=0, maker=maker)
    for their, our in zip(theirs, ours, strict=True):
        assert {name: m.sum() for name, m in our.items()} == {name: m.sum() for name, m in their.items()}
        assert density(our) == density(their)
        same = all((our[name] == their[name]).all() for name in our)
        assert same == (maker == "reinitialised")
    assert nested(ours)
    again, other = (prune_from_masks(masks(), seed=seed, maker=maker) for seed in (0, 1))
    assert all((a[name] == o[name]).all() for a, o in zip(again, ours, strict=True) for name in a)
    if maker != "reinitialised":
        assert any((a["layers.0.weight"] != o["layers.0.weight"]).any() for a, o in zip(other, ours, strict=True))


def test_units_keep_their_number_of_weights_and_their_bias_when_shuffled_by_unit():
    for their, our in zip(masks(), prune_from_masks(masks(), seed=3, maker="shuffled_unit"), strict=True):
        for i in (0, 1):
            weight, bias = f"layers.{i}.weight", f"layers.{i}.bias"
            assert (our[weight].sum(axis=1) == their[weight].sum(axis=1)).all()
            assert (our[bias] == their[bias]).all()
            assert (our[weight] != their[weight]).any()
    by_layer = prune_from_masks(masks(), seed=3, maker="shuffled_layer")[-1]
    assert (by_layer["layers.0.weight"].sum(axis=1) != masks()[-1]["layers.0.weight"].sum(axis=1)).any()


def test_each_unit_is_shuffled_by_itself_and_uniformly():
    row = np.zeros((2, 6), bool)
    row[:, :2] = True
    drawn = np.array(
        [
            prune_from_masks([{"layers.0.weight": row}], seed=seed, maker="shuffled_unit")[0]["layers.0.weight"]
            for seed in range(1500)
        ]
    )
    assert np.abs(drawn.mean(axis=0) - 1 / 3).max() < 5 * np.sqrt(2 / 9 / 1500)
    assert (drawn[:, 0] != drawn[:, 1]).any(axis=1).mean() > 0.8  # 14 of 15


def test_masks_that_are_not_nested_are_shuffled_too():
    unnested = masks()[::-1]
    for maker in ("shuffled_layer", "shuffled_unit"):
        made = prune_from_masks(unnested, seed=0, maker=maker)
        assert [density(m) for m in made] == [density(m) for m in unnested]
    with pytest.raises(PruningError, match="not nested"):
        prune_random(unnested, 0)


@pytest.mark.parametrize("distribution", ["uniform", "normal"])
def test_other_weights_are_those_of_no_run_and_keep_the_pixels_statistics(distribution):
    rewind = initial_parameters(SIZES, 0)
    rewind["norms.0.running_mean"] += 3
    rewind["norms.0.weight"] += 1
    rewind["layers.0.bias"] += 1
    other = reinitialise(rewind, 0, distribution)
    assert list(other) == list(rewind)
    assert all(other[name].dtype == rewind[name].dtype and other[name].shape == rewind[name].shape for name in rewind)
    assert (other["norms.0.running_mean"] == rewind["norms.0.running_mean"]).all()
    assert (other["norms.0.weight"] == 1).all() and not other["layers.0.bias"].any()
    for seed in range(5):
        run = initial_parameters(SIZES, seed, distribution)["layers.0.weight"]
        assert abs(np.corrcoef(run.ravel(), other["layers.0.weight"].ravel())[0, 1]) < 0.1
    assert other["layers.0.weight"].std() == pytest.approx(np.sqrt(2 / (108 + 24)), rel=0.05)
    again, next_run = reinitialise(rewind, 0, distribution), reinitialise(rewind, 1, distribution)
    assert (again["layers.0.weight"] == other["layers.0.weight"]).all()
    assert (next_run["layers.0.weight"] != other["layers.0.weight"]).any()


def test_the_random_mask_with_most_kurtosis_is_found(tmp_path):
    dataset, rewind = make_dataset(tmp_path / "dataset"), initial_parameters(SIZES, 0)
    options = {"seed": 0, "maker": "kurtosis_random", "rewind": rewind, "dataset": dataset}
    few, many = (prune_from_masks(masks(), of_maker={"draws": n, "images": 60}, **options) for n in (1, 19))
    sample = ScoredNetwork(rewind, rewind, masks()[0], dataset, 0).sample("kurtosis of random masks", 60)
    x = sample.prepare(sample.validation.images).astype(np.float64)

    def kurtosis(mask):
        values = x @ apply_mask(rewind, mask)["layers.0.weight"].T
        return np.nanmean(stats.kurtosis(values, fisher=False))

    for their, one, best in zip(masks(), few, many, strict=True):
        assert {name: m.sum() for name, m in best.items()} == {name: m.sum() for name, m in their.items()}
        assert kurtosis(best) > kurtosis(one)  # the first of the draws is the only one of the few
        (measured,) = mean_kurtosis(rewind, [best], sample, 1e-5)
        assert measured == pytest.approx(kurtosis(best), rel=1e-4)
    assert not nested(many)


def test_it_is_said_what_is_missing():
    with pytest.raises(ValueError, match="give both"):
        prune_from_masks(masks(), seed=0, maker="kurtosis_random")
    with pytest.raises(ValueError, match="'sorted'"):
        prune_from_masks(masks(), seed=0, maker="sorted")
    assert set(MAKERS) == {"random", "shuffled_layer", "shuffled_unit", "reinitialised", "kurtosis_random"}

import itertools
from math import comb

import numpy as np
import pytest

from reference.locality import close_pairs
from winnow.measure.chance import CLOSE, DRAWS, compare_close_pairs, is_close, random_moments, scatter
from winnow.measure.locality import measure_locality

draw = np.random.default_rng(3)


@pytest.mark.parametrize("size", [(3, 4), (2, 5), (4, 4)])
def test_moments_are_those_of_all_masks(size):
    rows, columns = size
    for n in range(rows * columns + 1):
        if comb(rows * columns, n) > 2000:
            continue
        counts = []
        for places in itertools.combinations(range(rows * columns), n):
            mask = np.zeros((1, rows * columns), bool)
            mask[0, list(places)] = True
            counts.append(close_pairs(mask.reshape(1, rows, columns)))
        mean, variance = random_moments(np.array([[n]]), size)
        assert mean[0] == pytest.approx(np.mean(counts))
        assert variance[0] == pytest.approx(np.var(counts), abs=1e-9)


def test_channels_add_up():
    n = np.array([[5, 9, 0], [9, 0, 5]])
    mean, variance = random_moments(n, (8, 8))
    of_channel = [random_moments(np.array([[k]]), (8, 8)) for k in (5, 9)]
    assert mean == pytest.approx(np.full(2, sum(m[0] for m, _ in of_channel)))
    assert variance == pytest.approx(np.full(2, sum(v[0] for _, v in of_channel)))


def test_close_pairs_are_counted_pair_by_pair():
    masks = draw.random((6, 3 * 8 * 9)) < 0.1
    table = measure_locality([{"layers.0.weight": masks}], (3, 8, 9), min_weights=0).units
    assert table["close_pairs"].tolist() == [close_pairs(mask.reshape(3, 8, 9)) for mask in masks]


def test_which_displacements_are_close():
    close = is_close(6, 6)
    assert CLOSE == 3
    assert not close[0, 0] and close[0, 3] and close[1, 3] and not close[2, 3] and not close[0, 4]


def test_random_masks_look_random():
    connected = scatter(
        np.broadcast_to(np.arange(144).reshape(12, 12) < 20, (400, 2, 12, 12)), np.random.default_rng(0)
    )
    assert (connected.sum(axis=(2, 3)) == 20).all()
    assert np.unique(connected.reshape(400, -1), axis=0).shape[0] == 400
    counts = np.array([close_pairs(mask) for mask in connected[:200]])
    chance = compare_close_pairs(counts, np.full((200, 2), 20), (12, 12))
    assert counts.mean() == pytest.approx(chance.expected[0], abs=4 * chance.deviation[0] / np.sqrt(200))
    assert counts.std() == pytest.approx(chance.deviation[0], rel=0.2)
    assert (chance.p <= 0.01).mean() <= 0.04
    assert abs(chance.p.mean() - 0.5) < 0.1


def test_p_is_the_share_of_random_masks_with_as_many():
    n = np.array([[4, 7]])
    masks = scatter(np.arange(100).reshape(1, 1, 10, 10) < n[:, :, None, None], np.random.default_rng(1))
    assert masks.shape == (1, 2, 10, 10)
    many = scatter(np.repeat(masks, 4000, axis=0), np.random.default_rng(2))
    counts = np.array([close_pairs(mask) for mask in many[:1500]])
    for observed in (0, 3, 6, 9):
        p = compare_close_pairs(np.array([observed]), n, (10, 10)).p[0]
        assert p == pytest.approx((counts >= observed).mean(), abs=0.05)
    assert compare_close_pairs(np.array([99]), n, (10, 10)).p[0] == 1 / (1 + DRAWS)


def test_a_blob_is_no_chance_and_dust_is():
    blob, dust = np.zeros((2, 3, 32, 32), bool)
    blob[:, 10:14, 10:14] = True
    dust[:, ::8, ::8] = True
    table = measure_locality([{"layers.0.weight": np.stack([blob, dust]).reshape(2, -1)}], (3, 32, 32)).units
    assert table["close_pairs_p"][0] == 1 / (1 + DRAWS) and table["close_pairs_p"][1] > 0.5
    assert table["sigma_x"][0] < 3 < table["chance_sigma_x"][0]


def test_a_full_mask_is_its_own_random_mask():
    table = measure_locality([{"layers.0.weight": np.ones((2, 50), bool)}], (2, 5, 5)).units
    assert (table["close_pairs_p"] == 1).all() and (table["close_pairs_deviation"] < 1e-6).all()
    assert table["close_pairs"] == pytest.approx(table["close_pairs_expected"])
    assert table["chance_sigma_x"] == pytest.approx(table["sigma_x"])


def test_few_weights_have_no_comparison():
    mask = np.zeros((2, 64), bool)
    mask[0, :4], mask[1, :5] = True, True
    table = measure_locality([{"layers.0.weight": mask}], (1, 8, 8)).units
    for name in ("close_pairs", "close_pairs_expected", "close_pairs_deviation", "close_pairs_p"):
        assert np.isnan(table[name]).tolist() == [True, False]
    assert np.isnan(table["chance_sigma_x"][0])


def test_the_random_masks_are_those_of_the_seed():
    mask = [{"layers.0.weight": draw.random((5, 192)) < 0.2}]
    first, again, other = (measure_locality(mask, (3, 8, 8), seed=seed).units["chance_sigma_x"] for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)

"""What the explorer shows of single units, against the slow ways to compute it."""

import numpy as np
import pytest

from explorer.made import PRUNING
from reference.cavity import cavity_scores as slow_scores
from winnow.masks import at_quantiles
from winnow.measure.details import EDGES, measure_details
from winnow.measure.preactivations import effective_weights
from winnow.network import initial_parameters
from winnow.pruning.oneshot import prune_oneshot
from winnow.pruning.random import prune_random


@pytest.fixture
def network():
    rewind, trained = (initial_parameters([108, 12, 6, 4], seed) for seed in (0, 1))
    imp = prune_oneshot([1, 2, 3], rewind=rewind, trained=trained, **PRUNING)
    return rewind, {"imp": imp, "random": prune_random(imp, seed=0)}


def test_histograms_are_those_of_the_preactivations(network, dataset):
    rewind, masks = network
    found = measure_details(rewind, masks, masks["imp"][-1], dataset, n_units=5)
    assert found["units"].tolist() == sorted(at_quantiles(masks["imp"][-1], 5))
    images = dataset.prepare(dataset.validation.images).astype(np.float64)
    for method, n in (("imp", 0), ("imp", 3), ("random", 2)):
        mask = masks[method][n - 1] if n else {name: np.ones_like(m) for name, m in masks[method][0].items()}
        lam = images @ effective_weights(rewind, mask, epsilon=1e-5)[found["units"]].T
        lam = (lam - lam.mean(axis=0)) / lam.std(axis=0)
        expected = [np.histogram(column, EDGES)[0] for column in lam.T]
        assert np.abs(found[f"histogram_{method}"][n] - expected).sum() <= 2, "but for values on an edge"
    assert found["n_images"] == [len(images)]


def test_scores_are_those_of_the_definition(network, dataset):
    rewind, masks = network
    found = measure_details(rewind, masks, masks["imp"][-1], dataset, n_units=4)
    images = dataset.prepare(dataset.validation.images).astype(np.float64)
    for n, mask in enumerate([{"layers.0.weight": np.ones((12, 108), bool)}, *masks["imp"][:-1]]):
        some = mask["layers.0.weight"][found["units"]]
        weights = effective_weights(rewind, mask, epsilon=1e-5)[found["units"]]
        expected = slow_scores(weights, some, images)
        assert (found["has_score"][n] == some).all()
        np.testing.assert_allclose(found["scores"][n][some], expected[some], rtol=1e-3, atol=1e-6)
        assert (found["scores"][n][~some] == 0).all()


def test_a_unit_without_weights_has_neither(network, dataset):
    rewind, masks = network
    for mask in masks["imp"][1:]:
        mask["layers.0.weight"][3] = False
    choice = {"layers.0.weight": np.eye(12, 108, dtype=bool)}
    found = measure_details(rewind, masks, choice, dataset, n_units=12)
    assert found["units"].tolist() == list(range(12))
    assert (found["histogram_imp"][2:, 3] == 0).all() and not found["has_score"][2:, 3].any()
    assert found["histogram_imp"][1, 3].sum() > 0


def test_where_no_unit_has_a_weight_nothing_is_known_in_detail(network, dataset):
    rewind, masks = network
    found = measure_details(rewind, masks, {"layers.0.weight": np.zeros((12, 108), bool)}, dataset)
    assert {name: array.shape for name, array in found.items() if name != "n_images"} == {
        "units": (0,),
        "weights": (0, 108),
        "histogram_imp": (4, 0, 40),
        "histogram_random": (4, 0, 40),
        "scores": (3, 0, 108),
        "has_score": (3, 0, 108),
    }

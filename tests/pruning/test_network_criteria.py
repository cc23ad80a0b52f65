"""Criteria of network and data against slow references, by exact cases, and by what they must not depend on."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from conftest import make_dataset
from reference import methods as reference
from winnow.masks import density, full_mask
from winnow.measure.locality import measure_locality
from winnow.network import initial_parameters
from winnow.pruning.at_start import prune_at_start
from winnow.pruning.criteria import obd as obd_module
from winnow.pruning.criteria.registry import CRITERIA, of_interface
from winnow.pruning.oneshot_network import prune_oneshot_network
from winnow.pruning.schedule import n_survivors
from winnow.pruning.scored import ScoredNetwork, masked, score_network
from winnow.streams import stream

EPSILON = 1e-5
SHAPE, HIDDEN, N_CLASSES = (1, 3, 3), [6, 5], 3
SIZES = [9, *HIDDEN, N_CLASSES]
OF_NETWORKS = of_interface("network")
AT_START = {"snip", "grasp", "grasp_magnitude", "synflow", "cavity"}
SMALL = {
    "snip": {"images": 30},
    "grasp": {"per_class": 9},
    "grasp_magnitude": {"per_class": 9},
    "obd": {"labels": "all"},
}


def parameters(seed=0, sizes=SIZES):
    """A network in float64 that has learned: biases, batch norm and its statistics are anything."""
    draw = stream("test network of criteria", seed)
    found = {}
    for name, array in initial_parameters(sizes, seed).items():
        spread = 0.2 * draw.normal(size=array.shape)
        found[name] = array.astype(np.float64) + (np.abs(spread) if name.endswith("running_var") else spread)
    return found


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp("criteria") / "dataset"
    return make_dataset(folder, shape=SHAPE, n_classes=N_CLASSES, n_train=40, n_validation=12)


def network(dataset, seed=0, mask=None, trained=None):
    rewind = parameters(seed)
    return masked(
        trained or rewind, rewind, mask or full_mask(rewind), dataset, seed=seed, epsilon=EPSILON, device="cpu"
    )


def images(scored, rows):
    train = scored.dataset.train
    return scored.dataset.prepare(train.images[rows]).astype(np.float64), np.asarray(train.labels[rows])


def part_mask(seed=3, share=0.7):
    draw = np.random.default_rng(seed)
    mask = {name: draw.random(m.shape) < share for name, m in full_mask(parameters()).items()}
    return mask | {name: np.ones(m.shape, bool) for name, m in mask.items() if name.endswith("bias")}


def assert_close(actual, expected, tolerance, alive=None):
    for name, array in actual.items():
        where = slice(None) if alive is None else alive[name]
        scale = np.abs(expected[name]).max()
        np.testing.assert_allclose(array[where], expected[name][where], rtol=0, atol=tolerance * scale, err_msg=name)


# -- the images that are looked at -------------------------------------------------------------------------------------


def test_images_are_drawn_once_each_and_by_seed_and_purpose(small):
    scored = network(small)
    rows = scored.rows("a", 30)
    assert len(set(rows)) == 30 and (rows == scored.rows("a", 30)).all()
    assert (rows != scored.rows("b", 30)).any() and (rows != network(small, seed=1).rows("a", 30)).any()
    assert len(scored.rows("a", 1000)) == 40
    of_each = scored.rows("a", 30, per_class=5)
    assert np.bincount(np.asarray(small.train.labels)[of_each]).tolist() == [5] * N_CLASSES
    assert len(scored.rows("a", 30, per_class=100)) == 40


def test_a_sample_is_of_training_images(small):
    sample = network(small).sample("a", 7).validation
    assert sample.images.shape == (7, 9) and len(sample.labels) == 7
    assert (np.asarray(small.train.images)[network(small).rows("a", 7)] == sample.images).all()


# -- SNIP --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mask", [None, part_mask()])
def test_snip_is_the_central_difference_in_a_factor_of_each_weight(small, mask):
    scored = network(small, mask=mask)
    x, labels = images(scored, scored.rows("snip", 30))
    expected = reference.snip(scored.parameters, x, labels, EPSILON)
    assert_close(score_network(scored, "snip", {"images": 30}), expected, 1e-6)


def test_the_absolute_value_is_taken_after_the_sum(small):
    scored = network(small)
    rows = scored.rows("snip", 40)
    x, labels = images(scored, rows)
    single = [reference.snip(scored.parameters, x[k : k + 1], labels[k : k + 1], EPSILON) for k in range(len(rows))]
    before_the_sum = np.mean([of_image["layers.0.weight"] for of_image in single], axis=0)
    score = score_network(scored, "snip", {"images": 40})["layers.0.weight"]
    assert (score <= before_the_sum * (1 + 1e-6)).all() and score.sum() < 0.9 * before_the_sum.sum()


def test_ranks_stay_when_the_loss_is_scaled(small, monkeypatch):
    from winnow.pruning.criteria import gradients

    before = score_network(network(small), "snip")
    plain = gradients.functional.cross_entropy
    monkeypatch.setattr(gradients.functional, "cross_entropy", lambda *a, **k: 7 * plain(*a, **k))
    after = score_network(network(small), "snip")
    for name in before:
        np.testing.assert_allclose(after[name], 7 * before[name], rtol=1e-12)
        assert (np.argsort(after[name].ravel()) == np.argsort(before[name].ravel())).all()


def test_statistics_of_the_batch_are_another_choice_and_change_nothing_of_the_network(small):
    scored = network(small)
    before = {name: array.copy() for name, array in scored.parameters.items()}
    running, batch = (score_network(scored, "snip", {"statistics": which}) for which in ("running", "batch"))
    assert np.abs(running["layers.0.weight"] - batch["layers.0.weight"]).max() > 1e-4
    assert all((scored.parameters[name] == array).all() for name, array in before.items())


# -- GraSP -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("temperature", [1.0, 200.0])
def test_grasp_is_the_weight_times_the_difference_of_gradients_along_the_gradient(small, temperature):
    scored = network(small)
    x, labels = images(scored, scored.rows("grasp", 0, per_class=9))
    expected = reference.grasp(scored.parameters, x, labels, EPSILON, temperature)
    settings = {"per_class": 9, "temperature": temperature}
    found = score_network(scored, "grasp", settings)
    assert_close(found, expected, 1e-5)
    sizes = score_network(scored, "grasp_magnitude", settings)
    assert all((sizes[name] == np.abs(found[name])).all() for name in found)


def test_the_references_gradient_is_the_central_difference_of_the_loss(small):
    scored = network(small)
    x, labels = images(scored, np.arange(40))
    for name, found in reference.gradient(scored.parameters, x, labels, EPSILON, 3.0).items():
        for place in [(0, 0), (1, 2), (2, 4)]:
            w = scored.parameters[name][place]
            up, down = (
                reference.loss(reference.changed(scored.parameters, name, place, w + h), x, labels, EPSILON, 3.0)
                for h in (1e-5, -1e-5)
            )
            assert found[place] == pytest.approx((up - down) / 2e-5, rel=1e-5, abs=1e-9)


def test_grasp_predicts_what_the_removal_of_a_little_of_a_weight_does_to_the_gradients_size(small):
    scored = network(small)
    x, labels = images(scored, scored.rows("grasp", 0, per_class=9))
    score = score_network(scored, "grasp", {"per_class": 9, "temperature": 1.0})["layers.1.weight"]
    place = np.unravel_index(np.argmax(np.abs(score)), score.shape)
    w = scored.parameters["layers.1.weight"][place]
    up, down = (
        reference.squared_gradient(
            reference.changed(scored.parameters, "layers.1.weight", place, w * c), x, labels, EPSILON, 1.0
        )
        for c in (1 + 1e-3, 1 - 1e-3)
    )
    # d‖g‖² / dc at c = 1 is 2 w (Hg); deleting the weight changes c by −1.
    assert (up - down) / 2e-3 == pytest.approx(2 * score[place], rel=1e-3)


# -- SynFlow -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mask", [None, part_mask(share=0.4)])
def test_synflow_is_the_sum_over_paths(small, mask):
    scored = network(small, mask=mask)
    expected = reference.synflow(scored.parameters)
    found = score_network(scored, "synflow")
    ratio = found["layers.0.weight"].sum() / expected["layers.0.weight"].sum()  # one for the whole network
    for name, flow in found.items():
        np.testing.assert_allclose(flow, ratio * expected[name], rtol=1e-12, atol=0)
    # in closed form for the first layer: |w_ij| times what flows from i to the outputs
    after = (
        np.ones(N_CLASSES) @ np.abs(scored.parameters["layers.2.weight"]) @ np.abs(scored.parameters["layers.1.weight"])
    )
    closed = np.abs(scored.parameters["layers.0.weight"]) * after[:, None]
    np.testing.assert_allclose(found["layers.0.weight"], ratio * closed, rtol=1e-12)


def test_what_flows_into_a_unit_flows_out_of_it_and_all_layers_carry_the_same(small):
    flow = score_network(network(small, mask=part_mask()), "synflow")
    np.testing.assert_allclose(flow["layers.0.weight"].sum(axis=1), flow["layers.1.weight"].sum(axis=0), rtol=1e-12)
    assert flow["layers.0.weight"].sum() == pytest.approx(flow["layers.1.weight"].sum(), rel=1e-12)


def test_synflow_keeps_in_range_at_any_depth(small):
    sizes = [9, *[40] * 60, N_CLASSES]
    deep = {name: array * (1e6 if "layers" in name else 1) for name, array in initial_parameters(sizes, 0).items()}
    scored = ScoredNetwork(deep, deep, full_mask(deep), small, 0)
    scores = score_network(scored, "synflow")
    assert all(np.isfinite(array).all() and (array > 0).all() for array in scores.values())


def test_synflow_collapses_no_layer_where_magnitude_and_snip_do(small):
    sizes = [9, 20, 20, 20, 20, N_CLASSES]
    start = parameters(1, sizes)
    start["layers.2.weight"] *= 0.05
    options = {"rounds": range(1, 16), "seed": 0, "share": 0.3, "pool": "global"}

    def collapsed(masks):
        return [any(not m[f"layers.{i}.weight"].any() for i in range(4)) for m in masks]

    by_flow = prune_at_start(start, small, criterion="synflow", iterations=100, **options)
    assert not any(collapsed(by_flow))
    assert any(collapsed(prune_at_start(start, small, criterion="magnitude", **options)))
    assert any(collapsed(prune_at_start(start, small, criterion="snip", **options)))
    assert any(collapsed(prune_at_start(start, small, criterion="synflow", **options)))  # in a single cut


@pytest.mark.parametrize("criterion", ["synflow", "magnitude"])
def test_initial_weights_know_nothing_of_the_pixels_places(small, criterion):
    side, n_units = 16, 300
    start = initial_parameters([side * side, n_units, 40, N_CLASSES], 5)
    (mask,) = prune_at_start(start, small, rounds=[6], seed=0, share=0.3, pool="global", criterion=criterion)
    table = measure_locality([mask], (1, side, side)).pair_correlation
    pairs, expected = (np.asarray(table[name])[:5] for name in ("pairs", "expected_pairs"))
    # Each pair is counted as d and as −d.
    assert expected.min() > 300 and (np.abs(pairs - expected) < 5 * np.sqrt(2 * expected)).all()


# -- OBD ---------------------------------------------------------------------------------------------------------------


def test_obd_is_half_the_gauss_newton_diagonal_times_the_square(small):
    scored = network(small, trained=parameters(7))
    x, _ = images(scored, np.arange(40))
    names = list(full_mask(scored.parameters))
    h = reference.gauss_newton_diagonal(scored.parameters, names, x, EPSILON)
    found = score_network(scored, "obd", {"labels": "all"})
    assert list(found) == names
    assert_close(found, {name: h[name] * scored.parameters[name] ** 2 / 2 for name in names}, 1e-6)


def test_labels_drawn_by_the_network_give_the_same_on_average(small):
    scored = network(small)
    exact = score_network(scored, "obd", {"labels": "all"})
    drawn = score_network(scored, "obd", {"samples": 4000})
    assert_close(drawn, exact, 0.05)
    assert all((array >= 0).all() for array in score_network(scored, "obd", {"samples": 1}).values())


def test_in_a_linear_model_with_squared_loss_obd_is_the_change_of_the_loss(small):
    # Biases keep all units on, the output layer passes them on: the logits are linear in the first layer's weights.
    n_in, n_out = 9, 3
    linear = {name: array.astype(np.float64) for name, array in initial_parameters([n_in, n_out, n_out], 0).items()}
    linear["layers.0.bias"] += 1000
    linear["layers.1.weight"] = np.eye(n_out)
    for i in range(2):
        linear[f"norms.{i}.running_var"] = np.full(linear[f"norms.{i}.weight"].shape, 1 - EPSILON)
    scored = ScoredNetwork(linear, linear, full_mask(linear), small, 0, EPSILON)
    x, _ = images(scored, np.arange(40))
    # At the minimum: what is left of the targets is orthogonal to the images and to the constant.
    design = np.column_stack([x, np.ones(40)])
    left = stream("residual").normal(size=(40, n_out))
    left -= design @ np.linalg.lstsq(design, left, rcond=None)[0]
    target = reference.logits(linear, x, EPSILON) + left

    def squared(parameters):
        return ((reference.logits(parameters, x, EPSILON) - target) ** 2).sum(axis=1).mean() / 2

    def factors(logits):
        yield from (torch.eye(n_out, dtype=logits.dtype)[c].expand_as(logits) for c in range(n_out))

    h = obd_module.diagonal_gauss_newton(scored, np.arange(40), factors)["layers.0.weight"]
    np.testing.assert_allclose(h, np.tile(np.diag(x.T @ x) / 40, (n_out, 1)), rtol=1e-9)
    for i, j in np.ndindex(n_out, n_in):
        change = squared(reference.changed(linear, "layers.0.weight", (i, j), 0.0)) - squared(linear)
        assert h[i, j] * linear["layers.0.weight"][i, j] ** 2 / 2 == pytest.approx(change, rel=1e-6, abs=1e-9)


# -- cavity scores as a criterion --------------------------------------------------------------------------------------


@pytest.mark.parametrize("mask", [None, part_mask()])
def test_cavity_is_minus_the_score_of_recomputing_in_every_layer(small, mask):
    scored = network(small, mask=mask)
    x, _ = images(scored, np.arange(40))
    expected = reference.cavity(scored.rewind, scored.mask, x, EPSILON)
    found = score_network(scored, "cavity")
    for name, scores in expected.items():
        known = ~np.isnan(scores)
        np.testing.assert_allclose(found[name][known], -scores[known], rtol=1e-4, atol=1e-6)
        assert (found[name][~known] > found[name][known].max()).all()


@pytest.mark.parametrize("sign", ["signed", "absolute"])
@pytest.mark.parametrize("compared_in", ["layer", "unit"])
def test_cavity_trained_is_the_score_of_recomputing_at_the_trained_network(small, sign, compared_in):
    trained = parameters(5)
    mask = part_mask()
    mask["layers.0.weight"][2] = False  # a unit without weights has no scores
    scored = network(small, mask=mask, trained=trained)
    x, _ = images(scored, np.arange(40))
    expected = reference.cavity(scored.parameters, scored.mask, x, EPSILON)
    found = score_network(scored, "cavity_trained", {"sign": sign, "compared_in": compared_in})
    assert found.keys() == expected.keys()
    for name, scores in expected.items():
        known = ~np.isnan(scores)
        for unit, place in zip(*np.nonzero(known), strict=True):
            score = -scores[unit, place] if sign == "signed" else abs(scores[unit, place])
            if compared_in == "unit":
                rms = np.sqrt(np.mean(scores[unit][known[unit]] ** 2))
                score /= rms if rms > 1e-12 else 1.0
            assert found[name][unit, place] == pytest.approx(score, rel=1e-4, abs=1e-6)
        assert (found[name][~known] > found[name][known].max()).all()
    at_rewind = score_network(scored, "cavity")
    assert all((at_rewind[name] != found[name]).any() for name in found)


def test_cavity_scores_of_a_unit_sum_to_zero_to_first_order(small):
    scored = network(small)
    x, _ = images(scored, np.arange(40))
    step = 1e-4  # a weight is not removed but made smaller by this share: what is left is the first order
    y = reference.layer_input(scored.parameters, 0, x, EPSILON)
    weight = scored.parameters["layers.0.weight"]

    def kurtosis(weights):
        lam = y @ weights
        return np.mean((lam - lam.mean()) ** 4) / np.var(lam) ** 2

    for unit in weight:
        changes = [kurtosis(unit * (1 - step * (np.arange(len(unit)) == j))) - kurtosis(unit) for j in range(len(unit))]
        assert abs(sum(changes)) < 1e-3 * np.abs(changes).max()


def test_cavity_prunes_round_by_round_at_the_mask_of_the_round_before(small):
    start = parameters()
    options = {"seed": 0, "share": 0.3, "pool": "layerwise", "criterion": "cavity"}
    masks = prune_at_start(start, small, rounds=[1, 2, 3], by_round=True, **options)
    mask = full_mask(start)
    x, _ = images(network(small), np.arange(40))
    for n in (1, 2, 3):
        scores = reference.cavity({**start, **{k: start[k] * m for k, m in mask.items()}}, mask, x, EPSILON)
        for name, of_layer in scores.items():
            order = np.argsort(np.nan_to_num(of_layer, nan=-np.inf).ravel())  # the largest go
            alive = mask[name].ravel()[order]
            keep = order[alive][: n_survivors(of_layer.size, 0.3, n)]
            mask[name] = np.isin(np.arange(of_layer.size), keep).reshape(of_layer.shape)
            assert (masks[n - 1][name] == mask[name]).all(), (n, name)
    (at_once,) = prune_at_start(start, small, rounds=[3], **options)
    assert any((at_once[name] != masks[-1][name]).any() for name in at_once)


def test_cavity_magnitude_is_the_magnitude_where_the_score_does_not_count(small):
    trained = parameters(9)
    scored = network(small, trained=trained)
    alone = score_network(scored, "cavity_magnitude", {"strength": 0.0})
    assert all((array == np.abs(trained[name])).all() for name, array in alone.items())
    weighed, cavity = score_network(scored, "cavity_magnitude"), score_network(scored, "cavity")
    for name, array in weighed.items():
        ratio = array / np.abs(trained[name])
        assert ((ratio < 1) == (cavity[name] < 0)).all() and ((ratio >= 0) & (ratio <= 2)).all()


# -- all of them -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("criterion", OF_NETWORKS)
def test_permuting_hidden_units_permutes_the_scores(small, criterion):
    scored = network(small, trained=parameters(2))
    orders = [np.random.default_rng(i).permutation(n) for i, n in enumerate(HIDDEN)]

    def permuted(arrays):
        found = {name: array.copy() for name, array in arrays.items()}
        for i, order in enumerate(orders):
            for name in (f"layers.{i}.weight", f"layers.{i}.bias"):
                found[name] = found[name][order] if name in found else None
            for key in ("weight", "bias", "running_mean", "running_var"):
                if f"norms.{i + 1}.{key}" in found:
                    found[f"norms.{i + 1}.{key}"] = found[f"norms.{i + 1}.{key}"][order]
            if f"layers.{i + 1}.weight" in found:
                found[f"layers.{i + 1}.weight"] = found[f"layers.{i + 1}.weight"][:, order]
        return {name: array for name, array in found.items() if array is not None}

    other = ScoredNetwork(
        permuted(scored.parameters), permuted(scored.rewind), permuted(scored.mask), small, 0, EPSILON
    )
    settings = SMALL.get(criterion)
    expected = permuted(score_network(scored, criterion, settings))
    assert_close(score_network(other, criterion, settings), expected, 1e-5)


@pytest.mark.parametrize("criterion", sorted(AT_START))
@pytest.mark.parametrize("pool", ["layerwise", "global"])
@pytest.mark.parametrize("iterations", [1, 3])
def test_at_the_start_weights_are_cut_to_exact_numbers_and_biases_stay(small, criterion, pool, iterations):
    start = parameters()
    masks = prune_at_start(
        start,
        small,
        rounds=[1, 2, 4],
        seed=0,
        share=0.3,
        pool=pool,
        criterion=criterion,
        of_criterion=SMALL.get(criterion),
        iterations=iterations,
    )
    sizes = {name: m.size for name, m in masks[0].items() if name.endswith("weight")}
    for n, mask in zip((1, 2, 4), masks, strict=True):
        assert list(mask) == list(full_mask(start))
        assert all(mask[name].all() for name in mask if name.endswith("bias"))
        kept = {name: int(mask[name].sum()) for name in sizes}
        if pool == "global":
            assert sum(kept.values()) == n_survivors(sum(sizes.values()), 0.3, n)
        else:
            assert kept == {name: n_survivors(size, 0.3, n) for name, size in sizes.items()}


def test_iterations_score_what_is_left(small):
    start = parameters()
    options = {"rounds": [4], "seed": 0, "share": 0.3, "pool": "global", "criterion": "synflow"}
    (mask,) = prune_at_start(start, small, iterations=5, **options)
    left = {name: m for name, m in full_mask(start).items() if name.endswith("weight")}
    for k in range(1, 6):
        flow = reference.synflow({**start, **{name: start[name] * m for name, m in left.items()}})
        order = sorted(
            (
                (-flow[name][place], at, name, place)
                for at, name in enumerate(left)
                for place in np.ndindex(left[name].shape)
                if left[name][place]
            )
        )
        count = round(sum(m.size for m in left.values()) * 0.7 ** (4 * k / 5))
        left = {name: np.zeros(m.shape, bool) for name, m in left.items()}
        for _, _, name, place in order[:count]:
            left[name][place] = True
    assert all((mask[name] == left[name]).all() for name in left)


@pytest.mark.parametrize("criterion", ["obd", "cavity_magnitude", "cavity_trained"])
def test_oneshot_by_network_and_data_is_nested_and_exact(small, criterion):
    rewind, trained = parameters(), parameters(4)
    masks = prune_oneshot_network(
        [1, 2, 3], small, rewind=rewind, trained=trained, seed=0, share=0.3, pool="layerwise", criterion=criterion
    )
    for before, after in pairwise(masks):
        assert all(not (after[name] & ~before[name]).any() for name in after)
    if criterion == "obd":
        n_parameters = sum(m.size for m in masks[0].values())
        assert density(masks[2]) == pytest.approx(0.7**3, abs=2 / n_parameters)


def test_oneshot_by_round_scores_what_is_left_of_the_trained_network(small):
    rewind, trained = parameters(), parameters(4)
    options = {"seed": 0, "share": 0.3, "pool": "layerwise", "criterion": "cavity_trained"}
    options |= {"of_criterion": {"sign": "absolute"}, "rewind": rewind, "trained": trained}
    masks = prune_oneshot_network([1, 2, 3], small, by_round=True, **options)
    x, _ = images(network(small), np.arange(40))
    mask = full_mask(trained)
    for n in (1, 2, 3):
        scores = reference.cavity({**trained, **{k: trained[k] * m for k, m in mask.items()}}, mask, x, EPSILON)
        for name, of_layer in scores.items():
            order = np.argsort(-np.nan_to_num(np.abs(of_layer), nan=np.inf).ravel())
            alive = mask[name].ravel()[order]
            keep = order[alive][: n_survivors(of_layer.size, 0.3, n)]
            mask[name] = np.isin(np.arange(of_layer.size), keep).reshape(of_layer.shape)
            assert (masks[n - 1][name] == mask[name]).all(), (n, name)
    (at_once,) = prune_oneshot_network([3], small, **options)
    assert any((at_once[name] != masks[-1][name]).any() for name in at_once)


def test_every_criterion_of_networks_is_scored_here():
    assert set(OF_NETWORKS) == AT_START | {"obd", "cavity_magnitude", "cavity_trained"}
    assert all(CRITERIA[name].interface == "network" for name in SMALL)

"""Statistics of deeper layers: against slow references, the torch network, cases by hand, and what must not matter."""

import itertools

import numpy as np
import pytest
import torch
from small import OTHER_DEVICES, assert_same_table, make_dataset, photo_like

from reference import cavity as reference_cavity
from reference import kurtosis as reference_kurtosis
from reference import layers as reference
from reference import nongaussianity as reference_nongaussianity
from winnow.masks import PruningError, apply_mask, density
from winnow.measure import activations
from winnow.measure.activations import Seen, above
from winnow.measure.arrays import NUMPY
from winnow.measure.cavity import measure_cavity
from winnow.measure.kurtosis import measure_kurtosis
from winnow.measure.layers_cavity import measure_layers_cavity
from winnow.measure.layers_kurtosis import measure_layers_kurtosis
from winnow.measure.layers_locality import fields_of, measure_layers_locality
from winnow.measure.layers_nongaussianity import measure_layers_nongaussianity
from winnow.measure.layers_positions import measure_layers_positions
from winnow.measure.locality import measure_locality
from winnow.measure.nongaussianity import measure_nongaussianity
from winnow.measure.participation import measure_participation
from winnow.measure.paths import down_to_pixels
from winnow.measure.positions import measure_positions
from winnow.store.tables import read_table, write_table
from winnow.streams import stream
from winnow.training.autograd import FullyConnectedNetwork

SHAPE = (3, 5, 5)
SIZES = [75, 9, 8, 6, 4]  # inputs, three hidden layers, classes
LAYERS = [1, 2, 3]
EPSILON = 1e-3


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(activations, "_CHUNK", 64)


def make_network(seed, sizes=SIZES):
    """A whole network, batch norm away from the identity."""
    draw = stream("deep parameters", seed)
    parameters = {}
    for i, (n, m) in enumerate(itertools.pairwise(sizes)):
        parameters[f"layers.{i}.weight"] = draw.normal(size=(m, n))
        parameters[f"layers.{i}.bias"] = 0.5 * draw.normal(size=m)
        parameters[f"norms.{i}.weight"] = draw.normal(size=n)
        parameters[f"norms.{i}.bias"] = 0.5 * draw.normal(size=n)
        parameters[f"norms.{i}.running_mean"] = 0.1 * draw.normal(size=n)
        parameters[f"norms.{i}.running_var"] = draw.gamma(2, 0.5, size=n)
    return {name: array.astype(np.float32) for name, array in parameters.items()}


def make_masks(n_rounds, share, seed, sizes=SIZES):
    """m(0), …: random nested masks of its hidden layers."""
    draw = stream("deep masks", seed)
    rank = {}
    for i, (n, m) in enumerate(itertools.pairwise(sizes[:-1])):
        rank[f"layers.{i}.weight"] = draw.random((m, n))
        rank[f"layers.{i}.bias"] = draw.random(m)
    return [{name: r < (1 - share) ** n for name, r in rank.items()} for n in range(n_rounds + 1)]


def of(columns, layer, n=None):
    """The rows of a layer, and of a round."""
    rows = columns["layer"] == layer
    if n is not None:
        rows &= columns["round"] == n
    return {name: values[rows] for name, values in columns.items()}


def without_layer(columns):
    return {name: values for name, values in columns.items() if name != "layer"}


# -- paths -------------------------------------------------------------------------------------------------------------


def test_paths_of_a_tiny_network_by_hand():
    """Unit 0 of the second layer reaches input 1 in two ways; unit 1 only a unit that has no weights."""
    first = np.array([[1, 1, 0], [0, 1, 0], [0, 0, 0]], bool)
    second = np.array([[1, 1, 0], [0, 0, 1], [0, 1, 0]], bool)
    mask = {"layers.0.weight": first, "layers.1.weight": second}
    weights = {"layers.0.weight": np.array([[2.0, 3, 9], [9, 5, 9], [9, 9, 9]])}
    weights["layers.1.weight"] = np.array([[7.0, -11, 9], [9, 9, 9], [9, 1, 9]])
    field = fields_of(weights, mask, [2])[2]
    assert field.paths.tolist() == [[1, 2, 0], [0, 0, 0], [0, 1, 0]]
    assert field.weights.tolist() == [[14, 21 - 55, 0], [0, 0, 0], [0, 5, 0]]
    assert field.support.tolist() == [[True, True, False], [False, False, False], [False, True, False]]
    assert field.n_weights.tolist() == [2, 1, 1]
    tables = measure_layers_locality(weights, [mask], (1, 1, 3), layers=[2], min_weights=2)
    assert tables.units["n_reached"].tolist() == [2, 0, 1] and tables.units["n_paths"].tolist() == [3, 0, 1]
    assert tables.units["share_reached"] == pytest.approx([2 / 3, 0, 1 / 3])
    assert tables.units["ipr_paths"] == pytest.approx([17 / 25, np.nan, 1], nan_ok=True)
    assert tables.units["ipr"] == pytest.approx([(14**4 + 34**4) / (14**2 + 34**2) ** 2, np.nan, 1], nan_ok=True)
    assert tables.units["path_variance_x"] == pytest.approx([2 / 9, np.nan, 0], nan_ok=True)  # of 0, 1, 1
    # A unit that no path leads to has no field, and so no width; nor has one that reaches a single input.
    assert np.isnan(tables.units["sigma_x"]).tolist() == [False, True, True]


@pytest.mark.parametrize("seed", range(3))
def test_fields_are_those_of_walking_along_each_path(seed):
    parameters, mask = make_network(seed), make_masks(1, 0.6, seed)[1]
    for layer, field in fields_of(parameters, mask, LAYERS).items():
        counts = reference.path_counts(mask, layer)
        assert np.array_equal(field.paths, counts) and np.array_equal(field.support, counts > 0)
        np.testing.assert_allclose(field.weights, reference.path_weights(parameters, mask, layer), rtol=1e-12)


def test_counts_are_exact_as_far_as_float64_goes_and_support_beyond():
    """A dense network has the product of the layers' units as paths, exactly up to 2⁵³."""
    draw = stream("many paths")
    dense = [np.ones((64, 30), bool), *[np.ones((64, 64), bool)] * 8]
    assert [int(counts[0, 0]) for counts in down_to_pixels(dense)] == [64**k for k in range(9)]
    odd = [np.ones((63, 30), bool), *[np.ones((63, 63), bool)] * 8]
    assert [int(counts[5, 7]) for counts in down_to_pixels(odd)] == [63**k for k in range(9)]
    sparse = [draw.random((40, 30)) < 0.05, *(draw.random((40, 40)) < 0.05 for _ in range(6))]
    expected = np.eye(30, dtype=object)
    for matrix, counts in zip(sparse, down_to_pixels(sparse), strict=True):
        expected = matrix.astype(int).astype(object) @ expected  # Python's integers
        assert np.array_equal(counts, expected.astype(np.float64))
    beyond = [*down_to_pixels([*dense, *[np.ones((64, 64), bool)] * 40])][-1]
    assert np.isfinite(beyond).all() and (beyond > 0).all()


# -- the first layer ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", ["same", "any"])
def test_of_the_first_layer_everything_is_what_it_is_without_layers(channels):
    dataset, parameters, masks = photo_like(300, SHAPE, 4, 0), make_network(0), make_masks(3, 0.5, 0)
    how = {"channels": channels, "min_weights": 4, "seed": 5}
    found = measure_layers_locality(parameters, masks, SHAPE, layers=LAYERS, **how)
    expected = measure_locality(masks, SHAPE, **how)
    units = of(found.units, 1)
    for name, values in expected.units.items():
        np.testing.assert_array_equal(units[name], values, err_msg=name)
    assert units["n_reached"].tolist() == units["n_weights"].tolist() == units["n_paths"].tolist()
    np.testing.assert_array_equal(units["ipr"], measure_participation(parameters, masks)["ipr"])
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(units["ipr_paths"], np.where(units["n_weights"], 1 / units["n_weights"], np.nan))
    pairs = without_layer(of(found.pair_correlation, 1))
    del pairs["mixed_g"]
    assert_same_table(pairs, expected.pair_correlation, 0)

    positions = of(measure_layers_positions(parameters, masks, SHAPE, layers=LAYERS, channels=channels), 1)
    for name, values in measure_positions(parameters, masks, SHAPE, channels=channels).items():
        np.testing.assert_array_equal(positions[name], values, err_msg=name)
    measured = [
        (measure_layers_kurtosis, measure_kurtosis),
        (measure_layers_nongaussianity, measure_nongaussianity),
    ]
    for of_layers, of_first in measured:
        tables = of_layers(parameters, masks, dataset, layers=LAYERS, epsilon=EPSILON)
        for table, of_one in zip(tables, of_first(parameters, masks, dataset, epsilon=EPSILON), strict=True):
            assert_same_table(without_layer(of(table, 1)), of_one, 0)
    cavity = measure_layers_cavity(parameters, masks, dataset, layers=LAYERS, epsilon=EPSILON)
    assert_same_table(without_layer(of(cavity, 1)), measure_cavity(parameters, masks, dataset, epsilon=EPSILON), 0)


# -- preactivations ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(2))
def test_activations_are_those_of_the_torch_network_in_evaluation(seed):
    dataset, parameters, mask = photo_like(300, SHAPE, 4, seed), make_network(seed), make_masks(1, 0.5, seed)[1]
    network = FullyConnectedNetwork(apply_mask(parameters, mask), norm_keep=0.99, norm_epsilon=EPSILON).eval()
    x = torch.from_numpy(dataset.prepare(dataset.validation.images))
    seen = Seen(parameters, mask, dataset)
    with torch.inference_mode():
        for layer in (2, 3):
            x = torch.relu(network.layers[layer - 2](network.norms[layer - 2](x)))
            seen = above(seen, epsilon=EPSILON, arrays=NUMPY)
            images = seen.dataset.prepare(seen.dataset.validation.images)
            np.testing.assert_allclose(images, x.numpy(), rtol=1e-4, atol=1e-4 * float(x.max()))
            expected = reference.inputs_of(parameters, mask, dataset, layer, EPSILON)
            np.testing.assert_allclose(images, expected, rtol=1e-4, atol=1e-5 * expected.max())
    assert set(seen.mask) == {"layers.0.weight", "layers.0.bias"}
    with pytest.raises(ValueError, match="no further hidden layer"):
        above(seen, epsilon=EPSILON, arrays=NUMPY)


def test_without_batch_norm_the_inputs_come_as_they_are():
    dataset, parameters, mask = photo_like(200, SHAPE, 4, 0), make_network(0), make_masks(1, 0.5, 0)[1]
    identity = {"weight": 1, "bias": 0, "running_mean": 0, "running_var": 1 - EPSILON}
    normed = {
        name: np.full_like(array, identity[name.split(".")[2]]) if name.startswith("norms.") else array
        for name, array in parameters.items()
    }
    plain = {name: array for name, array in parameters.items() if name.startswith("layers.")}
    found, expected = (
        above(above(Seen(network, mask, dataset), epsilon=EPSILON, arrays=NUMPY), epsilon=EPSILON, arrays=NUMPY)
        for network in (plain, normed)
    )
    images = expected.dataset.validation.images
    np.testing.assert_allclose(found.dataset.validation.images, images, rtol=1e-5, atol=1e-5 * images.max())


@pytest.mark.parametrize("seed", range(3))
def test_kurtosis_and_the_others_are_those_of_the_slow_preactivations(seed):
    dataset, parameters, masks = photo_like(400, SHAPE, 3, seed), make_network(seed), make_masks(2, 0.4, seed)
    labels = dataset.validation.labels
    kurtosis = measure_layers_kurtosis(parameters, masks, dataset, layers=[2, 3], epsilon=EPSILON)
    others = measure_layers_nongaussianity(parameters, masks, dataset, layers=[3, 2], epsilon=EPSILON)
    assert list(dict.fromkeys(kurtosis.by_unit["layer"])) == [2, 3] == list(dict.fromkeys(others.by_unit["layer"]))
    for layer, (n, mask) in itertools.product((2, 3), enumerate(masks)):
        lam = reference.preactivations(parameters, mask, dataset, layer, EPSILON)
        lam[:, lam.std(axis=0) < 1e-9] = np.nan
        by_unit, by_class = of(kurtosis.by_unit, layer, n), of(kurtosis.by_class, layer, n)
        assert by_unit["unit"].tolist() == list(range(SIZES[layer]))
        assert by_unit["density"] == pytest.approx(density(mask))
        np.testing.assert_allclose(by_unit["kurtosis"], reference_kurtosis.kurtosis(lam), rtol=1e-4)
        of_class = np.array([reference_kurtosis.kurtosis(lam[labels == k]) for k in range(3)])
        np.testing.assert_allclose(by_class["kurtosis_mean"], np.nanmean(of_class, axis=1), rtol=1e-4)
        assert by_class["n_units"].tolist() == np.isfinite(of_class).sum(axis=1).tolist()
        found = of(others.by_unit, layer, n)
        for unit in np.flatnonzero(np.isfinite(lam[0])):
            for name, value in reference_nongaussianity.all_statistics(lam[:, unit]).items():
                np.testing.assert_allclose(found[name][unit], value, rtol=1e-3, atol=1e-4, err_msg=name)


def test_cavity_scores_are_those_of_removing_each_weight():
    dataset, parameters, masks = photo_like(300, SHAPE, 3, 1), make_network(1), make_masks(3, 0.3, 1)
    found = measure_layers_cavity(parameters, masks, dataset, layers=LAYERS, epsilon=EPSILON, chunk=64)
    for layer in (2, 3):
        weight = parameters[f"layers.{layer - 1}.weight"]
        of_layer = [mask[f"layers.{layer - 1}.weight"] for mask in masks]
        rows = of(found, layer)
        expected = []
        for n in range(3):
            inputs = reference.normalised_inputs(parameters, masks[n], dataset, layer, EPSILON)
            expected += [
                row for row in reference_cavity.cavity_table(weight, of_layer, inputs) if row["rounds_done"] == n
            ]
        assert rows["removed_in"].tolist() == [row["removed_in"] for row in expected]
        for name in ("rounds_done", "n_weights", "n_without_score"):
            assert rows[name].tolist() == [row[name] for row in expected], name
        size = np.nanmax(np.abs([row["mean_score"] for row in expected]))
        for name, scale in (("mean_score", size), ("scaled_mean", size * of_layer[0].sum())):
            values = [row[name] for row in expected]
            np.testing.assert_allclose(rows[name], values, rtol=1e-3, atol=1e-4 * scale, err_msg=name)
        assert rows["density"] == pytest.approx([density(masks[n]) for n in rows["rounds_done"]])


def test_what_differs_by_rounding_alone_is_constant():
    """A unit that sees constant pixels is constant, and who sees it alone has no kurtosis."""
    dataset = photo_like(700, SHAPE, 3, 2)
    images = dataset.validation.images.copy()
    images[:, :10] = 77
    dataset = make_dataset(images, SHAPE, dataset.validation.labels, 3)
    parameters, (mask,) = make_network(2), make_masks(0, 0.5, 2)
    mask["layers.0.weight"][0] = np.arange(75) < 10
    mask["layers.1.weight"][0] = np.arange(9) == 0
    parameters["layers.0.bias"][0] = 50  # on, not off
    mask["layers.1.weight"][1] = False  # a dead unit
    seen = above(Seen(parameters, mask, dataset), epsilon=EPSILON, arrays=NUMPY)
    assert len(set(seen.dataset.validation.images[:, 0])) == 1 and seen.dataset.validation.images[0, 0] > 0
    tables = measure_layers_kurtosis(parameters, [mask], dataset, layers=[2], epsilon=EPSILON)
    assert np.isnan(tables.by_unit["kurtosis"]).tolist() == [True, True] + [False] * 6
    assert (tables.by_class["n_units"] == 6).all()


# -- what must not matter ----------------------------------------------------------------------------------------------


def permuted(parameters, masks, layer, order):
    """The same network with the units of a hidden layer in another order."""
    i = layer - 1

    def moved(arrays):
        new = dict(arrays)
        for name in (f"layers.{i}.weight", f"layers.{i}.bias"):
            new[name] = arrays[name][order]
        for name in arrays:
            if name.startswith(f"norms.{i + 1}."):
                new[name] = arrays[name][order]
        if f"layers.{i + 1}.weight" in arrays:
            new[f"layers.{i + 1}.weight"] = arrays[f"layers.{i + 1}.weight"][:, order]
        return new

    return moved(parameters), [moved(mask) for mask in masks]


def test_the_order_of_the_units_below_does_not_matter():
    dataset, parameters, masks = photo_like(300, SHAPE, 3, 3), make_network(3), make_masks(2, 0.5, 3)
    order = stream("order of units").permutation(SIZES[1])
    other, others = permuted(parameters, masks, 1, order)
    how = {"layers": [2, 3], "epsilon": EPSILON}
    for measure in (measure_layers_kurtosis, measure_layers_nongaussianity):
        for found, expected in zip(
            measure(other, others, dataset, **how), measure(parameters, masks, dataset, **how), strict=True
        ):
            for name in expected:
                np.testing.assert_allclose(found[name], expected[name], rtol=1e-3, atol=1e-4, err_msg=name)
    found, expected = (
        measure_layers_cavity(*network, dataset, **how) for network in ((other, others), (parameters, masks))
    )
    assert found["n_weights"].tolist() == expected["n_weights"].tolist()
    size = np.nanmax(np.abs(expected["mean_score"]))
    np.testing.assert_allclose(found["mean_score"], expected["mean_score"], rtol=1e-3, atol=1e-4 * size)
    tables = [
        measure_layers_locality(*network, SHAPE, layers=[2, 3], min_weights=3)
        for network in ((other, others), (parameters, masks))
    ]
    for found, expected in zip(*tables, strict=True):
        kept = [name for name in expected if not name.startswith("mixed_")]  # they draw among the units in their order
        assert_same_table({name: found[name] for name in kept}, {name: expected[name] for name in kept}, 1e-9)


def test_a_full_field_is_the_window_and_says_so():
    parameters, masks = make_network(4), make_masks(0, 0.5, 4)
    tables = measure_layers_locality(parameters, masks, SHAPE, layers=[2])
    assert (tables.units["share_reached"] == 1).all() and (tables.units["n_paths"] == 75 * SIZES[1]).all()
    np.testing.assert_array_equal(tables.units["sigma_x"], tables.units["chance_sigma_x"])
    np.testing.assert_allclose(tables.pair_correlation["g"], 1, rtol=1e-12)
    assert tables.units["path_variance_x"] == pytest.approx(2.0)  # of 0 … 4


def test_mixed_fields_keep_the_fan_in_and_the_layer_below():
    """Patches below are patches wherever a unit above takes them from; where it takes them from is what is drawn."""
    draw = stream("patches")
    shape, n_units = (1, 16, 16), 200
    corners = draw.integers(0, 13, (n_units, 2))
    first = np.zeros((n_units, *shape[1:]), bool)
    for patch, (y, x) in zip(first, corners, strict=True):
        patch[y : y + 4, x : x + 4] = True
    left = np.argsort(corners[:, 1])[:20]
    second = np.zeros((50, n_units), bool)
    for unit in second:
        unit[draw.choice(left, 4, replace=False)] = True  # of the left side alone
    mask = {"layers.0.weight": first.reshape(n_units, -1), "layers.1.weight": second}
    parameters = {name: np.ones(array.shape) for name, array in mask.items()}
    field = fields_of(parameters, mask, [2])[2]
    mixed = field.mixed(stream("a mix"))
    assert (mixed.sum(axis=1) == 4 * 16).all() and (field.paths.sum(axis=1) == 4 * 16).all()
    tables = measure_layers_locality(parameters, [mask], shape, layers=[1, 2])
    units = of(tables.units, 2)
    assert units["path_variance_x"].mean() < 3 < 10 < units["mixed_path_variance_x"].mean()
    assert units["path_variance_y"].mean() == pytest.approx(units["mixed_path_variance_y"].mean(), rel=0.4)
    near = (tables.pair_correlation["radius"] <= 3) & (tables.pair_correlation["layer"] == 2)
    g, of_mixed = (tables.pair_correlation[name][near] for name in ("g", "mixed_g"))
    assert (g > of_mixed).all() and (of_mixed > 1.3).all()  # inherited
    first_g = of(tables.pair_correlation, 1)["mixed_g"][:8]
    np.testing.assert_allclose(first_g, 1, atol=0.1)  # of pixels at random


@pytest.mark.parametrize("device", OTHER_DEVICES)
def test_is_the_same_on_other_devices(device):
    dataset, parameters, masks = photo_like(300, SHAPE, 4, 5), make_network(5), make_masks(2, 0.5, 5)
    how = {"layers": LAYERS, "epsilon": EPSILON}
    for measure in (measure_layers_kurtosis, measure_layers_nongaussianity):
        tables = [measure(parameters, masks, dataset, **how, device=where) for where in (device, "cpu")]
        for found, expected in zip(*tables, strict=True):
            for name in expected:
                np.testing.assert_allclose(found[name], expected[name], rtol=1e-4, atol=1e-6, err_msg=name)
    found, expected = (
        measure_layers_cavity(parameters, masks, dataset, **how, device=where) for where in (device, "cpu")
    )
    size = np.nanmax(np.abs(expected["mean_score"]))
    np.testing.assert_allclose(found["mean_score"], expected["mean_score"], rtol=1e-4, atol=1e-5 * size)
    tables = [
        measure_layers_locality(parameters, masks, SHAPE, layers=LAYERS, device=where) for where in (device, "cpu")
    ]
    for found, expected in zip(*tables, strict=True):
        assert_same_table(found, expected, 1e-6)


# -- tables and refusals -----------------------------------------------------------------------------------------------


def test_tables_are_written_with_their_layers(tmp_path):
    dataset, parameters, masks = photo_like(200, SHAPE, 4, 6), make_network(6), make_masks(3, 0.7, 6)
    run = {"dataset": "photos", "method": "imp", "seed": 0}
    locality = measure_layers_locality(parameters, masks, SHAPE, layers=LAYERS)
    kurtosis = measure_layers_kurtosis(parameters, masks, dataset, layers=LAYERS)
    others = measure_layers_nongaussianity(parameters, masks, dataset, layers=LAYERS)
    tables = {
        "layers_locality": locality.units,
        "layers_pair_correlation": locality.pair_correlation,
        "layers_kurtosis_by_unit": kurtosis.by_unit,
        "layers_kurtosis_by_class": kurtosis.by_class,
        "layers_nongaussianity_by_unit": others.by_unit,
        "layers_nongaussianity_by_class": others.by_class,
        "layers_positions": measure_layers_positions(parameters, masks, SHAPE, layers=LAYERS),
        "layers_cavity": measure_layers_cavity(parameters, masks, dataset, layers=LAYERS)
        | {"fates_of": np.full(3 * 9, "imp")},
    }
    for name, columns in tables.items():
        write_table(tmp_path / "table.parquet", name, columns, **run)
        table = read_table(tmp_path / "table.parquet", name).to_pandas()
        assert set(table["layer"]) == {1, 2, 3}, name
        assert table.columns[:6].tolist() == ["dataset", "method", "seed", "round", "density", "layer"], name
    units = of(locality.units, 3)
    assert (units["n_reached"] == 0).any() and np.isnan(units["ipr"][units["n_reached"] == 0]).all()


@pytest.mark.parametrize("layers", [[4], [0], [], [1, 7]])
def test_layers_that_are_not_there_are_refused(layers):
    dataset, parameters, masks = photo_like(20, SHAPE, 2, 0), make_network(0), make_masks(1, 0.5, 0)
    for measure, of_what in (
        (measure_layers_kurtosis, dataset),
        (measure_layers_cavity, dataset),
        (measure_layers_locality, SHAPE),
        (measure_layers_positions, SHAPE),
    ):
        with pytest.raises(PruningError, match=r"were asked for, but the masks have 3, from 1 on"):
            measure(parameters, masks, of_what, layers=layers)


def test_what_does_not_fit_is_refused():
    dataset, parameters, masks = photo_like(20, SHAPE, 2, 0), make_network(0), make_masks(1, 0.5, 0)
    with pytest.raises(ValueError, match=r"75 inputs, but images of \(1, 8, 8\) have 64 pixels"):
        measure_layers_locality(parameters, masks, (1, 8, 8), layers=[2])
    with pytest.raises(PruningError, match="not of the same network"):
        measure_layers_locality(make_network(0, [75, 9, 7, 6, 4]), masks, SHAPE, layers=[2])
    with pytest.raises(ValueError, match=r"75 pixels, the first layer 64 inputs"):
        measure_layers_kurtosis(
            make_network(0, [64, 9, 8, 6, 4]), make_masks(0, 0.5, 0, [64, 9, 8, 6, 4]), dataset, layers=[2]
        )
    broken = parameters | {"layers.0.weight": parameters["layers.0.weight"] * np.float32("inf")}
    with pytest.raises(ValueError, match="NaN or infinity"), np.errstate(invalid="ignore"):
        measure_layers_kurtosis(broken, masks, dataset, layers=[2])

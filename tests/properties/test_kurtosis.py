"""Kurtosis of preactivations: bounds, what it must not depend on, and who has none."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from properties.strategies import FIXED, images, seeds, units
from reference import kurtosis as reference
from winnow.measure.kurtosis import measure_kurtosis
from winnow.store.datasets import Dataset, Split
from winnow.streams import stream

pytestmark = pytest.mark.filterwarnings("error")


@st.composite
def experiments(draw):
    """A network's first layer, its mask, and images in some classes, of which some have one image or none."""
    x = draw(images(least=1))
    weights, mask = draw(units(x.shape[1]))
    scale = np.abs(weights).max(axis=1, keepdims=True)
    weights = weights / np.where(scale > 0, scale, 1) * 10.0 ** draw(st.integers(-2, 2))
    rng = stream("property labels", draw(seeds))
    n_classes = draw(st.integers(1, 4))
    n, d = weights.shape
    parameters = {
        "layers.0.weight": weights,
        "layers.0.bias": rng.normal(size=n),
        "norms.0.weight": rng.choice([-1.0, 0.5, 2.0], d),
        "norms.0.bias": rng.normal(size=d),
        "norms.0.running_mean": rng.normal(size=d),
        "norms.0.running_var": rng.choice([0.25, 1.0, 100.0], d),
    }
    parameters = {name: array.astype(np.float32) for name, array in parameters.items()}
    labels = rng.integers(0, n_classes, len(x))
    return parameters, {"layers.0.weight": mask, "layers.0.bias": np.ones(n, bool)}, dataset_of(x, labels, n_classes)


def dataset_of(x, labels, n_classes):
    split = Split(x.astype(np.float32), labels)
    names = tuple(map(str, range(n_classes)))
    return Dataset((1, 1, x.shape[1]), names, 1.0, np.zeros(x.shape[1], np.float32), {}, split, split)


def measured(parameters, mask, dataset):
    return measure_kurtosis(parameters, [mask], dataset, epsilon=1e-5)


def both(tables):
    return tables.by_unit["kurtosis"], tables.by_class["kurtosis_mean"], tables.by_class["kurtosis_median"]


def assert_same(tables, others, rtol=2e-3):
    """As near as single precision comes where a unit's inputs nearly cancel."""
    for found, expected in zip(both(tables), both(others), strict=True):
        np.testing.assert_allclose(found, expected, rtol=rtol)
    assert (tables.by_class["n_units"] == others.by_class["n_units"]).all()


@FIXED
@given(experiments())
def test_lies_between_one_and_the_number_of_images(experiment):
    parameters, mask, dataset = experiment
    tables = measured(*experiment)
    kurtosis, labels = tables.by_unit["kurtosis"], dataset.validation.labels
    known = kurtosis[~np.isnan(kurtosis)]
    assert (known >= 1 - 1e-3).all() and (known <= len(labels) * (1 + 1e-3)).all()
    counts = np.bincount(labels, minlength=len(dataset.classes))
    for name in ("kurtosis_mean", "kurtosis_median"):
        values = tables.by_class[name]
        assert (np.isnan(values) == (tables.by_class["n_units"] == 0)).all()
        assert not (values < 1 - 1e-3).any() and not (values > counts * (1 + 1e-3)).any()
    dead = ~(mask["layers.0.weight"] & (parameters["layers.0.weight"] != 0)).any(axis=1)
    assert np.isnan(kurtosis[dead]).all()
    assert (tables.by_class["n_units"] <= (~dead).sum()).all()
    assert (tables.by_class["n_units"][counts <= 1] == 0).all()  # one image does not vary


@FIXED
@given(experiments())
def test_is_that_of_the_reference_where_it_varies_clearly(experiment):
    parameters, mask, dataset = experiment
    lam = reference.preactivations(parameters, mask, dataset, 1e-5)
    weights = np.abs(parameters["layers.0.weight"] * mask["layers.0.weight"]).astype(np.float64)
    largest = weights @ np.abs(reference.normalised_inputs(parameters, dataset, 1e-5)).max(axis=0)
    clear = lam.std(axis=0) > 1e-2 * largest
    found = measured(*experiment).by_unit["kurtosis"]
    np.testing.assert_allclose(found[clear], reference.kurtosis(lam[:, clear]), rtol=1e-3)


@FIXED
@given(experiments(), st.integers(-4, 4), st.sampled_from([-1, 1]), seeds)
def test_shift_scale_and_sign_of_a_unit_change_nothing(experiment, power, sign, seed):
    parameters, mask, dataset = experiment
    rng = stream("affine", seed)
    moved = {**parameters, "layers.0.weight": parameters["layers.0.weight"] * np.float32(sign * 2.0**power)}
    for name in ("layers.0.bias", "norms.0.bias", "norms.0.running_mean"):
        moved[name] = rng.normal(size=parameters[name].shape).astype(np.float32)
    assert_same(measured(moved, mask, dataset), measured(*experiment), 1e-6)


@FIXED
@given(experiments(), seeds)
def test_order_of_units_classes_and_images(experiment, seed):
    parameters, mask, dataset = experiment
    rng = stream("orders", seed)
    tables = measured(*experiment)
    order = rng.permutation(len(mask["layers.0.bias"]))
    turned = {**parameters, "layers.0.weight": parameters["layers.0.weight"][order]}
    moved = measured(turned, {**mask, "layers.0.weight": mask["layers.0.weight"][order]}, dataset)
    np.testing.assert_allclose(moved.by_unit["kurtosis"], tables.by_unit["kurtosis"][order], rtol=1e-5)

    names, rows = rng.permutation(len(dataset.classes)), rng.permutation(len(dataset.validation.labels))
    split = dataset.validation
    relabelled = dataset_of(split.images[rows], names[split.labels[rows]], len(names))
    moved = measured(parameters, mask, relabelled)
    np.testing.assert_array_equal(np.isnan(moved.by_unit["kurtosis"]), np.isnan(tables.by_unit["kurtosis"]))
    np.testing.assert_array_equal(moved.by_class["n_units"][names], tables.by_class["n_units"])


@FIXED
@given(experiments(), st.integers(1, 3))
def test_constant_images_have_none(experiment, n):
    parameters, mask, dataset = experiment
    image = np.repeat(dataset.validation.images[:1], n, axis=0)
    tables = measured(parameters, mask, dataset_of(image, np.zeros(n, np.int64), 1))
    assert np.isnan(tables.by_unit["kurtosis"]).all() and not tables.by_class["n_units"].any()


@FIXED
@given(experiments())
def test_units_whose_inputs_cancel_have_none(experiment):
    parameters, mask, dataset = experiment
    twice = {name: np.concatenate([array, array], axis=-1) for name, array in parameters.items() if "norm" in name}
    weights = parameters["layers.0.weight"]
    twice["layers.0.weight"] = np.concatenate([weights, -weights], axis=1)
    of_both = {**mask, "layers.0.weight": np.concatenate([mask["layers.0.weight"]] * 2, axis=1)}
    split = dataset.validation
    images_twice = np.concatenate([split.images, split.images], axis=1)
    tables = measured(twice, of_both, dataset_of(images_twice, split.labels, len(dataset.classes)))
    assert np.isnan(tables.by_unit["kurtosis"]).all() and not tables.by_class["n_units"].any()


@FIXED
@given(st.integers(2, 200), st.integers(1, 5), seeds)
def test_units_of_a_constant_pixel_have_none(n, n_classes, seed):
    layer = {f"norms.0.{name}": np.ones(1, np.float32) for name in ("weight", "running_var")}
    layer |= {f"norms.0.{name}": np.zeros(1, np.float32) for name in ("bias", "running_mean")}
    layer["layers.0.weight"], mask = np.ones((1, 1), np.float32), {"layers.0.weight": np.ones((1, 1), bool)}
    rng = stream("constant pixel", seed)
    constant = np.full((n, 1), rng.normal())
    tables = measured(layer, mask, dataset_of(constant, rng.integers(0, n_classes, n), n_classes))
    assert np.isnan(tables.by_unit["kurtosis"]).all() and not tables.by_class["n_units"].any()


@pytest.mark.parametrize("power", [-40, 40])
def test_any_scale_of_a_unit(power):
    x = stream("scale of a unit").normal(size=(30, 3))
    layer = {f"norms.0.{name}": np.ones(3, np.float32) for name in ("weight", "running_var")}
    layer |= {f"norms.0.{name}": np.zeros(3, np.float32) for name in ("bias", "running_mean")}
    tables = []
    for factor in (1.0, 2.0**power):
        weights = np.full((1, 3), factor, np.float32)
        mask = {"layers.0.weight": np.ones((1, 3), bool)}
        tables.append(measured({**layer, "layers.0.weight": weights}, mask, dataset_of(x, np.zeros(30, np.int64), 1)))
    assert_same(*tables, rtol=1e-6)

import numpy as np
import pytest
from small import OTHER_DEVICES, assert_same_table, make_dataset, make_parameters, nested_masks, photo_like

from reference import kurtosis as reference
from winnow.masks import density
from winnow.measure import by_class
from winnow.measure.kurtosis import measure_kurtosis
from winnow.store.tables import read_table, write_table
from winnow.streams import stream

SHAPE = (3, 6, 6)
N_INPUTS = 108


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    """Chunks that end in the middle of classes."""
    monkeypatch.setattr(by_class, "CHUNK", 37)


def expected_by_class(preactivations, labels, n_classes):
    return [reference.kurtosis(preactivations[labels == k]) for k in range(n_classes)]


@pytest.mark.parametrize("seed", range(4))
def test_is_scipys_by_unit_and_by_class(seed):
    n_classes, n_units = (1, 4, 9, 30)[seed], 12
    dataset = photo_like(300, SHAPE, n_classes, seed)
    parameters = make_parameters(n_units, N_INPUTS, seed)
    masks = nested_masks(n_units, N_INPUTS, 3, 0.5, seed)
    tables = measure_kurtosis(parameters, masks, dataset, epsilon=1e-3)

    assert tables.by_unit["round"].tolist() == [n for n in range(4) for _ in range(n_units)]
    assert tables.by_class["class"].tolist() == 4 * list(range(n_classes))
    for n, mask in enumerate(masks):
        lam = reference.preactivations(parameters, mask, dataset, 1e-3)
        of_unit, of_class = tables.by_unit["round"] == n, tables.by_class["round"] == n
        assert tables.by_unit["density"][of_unit] == pytest.approx(density(mask))
        np.testing.assert_allclose(tables.by_unit["kurtosis"][of_unit], reference.kurtosis(lam), rtol=2e-5)
        expected = expected_by_class(lam, dataset.validation.labels, n_classes)
        np.testing.assert_allclose(tables.by_class["kurtosis_mean"][of_class], np.mean(expected, axis=1), rtol=2e-5)
        np.testing.assert_allclose(tables.by_class["kurtosis_median"][of_class], np.median(expected, axis=1), rtol=2e-5)
        assert (tables.by_class["n_units"][of_class] == n_units).all()


def test_a_gaussian_has_3_and_other_distributions_their_own():
    draw = stream("distributions")
    n_images = 40_000
    images = np.stack(
        [
            draw.normal(size=n_images),
            draw.uniform(size=n_images),
            draw.laplace(size=n_images),
            draw.choice([-1, 1], n_images),
        ],
        axis=1,
    )
    dataset = make_dataset(images.astype(np.float32), (1, 2, 2), np.zeros(n_images, np.int64), 1)
    parameters = make_parameters(4, 4, 0) | {"layers.0.weight": np.eye(4, dtype=np.float32)}
    found = measure_kurtosis(parameters, nested_masks(4, 4, 0, 0.5, 0), dataset).by_unit["kurtosis"]
    assert found == pytest.approx([3, 1.8, 6, 1], rel=0.05)


def test_a_mean_far_larger_than_the_deviation_costs_no_digits():
    draw = stream("offset")
    images = (1e5 + draw.laplace(size=(200, N_INPUTS))).astype(np.float32)
    labels = draw.integers(0, 3, 200)
    images[labels == 1] -= 9e4
    dataset = make_dataset(images, SHAPE, labels, 3)
    parameters = make_parameters(8, N_INPUTS, 0)
    parameters["layers.0.bias"] += 1e6
    mask = nested_masks(8, N_INPUTS, 1, 0.5, 0)[1]
    tables = measure_kurtosis(parameters, [mask], dataset)
    lam = reference.preactivations(parameters, mask, dataset, 1e-5)
    np.testing.assert_allclose(tables.by_unit["kurtosis"], reference.kurtosis(lam), rtol=1e-5)
    expected = np.mean(expected_by_class(lam, labels, 3), axis=1)
    np.testing.assert_allclose(tables.by_class["kurtosis_mean"], expected, rtol=1e-5)


def test_units_without_variance_have_no_kurtosis(tmp_path):
    draw = stream("degenerate")
    dataset = photo_like(200, SHAPE, 5, 1)
    images, labels = dataset.validation.images.copy(), dataset.validation.labels.copy()
    labels[labels == 3] = 2  # class 3 has no image,
    labels[np.flatnonzero(labels == 4)[1:]] = 0  # class 4 a single one
    images[:, 0] = 77  # a constant pixel
    images[labels == 2, 1] = 55  # a pixel that is constant in one class
    images[:, 2:5] = images[:, 2:3]  # three equal ones
    dataset = make_dataset(images, SHAPE, labels, 5)

    parameters = make_parameters(6, N_INPUTS, 1)
    for name in ("weight", "running_var"):
        parameters[f"norms.0.{name}"][2:5] = parameters[f"norms.0.{name}"][2]
    mask = {"layers.0.weight": draw.random((6, N_INPUTS)) < 0.5, "layers.0.bias": np.ones(6, bool)}
    alive = [[], [0], [1], [2, 3, 4]]
    mask["layers.0.weight"][:4] = False
    for unit, inputs in enumerate(alive):
        mask["layers.0.weight"][unit, inputs] = True
    parameters["layers.0.weight"][3, 2:5] = 0.1, 0.7, -0.8  # they cancel but for rounding

    tables = measure_kurtosis(parameters, [mask], dataset)
    assert np.isnan(tables.by_unit["kurtosis"]).tolist() == [True, True, False, True, False, False]
    assert tables.by_class["n_units"].tolist() == [3, 3, 2, 0, 0]
    lam = reference.preactivations(parameters, mask, dataset, 1e-5)
    expected = [reference.kurtosis(lam[labels == k][:, used]).mean() for k, used in [(0, [2, 4, 5]), (2, [4, 5])]]
    assert tables.by_class["kurtosis_mean"][[0, 2]] == pytest.approx(expected, rel=2e-5)
    assert np.isnan(tables.by_class["kurtosis_mean"][3:]).all()

    keys = {"dataset": "photos", "method": "imp", "seed": 0}
    write_table(tmp_path / "u.parquet", "kurtosis_by_unit", tables.by_unit, **keys)
    write_table(tmp_path / "c.parquet", "kurtosis_by_class", tables.by_class, **keys)
    assert read_table(tmp_path / "u.parquet", "kurtosis_by_unit")["kurtosis"].null_count == 3
    assert read_table(tmp_path / "c.parquet", "kurtosis_by_class")["kurtosis_median"].null_count == 2


@pytest.mark.parametrize("device", OTHER_DEVICES)
def test_is_the_same_on_other_devices(device):
    dataset = photo_like(300, SHAPE, 9, 2)
    dataset.validation.labels[dataset.validation.labels == 4] = 3
    parameters, masks = make_parameters(8, N_INPUTS, 2), nested_masks(8, N_INPUTS, 2, 0.5, 2)
    masks[2]["layers.0.weight"][1] = False
    expected, found = (measure_kurtosis(parameters, masks, dataset, device=where) for where in ("cpu", device))
    assert_same_table(found.by_unit, expected.by_unit, 2e-6)
    assert_same_table(found.by_class, expected.by_class, 2e-6)


def test_what_does_not_fit_is_refused():
    dataset = photo_like(20, SHAPE, 2, 0)
    masks = nested_masks(4, N_INPUTS, 1, 0.5, 0)
    with pytest.raises(ValueError, match="108 pixels, the first layer 50 inputs"):
        measure_kurtosis(make_parameters(4, 50, 0), nested_masks(4, 50, 1, 0.5, 0), dataset)
    with pytest.raises(ValueError, match=r"mask of layers.0.weight has the shape \(4, 108\), the weights \(5, 108\)"):
        measure_kurtosis(make_parameters(5, N_INPUTS, 0), masks, dataset)
    parameters = make_parameters(4, N_INPUTS, 0)
    half_a_norm = {name: array for name, array in parameters.items() if name != "norms.0.weight"}
    with pytest.raises(ValueError, match=r"lack .*norms.0.weight"):
        measure_kurtosis(half_a_norm, masks, dataset)
    empty = make_dataset(np.zeros((0, N_INPUTS), np.uint8), SHAPE, np.zeros(0, np.int64), 2)
    with pytest.raises(ValueError, match="no validation images"):
        measure_kurtosis(parameters, masks, empty)

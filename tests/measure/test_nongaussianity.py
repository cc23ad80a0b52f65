import numpy as np
import pytest
from small import OTHER_DEVICES, assert_same_table, make_dataset, make_parameters, nested_masks, photo_like

from reference import nongaussianity as reference
from reference.kurtosis import preactivations
from winnow.masks import density
from winnow.measure import by_class
from winnow.measure.nongaussianity import measure_nongaussianity
from winnow.store.tables import read_table, write_table
from winnow.streams import stream

SHAPE = (3, 6, 6)
N_INPUTS = 108
NAMES = ("skewness", "sixth_cumulant", "negentropy_a", "negentropy_b")
CLOSE = {"rtol": 2e-4, "atol": 2e-5}  # float32, and differences of moments that are larger than what remains


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    """Chunks that end in the middle of classes."""
    monkeypatch.setattr(by_class, "CHUNK", 37)


@pytest.mark.parametrize("seed", range(3))
def test_is_the_references_by_unit_and_by_class(seed):
    n_classes, n_units = (1, 4, 9)[seed], 7
    dataset = photo_like(300, SHAPE, n_classes, seed)
    parameters = make_parameters(n_units, N_INPUTS, seed)
    masks = nested_masks(n_units, N_INPUTS, 2, 0.5, seed)
    tables = measure_nongaussianity(parameters, masks, dataset, epsilon=1e-3)

    assert tables.by_unit["round"].tolist() == [n for n in range(3) for _ in range(n_units)]
    assert tables.by_class["class"].tolist() == 3 * list(range(n_classes))
    for n, mask in enumerate(masks):
        lam = preactivations(parameters, mask, dataset, 1e-3)
        of_unit, of_class = tables.by_unit["round"] == n, tables.by_class["round"] == n
        assert tables.by_unit["density"][of_unit] == pytest.approx(density(mask))
        expected = [reference.all_statistics(column) for column in lam.T]
        for name in NAMES:
            np.testing.assert_allclose(tables.by_unit[name][of_unit], [one[name] for one in expected], **CLOSE)
        within = [
            [reference.all_statistics(column) for column in lam[dataset.validation.labels == k].T]
            for k in range(n_classes)
        ]
        found = {name: column[of_class] for name, column in tables.by_class.items()}
        for name, column, average in (
            ("skewness", "skewness_size", lambda values: np.mean(np.abs(values))),
            ("sixth_cumulant", "sixth_cumulant_mean", np.mean),
            ("sixth_cumulant", "sixth_cumulant_median", np.median),
            ("negentropy_a", "negentropy_a", np.mean),
            ("negentropy_b", "negentropy_b", np.mean),
        ):
            known = [average([one[name] for one in of_class]) for of_class in within]
            np.testing.assert_allclose(found[column], known, **CLOSE)
        assert (found["n_units"] == n_units).all()


def test_distributions_have_their_own():
    draw = stream("distributions beyond kurtosis")
    n_images = 100_000
    images = np.stack(
        [
            draw.normal(size=n_images),
            draw.uniform(size=n_images),
            draw.laplace(size=n_images),
            draw.choice([-1, 1], n_images),
            -draw.exponential(size=n_images),
        ],
        axis=1,
    )
    dataset = make_dataset(images.astype(np.float32), (1, 1, 5), np.zeros(n_images, np.int64), 1)
    parameters = make_parameters(5, 5, 0) | {"layers.0.weight": np.eye(5, dtype=np.float32)}
    parameters["norms.0.weight"] = np.ones(5, np.float32)
    found = measure_nongaussianity(parameters, nested_masks(5, 5, 0, 0.5, 0), dataset).by_unit
    assert found["skewness"] == pytest.approx([0, 0, 0, 0, -2], abs=0.1)
    assert found["sixth_cumulant"][[0, 1, 3]] == pytest.approx([0, 48 / 7, 16], abs=0.4)
    assert found["sixth_cumulant"][[2, 4]] == pytest.approx([30, 120], rel=0.3)  # heavy tails, few draws
    a, b = 1 / (2 - 6 / np.pi), 24 / (16 * np.sqrt(3) - 27)
    assert found["negentropy_a"][2] == pytest.approx(a * (1 - 2 / np.sqrt(np.pi)) ** 2 / 2, rel=0.15)
    assert found["negentropy_b"][3] == pytest.approx(b * (np.exp(-0.5) - np.sqrt(0.5)) ** 2, rel=0.01)
    assert found["negentropy_a"][0] < 1e-3 and found["negentropy_b"][0] < 1e-3


def test_few_draws_of_a_gaussian_have_what_is_to_be_expected_of_them():
    n_images, n_units = 400, 1000
    images = stream("few Gaussian draws").normal(size=(n_images, n_units)).astype(np.float32)
    dataset = make_dataset(images, (1, 1, n_units), np.zeros(n_images, np.int64), 1)
    parameters = make_parameters(n_units, n_units, 0) | {"layers.0.weight": np.eye(n_units, dtype=np.float32)}
    by_class.CHUNK = 1024  # of the fixture, which puts it back
    table = measure_nongaussianity(parameters, nested_masks(n_units, n_units, 0, 0.5, 0), dataset).by_class
    assert table["skewness_size"][0] == pytest.approx(np.sqrt(12 / np.pi / n_images), rel=0.1)
    assert table["negentropy_a"][0] == pytest.approx(1 / n_images, rel=0.15)
    assert table["negentropy_b"][0] == pytest.approx(1 / n_images, rel=0.15)


def test_a_mean_far_larger_than_the_deviation_costs_no_digits():
    draw = stream("offset")
    images = (1e5 + draw.laplace(size=(200, N_INPUTS))).astype(np.float32)
    labels = draw.integers(0, 3, 200)
    images[labels == 1] -= 9e4
    dataset = make_dataset(images, SHAPE, labels, 3)
    parameters = make_parameters(8, N_INPUTS, 0)
    mask = nested_masks(8, N_INPUTS, 1, 0.5, 0)[1]
    tables = measure_nongaussianity(parameters, [mask], dataset)
    lam = preactivations(parameters, mask, dataset, 1e-5)
    for name in NAMES:
        expected = [reference.all_statistics(column)[name] for column in lam.T]
        np.testing.assert_allclose(tables.by_unit[name], expected, **CLOSE)


def test_units_without_variance_have_none(tmp_path):
    dataset = photo_like(200, SHAPE, 5, 1)
    images, labels = dataset.validation.images.copy(), dataset.validation.labels.copy()
    labels[labels == 3] = 2  # class 3 has no image,
    labels[np.flatnonzero(labels == 4)[1:]] = 0  # class 4 a single one
    images[:, 0] = 77  # a constant pixel
    images[labels == 2, 1] = 55  # a pixel that is constant in one class
    dataset = make_dataset(images, SHAPE, labels, 5)
    parameters = make_parameters(5, N_INPUTS, 1)
    mask = nested_masks(5, N_INPUTS, 1, 0.5, 1)[1]
    mask["layers.0.weight"][:3] = False
    mask["layers.0.weight"][1, 0] = mask["layers.0.weight"][2, 1] = True

    tables = measure_nongaussianity(parameters, [mask], dataset)
    for name in NAMES:
        assert np.isnan(tables.by_unit[name]).tolist() == [True, True, False, False, False]
    assert tables.by_class["n_units"].tolist() == [3, 3, 2, 0, 0]
    lam = preactivations(parameters, mask, dataset, 1e-5)
    expected = [
        np.mean([reference.negentropy_b(lam[labels == k, unit]) for unit in units])
        for k, units in [(0, [2, 3, 4]), (2, [3, 4])]
    ]
    np.testing.assert_allclose(tables.by_class["negentropy_b"][[0, 2]], expected, **CLOSE)

    keys = {"dataset": "photos", "method": "imp", "seed": 0}
    write_table(tmp_path / "u.parquet", "nongaussianity_by_unit", tables.by_unit, **keys)
    write_table(tmp_path / "c.parquet", "nongaussianity_by_class", tables.by_class, **keys)
    assert read_table(tmp_path / "u.parquet", "nongaussianity_by_unit")["skewness"].null_count == 2
    assert read_table(tmp_path / "c.parquet", "nongaussianity_by_class")["negentropy_a"].null_count == 2


@pytest.mark.parametrize("device", OTHER_DEVICES)
def test_is_the_same_on_other_devices(device):
    dataset = photo_like(300, SHAPE, 9, 2)
    dataset.validation.labels[dataset.validation.labels == 4] = 3
    parameters, masks = make_parameters(8, N_INPUTS, 2), nested_masks(8, N_INPUTS, 2, 0.5, 2)
    masks[2]["layers.0.weight"][1] = False
    expected, found = (measure_nongaussianity(parameters, masks, dataset, device=where) for where in ("cpu", device))
    for table, other in ((found.by_unit, expected.by_unit), (found.by_class, expected.by_class)):
        for name in table:
            np.testing.assert_allclose(table[name], other[name], **CLOSE)
    assert_same_table({"n": found.by_class["n_units"]}, {"n": expected.by_class["n_units"]}, 0)


def test_what_does_not_fit_is_refused():
    dataset = photo_like(20, SHAPE, 2, 0)
    with pytest.raises(ValueError, match="108 pixels, the first layer 50 inputs"):
        measure_nongaussianity(make_parameters(4, 50, 0), nested_masks(4, 50, 1, 0.5, 0), dataset)
    empty = make_dataset(np.zeros((0, N_INPUTS), np.uint8), SHAPE, np.zeros(0, np.int64), 2)
    with pytest.raises(ValueError, match="no validation images"):
        measure_nongaussianity(make_parameters(4, N_INPUTS, 0), nested_masks(4, N_INPUTS, 1, 0.5, 0), empty)

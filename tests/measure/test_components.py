import numpy as np
import pytest
from small import OTHER_DEVICES, make_dataset, photo_like

from winnow.measure import components
from winnow.measure.components import measure_components
from winnow.streams import stream

SHAPE = (1, 6, 6)


def test_pca_is_that_of_the_covariance():
    dataset = photo_like(400, SHAPE, 2, 0)
    found = measure_components(dataset, number=5)
    prepared = dataset.prepare(dataset.validation.images).astype(np.float64)
    values, vectors = np.linalg.eigh(np.cov(prepared.T))
    expected = vectors[:, ::-1][:, :5].T
    assert found["pca"].shape == (5, 36)
    assert found["pca"].dtype == np.float32
    assert np.abs((found["pca"] * expected).sum(axis=1)) == pytest.approx(1, abs=1e-4)
    assert found["pca_explained_variance_ratio"] == pytest.approx(values[::-1][:5] / values.sum(), rel=1e-4)


def test_ica_finds_independent_sources_most_peaked_first():
    draw = stream("sources")
    sources = np.stack([draw.laplace(size=4000), draw.uniform(size=4000), draw.laplace(size=4000) ** 3], axis=1)
    mixing = draw.normal(size=(3, 36))
    images = (100 + sources / sources.std(axis=0) @ mixing).astype(np.float32)
    dataset = make_dataset(images, SHAPE, np.zeros(4000, np.int64), 1)
    found = measure_components(dataset, number=3)
    assert found["ica_converged"].tolist() == [True]
    prepared = dataset.prepare(images)
    unmixed = (prepared - prepared.mean(axis=0)) @ found["ica"].T
    assert unmixed.std(axis=0) == pytest.approx(1, abs=1e-3)
    correlation = np.abs(np.corrcoef(unmixed.T, sources.T)[:3, 3:])
    assert correlation.argmax(axis=1).tolist() == [2, 0, 1]
    assert correlation.max(axis=1) == pytest.approx(1, abs=0.01)


def test_is_the_ica_of_the_images_themselves():
    """That FastICA on the principal components gives what it gives on all pixels, order and signs aside."""
    from sklearn.decomposition import FastICA

    draw = stream("direct")
    images = draw.laplace(size=(1500, 4)) ** 3 @ draw.normal(size=(4, 36)) + draw.normal(size=(1500, 36))
    dataset = make_dataset(images.astype(np.float32), SHAPE, np.zeros(1500, np.int64), 1)
    prepared = dataset.prepare(dataset.validation.images).astype(np.float64)
    found = measure_components(dataset, number=4)
    direct = FastICA(4, whiten="unit-variance", max_iter=1000, random_state=1, tol=1e-6).fit(prepared)
    unmixed = [(prepared - prepared.mean(axis=0)) @ filters.T for filters in (found["ica"], direct.components_)]
    correlation = np.abs(np.corrcoef(*(u.T for u in unmixed))[:4, 4:])
    assert correlation.max(axis=1) == pytest.approx(1, abs=1e-4)


def test_signs_and_repetition():
    dataset = photo_like(300, SHAPE, 2, 1)
    first, again = (measure_components(dataset, number=6, seed=2) for _ in range(2))
    for name, array in first.items():
        np.testing.assert_array_equal(array, again[name])
    for name in ("pca", "ica"):
        largest = np.abs(first[name]).argmax(axis=1)
        assert (first[name][np.arange(6), largest] > 0).all()


def test_all_components_of_a_small_image():
    found = measure_components(photo_like(300, SHAPE, 2, 1), number=36)
    np.testing.assert_allclose(found["pca"] @ found["pca"].T, np.eye(36), atol=1e-4)
    assert found["pca_explained_variance_ratio"].sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("device", OTHER_DEVICES)
def test_is_the_same_on_other_devices(device, monkeypatch):
    monkeypatch.setattr(components, "_CHUNK", 70)
    dataset = photo_like(300, SHAPE, 2, 1)
    expected, found = (measure_components(dataset, number=6, device=where) for where in ("cpu", device))
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, rtol=0, atol=1e-4 * np.abs(array).max(), err_msg=name)


def test_max_images_is_a_random_choice():
    dataset = photo_like(300, SHAPE, 2, 1)
    everything = measure_components(dataset, number=3)
    np.testing.assert_array_equal(measure_components(dataset, number=3, max_images=1000)["pca"], everything["pca"])
    some = [measure_components(dataset, number=3, max_images=50, seed=seed)["pca"] for seed in (0, 1)]
    assert not np.allclose(some[0], everything["pca"], atol=1e-3)
    assert not np.allclose(some[0], some[1], atol=1e-3)


def test_what_cannot_be_is_refused():
    dataset = photo_like(30, SHAPE, 2, 1)
    with pytest.raises(ValueError, match="40 components were asked for, but an image has only 36 pixels"):
        measure_components(dataset, number=40)
    with pytest.raises(ValueError, match="30 components need more than 30 images, but there are 30"):
        measure_components(dataset, number=30)
    labels = np.zeros(20, np.int64)
    grey = make_dataset(np.full((20, 36), 9, np.uint8), SHAPE, labels, 1)
    with pytest.raises(ValueError, match="all images are the same"):
        measure_components(grey, number=3)
    plane = stream("plane").normal(size=(20, 2)) @ stream("axes").normal(size=(2, 36))
    flat = make_dataset((100 + plane).astype(np.float32), SHAPE, labels, 1)
    with pytest.raises(ValueError, match="5 components were asked for, but the images span only 2 dimensions"):
        measure_components(flat, number=5)
    with pytest.raises(ValueError, match="span only 2 dimensions"):
        measure_components(flat, number=5, device="torch:cpu")

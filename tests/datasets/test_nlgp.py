"""The nonlinear Gaussian process: its covariance, its shape, and what the gain does."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from reference import nlgp as reference
from winnow.datasets import nlgp
from winnow.datasets.nlgp import NlgpError, nlgp_covariance, prepare_nlgp, sample_nlgp, torus_correlation
from winnow.datasets.prepare import prepare_dataset
from winnow.store.datasets import open_dataset

SMALL = {
    "name": "waves",
    "side": 8,
    "correlation_lengths": [1.0, 3.0],
    "gain": 2.0,
    "train_per_class": 6,
    "validation_per_class": 4,
}


def draw(n: int, seed: int = 0, channels: int = 1, **settings: float) -> np.ndarray:
    return sample_nlgp(n, channels=channels, rng=np.random.default_rng(seed), **settings)


# -- closed form against loops and integrals ---------------------------------------------------------------------------


@pytest.mark.parametrize("side", [5, 8])
@pytest.mark.parametrize("xi", [0.3, 1.0, 2.5, 5.0])
def test_correlation_of_z(side: int, xi: float) -> None:
    axis = torus_correlation(side, xi)
    for rows, columns in [(0, 0), (0, 1), (1, 0), (2, 3), (side - 1, 1), (side // 2, side // 2)]:
        expected = reference.wrapped_covariance(side, xi, rows, columns)
        assert axis[rows] * axis[columns] == pytest.approx(expected, abs=1e-12)
        assert nlgp_covariance(side, xi, 0)[rows, columns] == pytest.approx(expected, abs=1e-12)


def test_wrapped_and_nearest_agree_where_xi_is_small_and_only_one_is_a_covariance() -> None:
    assert reference.covariance_matrix(12, 2.0) == pytest.approx(
        reference.covariance_matrix(12, 2.0, reference.nearest_covariance), abs=3e-4
    )
    assert np.linalg.eigvalsh(reference.covariance_matrix(8, 6.0, reference.nearest_covariance)).min() < -0.01
    assert np.linalg.eigvalsh(reference.covariance_matrix(8, 6.0)).min() > -1e-12


@pytest.mark.parametrize("gain", [1e-3, 0.05, 0.7, 1.5])
def test_covariance_of_the_images_is_the_integral(gain: float) -> None:
    covariance, rho = nlgp_covariance(6, 1.7, gain), nlgp_covariance(6, 1.7, 0)
    for place in [(0, 0), (0, 1), (1, 1), (2, 3)]:
        assert covariance[place] == pytest.approx(reference.erf_covariance(rho[place], gain), abs=1e-6)


def test_covariance_at_the_ends_of_the_gain() -> None:
    rho = nlgp_covariance(8, 2.0, 0)
    for gain in (0, 1e-200, 1e-5, 1.01e-4):
        np.testing.assert_allclose(nlgp_covariance(8, 2.0, gain), rho, atol=1e-7)
    for gain in (1e4, 1e200):  # two-valued images: the arcsine law
        np.testing.assert_allclose(nlgp_covariance(8, 2.0, gain), 2 / np.pi * np.arcsin(rho), atol=1e-3)


# -- samples -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "xi", "gain"), [(6, 1.5, 0.0), (6, 1.5, 0.8), (7, 2.0, 3.0), (6, 5.0, 1.0), (5, 0.4, 50.0)]
)
def test_sample_covariance(side: int, xi: float, gain: float) -> None:
    n = 20_000
    images = draw(n, side=side, xi=xi, gain=gain, channels=2).astype(np.float64)
    assert images.shape == (n, 2 * side * side)
    by_shift = nlgp_covariance(side, xi, gain)
    place = np.stack(np.divmod(np.arange(side * side), side))
    shift = (place[:, :, None] - place[:, None, :]) % side
    expected = np.kron(np.eye(2), by_shift[shift[0], shift[1]])  # channels are independent
    products = images.T @ images / n
    error = np.sqrt(((images**2).T @ images**2 / n - products**2) / n)
    scores = (products - expected) / np.maximum(error, 1e-3)
    assert np.abs(scores).max() < 5.5
    assert np.sqrt((scores**2).mean()) < 1.3
    assert np.abs(images.mean(axis=0)).max() < 5.5 / np.sqrt(n)


@pytest.mark.parametrize("gain", [0.3, 2.0])
def test_samples_are_distributed_like_the_reference(gain: float) -> None:
    fast = draw(4000, side=5, xi=1.3, gain=gain)
    slow = reference.sample(4000, 5, 1.3, gain, np.random.default_rng(1))
    directions = np.random.default_rng(2).standard_normal((25, 4))
    directions[:, 0] = np.eye(25)[7]
    for direction in directions.T:
        assert stats.ks_2samp(fast @ direction, slow @ direction).pvalue > 1e-3


def test_gain_turns_gaussian_images_into_saturated_ones() -> None:
    kurtosis = [
        stats.kurtosis(draw(3000, side=8, xi=1.5, gain=gain).ravel(), fisher=False) for gain in (0, 0.5, 1, 3, 30)
    ]
    assert kurtosis[0] == pytest.approx(3, abs=0.05)
    assert all(low < high - 0.02 for high, low in pairwise(kurtosis))
    assert kurtosis[-1] == pytest.approx(1, abs=0.1)


def test_pixels_never_exceed_saturation() -> None:
    images = draw(200, side=8, xi=2.0, gain=1e3)
    assert images.dtype == np.float32
    assert np.quantile(np.abs(images), [0.05, 1]) == pytest.approx([1, 1], abs=1e-3)


def test_images_become_z_as_the_gain_goes_to_zero() -> None:
    settings = {"side": 8, "xi": 2.0}
    z = draw(50, gain=0.0, **settings)
    for gain in (1e-300, 1e-30, 1e-5, 1e-4, 1e-3):
        np.testing.assert_allclose(draw(50, gain=gain, **settings), z, rtol=2e-5, atol=1e-6)
    assert np.abs(draw(50, gain=0.5, **settings) - z).max() > 0.1


def test_negative_spectrum_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    nearest = np.array([reference.nearest_covariance(8, 6.0, 0, d) for d in range(8)])
    monkeypatch.setattr(nlgp, "torus_correlation", lambda side, xi: nearest)
    with pytest.raises(NlgpError, match=r"correlation length 6\.0 .* no non-negative spectrum"):
        draw(1, side=8, xi=6.0, gain=1.0)


# -- the dataset -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 3])
def test_dataset(tmp_path: Path, channels: int) -> None:
    prepare_dataset(tmp_path / "data", source="nlgp", channels=channels, **SMALL)
    dataset = open_dataset(tmp_path / "data")
    assert dataset.shape == (channels, 8, 8) and dataset.pixel_scale == 1.0
    assert dataset.classes == ("xi=1", "xi=3")
    assert dataset.train.images.dtype == np.float32
    assert list(np.bincount(dataset.train.labels)) == [6, 6] and list(np.bincount(dataset.validation.labels)) == [4, 4]
    everything = np.concatenate([dataset.train.images, dataset.validation.images])
    assert len(np.unique(everything, axis=0)) == 20
    assert dataset.source["gain"] == 2.0 and dataset.source["correlation_lengths"] == [1.0, 3.0]


def test_classes_have_their_own_correlation_length(tmp_path: Path) -> None:
    prepare_nlgp(tmp_path / "data", **{**SMALL, "train_per_class": 600})
    dataset = open_dataset(tmp_path / "data")
    for k, xi in enumerate([1.0, 3.0]):
        images = dataset.train.images[dataset.train.labels == k].reshape(-1, 8, 8)
        neighbours = (images * np.roll(images, 1, axis=2)).mean()
        assert neighbours == pytest.approx(nlgp_covariance(8, xi, 2.0)[0, 1], abs=0.03)


def test_classes_have_their_own_streams(tmp_path: Path) -> None:
    prepare_nlgp(tmp_path / "data", **{**SMALL, "correlation_lengths": [1.0, 1.1], "train_per_class": 50})
    first, second = np.split(open_dataset(tmp_path / "data").train.images, 2)
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.2


def test_runs_repeat_whatever_the_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare_nlgp(tmp_path / "a", **SMALL)
    monkeypatch.setattr(nlgp, "_CHUNK", 4)
    prepare_nlgp(tmp_path / "b", **SMALL)
    assert (tmp_path / "a/facts.json").read_bytes() == (tmp_path / "b/facts.json").read_bytes()


def test_a_class_does_not_depend_on_the_others(tmp_path: Path) -> None:
    prepare_nlgp(tmp_path / "a", **SMALL)
    prepare_nlgp(tmp_path / "b", **{**SMALL, "correlation_lengths": [2.0, 3.0, 1.0]})
    prepare_nlgp(tmp_path / "c", **{**SMALL, "seed": 1})
    prepare_nlgp(tmp_path / "d", **{**SMALL, "name": "other"})
    a, b, c, d = (open_dataset(tmp_path / folder) for folder in "abcd")
    np.testing.assert_array_equal(a.train.images[:6], b.train.images[12:])
    np.testing.assert_array_equal(a.validation.images[4:], b.validation.images[4:8])
    assert (a.train.images != c.train.images).mean() > 0.9 and (a.train.images != d.train.images).mean() > 0.9


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"correlation_lengths": []}, r"correlation_lengths \(\[\]\)"),
        ({"correlation_lengths": [0.0, 1.0]}, "above 0"),
        ({"correlation_lengths": [8.5]}, r"at most the side \(8\)"),
        ({"correlation_lengths": [float("nan")]}, "above 0"),
        ({"correlation_lengths": [2, 2.0]}, "must differ"),
        ({"gain": -1.0}, r"gain \(-1.0\)"),
        ({"gain": float("inf")}, r"gain \(inf\)"),
        ({"channels": 0}, r"channels \(0\)"),
        ({"train_per_class": 0}, r"train_per_class \(0\)"),
        ({"validation_per_class": 0}, r"validation_per_class \(0\)"),
    ],
)
def test_settings_that_make_no_sense(tmp_path: Path, change: dict, message: str) -> None:
    with pytest.raises(NlgpError, match=message):
        prepare_nlgp(tmp_path / "data", **{**SMALL, **change})
    assert not (tmp_path / "data").exists()

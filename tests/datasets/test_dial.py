"""Three arms with one covariance: closed forms against integrals, samples against both, and what has no images."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from reference import dial as reference
from winnow.datasets.dial import (
    DialError,
    gain_of,
    latent_correlation,
    sample_dial,
    saturating_kurtosis,
    scale_of,
)
from winnow.datasets.nlgp import NlgpError, nlgp_covariance
from winnow.datasets.prepare import prepare_dataset
from winnow.store.datasets import open_dataset

ARMS = [("saturating", -0.3), ("saturating", -1.5), ("heavy_tailed", 0.5), ("heavy_tailed", 3.0), ("elliptical", 3.0)]
SMALL = {
    "name": "waves",
    "side": 8,
    "correlation_lengths": [1.0, 2.0],
    "reference_gain": 3.0,
    "train_per_class": 6,
    "validation_per_class": 4,
}


def draw(n: int, arm: str, kurtosis: float, seed: int = 0, channels: int = 1, **settings: float) -> np.ndarray:
    settings = {"side": 6, "xi": 1.5, "reference_gain": 3.0} | settings
    rng = np.random.default_rng(seed)
    return sample_dial(n, arm=arm, excess_kurtosis=kurtosis, channels=channels, rng=rng, **settings)


# -- closed form against integrals -------------------------------------------------------------------------------------


@pytest.mark.parametrize("gain", [0.1, 1.0, 5.0])
def test_kurtosis_of_the_saturating_map(gain: float) -> None:
    erf = np.vectorize(reference.math.erf, otypes=[float])
    assert saturating_kurtosis(gain) == pytest.approx(reference.excess_kurtosis(lambda z: erf(gain * z)), abs=1e-8)


@pytest.mark.parametrize("kurtosis", [-0.01, -0.4, -1.2, -1.95])
def test_the_gain_gives_the_kurtosis(kurtosis: float) -> None:
    assert saturating_kurtosis(gain_of(kurtosis)) == pytest.approx(kurtosis, abs=1e-9)


@pytest.mark.parametrize("kurtosis", [1e-9, 0.1, 1.0, 8.0])
def test_the_scale_gives_the_kurtosis(kurtosis: float) -> None:
    scale = scale_of(kurtosis)
    assert reference.excess_kurtosis(lambda z: np.sinh(scale * z)) == pytest.approx(kurtosis, rel=1e-5, abs=1e-8)


@pytest.mark.parametrize(("arm", "kurtosis"), ARMS[:4])
def test_latent_correlation_gives_the_covariance(arm: str, kurtosis: float) -> None:
    covariance = np.array([0.9, 0.5, 0.1, 1e-4])
    latent = latent_correlation(arm, covariance, kurtosis)
    function = reference.arm_map(arm, kurtosis)
    for found, expected in zip(latent, covariance, strict=True):
        assert reference.covariance(function, found) == pytest.approx(expected, abs=2e-5)
    assert np.abs(latent - covariance).max() > 2e-4  # ten times the tolerance: the map does change it


@pytest.mark.parametrize("arm", ["saturating", "heavy_tailed", "elliptical"])
def test_all_arms_share_the_gaussian_at_zero(arm: str) -> None:
    np.testing.assert_array_equal(draw(50, arm, 0.0), draw(50, "elliptical", 0.0))
    nearly = draw(50, arm, -1e-8 if arm == "saturating" else 1e-8)
    np.testing.assert_allclose(nearly, draw(50, arm, 0.0), atol=2e-3)


# -- samples -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("arm", "kurtosis"), [*ARMS, ("saturating", 0.0)])
def test_sample_covariance_and_kurtosis(arm: str, kurtosis: float) -> None:
    n, side = 40_000, 6
    images = draw(n, arm, kurtosis, channels=2).astype(np.float64)
    assert images.shape == (n, 2 * side**2)
    place = np.stack(np.divmod(np.arange(side**2), side))
    shift = (place[:, :, None] - place[:, None, :]) % side
    expected = np.kron(np.eye(2), nlgp_covariance(side, 1.5, 3.0)[shift[0], shift[1]])
    products = images.T @ images / n
    error = np.sqrt(((images**2).T @ images**2 / n - products**2) / n)
    scores = (products - expected) / np.maximum(error, 1e-3)
    assert np.abs(scores).max() < 5.5
    assert np.sqrt((scores**2).mean()) < 1.5
    fourth = (images**4).mean(axis=1)  # one number an image: pixels of an image are not independent
    assert abs(fourth.mean() - 3 - kurtosis) < 5 * fourth.std() / np.sqrt(n) + 1e-9


@pytest.mark.parametrize(("arm", "kurtosis"), [("saturating", -1.2), ("heavy_tailed", 2.0), ("elliptical", 3.0)])
def test_samples_are_distributed_like_the_reference(arm: str, kurtosis: float) -> None:
    fast = draw(4000, arm, kurtosis, side=4, xi=1.3)
    slow = reference.sample(4000, arm, 4, 1.3, 3.0, kurtosis, np.random.default_rng(1))
    directions = np.random.default_rng(2).standard_normal((16, 4))
    directions[:, 0] = np.eye(16)[7]
    for direction in directions.T:
        assert stats.ks_2samp(fast @ direction, slow @ direction).pvalue > 1e-3


def test_elliptical_images_are_gaussian_but_for_their_size() -> None:
    images = draw(20_000, "elliptical", 3.0)
    sphered = images @ np.linalg.inv(np.linalg.cholesky(np.cov(images.T))).T
    directions = sphered / np.linalg.norm(sphered, axis=1, keepdims=True)
    # On the sphere a coordinate of a direction has the fourth moment 3 / (D (D + 2)).
    d = images.shape[1]
    assert (directions**4).mean() * d * (d + 2) / 3 == pytest.approx(1, abs=0.01)
    assert stats.kurtosis(sphered.ravel()) == pytest.approx(3, abs=0.3)


# -- the dataset -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("arm", "kurtosis"), [("saturating", -1.0), ("heavy_tailed", 1.0), ("elliptical", 1.0)])
def test_dataset(tmp_path: Path, arm: str, kurtosis: float) -> None:
    prepare_dataset(tmp_path / "data", source=arm, channels=2, excess_kurtosis=kurtosis, **SMALL)
    dataset = open_dataset(tmp_path / "data")
    assert dataset.shape == (2, 8, 8) and dataset.classes == ("xi=1", "xi=2")
    assert dataset.source["source"] == arm and dataset.source["excess_kurtosis"] == kurtosis
    everything = np.concatenate([dataset.train.images, dataset.validation.images])
    assert everything.dtype == np.float32 and len(np.unique(everything, axis=0)) == 20
    prepare_dataset(tmp_path / "again", source=arm, channels=2, excess_kurtosis=kurtosis, **SMALL)
    assert (tmp_path / "again/facts.json").read_bytes() == (tmp_path / "data/facts.json").read_bytes()


def test_a_covariance_that_no_heavy_tails_have_is_refused_in_words() -> None:
    with pytest.raises(DialError, match=r"excess kurtosis of 16 .* length 3 at reference_gain 0\.5: choose a kurtosis"):
        draw(1, "heavy_tailed", 16.0, side=16, xi=3.0, reference_gain=0.5)
    draw(1, "heavy_tailed", 16.0, side=16, xi=3.0, reference_gain=3.0)


@pytest.mark.parametrize(
    ("arm", "change", "error", "message"),
    [
        ("saturating", {"excess_kurtosis": 0.5}, DialError, r"\(0\.5\) of saturating images must be between -1\.99"),
        ("saturating", {"excess_kurtosis": -2.0}, DialError, r"\(-2\.0\) of saturating images"),
        ("heavy_tailed", {"excess_kurtosis": -0.5}, DialError, r"heavy_tailed images must be a finite number, 0 or"),
        ("elliptical", {"excess_kurtosis": float("inf")}, DialError, r"\(inf\) of elliptical images"),
        ("elliptical", {"reference_gain": -1.0}, DialError, r"reference_gain \(-1\.0\)"),
        ("elliptical", {"correlation_lengths": [9.0]}, NlgpError, r"at most the side \(8\)"),
    ],
)
def test_settings_that_make_no_sense(
    tmp_path: Path, arm: str, change: dict, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        prepare_dataset(tmp_path / "data", source=arm, **{**SMALL, "excess_kurtosis": 0.0, **change})
    assert not (tmp_path / "data").exists()

"""Blends of images with their clone: the formula, what they keep, and how they become Gaussian."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from conftest import make_dataset
from reference.blend import blend
from winnow.clone.draw import clone_gaussian
from winnow.datasets import blend as module
from winnow.datasets.blend import BlendError, blend_dataset
from winnow.datasets.prepare import prepare_dataset
from winnow.store.datasets import Dataset, open_dataset


def blended(folder: Path, share: float) -> Dataset:
    """The blend of `folder/data`, whose clone is made where there is none."""
    if not (folder / "clone").exists():
        clone_gaussian(
            folder / "data", folder / "clone", folder / "certificate.parquet", name="data-clone", per="joint"
        )
    blend_dataset(folder / "data", folder / "clone", folder / f"{share}", name="blend", clone_share=share)
    return open_dataset(folder / f"{share}")


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_each_image_is_that_of_the_reference(tmp_path: Path, share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CHUNK", 7)
    data = make_dataset(tmp_path / "data")
    result, clone = blended(tmp_path, share), open_dataset(tmp_path / "clone")
    for name in ("train", "validation"):
        split, of, gaussian = (getattr(dataset, name) for dataset in (result, data, clone))
        expected = blend(of.images, gaussian.images, of.labels, data.train.images, data.train.labels, share)
        np.testing.assert_allclose(split.images, expected, rtol=1e-5, atol=1e-4)
        np.testing.assert_array_equal(split.labels, of.labels)
    if share in (0.0, 1.0):
        end = (data if share == 0 else clone).validation.images
        np.testing.assert_allclose(result.validation.images, end, rtol=1e-5, atol=1e-3)
    assert (result.shape, result.classes, result.pixel_scale) == (data.shape, data.classes, data.pixel_scale)
    assert result.source["of"] == data.source and result.train.images.dtype == np.float32


def test_mean_and_covariance_stay_and_the_kurtosis_falls_with_the_square(tmp_path: Path) -> None:
    heavy = {"side": 4, "correlation_lengths": [1.0, 1.5], "reference_gain": 3.0, "excess_kurtosis": 4.0}
    prepare_dataset(
        tmp_path / "data", source="heavy_tailed", name="d", train_per_class=20_000, validation_per_class=4, **heavy
    )
    data = open_dataset(tmp_path / "data")
    for share in (0.25, 0.6):
        result = blended(tmp_path, share)
        for k in range(2):
            before, after = (d.train.images[d.train.labels == k].astype(float) for d in (data, result))
            np.testing.assert_allclose(after.mean(axis=0), before.mean(axis=0), atol=0.04)
            np.testing.assert_allclose(np.cov(after.T), np.cov(before.T), atol=0.1)
            kurtosis = [float(np.mean(stats.kurtosis(images))) for images in (before, after)]
            assert kurtosis[1] == pytest.approx((1 - share) ** 2 * kurtosis[0], abs=0.15)
            assert kurtosis[0] > 3


def test_what_is_no_clone_and_no_share_is_refused(tmp_path: Path) -> None:
    make_dataset(tmp_path / "data")
    make_dataset(tmp_path / "other", seed=1)
    with pytest.raises(BlendError, match=r"other is no Gaussian clone of .*data: make it"):
        blend_dataset(tmp_path / "data", tmp_path / "other", tmp_path / "blend", name="b", clone_share=0.5)
    with pytest.raises(BlendError, match=r"clone_share \(1\.5\) must be between 0"):
        blend_dataset(tmp_path / "data", tmp_path / "other", tmp_path / "blend", name="b", clone_share=1.5)
    assert not (tmp_path / "blend").exists()

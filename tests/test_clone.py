"""Gaussian clones: mean, covariance and nothing else, and the certificate that says so."""

import io
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import winnow.clone.controls
import winnow.clone.draw
from reference import clone as reference
from winnow.clone.certificate import certify, mean_kurtosis, summarise_certificate
from winnow.clone.controls import Levels, randomise_phases
from winnow.clone.draw import CloneError, clone_gaussian
from winnow.clone.gaussian import fit_gaussian
from winnow.datasets.nlgp import sample_nlgp
from winnow.store.atomic import StoreError
from winnow.store.datasets import Dataset, new_dataset, open_dataset
from winnow.store.tables import read_table
from winnow.streams import stream


def skewed(n: int, p: int, rng: np.random.Generator) -> np.ndarray:
    """Correlated images that are far from Gaussian (kurtosis well above 3), in pixel units of a photograph."""
    mixing = rng.standard_normal((p, p)) / np.sqrt(p) + 2 * np.eye(p)
    return (rng.exponential(10, (n, p)) @ mixing + 100).astype(np.float32)


def write_source(
    folder: Path,
    counts: list[tuple[int, int]],
    shape: tuple[int, int, int] = (3, 3, 3),
    dtype: type = np.uint8,
    shuffled: bool = False,
    black_and_white: bool = False,
) -> None:
    """A dataset with so many (training, validation) images of each class."""
    rng = np.random.default_rng(5)
    p = int(np.prod(shape))
    with new_dataset(
        folder,
        shape=shape,
        classes=[f"class {k}" for k in range(len(counts))],
        n_train=sum(train for train, _ in counts),
        n_validation=sum(validation for _, validation in counts),
        dtype=dtype,
        pixel_scale=255.0,
        source={"source": "made up"},
    ) as splits:
        for index, split in enumerate(splits):
            labels = np.repeat(np.arange(len(counts)), [count[index] for count in counts])
            split.labels[:] = rng.permutation(labels) if shuffled else labels
            images = skewed(len(labels), p, rng) + 10 * split.labels[:, None]
            if black_and_white:
                images = 255 * rng.integers(0, 2, images.shape)
            split.images[:] = np.clip(images, 0, 255) if dtype == np.uint8 else images


def clone(tmp_path: Path, name: str = "x-clone", to: str = "clone", **settings: object) -> Dataset:
    clone_gaussian(tmp_path / "source", tmp_path / to, tmp_path / f"{to}.parquet", name=name, **settings)
    return open_dataset(tmp_path / to)


def certificate(tmp_path: Path, to: str = "clone") -> list[dict]:
    return read_table(tmp_path / f"{to}.parquet", "certificate").to_pylist()


# -- the Gaussian ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "p"), [(5, 12), (12, 12), (13, 12), (40, 12), (2, 3)])
def test_root_is_the_covariance_exactly(n: int, p: int) -> None:
    images = skewed(n, p, np.random.default_rng(0))
    gaussian = fit_gaussian(images)
    expected = np.cov(images.T.astype(np.float64))
    np.testing.assert_allclose(gaussian.mean, images.mean(axis=0, dtype=np.float64))
    np.testing.assert_allclose(gaussian.root.T @ gaussian.root, expected, atol=2e-6 * np.trace(expected))
    assert gaussian.root.shape == (min(n, p), p) and gaussian.n_fit == n


@pytest.mark.parametrize("n_fit", [5, 30])
def test_drawn_mean_and_covariance_are_those_of_the_fit(n_fit: int) -> None:
    n, p = 40_000, 8
    images = skewed(n_fit, p, np.random.default_rng(1))
    drawn = fit_gaussian(images).draw(n, np.random.default_rng(2)).astype(np.float64)
    covariance = np.cov(images.T.astype(np.float64))
    variance = np.diag(covariance)
    mean_scores = (drawn.mean(axis=0) - images.mean(axis=0)) / np.sqrt(variance / n)
    scores = (np.cov(drawn.T) - covariance) / np.sqrt((covariance**2 + np.outer(variance, variance)) / n)
    assert np.abs(mean_scores).max() < 4.5
    assert np.abs(scores).max() < 4.5 and np.sqrt((scores**2).mean()) < 1.6
    # A clone of 5 images lies in the 4 dimensions that they span.
    values = np.linalg.eigvalsh(np.cov(drawn.T))[::-1] / np.trace(covariance)
    rank = min(n_fit - 1, p)
    assert values[rank - 1] > 1e-4 and (values[rank:] < 1e-9).all()


@pytest.mark.parametrize("n_fit", [6, 50])
def test_draws_are_distributed_like_the_reference(n_fit: int) -> None:
    images = skewed(n_fit, 9, np.random.default_rng(3))
    fast = fit_gaussian(images).draw(5000, np.random.default_rng(4))
    slow = reference.draw(images, 5000, np.random.default_rng(5))
    for direction in np.random.default_rng(6).standard_normal((6, 9)):
        assert stats.ks_2samp(fast @ direction, slow @ direction).pvalue > 1e-3
        assert stats.kurtosis(fast @ direction, fisher=False) == pytest.approx(3, abs=5 * np.sqrt(24 / 5000))


# -- the certificate ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n_fit", "m"), [(7, 5), (12, 30), (40, 12), (50, 60), (2, 2)])
def test_certificate_is_what_the_reference_computes(n_fit: int, m: int) -> None:
    rng = np.random.default_rng(7)
    p = 20
    images = skewed(n_fit, p, rng)
    gaussian = fit_gaussian(images)
    drawn = gaussian.draw(m, rng)
    directions = rng.standard_normal((p, 10)).astype(np.float32)
    pixels = np.array([0, 3, 19])
    mean, covariance, random, pixel = certify(gaussian, images, drawn, directions, pixels)
    assert [mean["clone"], covariance["clone"]] == pytest.approx(reference.relative_errors(images, drawn), rel=1e-3)
    chosen = np.eye(p)[:, pixels]
    for row, vectors in ((random, directions), (pixel, chosen)):
        assert row["clone"] == pytest.approx(reference.mean_kurtosis(drawn, vectors), rel=1e-4)
        assert row["source"] == pytest.approx(reference.mean_kurtosis(images, vectors), rel=1e-4)
        assert row["expected"] == pytest.approx(3 * (m - 1) / (m + 1))
    for row in (mean, covariance, random, pixel):
        assert (row["n_fit"], row["n_drawn"]) == (n_fit, m)


def test_expected_values_and_standard_errors_are_those_of_many_clones() -> None:
    rng = np.random.default_rng(8)
    images = sample_nlgp(40, side=6, xi=2.0, gain=3.0, channels=1, rng=rng) + 1
    gaussian = fit_gaussian(images)
    directions = rng.standard_normal((36, 16)).astype(np.float32)
    repeats, m = 800, 60
    runs = [certify(gaussian, images, gaussian.draw(m, rng), directions, np.arange(36)) for _ in range(repeats)]
    for rows in zip(*runs, strict=True):
        values = np.array([row["clone"] for row in rows])
        expected, error = rows[0]["expected"], rows[0]["standard_error"]
        tolerance = 0.02 * expected if rows[0]["statistic"] in ("mean", "covariance") else 0
        assert values.mean() == pytest.approx(expected, abs=4 * error / np.sqrt(repeats) + tolerance)
        assert values.std() == pytest.approx(error, rel=0.2)


def test_standard_error_of_one_direction_and_of_many_copies_is_the_same() -> None:
    rng = np.random.default_rng(9)
    images = skewed(30, 4, rng)
    gaussian = fit_gaussian(images)
    drawn = gaussian.draw(50, rng)
    one = certify(gaussian, images, drawn, np.ones((4, 1), np.float32), np.array([2]))
    many = certify(gaussian, images, drawn, np.ones((4, 8), np.float32), np.array([2, 2, 2]))
    m = 50
    exact = np.sqrt(24 * m * (m - 2) * (m - 3) / ((m + 1) ** 2 * (m + 3) * (m + 5)))
    for row, copies in zip(one[2:], many[2:], strict=True):
        assert row["standard_error"] == pytest.approx(exact, rel=1e-5)
        assert copies["standard_error"] == pytest.approx(exact, rel=1e-5)


def test_what_does_not_vary_has_no_kurtosis() -> None:
    rng = np.random.default_rng(10)
    images = np.full((9, 6), 77.7, np.float32)
    gaussian = fit_gaussian(images)
    drawn = gaussian.draw(9, rng)
    rows = certify(gaussian, images, drawn, rng.standard_normal((6, 5)).astype(np.float32), np.arange(6))
    assert all(np.isnan(row[key]) for row in rows[1:] for key in ("source", "clone", "expected"))
    assert (drawn == np.float32(77.7)).all()
    # One pixel varies, another only in the last bit of one image: the average is over the first.
    images[:, 2] += rng.exponential(10, 9).astype(np.float32)
    images[0, 3] = np.nextafter(images[0, 3], np.float32(np.inf))
    gaussian = fit_gaussian(images)
    drawn = gaussian.draw(9, rng)
    pixel = certify(gaussian, images, drawn, np.eye(6, dtype=np.float32), np.arange(6))[3]
    assert pixel["clone"] == pytest.approx(mean_kurtosis(drawn[:, [2]]))


def test_mean_kurtosis_against_scipy() -> None:
    values = np.random.default_rng(11).exponential(1, (50, 7))
    assert mean_kurtosis(values) == pytest.approx(stats.kurtosis(values, fisher=False).mean())


# -- clones of datasets ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("per", ["channel", "joint"])
@pytest.mark.parametrize("shuffled", [False, True])
def test_clone_has_classes_labels_and_order_of_the_source(tmp_path: Path, per: str, shuffled: bool) -> None:
    write_source(tmp_path / "source", [(9, 3), (5, 0), (14, 6)], shuffled=shuffled)
    made, source = clone(tmp_path, per=per), open_dataset(tmp_path / "source")
    assert (made.shape, made.classes, made.pixel_scale) == (source.shape, source.classes, source.pixel_scale)
    assert made.source["clone_of"] == source.source and made.source["per"] == per
    for split, of_source in ((made.train, source.train), (made.validation, source.validation)):
        assert split.images.dtype == np.float32
        np.testing.assert_array_equal(split.labels, of_source.labels)
        assert len(np.unique(split.images, axis=0)) == len(split.images)
    # Every image lies in the affine span of its own class's training images (of one channel): 5 images, 4 dimensions.
    rows = source.train.images[source.train.labels == 1, :9].astype(np.float64)
    drawn = made.train.images[made.train.labels == 1, :9] - rows.mean(axis=0)
    basis = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)[2][:4]
    assert np.abs(drawn - drawn @ basis.T @ basis).max() < 1e-3 * np.abs(drawn).max()


def test_values_are_neither_clipped_nor_rounded(tmp_path: Path) -> None:
    write_source(tmp_path / "source", [(200, 20)], shape=(1, 4, 4), black_and_white=True)
    images = clone(tmp_path).train.images
    # Fitted to 0 and 255 in equal parts: mean and standard deviation 127.5, so that 32 % lie outside 0..255.
    assert ((images < 0) | (images > 255)).mean() == pytest.approx(0.32, abs=0.05)
    assert (images % 1 != 0).mean() > 0.99


def test_clone_is_gaussian_where_the_source_is_not(tmp_path: Path) -> None:
    write_source(tmp_path / "source", [(300, 40)] * 6, shape=(1, 4, 4))
    clone(tmp_path)
    rows = certificate(tmp_path)
    assert {row["statistic"] for row in rows} == {"mean", "covariance", "kurtosis_random", "kurtosis_pixel"}
    assert len(rows) == 6 * 4 and {row["dataset"] for row in rows} == {"x-clone"}
    text = summarise_certificate(read_table(tmp_path / "clone.parquet", "certificate"))
    summary = pd.read_csv(io.StringIO(text), index_col="statistic")
    assert summary.loc[["mean", "covariance"], "source"].isna().all()
    assert (summary.loc[["kurtosis_random", "kurtosis_pixel"], "source"] > 3.5).all()
    assert summary.loc[["kurtosis_random", "kurtosis_pixel"], "clone"].to_numpy() == pytest.approx(3, abs=0.2)
    assert summary["deviation"].between(0.4, 1.8).all()


def test_channels_are_independent_or_joint(tmp_path: Path) -> None:
    n = 4000
    write_source(tmp_path / "source", [(n, 2)], shape=(2, 2, 2), dtype=np.float32)
    source = np.cov(open_dataset(tmp_path / "source").train.images.T.astype(np.float64))
    error = np.sqrt((source**2 + np.outer(np.diag(source), np.diag(source))) / n)
    across = np.kron(1 - np.eye(2), np.ones((4, 4))).astype(bool)
    assert np.abs(source[across] / error[across]).max() > 20
    for per, expected in (("channel", np.where(across, 0, source)), ("joint", source)):
        scores = (np.cov(clone(tmp_path, per=per).train.images.T.astype(np.float64)) - expected) / error
        assert np.abs(scores).max() < 4.5
        assert {row["channel"] for row in certificate(tmp_path)} == ({0, 1} if per == "channel" else {None})


def test_validation_images_come_from_the_training_fit(tmp_path: Path) -> None:
    write_source(tmp_path / "source", [(50, 4000)], shape=(1, 2, 2))
    made, source = clone(tmp_path), open_dataset(tmp_path / "source")
    mean, deviation = (f(source.train.images.astype(np.float64), axis=0) for f in (np.mean, np.std))
    scores = (made.validation.images.mean(axis=0, dtype=np.float64) - mean) / (deviation / np.sqrt(4000))
    assert np.abs(scores).max() < 4.5


def test_fit_per_class(tmp_path: Path) -> None:
    write_source(tmp_path / "source", [(40, 5), (6, 5)], shape=(1, 6, 6), shuffled=True)
    made, source = clone(tmp_path, fit_per_class=30), open_dataset(tmp_path / "source")
    assert [row["n_fit"] for row in certificate(tmp_path)] == [30] * 4 + [6] * 4
    assert [row["n_drawn"] for row in certificate(tmp_path)] == [40] * 4 + [6] * 4
    of_class = source.train.labels == 0
    drawn = made.train.images[of_class].astype(np.float64)
    values = np.linalg.svd(drawn - drawn.mean(axis=0), compute_uv=False) / np.linalg.norm(drawn)
    assert values[28] > 1e-4 and values[29] < 1e-6  # rank 29
    with pytest.raises(CloneError, match=r"fit_per_class \(1\) must be at least 2"):
        clone(tmp_path, fit_per_class=1)


def test_runs_repeat_bit_for_bit(tmp_path: Path) -> None:
    write_source(tmp_path / "source", [(9, 3), (20, 4)])
    first = clone(tmp_path, to="a", seed=3)
    clone(tmp_path, to="b", seed=3)
    assert (tmp_path / "a/facts.json").read_bytes() == (tmp_path / "b/facts.json").read_bytes()
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    for change in ({"seed": 4}, {"seed": 3, "name": "other"}):
        assert (clone(tmp_path, to="c", **change).train.images != first.train.images).all()


@pytest.mark.parametrize("per", ["channel", "joint"])
@pytest.mark.parametrize("shuffled", [False, True])
def test_clone_is_the_same_on_any_number_of_threads_and_that_of_the_reference(
    tmp_path: Path, per: str, shuffled: bool
) -> None:
    write_source(tmp_path / "source", [(9, 3), (20, 4), (5, 0), (30, 2), (8, 8)], shape=(3, 4, 4), shuffled=shuffled)
    settings = {"per": per, "fit_per_class": 8, "seed": 2}
    expected = reference.clone_images(open_dataset(tmp_path / "source"), "x-clone", **settings)
    for threads in (1, 2, 7):
        made = clone(tmp_path, to=f"on {threads}", threads=threads, **settings)
        for split, images in zip((made.train, made.validation), expected, strict=True):
            np.testing.assert_allclose(split.images, images, rtol=1e-5, atol=1e-3)
    for file in ("{}/facts.json", "{}.parquet"):  # facts.json has the checksums of the images
        assert len({(tmp_path / file.format(f"on {threads}")).read_bytes() for threads in (1, 2, 7)}) == 1


@pytest.mark.parametrize("threads", [1, 3])
def test_a_class_that_fails_ends_it_at_once_and_leaves_nothing(
    tmp_path: Path, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_source(tmp_path / "source", [(4, 1)] * 200)
    done = []

    def fit(images: np.ndarray) -> object:
        done.append(images)
        if len(done) == 20:
            raise MemoryError("class 19 is too large")
        return fit_gaussian(images)

    monkeypatch.setattr(winnow.clone.draw, "fit_gaussian", fit)
    with pytest.raises(MemoryError, match="class 19 is too large"):
        clone(tmp_path, threads=threads)
    assert len(done) < 600  # three channels a class
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for the memory of each mapping")
@pytest.mark.parametrize("shuffled", [False, True])
def test_no_more_than_a_class_a_thread_is_in_memory(
    tmp_path: Path, shuffled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    n_classes, of_class = 40, 100 * 3 * 16 * 16 * 4  # 12 MB in all
    write_source(tmp_path / "source", [(100, 2)] * n_classes, shape=(3, 16, 16), shuffled=shuffled)
    peaks = []

    def draw_class(*arguments: object) -> object:
        mappings = Path("/proc/self/smaps").read_text().split("VmFlags:")
        written = [text for text in mappings if "_images.npy" in text and ".part" in text]
        peaks.append(sum(1024 * int(text.split("\nRss:")[1].split()[0]) for text in written))
        return real(*arguments)

    real = winnow.clone.draw._draw_class
    monkeypatch.setattr(winnow.clone.draw, "_draw_class", draw_class)
    clone(tmp_path, threads=2)
    assert len(peaks) == n_classes and max(peaks) < (8 if shuffled else 4) * of_class


def test_classes_and_splits_have_their_own_streams(tmp_path: Path) -> None:
    write_source(tmp_path / "source", [(9, 9), (9, 9)], dtype=np.float32)
    source = open_dataset(tmp_path / "source")
    made = clone(tmp_path)
    noise = []
    for k in range(2):
        fit = source.train.images[source.train.labels == k][:, :9]
        for split in (made.train, made.validation):
            images = split.images[split.labels == k][:, :9]
            centred = images - fit.mean(axis=0)
            noise.append(np.linalg.lstsq(fit_gaussian(fit).root.T, centred.T, rcond=1e-4)[0].ravel())
    assert np.abs(np.corrcoef(noise) - np.eye(4)).max() < 0.5


@pytest.mark.parametrize("n", [0, 1])
def test_a_class_of_one_image_is_refused(tmp_path: Path, n: int) -> None:
    write_source(tmp_path / "source", [(4, 1), (n, 3), (4, 2)])
    with pytest.raises(CloneError, match=rf"two training images a class.*'class 1' \({n}\): add images"):
        clone(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source"]


# -- controls ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("per", ["channel", "joint"])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_a_clipped_clone_is_that_of_the_reference_on_256_levels(tmp_path: Path, per: str, dtype: type) -> None:
    sharp = {"black_and_white": dtype == np.uint8}  # its clone's values go well beyond
    write_source(tmp_path / "source", [(9, 3), (20, 4), (8, 0)], shape=(3, 4, 4), shuffled=True, dtype=dtype, **sharp)
    source = open_dataset(tmp_path / "source")
    settings = {"per": per, "fit_per_class": 8, "seed": 2}
    expected = reference.clone_images(source, "x-clone", **settings, kind="clipped")
    made = clone(tmp_path, kind="clipped", **settings)
    assert made.source["as"] == "clipped"
    values = source.train.images
    least, largest = (0, 255) if dtype == np.uint8 else (values.min(), values.max())
    for split, images in zip((made.train, made.validation), expected, strict=True):
        level = (split.images.astype(np.float64) - least) / (largest - least) * 255
        np.testing.assert_allclose(level, np.rint(level), atol=1e-3)
        assert level.min() >= -1e-3 and level.max() <= 255 + 1e-3
        off = np.abs(split.images - images) / (largest - least) * 255
        assert off.max() < 1.01 and np.mean(off > 0.01) < 0.01  # halves, rounded to either side
    if dtype == np.uint8:
        assert 0.2 < np.mean((made.train.images == 0) | (made.train.images == 255)) < 0.9


def test_the_certificate_of_a_clipped_clone_shows_what_clipping_does(tmp_path: Path) -> None:
    write_source(tmp_path / "source", [(2000, 2)], shape=(1, 4, 4), black_and_white=True)
    clone(tmp_path, to="exact")
    clone(tmp_path, to="clipped", kind="clipped")
    kurtosis = {}
    for kind in ("exact", "clipped"):
        rows = {row["statistic"]: row for row in certificate(tmp_path, kind)}
        kurtosis[kind] = rows["kurtosis_pixel"]["clone"]
    assert kurtosis["exact"] == pytest.approx(3, abs=0.15) and kurtosis["clipped"] < 1.7  # a step between two values


@pytest.mark.parametrize("per", ["channel", "joint"])
@pytest.mark.parametrize("shape", [(3, 4, 5), (2, 5, 4)])
def test_random_phases_are_those_of_the_reference_and_keep_each_images_spectrum(
    tmp_path: Path, per: str, shape: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(winnow.clone.controls, "_CHUNK", 3)
    write_source(tmp_path / "source", [(5, 2), (4, 3)], shape=shape, shuffled=True)
    source, made = open_dataset(tmp_path / "source"), clone(tmp_path, kind="phases", per=per, seed=7)
    assert made.source["as"] == "phases"
    n_blocks = shape[0] if per == "channel" else 1
    for which in ("train", "validation"):
        of_source, split = getattr(source, which), getattr(made, which)
        np.testing.assert_array_equal(split.labels, of_source.labels)
        originals, images = (array.astype(float).reshape(-1, *shape) for array in (of_source.images, split.images))
        assert np.abs(images - originals).mean() > 1
        spectra = [np.fft.fft2(array) for array in (originals, images)]
        np.testing.assert_allclose(np.abs(spectra[1]), np.abs(spectra[0]), atol=1e-3)
        np.testing.assert_allclose(images.mean(axis=(2, 3)), originals.mean(axis=(2, 3)), rtol=1e-5)
        cross = [spectrum[:, 0] * spectrum[:, 1].conj() for spectrum in spectra]
        alike = np.allclose(cross[0], cross[1], rtol=1e-3, atol=1)
        assert alike == (per == "joint")
        for k in range(2):
            rows, rng = np.flatnonzero(split.labels == k), stream("clone draw", "x-clone", 7, k, which)
            for channels in np.array_split(np.arange(shape[0]), n_blocks):
                noise = rng.standard_normal((len(rows), *shape[1:]))
                for row, phases in zip(rows, noise, strict=True):
                    for channel in channels:
                        expected = reference.with_phases_of(originals[row, channel], phases)
                        np.testing.assert_allclose(images[row, channel], expected, atol=1e-3)


@pytest.mark.parametrize("kind", ["clipped", "phases"])
def test_controls_are_the_same_on_any_number_of_threads_and_differ_by_seed(tmp_path: Path, kind: str) -> None:
    write_source(tmp_path / "source", [(9, 3), (20, 4), (5, 0), (30, 2)], shape=(3, 4, 4))
    for threads in (1, 3):
        clone(tmp_path, to=f"on {threads}", threads=threads, kind=kind)
    for file in ("{}/facts.json", "{}.parquet"):
        assert len({(tmp_path / file.format(f"on {threads}")).read_bytes() for threads in (1, 3)}) == 1
    other = clone(tmp_path, to="other", kind=kind, seed=1)
    assert (other.train.images != open_dataset(tmp_path / "on 1").train.images).any(axis=1).all()


def test_constant_images_stay_as_they_are() -> None:
    constant = np.full((4, 12), 3.5, np.float32)
    np.testing.assert_array_equal(randomise_phases(constant, (3, 4), stream("constant")), constant)
    levels = Levels(3.5, 1.0)
    np.testing.assert_array_equal(levels.clip(constant, stream("constant")), constant)


def test_fits_have_nothing_to_do_with_phases(tmp_path: Path) -> None:
    write_source(tmp_path / "source", [(4, 1)])
    with pytest.raises(CloneError, match="fit_per_class is of Gaussians"):
        clone(tmp_path, kind="phases", fit_per_class=3)


def test_unknown_kind_and_missing_source(tmp_path: Path) -> None:
    with pytest.raises(CloneError, match="as \\('rough'\\) must be exact, clipped or phases"):
        clone(tmp_path, kind="rough")
    with pytest.raises(CloneError, match="per \\('pixel'\\) must be channel or joint"):
        clone(tmp_path, per="pixel")
    with pytest.raises(StoreError, match="is not a complete dataset"):
        clone(tmp_path)


def test_clone_of_a_clone(tmp_path: Path) -> None:
    write_source(tmp_path / "source", [(9, 3), (20, 4)])
    clone(tmp_path)
    (tmp_path / "clone").rename(tmp_path / "first")
    clone_gaussian(tmp_path / "first", tmp_path / "second", tmp_path / "second.parquet", name="x-clone-clone")
    second = open_dataset(tmp_path / "second")
    assert second.source["clone_of"]["clone_of"] == {"source": "made up"}

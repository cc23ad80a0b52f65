"""Gaussian clones: the fit, the draws and their certificate, for classes of any rank."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples import examples
from properties.strategies import FIXED, images, seeds
from winnow.clone.certificate import certify
from winnow.clone.draw import clone_gaussian
from winnow.clone.gaussian import fit_gaussian
from winnow.store.datasets import new_dataset, open_dataset
from winnow.store.tables import read_table
from winnow.streams import stream

STATISTICS = ["mean", "covariance", "kurtosis_random", "kurtosis_pixel"]


def directions(n_pixels, seed=0):
    random = stream("property directions", seed).normal(size=(n_pixels, 16))
    return (random / np.linalg.norm(random, axis=0)).astype(np.float32), np.arange(n_pixels)


def single(x):
    return x.astype(np.float32)


@FIXED
@given(images())
def test_mean_and_covariance_are_the_images(x):
    x = single(x)
    gaussian = fit_gaussian(x)
    n, p = x.shape
    assert gaussian.root.shape == (min(n, p), p) and gaussian.n_fit == n
    np.testing.assert_allclose(gaussian.mean, x.astype(np.float64).mean(axis=0), rtol=1e-12, atol=1e-300)
    covariance = np.cov(x.astype(np.float64), rowvar=False).reshape(p, p)
    size = np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    np.testing.assert_array_less(
        np.abs(gaussian.root.T @ gaussian.root - covariance), 1e-5 * size + 1e-6 * size.max() + 1e-20
    )


@FIXED
@given(images(), seeds)
def test_draws_leave_the_span_of_the_images_nowhere(x, seed):
    x = single(x)
    drawn = fit_gaussian(x).draw(30, stream("draws", seed))
    assert drawn.shape == (30, x.shape[1]) and drawn.dtype == np.float32
    centred = x - x.mean(axis=0, dtype=np.float64)
    _, sizes, axes = np.linalg.svd(centred, full_matrices=True)
    rank = int((sizes > 1e-9 * max(np.abs(x).max(), 1e-30) * len(x)).sum())
    outside = (drawn - x.mean(axis=0, dtype=np.float64)) @ axes[rank:].T
    assert (np.abs(outside) <= 1e-4 * (np.abs(x).max() + sizes.max())).all()
    still = np.ptp(x, axis=0) == 0
    np.testing.assert_allclose(drawn[:, still], np.repeat(x[:1, still], 30, axis=0), rtol=1e-6)


@FIXED
@given(images(), seeds, st.integers(-20, 20))
def test_images_of_another_scale_give_draws_of_that_scale(x, seed, power):
    x = single(x)
    drawn = [fit_gaussian(each).draw(5, stream("draws", seed)) for each in (x, x * np.float32(2.0**power))]
    np.testing.assert_array_equal(drawn[1], drawn[0] * np.float32(2.0**power))


@FIXED
@given(images(), seeds)
def test_many_draws_are_as_far_off_as_the_certificate_expects(x, seed):
    x = single(x)
    gaussian = fit_gaussian(x)
    drawn = gaussian.draw(4000, stream("draws", seed))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rows = certify(gaussian, x, drawn, *directions(x.shape[1], seed))
    assert [row["statistic"] for row in rows] == STATISTICS
    for row in rows:
        if np.isnan(row["clone"]):
            assert np.isnan(row["expected"])
            continue
        # The error of a mean is no Gaussian number; that of a class of rank 1 has the longest tail.
        most = 5 if row["statistic"].startswith("kurtosis") else 7
        assert abs(row["clone"] - row["expected"]) < most * row["standard_error"], row


@FIXED
@given(images(), st.integers(2, 4))
def test_constant_images_are_drawn_as_they_are(x, n):
    constant = np.repeat(single(x)[:1], n, axis=0)
    gaussian = fit_gaussian(constant)
    drawn = gaussian.draw(6, stream("draws"))
    np.testing.assert_allclose(drawn, np.repeat(constant[:1], 6, axis=0), rtol=1e-6)
    for row in certify(gaussian, constant, drawn, *directions(x.shape[1])):
        assert np.isnan([row["source"], row["clone"], row["expected"], row["standard_error"]]).all(), row


@st.composite
def sources(draw):
    """Images and labels of a small data set: classes of two images or more, some of them constant."""
    n_classes, shape = draw(st.integers(1, 3)), draw(st.sampled_from([(1, 1, 1), (1, 2, 2), (3, 2, 2)]))
    rng = stream("property sources", draw(seeds))
    labels = np.concatenate([np.arange(n_classes).repeat(2), rng.integers(0, n_classes, draw(st.integers(0, 12)))])
    held_out = rng.integers(0, n_classes, draw(st.integers(0, 3)))
    pictures = [rng.integers(0, 256, (len(each), int(np.prod(shape)))).astype(np.uint8) for each in (labels, held_out)]
    pictures[0][labels == 0] = pictures[0][0] if draw(st.booleans()) else pictures[0][labels == 0]
    return shape, n_classes, [(pictures[0], rng.permutation(labels)), (pictures[1], held_out)]


def write(folder, shape, n_classes, splits):
    with new_dataset(
        folder,
        shape=shape,
        classes=[f"class {k}" for k in range(n_classes)],
        n_train=len(splits[0][1]),
        n_validation=len(splits[1][1]),
        dtype=np.uint8,
        pixel_scale=255.0,
        source={},
    ) as written:
        for split, (pictures, labels) in zip(written, splits, strict=True):
            split.images[:], split.labels[:] = pictures, labels


def cloned(folder, per="channel", threads=1):
    clone_gaussian(folder / "source", folder / "clone", folder / "certificate", name="c", per=per, threads=threads)
    clone = open_dataset(folder / "clone")
    certificate = read_table(folder / "certificate", "certificate").to_pylist()
    return [(np.array(split.images), np.array(split.labels)) for split in (clone.train, clone.validation)], certificate


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("clones")


@settings(FIXED, max_examples=examples(12))
@given(sources(), st.sampled_from(["channel", "joint"]), st.integers(2, 4))
def test_a_clone_does_not_depend_on_the_threads(folder, source, per, threads):
    shape, n_classes, splits = source
    write(folder / "source", *source)
    (one, certificate), (many, other) = (cloned(folder, per, n) for n in (1, threads))
    assert repr(certificate) == repr(other)
    assert len(certificate) == n_classes * (shape[0] if per == "channel" else 1) * len(STATISTICS)
    for (drawn, labels), (same, _), (_, of_source) in zip(one, many, splits, strict=True):
        assert np.isfinite(drawn).all() and (drawn == same).all() and (labels == of_source).all()


@settings(FIXED, max_examples=examples(12))
@given(sources(), seeds)
def test_what_the_certificate_expects_follows_the_class(folder, source, seed):
    shape, n_classes, splits = source
    order = stream("relabelled", seed).permutation(n_classes)
    found = []
    for names in (np.arange(n_classes), order):
        write(folder / "source", shape, n_classes, [(pictures, names[labels]) for pictures, labels in splits])
        rows = cloned(folder)[1]
        found.append({(row["class"], row["channel"], row["statistic"]): row for row in rows})
    for (k, *what), row in found[0].items():
        moved = found[1][(int(order[k]), *what)]
        assert all(
            repr(row[key]) == repr(moved[key]) for key in ("n_fit", "n_drawn", "source", "expected", "standard_error")
        )

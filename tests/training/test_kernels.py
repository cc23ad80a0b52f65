"""The compiled kernels, one by one, against the references: the same bits."""

import numpy as np
import pytest

from reference import products
from winnow.training import kernels, kernels_dense
from winnow.training.kernels_dense import PANEL
from winnow.training.vectors import LINE, aligned, padded

DTYPES = [np.dtype(np.float32), np.dtype(np.float64)]


@pytest.fixture(params=[(5, 3, 2), (17, 9, 40), (50, 26, 33), (13, 8, 56)], ids=str)
def shape(request):
    """Inputs, units, images: sizes that fill panels, and that do not."""
    return request.param


def rows_of(draw, n, n_images, dtype):
    """Random numbers, feature-major, padded with zeros."""
    array = aligned(n, n_images, dtype)
    array[:, :n_images] = draw.standard_normal((n, n_images))
    return array


def weights_of(draw, n_units, n_inputs, dtype):
    array = padded(n_units, n_inputs, dtype)
    array[:, :n_inputs] = draw.standard_normal((n_units, n_inputs))
    return array


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_products_are_those_of_the_reference(shape, dtype):
    n_inputs, n_units, n_images = shape
    draw = np.random.default_rng(n_inputs)
    weight, y = weights_of(draw, n_units, n_inputs, dtype), rows_of(draw, n_inputs, n_images, dtype)
    delta, z, dy = rows_of(draw, n_units, n_images, dtype), *(aligned(n, n_images, dtype) for n in (n_units, n_inputs))
    kernels_dense.multiply(0, n_units, weight, False, y, n_images, z)
    kernels_dense.multiply(0, n_inputs, weight, True, delta, n_images, dy)
    used = weight[:, :n_inputs]
    np.testing.assert_array_equal(z[:, :n_images], products.multiply(used, y[:, :n_images]))
    np.testing.assert_array_equal(dy[:, :n_images], products.multiply(used.T, delta[:, :n_images]))
    assert not z[:, n_images:].any() and not dy[:, n_images:].any()  # where sums over a batch read on


@pytest.mark.parametrize("how", [{}, {"decay": 0.05}, {"decay": 0.05, "momentum": 0.9}], ids=len)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_weights_take_the_step_of_the_reference(shape, dtype, how):
    n_inputs, n_units, n_images = shape
    draw = np.random.default_rng(n_inputs)
    weight, y = weights_of(draw, n_units, n_inputs, dtype), rows_of(draw, n_inputs, n_images, dtype)
    delta, mask = rows_of(draw, n_units, n_images, dtype), padded(n_units, n_inputs, np.dtype(bool))
    mask[:, :n_inputs] = draw.random((n_units, n_inputs)) < 0.5
    panels = -(-n_inputs * dtype.itemsize // PANEL)
    by_image = aligned(y.shape[1], panels * PANEL // dtype.itemsize, dtype)
    kernels.write_by_image(0, n_inputs, y, by_image)
    np.testing.assert_array_equal(by_image[:, :n_inputs], y.T)
    velocity = weights_of(draw, n_units, n_inputs, dtype) if "momentum" in how else None
    before = None if velocity is None else velocity[:, :n_inputs].copy()
    of_batch = (delta[:, :n_images], y[:, :n_images], mask[:, :n_inputs])
    expected, v = products.descend(weight[:, :n_inputs], *of_batch, rate=0.1, velocity=before, **how)
    decay, momentum = dtype.type(how["decay"]) if how else None, dtype.type(how.get("momentum", 0))
    of_weights = (dtype.type(0.1), decay, momentum, weight, velocity)
    kernels_dense.descend(0, n_inputs, delta, by_image, n_images, mask, *of_weights)
    np.testing.assert_array_equal(weight[:, :n_inputs], expected)
    if velocity is not None:
        np.testing.assert_array_equal(velocity[:, :n_inputs], v)
    assert not weight[:, n_inputs:].any()


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_sums_over_a_batch_halve_the_vector(dtype):
    lanes = LINE // dtype.itemsize
    x = rows_of(np.random.default_rng(0), 2, 3 * lanes - 1, dtype)
    total = x[0, :lanes] + x[0, lanes : 2 * lanes] + x[0, 2 * lanes :]
    while len(total) > 1:
        total = total[: len(total) // 2] + total[len(total) // 2 :]
    assert kernels.sum_row(x, 0) == total[0]
    assert kernels.dot_rows(x, 0, x, 1) == pytest.approx(x[0] @ x[1], rel=1e-5)


def test_exponentials_are_right_to_a_unit_in_the_last_place():
    x = -np.concatenate([np.linspace(0, 40, 2001), np.geomspace(1e-300, 700, 2001)])
    expected = np.exp(x)
    found = np.array([kernels.exponential(value) for value in x])
    assert (abs(found - expected) <= np.spacing(expected)).all()
    assert kernels.exponential(0.0) == 1
    assert kernels.exponential(-np.inf) == kernels.exponential(-709.0) == 0
    assert np.isnan(kernels.exponential(np.nan))


@pytest.mark.parametrize("pixels", ["uint8", "float32"])
@pytest.mark.parametrize("n_pixels", [3, 48, 83])
def test_batches_are_prepared_bit_for_bit(pixels, n_pixels):
    draw = np.random.default_rng(0)
    images, mean = (draw.uniform(0, 255, (9, n_pixels))).astype(pixels), draw.uniform(90, 160, n_pixels)
    mean, scale, rows = mean.astype(np.float32), np.float32(255), draw.integers(9, size=20)
    x = aligned(n_pixels, len(rows), np.dtype(np.float64))
    by_image = aligned(x.shape[1], n_pixels, x.dtype)
    kernels.gather(0, n_pixels, images, rows, mean, scale, by_image, x)
    expected = (images[rows].astype(np.float32) - mean) / scale  # as `Dataset.prepare`
    np.testing.assert_array_equal(x[:, : len(rows)], expected.T)

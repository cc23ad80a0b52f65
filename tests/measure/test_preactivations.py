import numpy as np
import pytest
from small import OTHER_DEVICES, photo_like

from winnow.measure.arrays import NUMPY, arrays_on
from winnow.measure.preactivations import subtract_mean, validation_chunks
from winnow.streams import stream


@pytest.mark.parametrize("device", ["cpu", *OTHER_DEVICES])
@pytest.mark.parametrize("ordered", [False, True])
def test_chunks_are_the_prepared_images(device, ordered):
    dataset = photo_like(50, (3, 4, 4), 2, 0)
    order = stream("order").permutation(50) if ordered else None
    images = dataset.validation.images if order is None else dataset.validation.images[order]
    images.flags.writeable = False  # as a memory map's are not
    with arrays_on(device) as arrays:
        chunks = [arrays.get(chunk) for chunk in validation_chunks(dataset, 20, order, arrays)]
    assert [len(chunk) for chunk in chunks] == [20, 20, 10]
    np.testing.assert_array_equal(np.concatenate(chunks), dataset.prepare(images))


def test_subtracting_a_large_mean_costs_no_digits():
    draw = stream("large mean")
    mean = draw.normal(1e5, 1e4, size=40)
    x = (mean + draw.normal(size=(30, 40))).astype(np.float32)
    difference = subtract_mean(x, mean, NUMPY)
    assert difference.dtype == np.float32
    np.testing.assert_allclose(difference, x - mean, rtol=2e-7, atol=1e-9)

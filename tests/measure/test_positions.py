import numpy as np
import pytest
from small import make_parameters, nested_masks

from reference import positions as reference
from winnow.masks import PruningError
from winnow.measure.chance import scatter
from winnow.measure.positions import (
    expected_nearest_distances,
    measure_positions,
    nearest_distances,
    position_spread,
)
from winnow.streams import stream

WEIGHT = "layers.0.weight"


def parameters_and_masks(shape, seed=0, scale=1.0):
    n_inputs = int(np.prod(shape))
    parameters = make_parameters(9, n_inputs, seed)
    parameters[WEIGHT] = parameters[WEIGHT] * np.float32(scale)
    masks = nested_masks(9, n_inputs, 3, 0.6, seed)
    masks[3][WEIGHT][4] = False  # a unit without weights,
    masks[3][WEIGHT][5] = False
    masks[3][WEIGHT][5, 2] = True  # and one with a single one
    return parameters, masks


@pytest.mark.parametrize("channels", ["same", "any"])
@pytest.mark.parametrize("shape", [(1, 5, 7), (3, 4, 4), (2, 1, 6), (1, 1, 3)])
def test_is_the_references(shape, channels):
    parameters, masks = parameters_and_masks(shape, seed=shape[1])
    columns = measure_positions(parameters, masks, shape, channels=channels)
    assert {len(column) for column in columns.values()} == {4 * 9}
    for row in range(4 * 9):
        n, unit = divmod(row, 9)
        mask = masks[n][WEIGHT][unit].reshape(shape)
        weights = reference.weights_of(parameters[WEIGHT][unit].reshape(shape), mask)
        places = [weight[:3] for weight in weights]
        if channels == "any":
            places = sorted({(0, y, x) for _, y, x in places})
        expected = {
            "round": n,
            "unit": unit,
            "n_weights": len(weights),
            "position_entropy": reference.position_entropy(weights),
            "position_variance_x": reference.position_variance(weights, 2),
            "position_variance_y": reference.position_variance(weights, 1),
            "nearest_distance": reference.nearest_distance(places),
        }
        for name, value in expected.items():
            assert columns[name][row] == pytest.approx(value, rel=1e-9, abs=1e-12, nan_ok=True), (name, row)


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_the_weights_scale_does_not_count(scale):
    shape = (3, 4, 4)
    expected, found = (measure_positions(*parameters_and_masks(shape, scale=s), shape) for s in (1.0, scale))
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-5, atol=1e-12)


def test_units_beyond_a_chunk_are_their_own():
    masks = stream("many units").random((300, 2, 5, 4)) < 0.3
    np.testing.assert_array_equal(nearest_distances(masks), np.concatenate([nearest_distances(m[None]) for m in masks]))


def test_exact_cases():
    even = np.ones((1, 2, 4, 8))
    spread = position_spread(even)
    assert spread["position_entropy"] == pytest.approx(np.log(32))
    assert spread["position_variance_x"] == pytest.approx((8**2 - 1) / 12)
    assert spread["position_variance_y"] == pytest.approx((4**2 - 1) / 12)
    single = np.zeros((1, 2, 4, 8), bool)
    single[0, :, 1, 3] = True
    assert position_spread(single)["position_entropy"].tolist() == [0] and not np.signbit(
        position_spread(single)["position_entropy"]
    )
    assert position_spread(single)["position_variance_x"].tolist() == [0]
    assert np.isnan(nearest_distances(single)).all()  # one a channel: nobody else
    single[0, 0, 3, 7] = True
    assert nearest_distances(single) == pytest.approx(np.hypot(2, 4))
    assert nearest_distances(even > 0).tolist() == [1.0]
    assert nearest_distances(np.zeros((0, 1, 2, 2), bool)).shape == (0,)


@pytest.mark.parametrize(("counts", "size"), [((7,), (6, 9)), ((2, 0, 11), (5, 5)), ((2,), (1, 4)), ((20, 1), (4, 5))])
def test_what_chance_gives_is_the_mean_over_random_masks(counts, size):
    connected = np.zeros((1, len(counts), *size), bool)
    for channel, n in enumerate(counts):
        connected[0, channel].ravel()[:n] = True
    random = nearest_distances(scatter(np.repeat(connected, 20_000, axis=0), stream("nearest", *counts)))
    expected = expected_nearest_distances(np.array([counts]), size)
    error = random.std() / np.sqrt(len(random))
    assert expected[0] == pytest.approx(random.mean(), abs=5 * error + 1e-12)


def test_chance_where_there_is_nothing_to_choose():
    expected = expected_nearest_distances(np.array([[0, 1], [6, 0], [0, 0]]), (2, 3))
    assert np.isnan(expected[[0, 2]]).all() and expected[1] == pytest.approx(1)


def test_what_does_not_fit_is_refused():
    parameters, masks = parameters_and_masks((3, 4, 4))
    with pytest.raises(PruningError, match="has the shape"):
        measure_positions(parameters, [{WEIGHT: np.ones((9, 11), bool)}], (3, 4, 4))
    with pytest.raises(PruningError, match="48 inputs, but images"):
        measure_positions(parameters, masks, (3, 4, 5))
    with pytest.raises(ValueError, match="'same' or 'any'"):
        measure_positions(parameters, masks, (3, 4, 4), channels="all")

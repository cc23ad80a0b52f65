import numpy as np
import pytest
from small import make_parameters, nested_masks

from winnow.masks import PruningError
from winnow.measure.participation import measure_participation


def parameters_and_masks(scale=1.0):
    parameters = make_parameters(7, 12, 0)
    parameters["layers.0.weight"] = parameters["layers.0.weight"] * np.float32(scale)
    masks = nested_masks(7, 12, 1, 0.5, 0)
    masks[1]["layers.0.weight"][3] = False
    return parameters, masks


def test_is_the_sum_over_the_weights():
    parameters, masks = parameters_and_masks()
    columns = measure_participation(parameters, masks)
    for row in range(14):
        n, unit = divmod(row, 7)
        w = parameters["layers.0.weight"][unit][masks[n]["layers.0.weight"][unit]].astype(float)
        expected = sum(w**4) / sum(w**2) ** 2 if len(w) else np.nan
        assert (columns["round"][row], columns["unit"][row], columns["n_weights"][row]) == (n, unit, len(w))
        assert columns["ipr"][row] == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_the_weights_scale_does_not_count(scale):
    parameters, masks = parameters_and_masks()
    scaled, _ = parameters_and_masks(scale)
    expected, found = (measure_participation(p, masks)["ipr"] for p in (parameters, scaled))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_equal_weights_have_one_over_their_number_and_a_single_one_has_1():
    parameters, masks = parameters_and_masks()
    parameters["layers.0.weight"] = np.where(np.arange(12) % 2, 0.3, -0.3) * np.ones((7, 1))
    columns = measure_participation(parameters, masks)
    known = columns["n_weights"] > 0
    np.testing.assert_allclose(columns["ipr"][known], 1 / columns["n_weights"][known])
    masks[1]["layers.0.weight"][:] = np.eye(7, 12, dtype=bool)
    assert (measure_participation(parameters, masks)["ipr"][7:] == 1).all()


def test_other_networks_masks_are_refused():
    parameters, masks = parameters_and_masks()
    with pytest.raises(PruningError, match="has the shape"):
        measure_participation(parameters, [{"layers.0.weight": np.ones((7, 11), bool)}])
    assert np.isnan(measure_participation(parameters, masks)["ipr"][7 + 3])

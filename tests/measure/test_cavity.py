import numpy as np
import pytest
from small import OTHER_DEVICES, assert_same_table, make_dataset, make_parameters, nested_masks, photo_like

from reference import cavity as reference
from reference import kurtosis as reference_kurtosis
from winnow.masks import density
from winnow.measure import cavity
from winnow.measure import cavity_scores as scoring
from winnow.measure.cavity import measure_cavity
from winnow.measure.cavity_example import measure_cavity_example
from winnow.measure.cavity_scores import cavity_scores
from winnow.store.tables import read_table, write_table
from winnow.streams import stream

SHAPE = (3, 5, 5)
N_INPUTS = 75


def assert_close(scores, expected, share=1e-5):
    """The same missing scores, and errors below a share of the root mean square score of the unit."""
    np.testing.assert_array_equal(np.isnan(scores), np.isnan(expected))
    for unit, expected_of_unit in zip(scores, expected, strict=True):
        known = ~np.isnan(expected_of_unit)
        if known.any():
            scale = np.sqrt((expected_of_unit[known] ** 2).mean())
            np.testing.assert_allclose(unit[known], expected_of_unit[known], rtol=0, atol=share * scale)


def peaked_and_broad(n_images, n_inputs, seed):
    """Correlated inputs; units see more than the Gaussian's kurtosis or less, as they weigh the two halves."""
    draw = stream("cavity inputs", seed)
    peaked = draw.laplace(size=(n_images, n_inputs // 2)) ** 3
    broad = draw.choice([-1.0, 1.0], (n_images, n_inputs - n_inputs // 2))
    mixed = np.concatenate([peaked / peaked.std(), broad], axis=1)
    return mixed + 0.5 * draw.normal(size=(n_images, 1)) + 0.1 * draw.normal(size=mixed.shape)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("exact_weights", [0, 16])
@pytest.mark.parametrize("from_inputs", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_every_score_is_that_of_recomputing(seed, from_inputs, exact_weights, dtype, monkeypatch):
    monkeypatch.setattr(scoring, "_EXACT_WEIGHTS", exact_weights)
    monkeypatch.setattr(scoring, "_from_inputs", lambda _: from_inputs)
    monkeypatch.setattr(scoring, "_IMAGES_A_SUM", (8192, 64, 150)[seed])  # BLAS adds none, each chunk, two or three
    n_units, n_inputs = 8, 20
    draw = stream("cavity", seed)
    inputs = peaked_and_broad(500, n_inputs, seed)
    weights = draw.normal(size=(n_units, n_inputs))
    weights[:4, : n_inputs // 2] *= 0.05  # units whose kurtosis is below 3,
    weights[4:, n_inputs // 2 :] *= 0.05  # and above
    mask = draw.random((n_units, n_inputs)) < 0.7
    expected = reference.cavity_scores(weights, mask, inputs)
    kurtosis = reference_kurtosis.kurtosis(inputs @ (weights * mask).T)
    assert kurtosis[:4].max() < 3 < kurtosis[4:].min()
    assert (np.sign(expected[mask]) > 0).any()
    assert (np.sign(expected[mask]) < 0).any()
    scores = cavity_scores(weights, mask, inputs, chunk=64, dtype=dtype)
    few = 1 if exact_weights else 5  # so few weights are computed from λ − w x because single precision is not enough
    assert_close(scores, expected, {"float32": few * 1e-5, "float64": 1e-11}[dtype])


def test_units_with_no_one_two_and_few_weights():
    inputs = peaked_and_broad(300, 12, 7)
    draw = stream("few weights")
    weights = draw.normal(size=(7, 12))
    mask = np.zeros((7, 12), bool)
    mask[1, 3] = True
    mask[2, [3, 8]] = True
    mask[3, [0, 11]] = True
    weights[3] *= np.where(np.arange(12) == 0, 1000, 1)  # without weight 0, a millionth of the variance stays
    mask[4, [1, 2, 9]] = True
    mask[5, [0, 5]] = True
    weights[5, [0, 5]] = 0.0  # weights that are zero give no variance
    mask[6, [6, 7]] = True
    weights[6] *= 1e-20  # as small as they may be
    scores = cavity_scores(weights, mask, inputs)
    assert np.isnan(scores[[0, 1, 5]]).all()
    assert np.isfinite(scores[[2, 3, 4, 6]]).sum(axis=1).tolist() == [2, 2, 3, 2]
    assert_close(scores, reference.cavity_scores(weights, mask, inputs))


def test_a_removal_that_leaves_only_rounding_has_no_score():
    inputs = peaked_and_broad(300, 6, 3)
    inputs[:, 1] = inputs[:, 0]
    weights = np.array([[1.0, -1, 0.5, 0, 0, 0], [2.0, 1, 0, 0, 0, 0], [1.0, -1, 0, 0, 0, 0]])
    mask = weights != 0
    scores = cavity_scores(weights, mask, inputs)
    assert np.isnan(scores[0]).tolist() == [False, False, True, True, True, True]  # x0 − x1 = 0 is left
    assert scores[1, :2] == pytest.approx(0, abs=1e-6)  # the same shape is left
    assert np.isnan(scores[2]).all()  # no variance to begin with


def test_a_constant_input_has_score_zero_exactly():
    inputs = peaked_and_broad(301, 10, 1).astype(np.float32)
    inputs[:, [0, 7]] = 0.1, -3e5
    draw = stream("constant inputs")
    weights = draw.normal(size=(5, 10))
    weights[4, :] *= 1e6
    mask = np.ones((5, 10), bool)
    mask[3] = np.arange(10) == 7  # only constant inputs: no variance, no score
    not_binary = inputs.astype(np.float64)
    not_binary[:, [0, 7]] = 0.1, 1e5 / 3  # whose mean has a rounding error
    for given in (inputs, not_binary):
        scores = cavity_scores(weights, mask, given)
        assert (scores[[0, 1, 2, 4]][:, [0, 7]] == 0).all()
        assert np.isnan(scores[3]).all()
        assert_close(
            np.delete(scores, [0, 7], axis=1), np.delete(reference.cavity_scores(weights, mask, inputs), [0, 7], 1)
        )


def test_a_mean_far_larger_than_the_deviation_costs_no_digits():
    inputs = (1e5 + 100 * peaked_and_broad(300, 10, 2)).astype(np.float32)
    weights, mask = stream("offset").normal(size=(4, 10)), np.ones((4, 10), bool)
    assert_close(cavity_scores(weights, mask, inputs), reference.cavity_scores(weights, mask, inputs))


def test_kurtosis_of_exactly_3_scores_0():
    assert scoring._score(np, np.array([2.0, 3.0, 4.0]), np.array([3.0, 5.0, 6.0])).tolist() == [-0.5, 0.0, 0.5]


@pytest.mark.slow
@pytest.mark.parametrize("from_inputs", [False, True])
def test_single_precision_is_enough_at_full_size(from_inputs, monkeypatch):
    """3072 inputs and all weights: each score is a small difference of two kurtoses."""
    monkeypatch.setattr(scoring, "_from_inputs", lambda _: from_inputs)
    monkeypatch.setattr(scoring, "_IMAGES_A_SUM", 1400)
    dataset = photo_like(1500, (3, 32, 32), 2, 3)
    inputs = dataset.prepare(dataset.validation.images)
    draw = stream("full size")
    weights = draw.normal(size=(24, 3072)).astype(np.float32)
    mask = draw.random(weights.shape) < np.repeat([1, 0.3, 0.03], 8)[:, None]
    scores, exact = (cavity_scores(weights, mask, inputs, dtype=dtype) for dtype in ("float32", "float64"))
    assert_close(scores, exact)
    some = np.zeros_like(mask)
    some[::6, ::500] = True
    expected = np.array(
        [reference_of(weights[i] * mask[i], np.flatnonzero(some[i] & mask[i]), inputs) for i in range(24)]
    )
    np.testing.assert_allclose(exact[some & mask], expected[some & mask], rtol=1e-7)


def reference_of(weights, which, inputs):
    scores = np.full(len(weights), np.nan)
    preactivation = inputs.astype(np.float64) @ weights
    for j in which:
        scores[j] = reference.cavity_score(preactivation, preactivation - weights[j] * inputs[:, j].astype(np.float64))
    return scores


def test_chunks_change_nothing_but_rounding_and_an_iterator_is_refused(monkeypatch):
    inputs = peaked_and_broad(100, 8, 4)
    weights, mask = stream("chunks").normal(size=(5, 8)), np.ones((5, 8), bool)
    mask[0, 2:] = False
    once = cavity_scores(weights, mask, inputs)
    monkeypatch.setattr(scoring, "_EXACT_AT_A_TIME", 3)
    chunks = [inputs[:1], inputs[1:40], inputs[40:]]
    np.testing.assert_allclose(cavity_scores(weights, mask, chunks), once, rtol=0, atol=1e-6)
    with pytest.raises(ValueError, match="not an iterator"):
        cavity_scores(weights, mask, iter(chunks))
    with pytest.raises(ValueError, match="8 inputs do not fit"):
        cavity_scores(weights[:, :7], mask[:, :7], inputs)
    with pytest.raises(ValueError, match="no images"):
        cavity_scores(weights, mask, inputs[:0])


# -- the table --------------------------------------------------------------------------------------------------------


def small_run(seed, n_rounds=4):
    dataset = photo_like(150, SHAPE, 3, seed)
    dataset.validation.images[:, 10] = 200  # a pixel whose weights score 0
    parameters = make_parameters(6, N_INPUTS, seed)
    return parameters, nested_masks(6, N_INPUTS, n_rounds, 0.6, seed), dataset


@pytest.mark.parametrize("seed", range(3))
def test_the_table_is_that_of_recomputing(seed, tmp_path):
    parameters, masks, dataset = small_run(seed)
    masks[4]["layers.0.weight"][0] = False  # groups of all sizes, also none
    masks[4]["layers.0.weight"] &= masks[4]["layers.0.weight"].any(axis=1, keepdims=True)
    columns = measure_cavity(parameters, masks, dataset, epsilon=1e-3, chunk=40)
    rows = reference.cavity_table(
        parameters["layers.0.weight"],
        [mask["layers.0.weight"] for mask in masks],
        reference_kurtosis.normalised_inputs(parameters, dataset, 1e-3),
    )
    assert len(rows) == 4 + 4 * 5 // 2
    for name in ("rounds_done", "removed_in", "n_weights", "n_without_score"):
        assert columns[name].tolist() == [row[name] for row in rows], name
    assert columns["round"].tolist() == columns["rounds_done"].tolist()
    assert columns["density"].tolist() == [density(masks[n]) for n in columns["round"]]
    for name in ("mean_score", "scaled_mean", "share_positive"):
        expected = np.array([row[name] for row in rows])
        atol = 1e-6 * np.nanmax(np.abs(expected))
        np.testing.assert_allclose(columns[name].astype(float), expected, rtol=1e-5, atol=atol, err_msg=name)

    keys = {"dataset": "photos", "method": "imp", "seed": 0, "fates_of": "imp"}
    write_table(tmp_path / "cavity.parquet", "cavity", columns, **keys)
    table = read_table(tmp_path / "cavity.parquet", "cavity")
    assert table["removed_in"].to_pylist() == [row["removed_in"] for row in rows]


@pytest.mark.parametrize("from_inputs", [False, True])
def test_rounds_are_measured_together_or_not(from_inputs, monkeypatch):
    parameters, masks, dataset = small_run(3, n_rounds=5)
    together = measure_cavity(parameters, masks, dataset, dtype="float64")
    monkeypatch.setattr(cavity, "_ROUNDS_AT_A_TIME", 2)
    monkeypatch.setattr(scoring, "_from_inputs", lambda _: from_inputs)
    assert_same_table(measure_cavity(parameters, masks, dataset, dtype="float64"), together, 1e-9)


def test_what_is_cheaper_is_computed():
    small, large = np.zeros((4, 10)), np.zeros((6, 10))
    assert [scoring._from_inputs(w) for w in ([small], [large], [small] * 2, [small] * 3)] == [False] * 3 + [True]


@pytest.mark.parametrize("device", OTHER_DEVICES)
def test_is_the_same_on_other_devices(device):
    parameters, masks, dataset = small_run(3)
    masks[2]["layers.0.weight"][2:4] = masks[3]["layers.0.weight"][2:4] = masks[4]["layers.0.weight"][2:4] = False
    tables = [measure_cavity(parameters, masks, dataset, dtype="float64", device=where) for where in ("cpu", device)]
    assert_same_table(tables[1], tables[0], 1e-9)
    examples = [measure_cavity_example(parameters, masks[1], dataset, device=where) for where in ("cpu", device)]
    for name in ("unit", "input"):
        assert examples[0][name].tolist() == examples[1][name].tolist()
    assert examples[1]["score"] == pytest.approx(examples[0]["score"], rel=1e-4)


def test_weights_without_a_score_are_counted():
    parameters, masks, dataset = small_run(5, n_rounds=1)
    only = np.zeros((6, N_INPUTS), bool)
    only[0, 3] = only[1, [4, 5]] = True
    masks = [dict(masks[0]), dict(masks[1])]
    masks[0]["layers.0.weight"], masks[1]["layers.0.weight"] = only, np.zeros_like(only)
    columns = measure_cavity(parameters, masks, dataset)
    assert columns["n_weights"].tolist() == [3, 0]
    assert columns["n_without_score"].tolist() == [1, 0]
    assert np.isnan(columns["mean_score"].astype(float)).tolist() == [False, True]
    assert columns["scaled_mean"][0] == pytest.approx(3 * columns["mean_score"][0])


def test_masks_that_are_not_nested_are_refused():
    parameters, masks, dataset = small_run(0)
    swapped = [masks[0], masks[2], masks[1], masks[3]]
    with pytest.raises(ValueError, match=r"not nested: m\(2\) has parameters of layers.0.weight that m\(1\) had lost"):
        measure_cavity(parameters, swapped, dataset)
    with pytest.raises(ValueError, match=r"at least the masks m\(0\) and m\(1\)"):
        measure_cavity(parameters, masks[:1], dataset)
    other = photo_like(20, (1, 4, 4), 2, 0)
    with pytest.raises(ValueError, match="16 pixels, the first layer 75 inputs"):
        measure_cavity(parameters, masks, other)


# -- the example ------------------------------------------------------------------------------------------------------


def test_the_example_is_a_telling_weight_of_a_typical_unit(tmp_path):
    parameters, masks, dataset = small_run(1)
    mask = masks[2]
    mask["layers.0.weight"][2] = np.arange(N_INPUTS) < 2  # an untypical unit, whose scores are large
    columns = measure_cavity_example(parameters, mask, dataset, epsilon=1e-3, bins=50)
    inputs = reference_kurtosis.normalised_inputs(parameters, dataset, 1e-3)
    scores = reference.cavity_scores(parameters["layers.0.weight"], mask["layers.0.weight"], inputs)
    assert all(len(column) == 50 for column in columns.values())
    unit, j = columns["unit"][0], columns["input"][0]
    n_weights = mask["layers.0.weight"].sum(axis=1)
    typical = n_weights >= np.median(n_weights)
    assert unit != 2
    assert abs(scores[unit, j]) == np.nanmax(np.abs(scores[typical]))
    assert columns["score"][0] == pytest.approx(scores[unit, j], rel=1e-5)

    lam = inputs @ (parameters["layers.0.weight"][unit] * mask["layers.0.weight"][unit]).astype(np.float64)
    removed = inputs[:, j] * parameters["layers.0.weight"][unit, j].astype(np.float64)
    width = np.diff(columns["preactivation"])[0]
    edges = np.append(columns["preactivation"] - width / 2, columns["preactivation"][-1] + width / 2)
    for which, values in (("with", lam), ("without", lam - removed)):
        values = (values - values.mean()) / values.std()
        assert columns[f"kurtosis_{which}"][0] == pytest.approx((values**4).mean(), rel=1e-5)
        inside = (np.abs(values) <= edges[-1]).mean()
        assert columns[f"density_{which}"].sum() * width == pytest.approx(inside)
        expected = np.histogram(values, edges)[0] / (len(values) * width)
        assert np.abs(columns[f"density_{which}"] - expected).sum() * width < 0.03  # values at an edge may cross it
    write_table(tmp_path / "example.parquet", "cavity_example", columns, dataset="photos", seed=0)


def test_an_example_without_any_score_has_no_rows(tmp_path):
    parameters, masks, _ = small_run(1)
    grey = make_dataset(np.full((30, N_INPUTS), 9, np.uint8), SHAPE, np.zeros(30, np.int64), 1)
    columns = measure_cavity_example(parameters, masks[0], grey)
    write_table(tmp_path / "example.parquet", "cavity_example", columns, dataset="photos", seed=0)
    assert read_table(tmp_path / "example.parquet", "cavity_example").num_rows == 0

"""All engines train as the reference does."""

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import make_dataset
from examples import examples
from winnow.masks import apply_mask, full_mask
from winnow.network import initial_parameters
from winnow.pruning.scores import prune_by_score
from winnow.streams import stream
from winnow.training import layers, threads
from winnow.training.build import build_engine
from winnow.training.curve import run
from winnow.training.dense import train_dense
from winnow.training.engine import Sgd
from winnow.training.settings import TrainingSettings

STEPS = 200
ENGINES = ["dense", "sparse", "auto"]
TOLERANCE = {"float32": 1e-4, "float64": 1e-10}


def sgd(batch=16, rate=0.1):
    return Sgd(batch, rate, norm_keep=0.9, norm_epsilon=1e-5)


@pytest.fixture(scope="module")
def datasets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("datasets")
    return {dtype: make_dataset(folder / dtype, dtype=np.dtype(dtype)) for dtype in ("uint8", "float32")}


def network(hidden, dtype, density, seed=0):
    """Start and mask; the mask leaves some units and pixels without weights."""
    start = initial_parameters([108, *hidden, 4], seed)
    start = {name: array.astype(dtype) for name, array in start.items()}
    if density is None:
        return start, None
    draw = np.random.default_rng(seed)
    mask = {name: draw.random(m.shape) < density for name, m in full_mask(start).items()}
    mask["layers.0.weight"][:2] = False
    if density < 0.5:
        mask[f"layers.{len(hidden) - 1}.weight"][::3] = False
    mask["layers.0.weight"][:, 5:9] = False
    return apply_mask(start, mask), mask


def trained(engine, start, mask, dataset, batches, rate=0.1):
    trainer = build_engine(start, mask, dataset, sgd(batches.shape[1], rate), engine=engine)
    curve = run(trainer, batches, range(len(batches)), log_every=50)
    return trainer.parameters(), curve


def assert_same(actual, expected, tolerance):
    """Relative to each array's largest value; biases of dead units are nothing but rounding."""
    for name, array in expected.items():
        assert actual[name].dtype == array.dtype
        largest = max(abs(array).max(), 1e-3)
        np.testing.assert_allclose(actual[name], array, rtol=0, atol=tolerance * largest, err_msg=name)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("density", [None, 0.7, 0.1])
def test_equals_the_reference(datasets, engine, dtype, density):
    start, mask = network([24, 20], dtype, density)
    batches = stream("test engines").integers(80, size=(STEPS, 16))
    expected, curve = trained("reference", start, mask, datasets["uint8"], batches)
    actual, same_curve = trained(engine, start, mask, datasets["uint8"], batches)
    assert_same(actual, expected, TOLERANCE[dtype])
    np.testing.assert_allclose(same_curve["loss"], curve["loss"], rtol=TOLERANCE[dtype])
    for column in ("train_accuracy", "validation_accuracy"):
        np.testing.assert_allclose(same_curve[column], curve[column], atol=0 if dtype == "float64" else 0.03)


@settings(max_examples=examples(25))
@given(
    hidden=st.lists(st.integers(1, 30), min_size=1, max_size=3),
    batch=st.integers(2, 45),
    density=st.floats(0, 1),
    images=st.sampled_from(["uint8", "float32"]),
    engine=st.sampled_from(ENGINES),
    seed=st.integers(0, 99),
)
def test_equals_the_reference_on_any_network(datasets, hidden, batch, density, images, engine, seed):
    start, mask = network(hidden, "float64", density, seed)
    batches = np.random.default_rng(seed).integers(80, size=(20, batch))
    expected, _ = trained("reference", start, mask, datasets[images], batches)
    actual, _ = trained(engine, start, mask, datasets[images], batches)
    # Where an activation hardly varies over a small batch, batch norm amplifies rounding by up to 1 / √ε a layer: what
    # engines may differ by is what the reference differs by when its start is changed in the last digit.
    digits = np.random.default_rng(seed)
    disturbed = {name: array * (1 + 1e-15 * digits.standard_normal(array.shape)) for name, array in start.items()}
    other, _ = trained("reference", disturbed, mask, datasets[images], batches)
    for name, array in expected.items():
        tolerance = 1e-10 * max(abs(array).max(), 1e-3) + 100 * abs(other[name] - array).max()
        np.testing.assert_allclose(actual[name], array, rtol=0, atol=tolerance, err_msg=name)
    for name, m in mask.items():
        assert (actual[name][~m] == 0).all()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_round_gives_the_same_mask(datasets, engine):
    start, mask = network([24, 20], "float64", 0.8)
    batches = stream("test engines").integers(80, size=(STEPS, 16))
    masks = []
    for name in ("reference", engine):
        parameters, _ = trained(name, start, mask, datasets["uint8"], batches)
        scores = {key: abs(parameters[key]) for key in mask}
        masks.append(prune_by_score(scores, mask, 3, share=0.3, pool="layerwise"))
    for key in mask:
        np.testing.assert_array_equal(masks[0][key], masks[1][key])
        assert (masks[0][key] != mask[key]).any()


@pytest.mark.parametrize("engine", ["reference", *ENGINES])
def test_stretches_make_no_difference(datasets, engine):
    start, mask = network([12, 8], "float32", 0.15)
    batches = stream("test engines").integers(80, size=(30, 16))
    at_once, in_parts = (build_engine(start, mask, datasets["uint8"], sgd(), engine=engine) for _ in range(2))
    run(at_once, batches, range(30), log_every=1000)
    run(in_parts, batches, range(11), log_every=3)
    run(in_parts, batches, range(11, 30), log_every=7)
    for name, array in at_once.parameters().items():
        np.testing.assert_array_equal(array, in_parts.parameters()[name])


@pytest.mark.parametrize("engine", ["dense", "sparse"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_threads_share_the_work_without_a_trace(datasets, engine, dtype, monkeypatch):
    monkeypatch.setattr(layers, "_TILE_BYTES", 1024)  # several tiles in a small layer
    monkeypatch.setattr(threads, "_WORTH_SHARING", 0)
    start, mask = network([150, 70], dtype, 0.15)
    batches = stream("test engines").integers(80, size=(20, 16))
    results = []
    for n_threads in (1, 2, 3):
        monkeypatch.setenv("OMP_NUM_THREADS", str(n_threads))
        results.append(trained(engine, start, mask, datasets["uint8"], batches)[0])
    expected, _ = trained("reference", start, mask, datasets["uint8"], batches)
    assert_same(results[0], expected, TOLERANCE[dtype])
    for name, array in results[0].items():
        for others in results[1:]:
            np.testing.assert_array_equal(others[name], array, err_msg=name)


@pytest.mark.parametrize("engine", ENGINES)
def test_start_and_mask_are_left_alone(datasets, engine):
    start, mask = network([12, 8], "float32", 0.15)
    before = copy.deepcopy((start, mask))
    trained(engine, start, mask, datasets["uint8"], stream("t").integers(80, size=(3, 16)))
    for now, then in zip((start, mask), before, strict=True):
        assert all((array == then[name]).all() for name, array in now.items())


def test_layers_are_stored_by_their_density(datasets):
    start, mask = network([24, 20], "float32", 1.0)
    mask["layers.1.weight"] = np.random.default_rng(0).random((20, 24)) < layers.SPARSE_BELOW / 2
    for layout, name in (("dense", "dense"), ("auto", "sparse"), ("sparse", "sparse")):
        engine = build_engine(start, mask, datasets["uint8"], sgd(), engine=layout)
        assert (engine.name, engine.device, engine.precision) == (name, "cpu", "float32")
    assert build_engine(start, None, datasets["uint8"], sgd()).name == "dense"


def test_the_curve_says_what_trained(datasets):
    options = {"seed": 0, "hidden": [8], "initial_weights": "uniform"}
    plan = TrainingSettings(
        steps=20, rewind=5, batch=8, rate=0.1, log_every=10, norm_keep=0.9, norm_epsilon=1e-5, engine="reference"
    )
    _, _, curve = train_dense(datasets["uint8"], settings=plan, **options)
    assert curve["step"] == [5, 10, 20]
    assert curve["engine"] == ["reference"] * 3
    assert curve["device"] == ["cpu"] * 3
    assert curve["precision"] == ["float32"] * 3


@pytest.mark.parametrize("engine", ["dense", "sparse"])
def test_cpu_engines_refuse_a_gpu(datasets, engine):
    start, mask = network([12, 8], "float32", 0.15)
    with pytest.raises(ValueError, match=f"{engine} runs on a CPU only: set compute.device to cpu"):
        build_engine(start, mask, datasets["uint8"], sgd(), engine=engine, device="cuda")

import dataclasses

import numpy as np
import pytest

from reference import training as reference
from winnow.masks import apply_mask, full_mask
from winnow.network import initial_parameters, layer_sizes
from winnow.pruning import retrain
from winnow.pruning.imp import prune_imp_round
from winnow.pruning.imp_first_round import prune_imp_first_round
from winnow.pruning.retrain import retrain_pruned
from winnow.streams import stream
from winnow.training import settings as training_settings
from winnow.training.build import build_engine
from winnow.training.curve import run
from winnow.training.dense import train_dense
from winnow.training.engine import Sgd, TrainingError
from winnow.training.settings import TrainingSettings, draw_batches

SETTINGS = TrainingSettings(steps=60, rewind=20, batch=16, rate=0.1, log_every=25, norm_keep=0.99, norm_epsilon=1e-5)
PRUNING = {"share": 0.3, "pool": "layerwise", "criterion": "magnitude"}
OPTIONS = {"rate": 0.1, "norm_keep": 0.9, "norm_epsilon": 1e-5}
DEFAULTS = {"rate": 0.1, "norm_keep": 0.99, "norm_epsilon": 1e-5}


def train(start, mask, dataset, batches, steps, *, log_every=10, engine="reference", **options):
    trainer = build_engine(start, mask, dataset, Sgd(batches.shape[1], **options), engine=engine)
    curve = run(trainer, batches, steps, log_every=log_every)
    return trainer.parameters(), curve


def dense(dataset, seed=0, settings=SETTINGS):
    return train_dense(dataset, seed=seed, hidden=[14, 10], initial_weights="uniform", settings=settings)


def random_mask(parameters, density=0.4):
    draw = np.random.default_rng(1)
    return {name: draw.random(m.shape) < density for name, m in full_mask(parameters).items()}


@pytest.mark.parametrize("masked", [False, True])
def test_equals_textbook_training(dataset, masked):
    start = initial_parameters([108, 14, 10, 4], 0)
    mask = random_mask(start) if masked else None
    start = apply_mask(start, mask) if masked else start
    start = {name: array.astype(np.float64) for name, array in start.items()}
    batches = stream("test").integers(80, size=(50, 16))
    trained, _ = train(start, mask, dataset, batches, range(50), log_every=10, **OPTIONS)
    expected = reference.train(start, mask, dataset, batches, range(50), **OPTIONS)
    for name, array in expected.items():
        assert trained[name].dtype == np.float64
        # Up to float32 input pixels, computed in another order.
        np.testing.assert_allclose(trained[name], array, rtol=1e-5, atol=1e-6, err_msg=name)
    assert not np.allclose(trained["layers.0.weight"], start["layers.0.weight"], atol=1e-3)


def test_pruned_parameters_stay_zero_and_negative_survivors_learn(dataset):
    start = initial_parameters([108, 14, 10, 4], 0)
    mask = random_mask(start)
    start = apply_mask(start, mask)
    trained, _ = train(
        start, mask, dataset, stream("t").integers(80, size=(30, 16)), range(30), log_every=10, **OPTIONS
    )
    for name, m in mask.items():
        assert (trained[name][~m] == 0).all()
    negative = mask["layers.0.weight"] & (start["layers.0.weight"] < 0)
    moved = trained["layers.0.weight"][negative] != start["layers.0.weight"][negative]
    assert moved.mean() > 0.99


def test_batch_norm_by_hand(dataset):
    """One step from the identity: normalised batch, running statistics of the exponential average."""
    start = initial_parameters([108, 14, 10, 4], 0)
    rows = np.arange(16)
    trained, _ = train(start, None, dataset, rows[None], range(1), log_every=1, **OPTIONS)
    x = dataset.prepare(dataset.train.images[rows]).astype(np.float64)
    np.testing.assert_allclose(trained["norms.0.running_mean"], 0.1 * x.mean(0), atol=1e-6)
    np.testing.assert_allclose(trained["norms.0.running_var"], 0.9 + 0.1 * x.var(0, ddof=1), atol=1e-6)


def test_the_curve_has_every_logged_step_and_the_last(dataset):
    _, _, curve = dense(dataset)
    assert curve["step"] == [20, 25, 50, 60]
    assert curve["loss"][0] > curve["loss"][-1]
    assert all(0 <= value <= 1 for key in ("train_accuracy", "validation_accuracy") for value in curve[key])
    assert curve["validation_accuracy"][-1] > 0.5  # four classes, well separated


@pytest.mark.parametrize("engine", ["reference", "dense"])
def test_accuracy_uses_running_statistics(dataset, engine):
    _, trained, curve = dense(dataset, settings=dataclasses.replace(SETTINGS, engine=engine))
    x = dataset.prepare(dataset.validation.images)
    for i in range(3):
        p = {key: trained[f"norms.{i}.{key}"] for key in ("weight", "bias", "running_mean", "running_var")}
        x = p["weight"] * (x - p["running_mean"]) / np.sqrt(p["running_var"] + 1e-5) + p["bias"]
        x = x @ trained[f"layers.{i}.weight"].T + trained[f"layers.{i}.bias"]
        x = np.maximum(x, 0) if i < 2 else x
    assert (x.argmax(1) == dataset.validation.labels).mean() == curve["validation_accuracy"][-1]


def test_dense_training_is_one_training_through_the_rewind_point(dataset):
    rewind, trained, _ = dense(dataset)
    assert layer_sizes(trained) == [108, 14, 10, 4]
    batches = draw_batches(dataset, SETTINGS, 0, 1)
    start = initial_parameters([108, 14, 10, 4], 0)
    for last, there in ((60, trained), (20, rewind)):
        straight, _ = train(start, None, dataset, batches, range(last), engine="auto", **DEFAULTS)
        for name, array in straight.items():
            np.testing.assert_array_equal(there[name], array)


def test_a_round_starts_from_the_masked_rewind_point_with_batches_of_its_own(dataset, monkeypatch):
    rewind, trained, _ = dense(dataset)
    mask = prune_imp_first_round(rewind=rewind, trained=trained, **PRUNING)
    starts, stretches = [], []

    def spy_engine(start, mask, *arguments, **options):
        starts.append((start, mask))
        return build_engine(start, mask, *arguments, **options)

    def spy_run(engine, batches, steps, **options):
        stretches.append((batches, steps))
        return run(engine, batches, steps, **options)

    monkeypatch.setattr(training_settings, "build_engine", spy_engine)
    monkeypatch.setattr(retrain, "run", spy_run)
    after, _ = prune_imp_round(rewind, mask, dataset, seed=0, n=2, settings=SETTINGS, **PRUNING)
    prune_imp_round(rewind, after, dataset, seed=0, n=3, settings=SETTINGS, **PRUNING)
    retrain_pruned(rewind, mask, dataset, seed=0, n=1, settings=SETTINGS)
    assert all(steps == range(20, 60) for _, steps in stretches)
    for (start, given), expected in zip(starts[:2], (mask, after), strict=True):
        for name, array in start.items():
            np.testing.assert_array_equal(array, rewind[name] * expected[name] if name in expected else rewind[name])
        assert all((given[name] == expected[name]).all() for name in expected)
    assert (stretches[0][0] != stretches[1][0]).any()
    assert (stretches[0][0] == stretches[2][0]).all()  # a mask is retrained on the batches that IMP trains it on
    assert all(not (after[name] & ~mask[name]).any() for name in mask)


def test_same_seed_same_bits_other_seed_other_weights(dataset):
    first, again, other = dense(dataset), dense(dataset), dense(dataset, seed=1)
    for name in first[1]:
        np.testing.assert_array_equal(first[1][name], again[1][name])
    assert not np.allclose(first[0]["layers.0.weight"], other[0]["layers.0.weight"])


def test_no_rewind_step(dataset):
    rewind, _, curve = dense(dataset, settings=dataclasses.replace(SETTINGS, rewind=0))
    start = initial_parameters([108, 14, 10, 4], 0)
    assert all((rewind[name] == start[name]).all() for name in start)
    assert curve["step"] == [25, 50, 60]


def test_divergence_says_what_to_do(dataset):
    with pytest.raises(TrainingError, match=r"diverged by step \d+.*lower training.rate \(now 1e\+30\)"):
        dense(dataset, settings=dataclasses.replace(SETTINGS, rate=1e30))


@pytest.mark.parametrize("distribution", ["uniform", "normal"])
def test_initial_weights_have_glorot_variance(distribution):
    weight = initial_parameters([400, 300, 10], 0, distribution)["layers.0.weight"]
    assert weight.var() == pytest.approx(2 / 700, rel=0.03)
    assert abs(weight.mean()) < 5 * np.sqrt(2 / 700 / weight.size)
    kurtosis = ((weight / weight.std()) ** 4).mean()
    assert kurtosis == pytest.approx(1.8 if distribution == "uniform" else 3, rel=0.03)

"""Momentum, weight decay, changing rates, and networks without batch norm.

The reference against PyTorch's own optimiser and schedulers; all engines against the reference.
"""

import dataclasses
import math
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.optim.lr_scheduler import CosineAnnealingLR, MultiStepLR

from conftest import make_dataset
from examples import examples
from reference import training as textbook
from winnow.masks import apply_mask, full_mask
from winnow.network import initial_parameters
from winnow.pruning import retrain
from winnow.pruning.criteria.beta_lasso import beta_lasso
from winnow.pruning.criteria.registry import CRITERIA
from winnow.pruning.moving import MovingMaskEngine, Schedule, random_start
from winnow.pruning.penalised import PenalisedEngine
from winnow.streams import stream
from winnow.training.build import build_engine
from winnow.training.curve import run
from winnow.training.dense import train_dense
from winnow.training.engine import Sgd
from winnow.training.graph import GraphEngine
from winnow.training.rates import rates_of_steps
from winnow.training.settings import TrainingSettings, draw_batches

SIZES, STEPS = [108, 24, 20, 4], 60
ENGINES = ["dense", "sparse", "auto", "graph"]
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
ALL_ENGINES = [*ENGINES, pytest.param("cuda", marks=needs_gpu)]
OPTIONS = {"rate": 0.1, "norm_keep": 0.9, "norm_epsilon": 1e-5}
SCHEDULES = {
    "constant": ({}, None),
    "step": (
        {"milestones": [0.25, 0.7], "factor": 0.3},
        lambda optimiser: MultiStepLR(optimiser, [15, 42], gamma=0.3),
    ),
    "cosine": ({}, lambda optimiser: CosineAnnealingLR(optimiser, STEPS)),
}
PLAIN = TrainingSettings(steps=STEPS, rewind=20, batch=16, log_every=25, **OPTIONS)
PAIRS = [(0.9, 0.0), (0.0, 0.02), (0.9, 0.02)]  # momentum, weight decay


def network(density, *, batch_norm=True, dtype="float64", seed=0, sizes=SIZES):
    """Start and mask; the mask leaves units, inputs and biases without weights."""
    start = {name: a.astype(dtype) for name, a in initial_parameters(sizes, seed, batch_norm=batch_norm).items()}
    draw = np.random.default_rng(seed)
    for name, array in start.items():
        if name.endswith("bias"):
            array += 0.1 * draw.normal(size=array.shape)
    if density is None:
        return start, None
    mask = {name: draw.random(m.shape) < density for name, m in full_mask(start).items()}
    mask["layers.0.weight"][:3] = False
    mask["layers.0.weight"][:, 5:9] = False
    if density < 0.5 and len(sizes) > 3:
        mask["layers.1.weight"][::3] = False
    return apply_mask(start, mask), mask


def engine_of(name, start, mask, dataset, sgd):
    if name in ("graph", "cuda"):
        return GraphEngine(start, mask, dataset, sgd, device={"graph": "cpu"}.get(name, name))
    return build_engine(start, mask, dataset, sgd, engine=name)


def batches_of(steps=STEPS, batch=16, seed=0):
    return stream("test sgd", seed).integers(80, size=(steps, batch))


def assert_same(actual, expected, tolerance):
    """Relative to each array's largest value."""
    assert actual.keys() == expected.keys()
    for name, array in expected.items():
        assert actual[name].dtype == array.dtype
        atol = tolerance * max(abs(array).max(initial=0), 1e-3)
        np.testing.assert_allclose(actual[name], array, rtol=0, atol=atol, err_msg=name)


# -- the reference ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_norm", [True, False])
@pytest.mark.parametrize(("density", "first"), [(None, 0), (0.4, 20)])
@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize(("momentum", "weight_decay"), [(0.0, 0.0), *PAIRS])
@pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step")
def test_the_reference_is_pytorchs(dataset, momentum, weight_decay, schedule, density, batch_norm, first):
    """From the first step, and from a rewind point on: at the rate of the step's number, with momentum from rest."""
    start, mask = network(density, batch_norm=batch_norm)
    settings, scheduler = SCHEDULES[schedule]
    sgd = Sgd(16, **OPTIONS, momentum=momentum, weight_decay=weight_decay, scheduled=schedule != "constant")
    engine = build_engine(start, mask, dataset, sgd, engine="reference")
    rates = rates_of_steps(schedule, 0.1, STEPS, **settings)
    run(engine, batches_of(), range(first, STEPS), log_every=7, rates=rates)
    how = {"momentum": momentum, "weight_decay": weight_decay, "scheduler": scheduler}
    expected = textbook.train(start, mask, dataset, batches_of(), range(first, STEPS), **OPTIONS, **how)
    assert_same(engine.parameters(), expected, 1e-10)
    for name, m in (mask or {}).items():
        assert not engine.parameters()[name][~m].any()
        assert not momentum or not engine.velocity()[name][~m].any()
    assert bool(engine.velocity()) == bool(momentum)


# -- the other engines ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL_ENGINES)
@pytest.mark.parametrize("batch_norm", [True, False])
@pytest.mark.parametrize("density", [None, 0.2])
@pytest.mark.parametrize("schedule", ["constant", "cosine"])
@pytest.mark.parametrize(("momentum", "weight_decay"), [(0.0, 0.0), *PAIRS])
def test_engines_equal_the_reference(dataset, name, batch_norm, density, momentum, weight_decay, schedule):
    start, mask = network(density, batch_norm=batch_norm)
    sgd = Sgd(16, **OPTIONS, momentum=momentum, weight_decay=weight_decay, scheduled=schedule != "constant")
    rates = rates_of_steps(schedule, 0.1, STEPS, **SCHEDULES[schedule][0])
    engine, expected = (engine_of(which, start, mask, dataset, sgd) for which in (name, "reference"))
    curve, same = (run(one, batches_of(), range(STEPS), log_every=25, rates=rates) for one in (engine, expected))
    np.testing.assert_allclose(curve["loss"], same["loss"], rtol=1e-9)
    assert curve["validation_accuracy"] == same["validation_accuracy"]
    assert_same(engine.parameters(), expected.parameters(), 1e-9)
    assert_same(engine.velocity(), expected.velocity(), 1e-9)
    for key, m in (mask or {}).items():
        assert not engine.parameters()[key][~m].any()


@settings(max_examples=examples(25), deadline=None)
@given(
    hidden=st.lists(st.integers(1, 30), min_size=1, max_size=3),
    batch=st.integers(2, 45),
    density=st.none() | st.floats(0, 1),
    momentum=st.just(0.0) | st.floats(0.01, 0.99),
    weight_decay=st.just(0.0) | st.floats(1e-6, 0.1),
    scheduled=st.booleans(),
    name=st.sampled_from(ENGINES),
    seed=st.integers(0, 99),
)
def test_engines_equal_the_reference_on_any_network(
    any_dataset, hidden, batch, density, momentum, weight_decay, scheduled, name, seed
):
    """Without batch norm, which amplifies rounding where an activation hardly varies."""
    start, mask = network(density, batch_norm=False, seed=seed, sizes=[108, *hidden, 4])
    sgd = Sgd(batch, **OPTIONS, momentum=momentum, weight_decay=weight_decay, scheduled=scheduled)
    rates = np.random.default_rng(seed).uniform(0.01, 0.1, 20) if scheduled else None
    found = []
    for which in (name, "reference"):
        engine = engine_of(which, start, mask, any_dataset, sgd)
        run(engine, batches_of(20, batch, seed), range(20), log_every=9, rates=rates)
        found.append((engine.parameters(), engine.velocity()))
    for actual, expected in zip(*found, strict=True):
        assert_same(actual, expected, 1e-9)


@pytest.fixture(scope="module", params=["uint8", "float32"])
def any_dataset(request, tmp_path_factory):
    return make_dataset(tmp_path_factory.mktemp("sgd") / request.param, dtype=np.dtype(request.param))


@pytest.mark.parametrize("name", ENGINES)
def test_in_single_precision_too(dataset, name):
    start, mask = network(0.3, dtype="float32")
    sgd = Sgd(16, **OPTIONS, momentum=0.9, weight_decay=1e-3, scheduled=True)
    rates = rates_of_steps("cosine", 0.1, STEPS)
    engine, expected = (engine_of(which, start, mask, dataset, sgd) for which in (name, "reference"))
    for one in (engine, expected):
        run(one, batches_of(), range(STEPS), log_every=25, rates=rates)
    assert_same(engine.parameters(), expected.parameters(), 1e-4)
    assert {array.dtype.name for array in engine.velocity().values()} == {"float32"}


@pytest.mark.parametrize("name", ["reference", *ENGINES])
def test_threads_and_stretches_make_no_difference(dataset, name, monkeypatch):
    monkeypatch.setattr("winnow.training.threads._WORTH_SHARING", 0)
    monkeypatch.setattr("winnow.training.layers._TILE_BYTES", 1024)
    start, mask = network(0.2)
    sgd = Sgd(16, **OPTIONS, momentum=0.9, weight_decay=1e-3, scheduled=True)
    rates, found = rates_of_steps("cosine", 0.1, STEPS), []
    for n_threads, log_every in ((1, 100), (2, 100), (3, 7)):
        monkeypatch.setenv("OMP_NUM_THREADS", str(n_threads))
        engine = engine_of(name, start, mask, dataset, sgd)
        run(engine, batches_of(), range(STEPS), log_every=log_every, rates=rates)
        found.append({**engine.parameters(), **{f"v {key}": v for key, v in engine.velocity().items()}})
    for other in found[1:]:
        assert_same(other, found[0], 0 if name != "graph" else 1e-12)


# -- edges ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["reference", *ENGINES])
@pytest.mark.parametrize("batch_norm", [True, False])
def test_what_changes_nothing_changes_nothing(dataset, name, batch_norm):
    """A rate that is said to change and does not, momentum and decay that are as good as zero."""
    start, mask = network(0.4, batch_norm=batch_norm)
    plain = engine_of(name, start, mask, dataset, Sgd(16, **OPTIONS))
    plain.advance(batches_of())
    assert plain.velocity() == {}
    for how in ({}, {"momentum": 1e-300}, {"weight_decay": 1e-300}):
        engine = engine_of(name, start, mask, dataset, Sgd(16, **OPTIONS, **how, scheduled=True))
        engine.advance(batches_of(), np.full(STEPS, 0.1))
        # The kernels' bits are the same but in `step_constant`, which multiplies in another order.
        assert_same(engine.parameters(), plain.parameters(), 0 if name == "reference" else 1e-11)


def test_a_graph_that_was_recorded_at_one_rate_says_so(dataset):
    engine = engine_of("graph", *network(None), dataset, Sgd(16, **OPTIONS))
    with pytest.raises(ValueError, match="steps were recorded at a constant rate"):
        engine.advance(batches_of(), np.full(STEPS, 0.1))


@pytest.mark.parametrize("name", ["reference", *ENGINES])
def test_decay_alone_shrinks_what_has_no_gradient(dataset, name):
    """A unit whose ReLU is shut: its weights, its bias, γ and β of what it gives, by hand."""
    start, _ = network(None)
    start["layers.0.bias"][3] = -1e6
    engine = engine_of(name, start, None, dataset, Sgd(16, **OPTIONS, weight_decay=0.05))
    engine.advance(batches_of(10))
    shrunk, found = (1 - 0.1 * 0.05) ** 10, engine.parameters()
    np.testing.assert_allclose(found["layers.0.weight"][3], shrunk * start["layers.0.weight"][3], rtol=1e-12)
    assert found["layers.0.bias"][3] == pytest.approx(-1e6 * shrunk)
    assert found["norms.1.weight"][3] == pytest.approx(shrunk)


# -- rates ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [1, 2, 3, 10, 997, 40_000])
def test_rates_in_closed_form(steps):
    assert rates_of_steps("constant", 0.3, steps) is None
    cosine = rates_of_steps("cosine", 0.3, steps)
    expected = [0.3 * (1 + math.cos(math.pi * t / steps)) / 2 for t in range(steps)]
    np.testing.assert_allclose(cosine, expected, rtol=0, atol=3e-16)
    assert cosine[0] == 0.3 and (np.diff(cosine) < 0).all() and cosine[-1] > 0
    stepped = rates_of_steps("step", 0.3, steps, milestones=[0.3, 0.7], factor=0.1)
    expected = [0.3 * 0.1 ** sum(t >= round(share * steps) for share in (0.3, 0.7)) for t in range(steps)]
    np.testing.assert_allclose(stepped, expected, rtol=1e-15)


def test_a_rewound_network_goes_on_at_the_rates_of_the_dense_one(dataset, monkeypatch):
    """Dense training gives each step its rate; so does a round, from the rewind step on, with momentum from rest."""
    plan = dataclasses.replace(PLAIN, schedule="cosine", momentum=0.9, engine="reference")
    rates = rates_of_steps("cosine", 0.1, STEPS)
    seen = []

    def spy(engine, batches, steps, *, log_every, rates=None):
        seen.append((engine.velocity(), rates[steps.start : steps.stop]))
        return run(engine, batches, steps, log_every=log_every, rates=rates)

    monkeypatch.setattr("winnow.training.dense.run", spy)
    monkeypatch.setattr(retrain, "run", spy)
    rewind, trained, _ = train_dense(dataset, seed=0, hidden=[14], initial_weights="uniform", settings=plan)
    straight = engine_of("reference", initial_parameters([108, 14, 4], 0), None, dataset, plan.sgd)
    straight.advance(draw_batches(dataset, plan, 0, 1), rates)
    assert_same(trained, straight.parameters(), 0)
    retrain.retrain_pruned(rewind, full_mask(rewind), dataset, seed=0, n=1, settings=plan)
    assert [list(part) for _, part in seen] == [list(rates[:20]), list(rates[20:]), list(rates[20:])]
    at_start, at_rewind, of_round = (max(abs(v).max() for v in velocity.values()) for velocity, _ in seen)
    assert at_start == of_round == 0 < at_rewind


# -- order of the images ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [3, 16, 40, 200])
@pytest.mark.parametrize("steps", [1, 7, 60])
def test_every_image_once_before_any_comes_again(dataset, batch, steps):
    plan = dataclasses.replace(PLAIN, batch=batch, steps=steps, rewind=0, replacement=False)
    batches = draw_batches(dataset, plan, 0, 1)
    assert batches.shape == (steps, batch) and batches.dtype == np.int64
    passes = [batches.ravel()[first : first + 80] for first in range(0, batches.size, 80)]
    assert all(sorted(rows) == list(range(80)) for rows in passes if len(rows) == 80)
    assert len(set(passes[-1])) == len(passes[-1])
    if len(passes) > 2:
        assert (passes[0] != passes[1]).any()
    assert (batches == draw_batches(dataset, plan, 0, 1)).all()
    assert (batches != draw_batches(dataset, plan, 0, 2)).any()


def test_by_default_images_are_drawn_with_replacement(dataset):
    expected = stream("batches", 3, 1).integers(80, size=(STEPS, 16))
    np.testing.assert_array_equal(draw_batches(dataset, PLAIN, 3, 1), expected)


# -- masks that move --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["reference", *ALL_ENGINES])
@pytest.mark.parametrize("batch_norm", [True, False])
def test_an_engine_can_be_left_and_taken_up(dataset, name, batch_norm):
    """Parameters and v are all of its state."""
    start, mask = network(0.2, batch_norm=batch_norm)
    sgd = Sgd(16, **OPTIONS, momentum=0.9, weight_decay=1e-3)
    straight, left, other = (engine_of(name, start, mask, dataset, sgd) for _ in range(3))
    straight.advance(batches_of())
    left.advance(batches_of()[:25])
    other.advance(batches_of(seed=1))
    state, velocity = left.parameters(), left.velocity()
    other.restart(state, mask, velocity)
    left.advance(batches_of()[25:26])  # what was taken are copies
    other.advance(batches_of()[25:])
    tolerance = 1e-12 if name in ("graph", "cuda") else 0
    assert_same(other.parameters(), straight.parameters(), tolerance)
    assert_same(other.velocity(), straight.velocity(), tolerance)
    other.restart(state, mask)
    assert not any(v.any() for v in other.velocity().values())


def defaults(criterion, **changed):
    return {name: v[0] if isinstance(v, tuple) else v for name, v in CRITERIA[criterion].settings.items()} | changed


@pytest.mark.parametrize("regrown", ["kept", "zero"])
@pytest.mark.parametrize("name", ["reference", *ENGINES])
def test_weights_that_stay_keep_their_momentum_and_new_ones_have_none(dataset, name, regrown):
    """An update by hand: what is dropped is gone, what is new starts from rest; then training goes on at its rates."""
    sgd = Sgd(16, **OPTIONS, momentum=0.9, weight_decay=1e-3, scheduled=True)
    start, _ = network(None)
    mask = random_start(start, 0.3, "global", 0)
    schedule = Schedule(steps=STEPS, **defaults("rigl", every=10, until=0.5, instead_of_step=True, regrown=regrown))
    engine = engine_of(name, apply_mask(start, mask), mask, dataset, sgd)
    moving = MovingMaskEngine(engine, mask, dataset, schedule, "rigl", seed=0, epsilon=1e-5)
    rates = rates_of_steps("cosine", 0.1, STEPS)
    by_hand = engine_of("reference", apply_mask(start, mask), mask, dataset, sgd)
    by_hand.advance(batches_of()[:10], rates[:10])
    state, velocity = by_hand.parameters(), by_hand.velocity()
    moving.advance(batches_of()[:11], rates[:11])
    for key, m in mask.items():
        stays = m & moving.mask[key]
        if regrown == "zero":  # dropped and grown at once: new
            stays &= moving.parameters()[key] != 0
        state[key], velocity[key] = np.where(stays, state[key], 0), np.where(stays, velocity[key], 0)
    assert any((mask[key] != moving.mask[key]).any() for key in mask)
    assert_same(moving.parameters(), state, 1e-9)
    assert_same(moving.velocity(), velocity, 1e-9)
    by_hand.restart(state, moving.mask, velocity)
    by_hand.advance(batches_of()[11:20], rates[11:20])
    moving.advance(batches_of()[11:20], rates[11:20])
    assert_same(moving.parameters(), by_hand.parameters(), 1e-9)


def test_the_penaltys_step_is_along_v_at_the_rate_of_the_step(dataset):
    start, _ = network(None)
    sgd = Sgd(16, **OPTIONS, momentum=0.9, weight_decay=0.01, scheduled=True)
    rates = np.array([0.1, 0.02])
    engine = PenalisedEngine(partial(beta_lasso, strength=1e-3, beta=5.0), start, dataset, sgd)
    plain = engine_of("reference", start, None, dataset, sgd)
    engine.advance(batches_of(1), rates[:1])
    plain.advance(batches_of(1), rates[:1])
    w, key = start["layers.0.weight"], "layers.0.weight"
    along = plain.velocity()[key]
    stepped = w - 0.1 * (along + 1e-3 * np.sign(w))
    np.testing.assert_allclose(engine.parameters()[key], np.where(abs(stepped) < 5e-3, 0, stepped), atol=1e-14)
    np.testing.assert_allclose(engine.velocity()[key], along, atol=1e-14)
    np.testing.assert_array_equal(engine.parameters()["layers.2.weight"], plain.parameters()["layers.2.weight"])
    engine.advance(batches_of(2)[1:], rates[1:])
    moved = engine.parameters()[key] - np.where(abs(stepped) < 5e-3, 0, stepped)
    assert abs(moved).max() < 0.02 * abs(engine.velocity()[key]).max() + 5e-3 + 1e-4

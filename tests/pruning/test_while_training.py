"""Masks that move while the network learns: counts, schedules, and each engine against the reference."""

import numpy as np
import pytest
import torch

from reference import methods as reference
from reference import training as textbook
from winnow.masks import apply_mask, density, full_mask
from winnow.network import initial_parameters
from winnow.pruning import moving
from winnow.pruning.criteria.beta_lasso import beta_lasso
from winnow.pruning.criteria.registry import CRITERIA
from winnow.pruning.criteria.rigl import rigl
from winnow.pruning.criteria.set import set as drop_and_grow
from winnow.pruning.moving import MovingMaskEngine, Schedule, layer_densities, move, random_start
from winnow.pruning.penalised import PenalisedEngine, nonzero_mask, train_to_density, weight_density
from winnow.pruning.while_training import prune_while_training
from winnow.training.engine import Sgd, TrainingError
from winnow.training.gradients import dense_gradient
from winnow.training.graph import GraphEngine
from winnow.training.handwritten import HandwrittenEngine
from winnow.training.reference import ReferenceEngine
from winnow.training.settings import TrainingSettings, draw_batches

HIDDEN, N_CLASSES = [24, 16], 4
SIZES = [108, *HIDDEN, N_CLASSES]
SGD = Sgd(16, 0.1, norm_keep=0.9, norm_epsilon=1e-5)
SETTINGS = TrainingSettings(
    steps=60, rewind=20, batch=16, rate=0.1, log_every=25, norm_keep=0.9, norm_epsilon=1e-5, engine="reference"
)
ENGINES = {
    "reference": ReferenceEngine,
    "dense": lambda *a: HandwrittenEngine(*a, layout="dense"),
    "sparse": lambda *a: HandwrittenEngine(*a, layout="sparse"),
    "auto": lambda *a: HandwrittenEngine(*a, layout="auto"),
    "graph": lambda *a: GraphEngine(*a, device="cpu"),
}


def defaults(criterion, **changed):
    own = {name: v[0] if isinstance(v, tuple) else v for name, v in CRITERIA[criterion].settings.items()}
    return own | changed


def start(dtype="float64", seed=0):
    return {name: array.astype(dtype) for name, array in initial_parameters(SIZES, seed).items()}


def weights_of(mask):
    return [name for name in mask if name.endswith("weight")]


# -- where it starts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shapes", [[(1024, 3072), (1024, 1024)], [(24, 108), (16, 24)], [(300, 4), (4, 300), (50, 9)]])
@pytest.mark.parametrize("share", [0.9, 0.5, 0.7**10])
def test_erdos_renyi_is_solved_again_where_a_layer_is_full(shapes, share):
    found = layer_densities(shapes, share, "global")
    assert found == pytest.approx(reference.erdos_renyi(shapes, share))
    sizes = [np.prod(shape) for shape in shapes]
    assert np.dot(found, sizes) == pytest.approx(share * sum(sizes)) and max(found) <= 1


def test_erdos_renyi_at_the_papers_size():
    first, second = layer_densities([(1024, 3072), (1024, 1024)], 0.7**10, "global")
    assert (round(first, 5), round(second, 5)) == (0.02511, 0.03766)


@pytest.mark.parametrize("pool", ["layerwise", "global"])
def test_the_start_has_exact_numbers_and_all_biases(pool):
    mask = random_start(start(), 0.3, pool, 0, 1)
    shapes = [mask[name].shape for name in weights_of(mask)]
    expected = [round(d * np.prod(s)) for d, s in zip(layer_densities(shapes, 0.3, pool), shapes, strict=True)]
    assert [mask[name].sum() for name in weights_of(mask)] == expected
    assert all(mask[name].all() for name in mask if name.endswith("bias"))
    assert (mask["layers.0.weight"] != random_start(start(), 0.3, pool, 0, 2)["layers.0.weight"]).any()


# -- what goes and what comes ------------------------------------------------------------------------------------------


def test_as_many_come_as_go_and_none_that_stays():
    draw = np.random.default_rng(0)
    for n in (0, 1, 7, 30, 1000):
        mask = draw.random((9, 11)) < 0.3
        drop, grow = draw.integers(0, 4, (2, 9, 11))
        stays, comes = move(mask, drop, grow, n)
        gone = mask & ~stays
        assert not (stays & comes).any() and not (stays & ~mask).any()
        assert comes.sum() == gone.sum() == min(n, mask.sum())
        if 0 < n < mask.sum():
            assert drop[gone].max() <= drop[stays].min()
            assert grow[comes].min() >= grow[~stays & ~comes].max()


def test_set_drops_the_smallest_of_each_sign_and_grows_at_random():
    draw = np.random.default_rng(1)
    weight = draw.normal(size=(20, 30)) * np.where(draw.random((20, 30)) < 0.5, 1, 0.01)
    weight[weight > 0] *= 50  # by size alone, all that goes would be negative
    mask = draw.random((20, 30)) < 0.5
    weight *= mask
    drop, grow = drop_and_grow(weight, None, np.random.default_rng(2))
    stays, _ = move(mask, drop, grow, round(0.3 * mask.sum()))
    gone = mask & ~stays
    for sign in (weight > 0, weight < 0):
        assert abs((gone & sign).sum() - 0.3 * sign.sum()) <= 1
        assert np.abs(weight[gone & sign]).max() < np.abs(weight[stays & sign]).min()
    counts = np.mean(
        [move(mask, drop, drop_and_grow(weight, None, np.random.default_rng(k))[1], 50)[1] for k in range(400)], axis=0
    )
    (chance,) = {50 / (mask.size - mask.sum() + 50)}
    candidates = ~move(mask, drop, grow, 50)[0]
    assert np.abs(counts[candidates] - chance).max() < 5 * np.sqrt(chance / 400)


def test_a_weight_that_is_zero_goes_first():
    weight = np.array([[0.0, 0.001, -0.001, 3.0]])
    drop, _ = drop_and_grow(weight, None, np.random.default_rng(0))
    assert drop.argmin() == 0


def test_rigl_drops_by_size_and_grows_by_the_dense_gradient():
    weight, gradient = np.array([[0.1, -3, 0.0]]), np.array([[5.0, -7, 1]])
    drop, grow = rigl(weight, lambda: gradient, np.random.default_rng(0))
    assert drop.tolist() == [[0.1, 3, 0]] and grow.tolist() == [[5, 7, 1]]


def test_rigls_share_in_closed_form_and_no_update_from_its_end_on():
    schedule = Schedule(steps=40_000, **defaults("rigl"))
    for t in (100, 15_000, 29_900):
        assert schedule.share(t) == pytest.approx(0.3 / 2 * (1 + np.cos(np.pi * t / 30_000)))
    updates = [t for t in range(40_000) if schedule.is_update(t)]
    assert updates == list(range(100, 30_000, 100))
    assert Schedule(steps=1000, **defaults("set")).share(700) == 0.3
    for wrong in ({"every": 0}, {"drop": 1.5}, {"until": 0.0}):
        with pytest.raises(ValueError, match="every must be at least 1"):
            Schedule(steps=10, **defaults("rigl", **wrong))


# -- engines -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ENGINES)
def test_a_restarted_engine_is_one_made_anew(dataset, name):
    first, second = random_start(start(), 0.3, "global", 0), random_start(start(), 0.2, "layerwise", 1)
    second["layers.0.bias"] = np.arange(24) % 3 > 0
    batches = np.random.default_rng(0).integers(80, size=(26, 16))
    engine = ENGINES[name](apply_mask(start(), first), first, dataset, SGD)
    engine.advance(batches)
    engine.restart(apply_mask(start(seed=5), second), second)
    new = ENGINES[name](apply_mask(start(seed=5), second), second, dataset, SGD)
    assert engine.advance(batches) == new.advance(batches)
    assert engine.accuracy() == new.accuracy()
    for key, array in new.parameters().items():
        assert (engine.parameters()[key] == array).all()
    for key, alive in second.items():
        assert not engine.parameters()[key][~alive].any()


@pytest.mark.parametrize("criterion", ["set", "rigl"])
@pytest.mark.parametrize("name", [name for name in ENGINES if name != "reference"])
def test_masks_move_on_all_engines_as_on_the_reference(dataset, criterion, name):
    results = []
    for engine in ("reference", name):
        mask = random_start(start(), 0.3, "global", 0)
        inner = ENGINES[engine](apply_mask(start(), mask), mask, dataset, SGD)
        schedule = Schedule(steps=60, **defaults(criterion, every=10))
        outer = MovingMaskEngine(inner, mask, dataset, schedule, criterion, seed=0, epsilon=1e-5)
        loss = outer.advance(np.random.default_rng(0).integers(80, size=(60, 16)))
        results.append((outer.mask, outer.parameters(), loss))
    (mask, parameters, (loss, n_correct)), (other, others, (same_loss, same_correct)) = results
    assert all((mask[key] == other[key]).all() for key in mask)
    assert (same_loss, same_correct) == (pytest.approx(loss, rel=1e-9), n_correct)
    for key, array in parameters.items():
        np.testing.assert_allclose(others[key], array, rtol=0, atol=1e-8, err_msg=key)


@pytest.mark.parametrize("criterion", ["set", "rigl"])
def test_an_update_written_out(dataset, criterion, monkeypatch):
    """Ten steps of a textbook's training, then the update by hand, then the next steps."""
    mask = random_start(start(), 0.3, "global", 0)
    batches = np.random.default_rng(0).integers(80, size=(13, 16))
    inner = ReferenceEngine(apply_mask(start(), mask), mask, dataset, SGD)
    schedule = Schedule(steps=40, **defaults(criterion, every=10, until=0.5))
    seen = {}

    def draws(*key):
        seen[key[-1]] = np.random.default_rng(len(seen)).random(mask[key[-1]].shape)
        return np.random.default_rng(len(seen) - 1)

    monkeypatch.setattr(moving, "stream", draws)
    outer = MovingMaskEngine(inner, mask, dataset, schedule, criterion, seed=0, epsilon=1e-5)
    outer.advance(batches[:7])
    outer.advance(batches[7:])

    options = {"rate": 0.1, "norm_keep": 0.9, "norm_epsilon": 1e-5}
    before = textbook.train(apply_mask(start(), mask), mask, dataset, batches, range(10), **options)
    after, parameters = dict(mask), {name: array.copy() for name, array in before.items()}
    gradient = dense_gradient(before, dataset, batches[10], epsilon=1e-5).weights
    share = 0.15 * (1 + np.cos(np.pi * 10 / 20)) if criterion == "rigl" else 0.3
    for name in weights_of(mask):
        w, alive = before[name], np.flatnonzero(mask[name])
        n = round(share * len(alive))
        if criterion == "rigl":
            gone = sorted(alive, key=lambda k: abs(w.flat[k]))[:n]
            wish = np.abs(gradient[name])
        else:
            signs = [[k for k in alive if w.flat[k] > 0], [k for k in alive if w.flat[k] < 0]]
            gone = [
                k
                for of_sign in signs
                for k in sorted(of_sign, key=lambda k: abs(w.flat[k]))[: round(0.3 * len(of_sign))]
            ]
            wish = seen[name]
        stays = set(alive) - set(gone)
        if criterion == "set":  # the places of single weights may differ by rounding
            kept = set(np.flatnonzero(outer.mask[name])) & set(alive)
            assert len(stays - kept) <= 2
            continue
        comes = sorted(set(range(w.size)) - stays, key=lambda k: -wish.flat[k])[:n]
        after[name] = np.isin(np.arange(w.size), [*stays, *comes]).reshape(w.shape)
        parameters[name] = np.where(after[name] & mask[name], w, 0)  # dropped and grown at once: keeps its value
        assert (outer.mask[name] == after[name]).all()
    if criterion == "rigl":
        # The update took the place of step 10: steps 11 and 12 are the next ones.
        expected = textbook.train(parameters, after, dataset, batches, range(11, 13), **options)
        for name, array in expected.items():
            np.testing.assert_allclose(outer.parameters()[name], array, rtol=0, atol=1e-10, err_msg=name)


def test_the_dense_gradient_is_that_of_autograd_in_training_and_of_pruned_weights_too(dataset):
    mask = random_start(start(), 0.3, "global", 0)
    parameters = apply_mask(start(), mask)
    rows = np.arange(16)
    found = dense_gradient(parameters, dataset, rows, epsilon=1e-5)
    engine = ReferenceEngine(parameters, None, dataset, SGD)
    loss, n_correct = engine.advance(rows[None])
    assert (found.loss, found.n_correct) == (pytest.approx(loss), n_correct)
    for name, gradient in found.weights.items():
        step = (parameters[name] - engine.parameters()[name]) / 0.1
        np.testing.assert_allclose(gradient, step, rtol=0, atol=1e-12)
    assert np.abs(found.weights["layers.0.weight"][~mask["layers.0.weight"]]).max() > 0


def test_dense_gradients_are_computed_on_update_steps_only_and_for_who_asks(dataset, monkeypatch):
    asked = []
    plain = moving.dense_gradient
    monkeypatch.setattr(moving, "dense_gradient", lambda *a, **k: asked.append(1) or plain(*a, **k))
    for criterion, expected in (("set", 0), ("rigl", 4)):
        mask = random_start(start(), 0.3, "global", 0)
        inner = ReferenceEngine(apply_mask(start(), mask), mask, dataset, SGD)
        outer = MovingMaskEngine(
            inner, mask, dataset, Schedule(60, **defaults(criterion, every=10)), criterion, seed=0, epsilon=1e-5
        )
        outer.advance(np.random.default_rng(0).integers(80, size=(60, 16)))
        assert len(asked) == expected  # at 10, 20, 30 and 40; 45 is RigL's end
        asked.clear()


# -- the whole procedure -----------------------------------------------------------------------------------------------


def pruned(dataset, criterion, pool="global", n=3, **changed):
    return prune_while_training(
        dataset,
        seed=1,
        n=n,
        hidden=HIDDEN,
        initial_weights="uniform",
        share=0.3,
        pool=pool,
        criterion=criterion,
        of_criterion=defaults(criterion, **changed),
        settings=SETTINGS,
    )


@pytest.mark.parametrize("criterion", ["set", "rigl"])
@pytest.mark.parametrize("pool", ["layerwise", "global"])
def test_the_numbers_of_each_layer_stay_and_the_mask_moves(dataset, criterion, pool):
    mask, curve = pruned(dataset, criterion, pool, every=7)
    at_start = random_start(start(), 0.7**3, pool, 1, 3)
    assert {name: m.sum() for name, m in mask.items()} == {name: m.sum() for name, m in at_start.items()}
    assert all((mask[name] != at_start[name]).any() for name in weights_of(mask))
    assert curve["step"] == [25, 50, 60] and np.isfinite(curve["loss"]).all()
    again, _ = pruned(dataset, criterion, pool, every=7)
    assert all((again[name] == m).all() for name, m in mask.items())


# -- β-LASSO -----------------------------------------------------------------------------------------------------------


def test_a_step_by_hand():
    weight = torch.tensor([1.0, -1.0, 0.0, 0.0, 0.06, -0.06], dtype=torch.float64)
    gradient = torch.tensor([2.0, 0.0, -3.0, -0.1, 0.0, -1.0], dtype=torch.float64)
    found = beta_lasso(weight, gradient, rate=0.1, strength=0.01, beta=6.0)
    # θ − 0.1 (g + 0.01 sign θ), then 0 below 6 · 0.01
    by_hand = [1 - 0.1 * 2.01, -1 + 0.001, 0.3, 0.0, 0.0, 0.0]
    np.testing.assert_allclose(found, by_hand, rtol=1e-12)
    assert found[5] == 0  # −0.06 + 0.1 · 1.01 = 0.041
    # A weight that is zero returns by the loss's gradient alone.
    assert (
        found[2] == pytest.approx(0.3) and beta_lasso(weight, 0 * gradient, rate=0.1, strength=0.01, beta=6.0)[2] == 0
    )


def test_only_prunable_weights_take_the_step(dataset):
    def to_zero(weight, gradient, rate):
        return torch.zeros_like(weight)

    engine = PenalisedEngine(to_zero, start(), dataset, SGD)
    plain = ReferenceEngine(start(), None, dataset, SGD)
    rows = np.arange(16)[None]
    engine.advance(rows)
    plain.advance(rows)
    for name, array in engine.parameters().items():
        if name in ("layers.0.weight", "layers.1.weight"):
            assert not array.any()
        else:
            assert (array == plain.parameters()[name]).all(), name
    assert weight_density(nonzero_mask(engine.parameters())) == 0


def test_the_strength_is_found_for_a_density(dataset, caplog):
    caplog.set_level("INFO")
    mask, curve = pruned(dataset, "beta_lasso", n=2, tolerance=0.05)
    assert weight_density(mask) == pytest.approx(0.49, rel=0.05)
    assert all(mask[name].all() for name in mask if name.endswith("bias"))
    assert "trial 1: strength" in caplog.text and "nearest that came out" not in caplog.text
    assert curve["engine"] == ["reference"] * 3


def test_a_density_that_does_not_come_out_is_said(dataset, caplog):
    mask, _ = pruned(dataset, "beta_lasso", n=2, trials=1, lowest=1e-9, highest=1e-8)
    assert weight_density(mask) > 0.9
    assert "wanted a density of 0.4900, the nearest that came out is" in caplog.text


def test_a_penalty_that_diverges_stops(dataset):
    with pytest.raises(TrainingError, match="diverged"):
        train_to_density(
            {name: array * 1e30 for name, array in start("float32").items()},
            dataset,
            0.5,
            seed=0,
            criterion="beta_lasso",
            settings=SETTINGS,
            **defaults("beta_lasso", lowest=1e10, highest=1e38, trials=2),
        )


def test_masks_of_moving_methods_fit_the_network(dataset):
    mask, _ = pruned(dataset, "rigl")
    assert list(mask) == list(full_mask(start())) and 0 < density(mask) < 1
    assert draw_batches(dataset, SETTINGS, 1, 1).shape == (60, 16)

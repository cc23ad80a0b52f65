"""Training that leaves the finite numbers ends with step, rate and advice, whichever engine trains; so do networks that
have lost all weights of a layer, which is allowed."""

import dataclasses

import numpy as np
import pytest

from conftest import make_dataset
from winnow.masks import apply_mask, full_mask
from winnow.network import initial_parameters
from winnow.pruning.imp import prune_imp_round
from winnow.pruning.retrain import retrain_pruned
from winnow.pruning.scores import prune_by_score, score_parameters
from winnow.store.datasets import Dataset, Split
from winnow.store.tensors import Mask, Parameters
from winnow.training.build import build_engine
from winnow.training.curve import run
from winnow.training.dense import train_dense
from winnow.training.engine import Sgd, TrainingError
from winnow.training.graph import GraphEngine
from winnow.training.settings import TrainingSettings, draw_batches

SIZES = [108, 14, 10, 4]
SETTINGS = TrainingSettings(steps=60, rewind=20, batch=8, rate=0.1, log_every=25, norm_keep=0.9, norm_epsilon=1e-5)
ENGINES = ["reference", "dense", "sparse", "graph"]
START = initial_parameters(SIZES, 0)
MASK = prune_by_score(
    score_parameters(rewind=START, trained=START, criterion="magnitude"),
    full_mask(START),
    3,
    share=0.5,
    pool="layerwise",
)


def engine_of(name: str, dataset: Dataset, mask: Mask = MASK, rate: float = 0.1):
    sgd = Sgd(SETTINGS.batch, rate, SETTINGS.norm_keep, SETTINGS.norm_epsilon)
    start = apply_mask(START, mask)
    if name == "graph":
        return GraphEngine(start, mask, dataset, sgd, device="cpu")
    return build_engine(start, mask, dataset, sgd, engine=name)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("rate", [1e5, 1e20, 1e38])
@pytest.mark.parametrize("name", ENGINES)
def test_a_rate_too_large_ends_at_the_next_logged_step(dataset, name, rate):
    engine = engine_of(name, dataset, rate=rate)
    with pytest.raises(TrainingError) as error:
        run(engine, draw_batches(dataset, SETTINGS, 0, 1), range(60), log_every=25)
    assert str(error.value) == (
        f"training diverged by step 25: the mean loss of the last 25 steps is nan; lower training.rate (now {rate:g})"
    )


@pytest.mark.parametrize("name", ENGINES)
def test_one_pixel_that_is_no_number_is_noticed(tmp_path, name):
    made = make_dataset(tmp_path / "d", dtype=np.float32)
    images = np.array(made.train.images)
    connected = np.flatnonzero(MASK["layers.0.weight"].any(axis=0))
    images[0, connected[0]] = np.nan
    dataset = dataclasses.replace(made, train=Split(images, np.array(made.train.labels)))
    with pytest.raises(TrainingError, match=r"diverged by step 2: .* is nan; lower training.rate \(now 0.1\)"):
        run(engine_of(name, dataset), np.zeros((4, 8), np.int64), range(4), log_every=2)


class LastStepDiverges:
    """An engine whose losses are finite, and whose parameters no longer are after the last step."""

    name, device, precision, rate = "fake", "cpu", "float32", 0.3

    def __init__(self, value: float):
        self._value = value

    def advance(self, batches: np.ndarray, rates: np.ndarray | None = None) -> tuple[float, int]:
        return float(len(batches)), 0

    def accuracy(self) -> float:
        return 0.0

    def parameters(self) -> Parameters:
        return {"layers.0.weight": np.array([[0, self._value]]), "layers.0.bias": np.zeros(1)}


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_the_last_step_may_be_the_one_that_diverges(value):
    with pytest.raises(TrainingError, match=r"by step 5: layers.0.weight hold NaN or infinity; .*\(now 0.3\)"):
        run(LastStepDiverges(value), np.zeros((5, 2), np.int64), range(5), log_every=10)
    run(LastStepDiverges(1.0), np.zeros((5, 2), np.int64), range(5), log_every=10)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", ["reference", "dense", "sparse"])
def test_no_step_of_pruning_gives_anything(dataset, name):
    settings = dataclasses.replace(SETTINGS, engine=name, rate=1e30)
    with pytest.raises(TrainingError, match="diverged by step 20"):
        train_dense(dataset, seed=0, hidden=[14, 10], initial_weights="uniform", settings=settings)
    pruning = {"share": 0.3, "pool": "layerwise", "criterion": "magnitude"}
    with pytest.raises(TrainingError, match="diverged by step 25"):
        prune_imp_round(START, MASK, dataset, seed=0, n=4, settings=settings, **pruning)
    with pytest.raises(TrainingError, match="diverged by step 25"):
        retrain_pruned(START, MASK, dataset, seed=0, n=3, settings=settings)


@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("name", ENGINES[1:])
def test_a_layer_without_weights_trains_as_in_the_reference(dataset, name, layer):
    mask = {key: array & (f"layers.{layer}." not in key) for key, array in full_mask(START).items()}
    batches = draw_batches(dataset, SETTINGS, 0, 1)
    engines = [engine_of(which, dataset, mask) for which in (name, "reference")]
    curve, expected = (run(engine, batches, range(60), log_every=25) for engine in engines)
    assert curve["loss"] == pytest.approx(expected["loss"], rel=1e-5)
    found, wanted = (engine.parameters() for engine in engines)
    for key, array in wanted.items():
        np.testing.assert_allclose(found[key], array, atol=1e-5, err_msg=key)
    assert not found[f"layers.{layer}.weight"].any() and not found[f"layers.{layer}.bias"].any()


@pytest.mark.parametrize("name", ENGINES)
def test_constant_pixels_train(tmp_path, name):
    made = make_dataset(tmp_path / "d")
    images = np.array(made.train.images)
    images[:, :50] = 7
    dataset = dataclasses.replace(made, train=Split(images, np.array(made.train.labels)))
    engine = engine_of(name, dataset)
    curve = run(engine, draw_batches(dataset, SETTINGS, 0, 1), range(60), log_every=25)
    assert np.isfinite(curve["loss"]).all()
    assert (engine.parameters()["norms.0.running_var"][:50] < 0.01).all()


@pytest.mark.parametrize("name", ENGINES)
def test_fewer_images_than_a_batch_train(tmp_path, name):
    dataset = make_dataset(tmp_path / "d", n_train=3, n_validation=1)
    curve = run(engine_of(name, dataset), draw_batches(dataset, SETTINGS, 0, 1), range(60), log_every=25)
    assert np.isfinite(curve["loss"]).all() and set(curve["validation_accuracy"]) <= {0.0, 1.0}

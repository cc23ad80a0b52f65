"""A network without batch norm is one whose batch norm does nothing: what looks at networks says the same of both."""

import numpy as np
import pytest
import scipy.stats

from conftest import make_dataset
from winnow.masks import apply_mask, full_mask
from winnow.measure.cavity import measure_cavity
from winnow.measure.cavity_example import measure_cavity_example
from winnow.measure.details import measure_details
from winnow.measure.kurtosis import measure_kurtosis
from winnow.measure.nongaussianity import measure_nongaussianity
from winnow.measure.preactivations import effective_weights
from winnow.network import has_batch_norm, initial_parameters
from winnow.pruning.at_start import prune_at_start
from winnow.pruning.criteria.registry import CRITERIA, of_interface
from winnow.pruning.from_masks import reinitialise
from winnow.pruning.imp import prune_imp_round
from winnow.pruning.imp_first_round import prune_imp_first_round
from winnow.pruning.scored import masked, score_network
from winnow.pruning.while_training import prune_while_training
from winnow.store.tensors import read_parameters, write_parameters
from winnow.streams import stream
from winnow.training.dense import train_dense
from winnow.training.settings import TrainingSettings

EPSILON = 1e-5
SIZES = [108, 14, 10, 4]
PRUNING = {"share": 0.3, "pool": "layerwise", "criterion": "magnitude"}
SETTINGS = TrainingSettings(
    **{"steps": 60, "rewind": 20, "batch": 16, "rate": 0.1, "log_every": 25, "norm_keep": 0.9, "norm_epsilon": EPSILON},
    **{"momentum": 0.5, "weight_decay": 1e-3, "schedule": "cosine", "replacement": False},
)


def network(seed=0):
    """A network without batch norm, biases and all, and the same one with a batch norm that does nothing."""
    draw = stream("test: no norm", seed)
    plain = {
        name: array + 0.1 * draw.normal(size=array.shape)
        for name, array in initial_parameters(SIZES, seed, batch_norm=False).items()
    }
    normed = dict(plain)
    for i, n in enumerate(SIZES[:-1]):
        normed |= {f"norms.{i}.weight": np.ones(n), f"norms.{i}.bias": np.zeros(n)}
        normed |= {f"norms.{i}.running_mean": np.zeros(n), f"norms.{i}.running_var": np.full(n, 1 - EPSILON)}
    return plain, normed


def masks_of(parameters, rounds=3):
    draws = {name: stream("test: masks", name).random(m.shape) for name, m in full_mask(parameters).items()}
    return [{name: values < 0.7**n for name, values in draws.items()} for n in range(rounds + 1)]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return make_dataset(tmp_path_factory.mktemp("no norm") / "set", n_train=60, n_validation=40)


def test_the_weights_are_the_same_ones():
    with_norm, without = (initial_parameters(SIZES, 3, batch_norm=norm) for norm in (True, False))
    assert has_batch_norm(with_norm) and not has_batch_norm(without)
    assert {name for name in with_norm if name.startswith("layers.")} == without.keys()
    assert all((with_norm[name] == array).all() for name, array in without.items())


@pytest.mark.parametrize("criterion", of_interface("network"))
def test_criteria_score_it_as_one_whose_batch_norm_does_nothing(dataset, criterion):
    own = {"labels": "all"} if criterion == "obd" else {}
    scores = []
    for parameters, rewind in zip(network(0), network(1), strict=True):
        mask = masks_of(parameters)[1]
        scored = masked(parameters, rewind, mask, dataset, seed=0, epsilon=EPSILON, device="cpu")
        scores.append(score_network(scored, criterion, own))
    assert scores[0].keys() == scores[1].keys()
    tolerance = 1e-4 if criterion.startswith("cavity") else 1e-9  # those are sums of float32
    for name, array in scores[0].items():
        atol = tolerance * abs(array).max()
        np.testing.assert_allclose(array, scores[1][name], rtol=tolerance, atol=atol, err_msg=name)


def test_the_first_layers_preactivations_are_those_of_the_pixels(dataset):
    plain, normed = network()
    masks = masks_of(plain)
    weights = effective_weights(plain, masks[2], epsilon=EPSILON)
    np.testing.assert_array_equal(weights, plain["layers.0.weight"] * masks[2]["layers.0.weight"])
    table = measure_kurtosis(plain, masks, dataset, epsilon=EPSILON).by_unit
    x = dataset.prepare(dataset.validation.images).astype(np.float64)
    expected = [
        scipy.stats.kurtosis(x @ (plain["layers.0.weight"] * m["layers.0.weight"]).T, fisher=False) for m in masks
    ]
    np.testing.assert_allclose(table["kurtosis"], np.concatenate(expected), rtol=1e-5)
    broken = {name: array for name, array in normed.items() if name != "norms.0.running_var"}
    with pytest.raises(ValueError, match=r"parameters lack \['norms.0.running_var'\]: is it the file of a network"):
        effective_weights(broken, masks[0], epsilon=EPSILON)


@pytest.mark.parametrize("measure", [measure_cavity, measure_cavity_example, measure_details, measure_nongaussianity])
def test_statistics_are_those_of_one_whose_batch_norm_does_nothing(dataset, measure):
    found = []
    for parameters in network():
        masks = masks_of(parameters)
        given = {
            measure_cavity: (masks,),
            measure_cavity_example: (masks[1],),
            measure_details: ({"imp": masks[1:]}, masks[1]),
            measure_nongaussianity: (masks,),
        }[measure]
        result = measure(parameters, *given, dataset, epsilon=EPSILON)
        tables = result if isinstance(result, tuple) else (result,)
        found.append({(k, name): column for k, table in enumerate(tables) for name, column in table.items()})
    assert found[0].keys() == found[1].keys()
    for name, column in found[0].items():
        column = np.asarray(column)
        if column.dtype.kind == "f":
            largest = np.nanmax(abs(column), initial=0)
            np.testing.assert_allclose(column, found[1][name], rtol=1e-4, atol=1e-4 * largest, err_msg=str(name))
        else:
            assert column.tolist() == np.asarray(found[1][name]).tolist()


def test_it_is_trained_rewound_pruned_and_kept(dataset, tmp_path):
    """From the initial weights to a mask: files, rounds, methods at the start and while training, other weights."""
    options = {"seed": 0, "hidden": [14, 10], "initial_weights": "uniform", "batch_norm": False}
    rewind, trained, curve = train_dense(dataset, settings=SETTINGS, **options)
    assert not has_batch_norm(rewind) and not has_batch_norm(trained)
    assert curve["loss"][-1] < curve["loss"][0]
    write_parameters(tmp_path / "rewind.safetensors", rewind)
    read = read_parameters(tmp_path / "rewind.safetensors")
    assert read.keys() == rewind.keys()
    mask = prune_imp_first_round(rewind=read, trained=trained, **PRUNING)
    mask, _ = prune_imp_round(read, mask, dataset, seed=0, n=2, settings=SETTINGS, **PRUNING)
    assert not has_batch_norm(apply_mask(read, mask))
    at_start = {"rounds": [1], "seed": 0, "share": 0.3, "pool": "global", "epsilon": EPSILON}
    assert prune_at_start(read, dataset, criterion="snip", **at_start)[0].keys() == mask.keys()
    own = {name: v[0] if isinstance(v, tuple) else v for name, v in CRITERIA["rigl"].settings.items()} | {"every": 9}
    how = {"n": 2, "share": 0.3, "pool": "global", "criterion": "rigl", "of_criterion": own}
    moved, _ = prune_while_training(dataset, settings=SETTINGS, **how, **options)
    assert moved.keys() == mask.keys()
    other = reinitialise(read, 0, "uniform")
    assert other.keys() == read.keys() and (other["layers.0.weight"] != read["layers.0.weight"]).any()

"""The GPU engine's steps, run on a CPU, against the reference; what needs a graph is tested where there is a GPU."""

from collections import Counter
from contextlib import nullcontext
from dataclasses import replace
from unittest.mock import MagicMock

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from conftest import make_dataset
from examples import examples
from winnow.job.devices import free_memory, matmul_precision
from winnow.masks import apply_mask, full_mask
from winnow.network import initial_parameters
from winnow.pruning.scores import prune_by_score, score_parameters
from winnow.streams import stream
from winnow.training import graph
from winnow.training.engine import Sgd, TrainingError
from winnow.training.graph import GraphEngine
from winnow.training.reference import ReferenceEngine

SGD = Sgd(batch=16, rate=0.1, norm_keep=0.9, norm_epsilon=1e-5)
N_TRAIN = 80
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
CUDA = pytest.param("cuda", marks=needs_gpu)


def start_from(hidden=(14, 10), density=0.4, dtype=np.float32, seed=0):
    """Parameters that are no zeros, and a mask that removes biases too; density None: no mask."""
    parameters = initial_parameters([108, *hidden, 4], seed)
    draw = stream("test: start", seed)
    for name, array in parameters.items():
        if name.endswith(("weight", "bias")):
            array += draw.normal(0, 0.1, array.shape)
    mask = None
    if density is not None:
        mask = {name: draw.random(m.shape) < density for name, m in full_mask(parameters).items()}
        parameters = apply_mask(parameters, mask)
    return {name: array.astype(dtype) for name, array in parameters.items()}, mask


def batches_of(steps, batch=16):
    return stream("test: batches").integers(N_TRAIN, size=(steps, batch))


def assert_close(state, expected, tolerance):
    assert state.keys() == expected.keys()
    for name, array in expected.items():
        assert state[name].dtype == array.dtype
        np.testing.assert_allclose(state[name], array, rtol=0, atol=tolerance * np.abs(array).max(), err_msg=name)


def assert_same(state, expected):
    for name, array in expected.items():
        np.testing.assert_array_equal(state[name], array, err_msg=name)


def trained(dataset, start, mask, *cuts, n_steps=60, **options):
    """The state and (loss, right) after some steps that are done in stretches."""
    engine = GraphEngine(start, mask, dataset, SGD, **options)
    sums = [engine.advance(stretch) for stretch in np.split(batches_of(n_steps), cuts)]
    return engine.parameters(), np.sum(sums, axis=0)


@pytest.fixture(scope="module", params=[np.uint8, np.float32], ids=["uint8", "float32"])
def any_dataset(request, tmp_path_factory):
    return make_dataset(tmp_path_factory.mktemp("data") / "set", n_train=N_TRAIN, dtype=request.param)


@pytest.mark.parametrize("device", ["cpu", CUDA])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-4), (np.float64, 1e-10)])
@pytest.mark.parametrize("density", [None, 0.4])
@pytest.mark.parametrize("hidden", [[14], [14, 10], [14, 10, 12]], ids=len)
def test_equals_the_reference(any_dataset, hidden, density, dtype, tolerance, device):
    start, mask = start_from(hidden, density, dtype)
    batches = batches_of(200)
    engine = GraphEngine(start, mask, any_dataset, SGD, device=device)
    expected = ReferenceEngine(start, mask, any_dataset, SGD)
    for stretch in (batches[:110], batches[110:]):
        loss, n_correct = engine.advance(stretch)
        expected_loss, expected_correct = expected.advance(stretch)
        assert loss == pytest.approx(expected_loss, rel=1e-6 if device == "cpu" else tolerance)
        if device == "cpu" or dtype == np.float64:  # rounding may decide between two classes
            assert n_correct == expected_correct
            assert engine.accuracy() == expected.accuracy()
    assert_close(engine.parameters(), expected.parameters(), tolerance)
    assert not np.allclose(engine.parameters()["layers.0.weight"], start["layers.0.weight"], atol=1e-2)


@settings(max_examples=examples(25), derandomize=True)
@given(
    hidden=st.lists(st.integers(1, 30), min_size=1, max_size=3),
    batch=st.integers(2, 45),
    density=st.floats(0, 1),
    n_steps=st.integers(1, 30),
    seed=st.integers(0, 99),
)
def test_equals_the_reference_on_any_network(any_dataset, hidden, batch, density, n_steps, seed):
    start, mask = start_from(hidden, density, np.float64, seed)
    batches = stream("test: batches", seed).integers(N_TRAIN, size=(n_steps, batch))
    engine, expected = (
        Engine(start, mask, any_dataset, replace(SGD, batch=batch), device="cpu")
        for Engine in (GraphEngine, ReferenceEngine)
    )
    np.testing.assert_allclose(engine.advance(batches), expected.advance(batches), rtol=1e-6)
    # A unit whose activation does not vary amplifies rounding by 1 / √ε a layer.
    assert_close(engine.parameters(), expected.parameters(), 1e-7)


def test_gives_the_masks_of_the_reference(any_dataset):
    start, mask = start_from(dtype=np.float64)
    masks = []
    for Engine in (GraphEngine, ReferenceEngine):
        engine = Engine(start, mask, any_dataset, SGD, device="cpu")
        engine.advance(batches_of(200))
        scores = score_parameters(rewind=start, trained=engine.parameters(), criterion="magnitude")
        masks.append(prune_by_score(scores, mask, 4, share=0.3, pool="layerwise"))
    assert_same(*masks)


def test_pruned_parameters_stay_zero_and_negative_survivors_learn(dataset):
    start, mask = start_from()
    state, _ = trained(dataset, start, mask, device="cpu")
    for name, m in mask.items():
        assert (state[name][~m] == 0).all()
        negative = m & (start[name] < 0)
        assert (state[name][negative] != start[name][negative]).mean() > 0.99


@pytest.mark.parametrize("device", ["cpu", CUDA])
def test_prepares_images_bit_for_bit_as_the_dataset_does(any_dataset, device):
    engine = GraphEngine(*start_from(), any_dataset, SGD, device=device)
    images = engine._prepare(torch.tensor(any_dataset.train.images, device=device))
    np.testing.assert_array_equal(images.cpu().numpy(), any_dataset.prepare(any_dataset.train.images))


@pytest.mark.parametrize("device", ["cpu", CUDA])
def test_a_network_that_is_built_has_the_start_parameters_and_leaves_them_alone(dataset, device):
    start, mask = start_from()
    before = {name: array.copy() for name, array in start.items()}
    engine = GraphEngine(start, mask, dataset, SGD, device=device)
    assert_same(engine.parameters(), start)
    engine.advance(batches_of(3))
    copy = engine.parameters()
    kept = {name: array.copy() for name, array in copy.items()}
    engine.advance(batches_of(3))
    assert_same(start, before)
    assert_same(copy, kept)


@pytest.mark.parametrize("device", ["cpu", CUDA])
def test_stretches_may_be_cut_anywhere(dataset, device):
    """Replays, single steps and both give the same network."""
    start, mask = start_from(dtype=np.float64)
    state, sums = trained(dataset, start, mask, device=device)
    for cuts in ([1], [25, 50], [7, 30], range(1, 60)):
        again, sums_again = trained(dataset, start, mask, *cuts, device=device)
        assert_close(again, state, 1e-12)
        np.testing.assert_allclose(sums_again, sums, rtol=1e-12)


@pytest.mark.parametrize("device", ["cpu", CUDA])
@pytest.mark.parametrize("window", [16, 37, 70])
def test_images_that_do_not_fit_are_brought_in_windows(any_dataset, device, window, monkeypatch):
    start, mask = start_from()
    engine = GraphEngine(start, mask, any_dataset, SGD, device=device)
    engine.advance(batches_of(60))
    image_bytes = any_dataset.train.images[0].nbytes
    monkeypatch.setattr(graph, "_fits", lambda n_bytes, device: False)
    monkeypatch.setattr(graph, "_WINDOW", window * image_bytes)
    windowed = GraphEngine(start, mask, any_dataset, SGD, device=device)
    windowed.advance(batches_of(60))
    assert_close(windowed.parameters(), engine.parameters(), 1e-5)
    assert windowed.accuracy() == engine.accuracy()


@pytest.mark.parametrize("device", ["cpu", CUDA])
@pytest.mark.parametrize("n_staged", [1, 3, 20, 79, 80, 1000])
def test_images_pass_through_staging_buffers_of_any_size(any_dataset, device, n_staged, monkeypatch):
    monkeypatch.setattr(graph, "_STAGING", n_staged * any_dataset.train.images[0].nbytes)
    images = graph._Images(any_dataset.train, device)
    rows = stream("test: rows").permutation(N_TRAIN)
    stored = images.at(torch.from_numpy(images.place(rows)).to(device))
    np.testing.assert_array_equal(stored.cpu().numpy(), any_dataset.train.images[rows])


def test_divergence_is_seen(dataset):
    engine = GraphEngine(*start_from(), dataset, replace(SGD, rate=1e30), device="cpu")
    assert not np.isfinite(engine.advance(batches_of(30))[0])


def test_says_what_to_do_when_memory_is_short(dataset, monkeypatch):
    def full(split, device):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(graph, "_Images", full)
    monkeypatch.setattr(graph, "free_memory", lambda device: 3_000_000_000)
    with pytest.raises(TrainingError, match=r"cpu has too little free memory.*3\.0 GB are left.*set compute.device"):
        GraphEngine(*start_from(), dataset, SGD, device="cpu")


# -- what a GPU would see, without one --------------------------------------------------------------------------------


@pytest.fixture
def pretended_gpu(monkeypatch):
    """Lets `_record` do what it does for a GPU: the steps run at once, and a replay does nothing."""
    monkeypatch.setattr(graph, "device_name", lambda device: "pretended")
    monkeypatch.setattr(graph, "_fits", lambda n_bytes, device: True)
    for name in ("Stream", "current_stream", "CUDAGraph"):
        monkeypatch.setattr(torch.cuda, name, MagicMock())
    for name in ("stream", "graph"):
        monkeypatch.setattr(torch.cuda, name, lambda *args, **settings: nullcontext())


def test_the_recording_leaves_the_start_parameters(dataset, pretended_gpu):
    start, mask = start_from()
    engine = GraphEngine(start, mask, dataset, replace(SGD, momentum=0.9, weight_decay=0.1), device="cpu")
    assert engine.device == "pretended"
    assert_same(engine.parameters(), start)
    assert engine.velocity().keys() == {name for name in start if ".running_" not in name}
    assert not any(v.any() for v in engine.velocity().values())


OTHER_STEPS = [{"weight_decay": 0.1}, {"momentum": 0.9, "weight_decay": 0.1}]
"""Of the other kinds of steps, those that launch the most."""


@pytest.mark.slow
@pytest.mark.parametrize("scheduled", [False, True])
@pytest.mark.parametrize("how", [{}, *OTHER_STEPS], ids=len)
def test_no_tensor_is_left_on_the_host(dataset, pretended_gpu, how, scheduled):
    """On the `meta` device, which has no values and takes no other device's tensors."""
    engine = GraphEngine(*start_from(), dataset, replace(SGD, scheduled=scheduled, **how), device="meta")
    rates = np.full(30, 0.1) if scheduled else None
    for use in (lambda: engine.advance(batches_of(30), rates), engine.accuracy):
        with pytest.raises(RuntimeError, match=r"item\(\) cannot be called"):  # at the very end
            use()


# -- cost -------------------------------------------------------------------------------------------------------------

_VIEWS = {"permute", "select", "slice", "t", "transpose", "unbind", "unsqueeze", "view"}
_KERNELS = {"native_batch_norm": 3, "native_batch_norm_backward": 2}
"""On a GPU, of a (batch, features) array: moments, running moments, y; sums, dx.  All other operations are one."""


class Operations(TorchDispatchMode):
    """Counts the operations within a block."""

    def __init__(self):
        super().__init__()
        self.count = Counter()

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        self.count[operation.overloadpacket.__name__] += 1
        return operation(*args, **kwargs or {})

    @property
    def n_kernels(self):
        return sum(_KERNELS.get(name, 1) * n for name, n in self.count.items() if name not in _VIEWS)


@pytest.mark.parametrize(("density", "n_kernels"), [(None, 33), (0.4, 35)])
def test_a_step_is_few_kernels(dataset, density, n_kernels):
    """As the module says: a step of two hidden layers, beside what a replay does once for all its steps."""
    engine = GraphEngine(*start_from(density=density), dataset, SGD, device="cpu")
    images, target = torch.randn(16, 108), torch.eye(4)[torch.arange(16) % 4]
    with Operations() as step:
        engine._step(images, target)
    assert step.n_kernels - 1 == n_kernels  # the pixels' batch norm has no dx
    schedule = torch.zeros((2, graph.STEPS_PER_REPLAY, 16), dtype=torch.int64)
    with Operations() as replay:
        engine._steps(schedule)
    assert replay.n_kernels - graph.STEPS_PER_REPLAY * step.n_kernels < 20
    assert "_local_scalar_dense" not in replay.count  # nothing is read back: that would stall the GPU


@pytest.mark.parametrize("how", [{}, *OTHER_STEPS], ids=len)
def test_a_rate_that_changes_is_read_by_the_graph(dataset, how):
    """No number of a step becomes part of the recording, and none is read back."""
    engine = GraphEngine(*start_from(), dataset, replace(SGD, scheduled=True, **how), device="cpu")
    schedule = torch.zeros((2, graph.STEPS_PER_REPLAY, 16), dtype=torch.int64)
    with Operations() as replay:
        engine._steps(schedule, torch.full((graph.STEPS_PER_REPLAY,), -0.1))
    assert "_local_scalar_dense" not in replay.count


# -- precision --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", ["none", "ieee", "tf32"])
def test_matmul_precision_holds_within_the_block_whatever_was_set(before):
    matmul = torch.backends.cuda.matmul
    usual, matmul.fp32_precision = matmul.fp32_precision, before
    try:
        for precision, set_to in (("float32", "ieee"), ("tf32", "tf32"), ("float64", "ieee")):
            with pytest.raises(KeyError), matmul_precision(precision):
                assert matmul.fp32_precision == set_to
                raise KeyError
            assert matmul.fp32_precision == before
    finally:
        matmul.fp32_precision = usual


def test_says_its_precision(dataset):
    for dtype, precision, expected in (
        (np.float32, "float32", "float32"),
        (np.float32, "tf32", "tf32"),
        (np.float64, "tf32", "float64"),
    ):
        engine = GraphEngine(*start_from(dtype=dtype), dataset, SGD, precision=precision, device="cpu")
        assert (engine.name, engine.device, engine.precision, engine.rate) == ("graph", "cpu", expected, 0.1)


# -- on a GPU ---------------------------------------------------------------------------------------------------------


@needs_gpu
@pytest.mark.parametrize("density", [None, 0.4])
def test_the_graph_equals_the_steps_that_it_captured(dataset, density):
    start, mask = start_from(density=density, dtype=np.float64)
    state, _ = trained(dataset, start, mask, n_steps=50)
    engine = GraphEngine(start, mask, dataset, SGD)
    labels = np.asarray(dataset.train.labels)
    for first in (0, 25):
        rows = batches_of(50)[first : first + 25]
        engine._steps(torch.from_numpy(np.stack([rows, labels[rows]])).to("cuda"))
    assert_close(engine.parameters(), state, 1e-12)


@needs_gpu
@pytest.mark.parametrize("precision", ["float32", "tf32"])
def test_the_same_bits_every_time(precision, tmp_path):
    """At sizes at which cuBLAS has its fast kernels."""
    dataset = make_dataset(tmp_path / "set", shape=(3, 32, 32), n_train=N_TRAIN)
    start = initial_parameters([3072, 512, 512, 4], 0)
    mask = {name: stream("test: mask", name).random(m.shape) < 0.5 for name, m in full_mask(start).items()}
    runs = [trained(dataset, apply_mask(start, mask), mask, 33, precision=precision) for _ in range(3)]
    for state, sums in runs[1:]:
        assert_same(state, runs[0][0])
        assert (sums == runs[0][1]).all()


@needs_gpu
@pytest.mark.parametrize("elsewhere", ["none", "tf32"])
def test_tf32_only_when_it_is_asked_for(elsewhere, tmp_path):
    """A step in float32 is closer to one in float64 than TF32's 11 bits allow; whatever was set elsewhere."""
    dataset = make_dataset(tmp_path / "set", shape=(3, 32, 32), n_train=N_TRAIN)
    start = initial_parameters([3072, 512, 512, 4], 0)
    matmul = torch.backends.cuda.matmul
    usual, matmul.fp32_precision = matmul.fp32_precision, elsewhere
    try:
        exact, _ = trained(dataset, {name: array.astype(np.float64) for name, array in start.items()}, None, n_steps=1)
        moved = {}
        for precision in ("float32", "tf32"):
            state, _ = trained(dataset, start, None, n_steps=1, precision=precision)
            moved[precision] = np.abs(state["norms.2.running_mean"] - exact["norms.2.running_mean"]).max()
    finally:
        matmul.fp32_precision = usual
    assert moved["float32"] < 3e-7
    assert moved["tf32"] > 10 * moved["float32"]


@needs_gpu
def test_engines_may_come_and_go(dataset):
    """What a graph uses outlives other engines."""
    start, mask = start_from()
    engine, other = (GraphEngine(start, mask, dataset, SGD) for _ in range(2))
    alone, _ = trained(dataset, start, mask, n_steps=50)
    other.advance(batches_of(50))
    del other
    torch.cuda.empty_cache()
    engine.advance(batches_of(50))
    assert_same(engine.parameters(), alone)


@needs_gpu
def test_memory_is_given_back_and_a_second_engine_fits_beside(dataset):
    start, mask = start_from()
    GraphEngine(start, mask, dataset, SGD).advance(batches_of(30))
    torch.cuda.synchronize()
    before = free_memory("cuda")
    engine = GraphEngine(start, mask, dataset, SGD)
    for _ in range(20):
        engine.advance(batches_of(30))
        engine.accuracy()
    assert before - free_memory("cuda") < 256 << 20

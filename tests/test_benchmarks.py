"""The benchmarks' table, curves and peers; what they measure is for `python -m benchmarks` to say."""

import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
import torch

from benchmarks import ROOT, bench, curves, machine, peers, table, timeline
from benchmarks import __main__ as run
from benchmarks.bench import OURS, Row
from benchmarks.cases import training
from reference.training import train
from winnow.masks import apply_mask
from winnow.network import initial_parameters
from winnow.store.datasets import Dataset, Split
from winnow.streams import stream
from winnow.training.engine import Sgd

STEP = Row(
    "training",
    "step at density 0.5",
    x=0.5,
    threads=2,
    times={OURS: [0.004, 0.003, 0.008], "slow": [0.03, 0.02, 0.05], "a `peer`": [0.006, 0.003, 0.008]},
    shares={"a `peer`": 0.25},
    floor="1 GFLOP at 500 GFLOP/s",
    floor_seconds=0.002,
    peak_mb=123.4,
)


def rows(*some: Row) -> list[dict]:
    return [json.loads(row.as_json()) for row in some]


def test_times_are_medians_with_quartiles_and_ratios_those_of_the_turns():
    assert table.spread([1, 2, 3, 4, 10]) == (3, 2, 4, 5)
    assert table.time_of(STEP) == (0.004, 0.0035, 0.006, 3)
    assert table.ratio(STEP, "slow") == pytest.approx(table.spread([30 / 4, 20 / 3, 50 / 8]))
    text = table.as_markdown(rows(STEP))
    assert "| best peer | its time | ratio | other peers |" in text
    assert (
        "| step at density 0.5 | 2 | 4 ms (3.5–6) | a `peer` | ~24 ms (18–28) | ~4 (4–5) | slow 30 ms (25–40) |" in text
    )
    assert "| 2 ms (1 GFLOP at 500 GFLOP/s) | 50% | 123 MB |  |" in text


def test_the_ratio_is_to_the_best_peer_whatever_the_order():
    row = Row("data", "x", times={"a": [3.0], OURS: [1.0], "b": [2.0], "c": [2.5]})
    assert table.peers(row) == ["b", "c", "a"]
    assert "| x | 1 | 1 s (once) | b | 2 s (once) | 2 | c 2.5 s (once); a 3 s (once) |" in table.as_markdown(rows(row))


def test_turns_of_another_number_have_a_ratio_without_spread():
    row = Row("data", "x", times={OURS: [1.0, 2.0, 9.0], "a": [4.0]})
    assert table.ratio(row, "a") == (2, 2, 2, 1)


def test_what_was_not_run_has_no_numbers():
    text = table.as_markdown(rows(Row("training", "on a GPU", note="not run: no CUDA GPU")))
    assert "| on a GPU | 1 |  |  |  |  |  |  |  | not run: no CUDA GPU |" in text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (7300, "2.03 h"),
        (125, "2.08 min"),
        (12.34, "12.3 s"),
        (0.7, "0.7 s"),
        (0.0123, "12.3 ms"),
        (36e5 * 2, "2000 h"),
    ],
)
def test_times_have_a_unit_that_suits_them(seconds, text):
    assert table.time_text(seconds) == text


def test_contestants_take_turns():
    order = []
    times = bench.race({name: lambda name=name: order.append(name) for name in "abc"}, 3)
    assert "".join(order) == "abccbaabc"
    assert {name: len(turns) for name, turns in times.items()} == {"a": 3, "b": 3, "c": 3}
    assert all(0 <= seconds < 1 for turns in times.values() for seconds in turns)


def test_curves_are_drawn_of_what_is_there(tmp_path):
    points = [Row("training curve", "dense", x=x, threads=2, times={OURS: [0.004]}) for x in (0.1, 0.5)]
    steps = [STEP, Row("training", "step", x=0.1, threads=2, times={OURS: [0.002], "a `peer`": [0.02]})]
    drawn = curves.draw_curves(rows(*steps, *points), tmp_path)
    assert drawn == [*tmp_path.iterdir()] == [tmp_path / "step_by_density.png"]


# -- peers ------------------------------------------------------------------------------------------------------------


def compiles(name):
    """What takes ten seconds and more to compile is for the slow tests."""
    return [pytest.mark.slow] if name == "`torch.compile`" else []


@pytest.mark.parametrize("name", [pytest.param(name, marks=compiles(name)) for name in peers.PEERS])
def test_every_peer_does_the_step_of_the_reference(name):
    if name in peers.missing():
        pytest.skip(peers.missing()[name])
    draw = stream("peers")
    sizes, n_images = [12, 9, 7, 4], 60
    images = draw.integers(0, 256, (n_images, 12), np.uint8)
    split = Split(images, draw.integers(0, 4, n_images))
    dataset = Dataset((3, 2, 2), tuple("abcd"), 255.0, images.mean(axis=0, dtype=np.float32), {}, split, split)
    start = initial_parameters(sizes, 0)
    start |= {key: draw.normal(1, 0.1, start[key].shape).astype("f") for key in start if key.startswith("norms")}
    mask = {
        key: draw.random(start[key].shape) < 0.6 for i in (0, 1) for key in (f"layers.{i}.weight", f"layers.{i}.bias")
    }
    batches = draw.integers(0, n_images, (4, 30))
    for held in (mask, None):
        begin = start if held is None else apply_mask(start, held)
        peer = peers.PEERS[name](begin, held, dataset, Sgd(batch=30, rate=0.2, norm_keep=0.9, norm_epsilon=1e-3))
        peer.advance(batches[:3])
        peer.advance(batches[3:])
        found = peer.parameters()
        expected = train(begin, held, dataset, batches, range(4), rate=0.2, norm_keep=0.9, norm_epsilon=1e-3)
        assert found.keys() == expected.keys()
        for key, values in expected.items():
            np.testing.assert_allclose(found[key], values, rtol=1e-5, atol=1e-6, err_msg=key)
            moved = np.abs(values - begin[key]).max()
            assert moved > 1e-3, key
        for key, alive in (held or {}).items():
            assert (found[key][~alive] == 0).all()


def test_a_peer_that_cannot_run_says_why(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setattr(peers.importlib.util, "find_spec", lambda name: None)
    assert peers.missing() == {
        "`torch.compile`": "no C++ compiler",
        "`jax.jit`": "not installed: pip install '.[benchmarks]'",
    }


# -- processors -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "name"),
    [("fma avx2 avx512f", "A (R) CPU, AVX-512"), ("fma avx2", "A (R) CPU, AVX2")],
)
def test_a_processor_is_told_by_name_and_instructions(tmp_path, monkeypatch, flags, name):
    monkeypatch.setattr(machine, "_INFO", tmp_path / "cpuinfo")
    for n in range(2):
        with (tmp_path / "cpuinfo").open("a") as info:
            info.write(f"processor\t: {n}\nmodel name\t: A (R) CPU\nflags\t\t: fpu {flags} sse\n\n")
    assert machine.processor() == name
    assert machine.processor("AVX2") == "A (R) CPU, held to AVX2"
    assert machine.slug("A(R) CPU, AVX-512") == "a-cpu-avx-512"


def test_threads_lie_on_cores_of_their_own_first(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "_TOPOLOGY", tmp_path)
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda _: {0, 1, 2, 3, 5})
    for one, core in ((0, "0-1"), (1, "0-1"), (2, "2-3"), (3, "2-3")):
        (tmp_path / f"cpu{one}" / "topology").mkdir(parents=True)
        (tmp_path / f"cpu{one}" / "topology" / "thread_siblings_list").write_text(f"{core}\n")
    assert machine.processors(3) == [0, 2, 5]
    assert machine.processors(4) == [0, 2, 5, 1]


def test_a_case_may_use_as_many_processors_as_threads(monkeypatch):
    said = {}

    def keep(command, env, **settings):
        seen = "import json, os; print(json.dumps([len(os.sched_getaffinity(0)), dict(os.environ)]))"
        code = subprocess.run([sys.executable, "-c", seen], stdout=subprocess.PIPE, text=True, env=env)
        said["processors"], said["environment"] = json.loads(code.stdout)
        return subprocess.CompletedProcess(command, 0, f"row {STEP.as_json()}\nelse\n")

    before = os.sched_getaffinity(0)
    monkeypatch.setattr(run, "subprocess", type("", (), {"run": keep, "PIPE": subprocess.PIPE}))
    (row,) = run.in_own_process("training.steps", 1, machine.HELD["AVX2"])
    assert row == {**json.loads(STEP.as_json()), "case": "training.steps, 1"}
    assert os.sched_getaffinity(0) == before
    assert said["processors"] == 1
    assert said["environment"]["OMP_NUM_THREADS"] == said["environment"]["OPENBLAS_NUM_THREADS"] == "1"
    assert machine.HELD["AVX2"].items() <= said["environment"].items()


HELD_CODE = """
import numpy as np, threadpoolctl, torch
from numba import njit
print(torch.backends.cpu.get_cpu_capability())
print(*{pool.get("architecture") for pool in threadpoolctl.threadpool_info() if pool["internal_api"] == "openblas"})
@njit(fastmath=True)
def total(values):
    s = 0.0
    for x in values:
        s += x * x
    return s
total(np.ones(9))
print("zmm" in next(iter(total.inspect_asm().values())))
"""


def test_held_to_avx2_no_library_uses_more():
    flags = machine._INFO.read_text() if machine._INFO.exists() else ""
    if "avx2" not in flags:
        pytest.skip("a processor without AVX2")
    environment = {**os.environ, **machine.HELD["AVX2"]}
    done = subprocess.run(
        [sys.executable, "-c", HELD_CODE], env=environment, text=True, stdout=subprocess.PIPE, check=True
    )
    assert done.stdout.split("\n")[:3] == ["AVX2", "Haswell", "False"]


# -- a run's timeline -------------------------------------------------------------------------------------------------


@pytest.fixture
def ran(tmp_path):
    """What three jobs leave: two at a time, and ten seconds later another."""
    head = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"
    for name, end, seconds, memory, processor in (
        ("train/a", 1000, 4, "100.5", 3),
        ("train/b", 1002, 4, "200", 5),
        ("draw/c", 1014, 2, "NA", 0),
    ):
        path = tmp_path / "benchmarks" / f"{name}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{head}{seconds}\t0:00:04\t{memory}\t1\t1\t1\t1\t1\t1\t{processor}\n")
        os.utime(path, (end, end))
    return tmp_path


def test_a_timeline_is_that_of_the_jobs_benchmark_files(ran):
    jobs = timeline.read_jobs(ran)
    assert jobs["job"].tolist() == ["a", "b", "c"]
    assert jobs["start"].tolist() == [0, 2, 16] and jobs["end"].tolist() == [4, 6, 18]
    lines = timeline.as_markdown(jobs).splitlines()
    assert lines[2] == "| `train` | 2 | 0 s | 6 s | 8 | 80% | 4.0 s | 4.0 s | 1.00 |"
    assert lines[3] == "| `draw` | 1 | 16 s | 18 s | 2 | 20% | 2.0 s | 2.0 s |  |"
    assert lines[-1] == "3 jobs in 18 s from the first start to the last end, 0.6 at a time; 10 s of it no job ran."


def test_a_timeline_is_drawn_or_says_what_it_needs(ran, monkeypatch, capsys):
    monkeypatch.setattr(timeline, "PICTURE", timeline.ROOT / "benchmarks" / "results" / "test-timeline.png")
    monkeypatch.setattr(sys, "argv", ["timeline", str(ran)])
    try:
        timeline.main()
        assert timeline.PICTURE.stat().st_size > 5000
    finally:
        timeline.PICTURE.unlink(missing_ok=True)
    assert "| `draw` | 1 |" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", ["timeline", str(ran / "benchmarks")])
    with pytest.raises(SystemExit, match="has no folder benchmarks/"):
        timeline.main()


# -- the runbook for a GPU --------------------------------------------------------------------------------------------


def test_the_gpu_rows_run_on_a_cpu_too(monkeypatch):
    monkeypatch.setattr(training, "paper_dataset", lambda: bench.paper_dataset(200, 100))
    steps = list(training.on_device("cpu", steps=1, plain_steps=1, turns=1))
    assert [row.what for row in steps] == [row.what for row in training.gpu()] or torch.cuda.is_available()
    assert all(table.time_of(row).median > 0 for row in steps)
    assert [table.peers(row) for row in steps] == [[training.AUTOGRAD], [training.AUTOGRAD], []]


def test_the_runbook_has_at_most_five_commands_that_exist():
    text = (ROOT / "benchmarks" / "gpu.md").read_text(encoding="utf-8")
    commands = [
        line
        for block in re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
        for line in block.splitlines()
    ]
    assert 1 <= len(commands) <= 5
    said = "\n".join(commands)
    for path in re.findall(r"(?:configs|tests|benchmarks)/[\w./-]+", said):
        assert (ROOT / path).exists() or path.startswith("benchmarks/results"), path
    for module in re.findall(r"python -m (benchmarks[\w.]*)", said):
        assert (ROOT / f"{module.replace('.', '/')}.py").exists() or (ROOT / module / "__main__.py").exists()
    for case in re.findall(r"--only ([\w.]+)", said):
        assert run.cases([case], full=True)


# -- the document -----------------------------------------------------------------------------------------------------


def test_a_processors_table_replaces_its_own_and_keeps_the_others():
    document = f"before\n{run.BEGIN}\n\n### A, AVX2\n\nold a\n\n### B (R), AVX-512\n\nold b\n\n{run.END}\n\n### after\n"
    once = run.with_block(document, "A, AVX2", "new a\n")
    assert once == document.replace("old a", "new a")
    more = run.with_block(once, "A, held to AVX2", "c")
    assert more == once.replace("old b\n", "old b\n\n### A, held to AVX2\n\nc\n")
    assert run.with_block(f"x{run.BEGIN}\n{run.END}y", "A", "t") == f"x{run.BEGIN}\n\n### A\n\nt\n\n{run.END}y"


def test_the_page_tells_processors_apart():
    measured = run.DOCUMENT.read_text(encoding="utf-8").split(run.BEGIN)[1].split(run.END)[0]
    titles = [line.removeprefix("### ") for line in measured.splitlines() if line.startswith("### ")]
    assert titles and len(set(titles)) == len(titles)
    for title in titles:
        section = measured.split(f"### {title}\n")[1].split("\n### ")[0]
        assert f"- processor: {title}, " in section
        pictures = re.findall(r"\]\(images/([\w-]+)/\w+\.png\)", section)
        assert set(pictures) <= {machine.slug(title)}


def test_rows_are_kept_by_processor_in_the_order_of_the_sections(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "RESULTS", tmp_path / "results")
    row = json.loads(STEP.as_json())
    run.keep([{**row, "case": "statistics.cavity, 2", "what": "c"}], "A, AVX2")
    run.keep([{**row, "case": "training.steps, 2"}], "A, AVX2")
    run.keep([{**row, "case": "training.steps, 1"}, {**row, "case": "training.steps, 1", "what": "d"}], "A, AVX2")
    run.keep([{**row, "case": "statistics.cavity, 2", "what": "other"}], "B")
    run.keep([{**row, "case": "training.steps, 1", "what": "new"}], "A, AVX2")
    assert [one["what"] for one in run.kept("A, AVX2")] == ["new", STEP.what, "c"]
    assert [one["what"] for one in run.kept("B")] == ["other"]
    assert "| other |" in table.as_markdown(run.kept("B"))


# -- the machine's data and rates -------------------------------------------------------------------------------------


def test_masks_are_nested_and_have_the_density_of_the_round():
    masks = bench.nested_masks(3)
    for n in (1, 2, 3):
        for name, mask in masks[n].items():
            assert not (mask & ~masks[n - 1][name]).any()
        assert masks[n]["layers.0.weight"].mean() == pytest.approx(0.7**n, abs=0.01)


def test_images_have_correlated_pixels():
    images = bench.smooth_images(200).reshape(200, 3, 32, 32).astype(float)
    neighbours = np.corrcoef(images[:, 0, 16, 16], images[:, 0, 16, 17])[0, 1]
    assert images.shape[0] == 200
    assert neighbours > 0.5


def test_a_step_needs_less_at_lower_density():
    flops, n_bytes = bench.step_floor(1.0)
    weights = [3072 * 1024, 1024 * 1024, 1024 * 1000]
    assert flops == 2 * 40 * (2 * weights[0] + 3 * weights[1] + 3 * weights[2])
    assert n_bytes == 12 * sum(weights)
    assert bench.step_floor(0.0)[0] == 2 * 40 * 3 * weights[2]


def test_an_unknown_benchmark_is_refused():
    with pytest.raises(SystemExit, match=r"there is no benchmark training.stepz; there are training.start"):
        run.cases(["training.stepz"], full=False)


def test_the_full_size_is_on_request():
    assert "data.imagenet32_full" not in run.cases(["data"], full=False)
    assert "data.imagenet32_full" in run.cases(["data"], full=True)

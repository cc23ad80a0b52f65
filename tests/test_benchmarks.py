"""The benchmarks' table and curves; what they measure is for `benchmarks/run.py` to say."""

import json

import numpy as np
import pytest

from benchmarks import __main__ as run
from benchmarks import bench, curves, table
from benchmarks.bench import Row

STEP = Row(
    "training",
    "step at density 0.5",
    x=0.5,
    threads=2,
    seconds=0.004,
    peer="a `peer`",
    peer_seconds=0.006,
    peer_share=0.25,
    floor="1 GFLOP at 500 GFLOP/s",
    floor_seconds=0.002,
    peak_mb=123.4,
)


def rows(*some: Row) -> list[dict]:
    return [json.loads(row.as_json()) for row in some]


def test_a_peer_that_did_a_part_is_extrapolated_and_marked():
    assert STEP.peer_total == 0.024
    assert STEP.ratio == pytest.approx(6)
    assert STEP.reached == 0.5
    text = table.as_markdown(rows(STEP))
    assert (
        "| step at density 0.5 | 2 | 4 ms | a `peer` | ~24 ms | ~6 | 2 ms (1 GFLOP at 500 GFLOP/s) | 50% | 123 MB |  |"
        in text
    )


def test_what_was_not_run_has_no_numbers():
    text = table.as_markdown(rows(Row("training", "on a GPU", note="not run: no CUDA GPU")))
    assert "| on a GPU | 1 |  |  |  |  |  |  |  | not run: no CUDA GPU |" in text


@pytest.mark.parametrize(
    ("seconds", "text"), [(7300, "2.03 h"), (125, "2.08 min"), (12.34, "12.3 s"), (0.7, "0.7 s"), (0.0123, "12.3 ms")]
)
def test_times_have_a_unit_that_suits_them(seconds, text):
    assert table.time_text(seconds) == text


def test_curves_are_drawn_of_what_is_there(tmp_path):
    points = [Row("training curve", "dense", x=x, threads=2, seconds=0.004) for x in (0.1, 0.5)]
    steps = [STEP, Row("training", "step", x=0.1, threads=2, seconds=0.002, peer="a `peer`", peer_seconds=0.02)]
    curves.draw_curves(rows(*steps, *points), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["step_by_density.png"]


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
    with pytest.raises(SystemExit, match=r"there is no benchmark training.stepz; there are training.steps"):
        run.cases(["training.stepz"], full=False)


def test_the_full_size_is_on_request():
    assert "data.imagenet32_full" not in run.cases(["data"], full=False)
    assert "data.imagenet32_full" in run.cases(["data"], full=True)

"""Memory and time that jobs ask for."""

import dataclasses
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from environments.workflow_rules import script_rules
from project import ROOT
from winnow.job import needs

PAPER = needs.Size(3072, (1024, 1024), 1000, steps=40_000, batch=40, rounds=10, runs=18)
TINY = needs.Size(192, (12, 10), 17, steps=40, batch=16, rounds=3, runs=12)


def test_every_rule_has_its_needs():
    asked = [
        set(re.findall(rf"\b{function}\(\"(\w+)\"\)", path.read_text(encoding="utf-8")))
        for function in ("memory", "minutes")
        for path in [*(ROOT / "workflow/rules").glob("*.smk")]
    ]
    assert set.union(*asked) == set(needs.MEMORY_MB)
    rules = {rule.script.stem for rule in script_rules("auto").values()}
    assert {"plot_figures" if rule.startswith("plot_") else rule for rule in rules} == set(needs.MEMORY_MB)


def test_the_papers_parameters_are_counted():
    assert PAPER.n_parameters == 3073 * 1024 + 1025 * 1024 + 1025 * 1000


@pytest.mark.parametrize("step", needs.MEMORY_MB)
def test_the_papers_jobs_get_what_was_measured_and_smaller_ones_no_less_memory(step):
    assert needs.memory_mb(step, PAPER) == needs.memory_mb(step, TINY) == needs.MEMORY_MB[step]
    assert needs.minutes(step, TINY) <= needs.minutes(step, PAPER)


@pytest.mark.parametrize("step", needs.MEMORY_MB)
@given(attempt=st.integers(1, 5), factor=st.integers(2, 8))
def test_each_further_try_and_each_larger_experiment_gets_more(step, attempt, factor):
    assert needs.memory_mb(step, PAPER, attempt) == attempt * needs.memory_mb(step, PAPER)
    assert needs.minutes(step, PAPER, attempt) == attempt * needs.minutes(step, PAPER)
    larger = dataclasses.replace(
        PAPER, n_inputs=factor * 3072, hidden=(factor * 1024, factor * 1024), runs=factor * 18, steps=factor * 40_000
    )
    assert needs.memory_mb(step, larger) > needs.memory_mb(step, PAPER)
    assert needs.minutes(step, larger) >= needs.minutes(step, PAPER)


def test_training_asks_for_less_time_on_a_gpu_and_a_chain_of_the_paper_for_less_than_a_day():
    assert needs.minutes("prune_imp_round", PAPER, device="cuda") < needs.minutes("prune_imp_round", PAPER)
    assert needs.minutes("measure_cavity", PAPER, device="cuda") == needs.minutes("measure_cavity", PAPER)
    assert needs.minutes("train_dense", PAPER) + 9 * needs.minutes("prune_imp_round", PAPER) < 24 * 60


@pytest.mark.parametrize(
    ("memory_mb", "images", "jobs"),
    [
        (None, [(100, 3072)], 1),  # not known
        (150_000, [(math.inf, 3072)], 4),  # H200: the paper's clone four times, and no more
        (85_000, [(math.inf, 3072)], 4),  # H100, A100 of 80 GB
        (42_000, [(math.inf, 3072)], 2),
        (25_000, [(math.inf, 3072)], 1),
        (25_000, [(60_000, 3072)], 4),  # CIFAR-10
        (8_500, [(60_000, 3072), (12_000, 1024)], 2),  # the larger of two datasets counts
        (1_000, [(12_000, 1024)], 1),  # too little for one: one, which then says so
    ],
)
def test_so_many_jobs_share_a_gpu_as_have_room(memory_mb, images, jobs):
    assert needs.jobs_per_gpu(memory_mb, images) == jobs
    if memory_mb and jobs > 1:
        assert (
            jobs * (needs.GPU_MB + max(4 * min(n, needs.MOST_IMAGES) * inputs for n, inputs in images) / 1e6)
            <= memory_mb
        )


def test_what_is_counted_on_is_what_an_engine_takes():
    graph = pytest.importorskip("winnow.training.graph")
    assert needs.GPU_MB * 1e6 > graph._SPARE > graph._WINDOW

"""Watching a training changes none of its bytes, and sees every step that an engine takes by itself."""

import logging

import numba
import numpy as np
import pytest
from numba import njit
from numba.core import event
from test_divergence import ENGINES, SETTINGS, engine_of

from winnow.job import said
from winnow.training import kernels
from winnow.training.curve import run
from winnow.training.settings import draw_batches
from winnow.training.watched import watched


def unwatched(batches, first, at):
    return batches


@pytest.mark.parametrize("name", ENGINES)
def test_the_bytes_are_those_of_a_training_that_nobody_watches(dataset, name, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(said.StepWatch.__init__, "__kwdefaults__", {"every": 0.0, "start": 0})  # at each step
    batches = draw_batches(dataset, SETTINGS, 0, 1)
    seen = engine_of(name, dataset)
    curve = run(seen, batches, range(20, 60), log_every=25)
    messages = [record.getMessage() for record in caplog.records]  # others say that loops are compiled
    steps = [int(message.split()[1]) for message in messages if message.startswith("step")]
    assert steps == sorted(steps) and steps[-1] == 60 and set(steps) <= set(range(20, 61))
    assert len(steps) > (3 if name == "graph" else 40)
    monkeypatch.setattr("winnow.training.curve.watched", unwatched)
    alone = engine_of(name, dataset)
    assert curve == run(alone, batches, range(20, 60), log_every=25)
    for one, other in zip(seen.parameters().values(), alone.parameters().values(), strict=True):
        assert one.tobytes() == other.tobytes()


def test_rows_and_slices_are_plain_arrays_and_say_where_they_lie():
    batches, at = np.arange(12).reshape(6, 2), []
    view = watched(batches, 100, at.append)
    assert all(type(row) is np.ndarray for row in view) and at == [*range(100, 106)]
    del at[:]
    taken = [view[2], view[-1], view[3:5], view[:2], view[np.array([0, 1])]]
    assert at == [102, 105, 103, 100] and all(type(part) is np.ndarray for part in taken)
    assert np.array_equal(np.concatenate([view[:2], view[2:]]), batches) and np.shares_memory(view, batches)
    with pytest.raises(IndexError):
        view[6]


def test_who_takes_all_at_once_may():
    @numba.njit
    def total(array):
        return array.sum()

    at = []
    view = watched(np.arange(12).reshape(6, 2), 0, at.append)
    assert total(view) == 66 and view.ravel().sum() == 66 and len(view) == 6 and at == []


def test_compiling_is_said_once(caplog):
    """In a fresh clone it takes seconds, in which a training would seem to do nothing."""

    @njit
    def add_one(x):
        return x + 1

    with caplog.at_level(logging.INFO), event.install_listener("numba:compile", kernels._FirstTime()):
        assert add_one(1) == 2 and add_one(1.5) == 2.5 and add_one(2) == 3
    said = [record.getMessage() for record in caplog.records if record.name == kernels.__name__]
    assert said and all("compiling the loops of trainings" in message for message in said) and len(said) <= 2

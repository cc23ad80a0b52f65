"""Steps of a training, and its curve."""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np

from winnow.job.said import StepWatch
from winnow.training.engine import Engine, TrainingError
from winnow.training.watched import watched

log = logging.getLogger(__name__)

Curve = dict[str, list[Any]]
"""A training curve, an entry a logged step: the columns `step, loss, train_accuracy, validation_accuracy`, and
`engine, device, precision`, what made it."""

_COLUMNS = ("step", "loss", "train_accuracy", "validation_accuracy", "engine", "device", "precision")


def run(engine: Engine, batches: np.ndarray, steps: range, *, log_every: int, rates: np.ndarray | None = None) -> Curve:
    """Let an engine do some steps of a training; every few seconds the log says how far it is.

    Args:
        engine: the network in training.
        batches: (T, batch) indices of training images; row t is the batch of step t.
        steps: the steps to do, `range(t_first, t_last)`.
        log_every: steps between two points of the curve (the last step is always one).
        rates: (T,) the learning rate of each step, where it changes; see `Engine.advance`.

    Returns:
        The training curve.

    Raises:
        TrainingError: the loss, or after the last step a parameter, is no longer finite.
    """
    curve: Curve = {column: [] for column in _COLUMNS}
    watch = StepWatch(len(batches), log, start=steps.start)
    done = steps.start
    while done < steps.stop:
        until = min((done // log_every + 1) * log_every, steps.stop)
        of_steps = None if rates is None else rates[done:until]
        loss, n_correct = engine.advance(watched(batches[done:until], done, watch.at), of_steps)
        mean_loss = loss / (until - done)
        if not np.isfinite(mean_loss):
            raise _diverged(engine, until, f"the mean loss of the last {until - done} steps is {mean_loss}")
        train_accuracy = n_correct / ((until - done) * batches.shape[1])
        made_by = (engine.name, engine.device, engine.precision)
        point = (until, mean_loss, train_accuracy, engine.accuracy(), *made_by)
        for column, value in zip(_COLUMNS, point, strict=True):
            curve[column].append(value)
        watch.point(until, mean_loss, curve["validation_accuracy"][-1], last=until == steps.stop)
        done = until
    # The last step may be the one that diverges: no later loss would show it.
    infinite = [name for name, array in engine.parameters().items() if not np.isfinite(array).all()]
    if infinite:
        raise _diverged(engine, done, f"{', '.join(infinite)} hold NaN or infinity")
    return curve


def _diverged(engine: Engine, step: int, how: str) -> TrainingError:
    return TrainingError(f"training diverged by step {step}: {how}; lower training.rate (now {engine.rate:g})")


def join_curves(curves: Sequence[Curve]) -> Curve:
    """One curve from those of successive stretches of steps."""
    return {column: [value for curve in curves for value in curve[column]] for column in _COLUMNS}

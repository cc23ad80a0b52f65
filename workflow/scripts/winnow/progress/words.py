"""Jobs, numbers and times as words."""

import time

from winnow.job.said import TIME
from winnow.progress.run import Job


def stamp() -> str:
    """The time of a line."""
    return time.strftime(TIME)


def name_of(job: Job) -> str:
    """A job's rule, and its wildcards but for the experiment."""
    words = [
        f"{name} {value}" if name in ("seed", "round") else value
        for name, value in job.wildcards.items()
        if name != "experiment"
    ]
    order = sorted(words, key=lambda word: (word.startswith("round "), word.startswith("seed ")))
    return f"{job.rule}: {', '.join(order)}" if order else job.rule


def duration(seconds: float) -> str:
    """A time span, with as much of it as one reads at a glance."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 10:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if hours else f"{minutes} min"
    return f"{hours // 24} d {hours % 24} h"


def left(seconds: float | None) -> str:
    """How long it will take, rounded, since nobody knows it to the second; nothing if nobody knows it at all."""
    if seconds is None:
        return ""
    if seconds < 90:
        return f"about {max(round(seconds / 5), 1) * 5} s left"
    return f"about {duration(seconds) if seconds >= 600 else f'{round(seconds / 60)} min'} left"


def speed(rate: float) -> str:
    """Steps per second, with three digits at least."""
    return f"{rate:.0f}" if rate >= 100 else f"{rate:.3g}"


def training(job: Job) -> str:
    """How far a training is."""
    said = job.said
    parts = []
    if said.step is not None and said.steps is not None and said.step < said.steps:
        parts.append(f"step {said.step} of {said.steps}")
    if said.loss is not None and said.accuracy is not None:
        parts.append(f"loss {said.loss:.3g}, accuracy {said.accuracy:.3f}")
    if parts and said.rate is not None:
        parts.append(f"{speed(said.rate)} steps/s")
    return ", ".join(parts)

"""How a job's log is written, and read by who waits for it.  Imports nothing that is installed.

A line is a time, a level and a message, written whole by one call and behind what is there: a log that is read while it
grows, or whose job was killed, ends with a line at most, never within another.  Three kinds are read again:

```
2026-11-29 14:05:04 INFO step 1200 of 2000: loss 0.512 and validation accuracy 0.813 by step 1000, 812 steps/s
2026-11-29 14:05:06 INFO done after 12.3 s
2026-11-29 14:05:06 ERROR failed after 12.3 s
```
"""

import logging
import os
import re
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

TIME = "%Y-%m-%d %H:%M:%S"
"""How a line's time is written: local."""

_LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d (?P<level>[A-Z]+) (?P<message>.*)")
_STEP = re.compile(
    r"step (?P<step>\d+) of (?P<steps>\d+):(?: loss (?P<loss>\S+) and validation accuracy (?P<accuracy>\S+) "
    r"by step \d+,)? (?P<rate>\S+) steps/s"
)
_END = re.compile(r"(?P<how>done|failed) after (?P<seconds>\d+(?:\.\d+)?) s")


def step_said(step: int, steps: int, rate: float, point: tuple[int, float, float] | None) -> str:
    """The message of a training.

    Args:
        step: done by now.
        steps: of the whole training.
        rate: steps per second since the last message.
        point: the last one of the curve: step, mean loss since the point before, validation accuracy.
    """
    known = f" loss {point[1]:.4g} and validation accuracy {point[2]:.4f} by step {point[0]}," if point else ""
    return f"step {step} of {steps}:{known} {rate:.1f} steps/s"


def end_said(seconds: float, failed: bool) -> str:
    """The closing message."""
    return f"{'failed' if failed else 'done'} after {seconds:.1f} s"


@dataclass(frozen=True)
class Said:
    """What a log says by now.

    Attributes:
        step, steps: how far a training is.
        loss, accuracy: of the curve's last point.
        rate: steps per second.
        message: the last line that is none of these.
        warnings: messages of warnings and errors.
        ended: `done`, `failed` or, as long as it does not say so, empty.
        seconds: from the first line to the end, where there is one.
    """

    step: int | None = None
    steps: int | None = None
    loss: float | None = None
    accuracy: float | None = None
    rate: float | None = None
    message: str = ""
    warnings: tuple[str, ...] = ()
    ended: str = ""
    seconds: float | None = None


def read_said(lines: Iterable[str], before: Said | None = None) -> Said:
    """What lines of a log say; those that it does not know, it passes over.

    Args:
        lines: whole lines, of any log: tracebacks and logs of earlier versions among them.
        before: what the lines before these said.
    """
    said = before or Said()
    for line in lines:
        if not (parts := _LINE.fullmatch(line.rstrip())):
            continue
        message = parts["message"]
        with suppress(ValueError):  # of a number that is none
            if step := _STEP.fullmatch(message):
                loss, accuracy = (float(step[name]) if step[name] else None for name in ("loss", "accuracy"))
                rate = float(step["rate"])
                said = replace(
                    said, step=int(step["step"]), steps=int(step["steps"]), loss=loss, accuracy=accuracy, rate=rate
                )
            elif end := _END.fullmatch(message):
                said = replace(said, ended=end["how"], seconds=float(end["seconds"]))
            else:
                said = replace(said, message=message)
                if parts["level"] in ("WARNING", "ERROR", "CRITICAL"):
                    said = replace(said, warnings=(*said.warnings, message))
    return said


class LogFile(logging.Handler):
    """A new log, to which each record is written by one call, behind whatever others have written to it.

    Where the disk is full, or the folder has gone, nothing is written: the job itself will say so.

    Args:
        path: the file; its folder exists.
    """

    def __init__(self, path: str | Path):
        super().__init__()
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o666)
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", TIME))

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, all its lines together."""
        try:
            text = self.format(record) + "\n"
        except Exception:  # a message that does not fit its arguments: logging says on standard error where it is
            self.handleError(record)
            return
        self.write(text)

    def write(self, text: str) -> None:
        """Write whole lines."""
        with suppress(OSError):
            os.write(self._file, text.encode("utf-8", "backslashreplace"))

    def close(self) -> None:
        """Give the file back."""
        with suppress(OSError):
            os.close(self._file)
        super().close()


class StepWatch:
    """Says how far a training is, at most every few seconds.

    Args:
        steps: of the whole training.
        log: to say it to.
        every: seconds between two messages.
        start: the step at which it starts.
    """

    def __init__(self, steps: int, log: logging.Logger, *, every: float = 5.0, start: int = 0):
        self._steps, self._log, self._every = steps, log, every
        self._point: tuple[int, float, float] | None = None
        self._said_step, self._said_at = start, time.monotonic()

    def at(self, step: int) -> None:
        """So many steps are done."""
        now = time.monotonic()
        if now - self._said_at >= self._every:
            self._say(step, now)

    def point(self, step: int, loss: float, accuracy: float, *, last: bool) -> None:
        """The curve has a new point; the last one is said in any case."""
        self._point = step, loss, accuracy
        if last:
            self._say(step, time.monotonic())
        else:
            self.at(step)

    def _say(self, step: int, now: float) -> None:
        rate = (step - self._said_step) / max(now - self._said_at, 1e-9)
        self._log.info("%s", step_said(step, self._steps, rate, self._point))
        self._said_step, self._said_at = step, now

"""What is made of the rows' times: medians, spreads, the best peer, ratios; and the table of them in Markdown.

A time is the median of its turns, with the quartiles in brackets.  A ratio is the median of the turns' own ratios, with
theirs: what a busy machine does to one turn, it does to both contestants of it.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.bench import OURS, Row

HEAD = ["", "threads", "winnow", "best peer", "its time", "ratio", "other peers", "floor", "reached", "peak memory", ""]
HEAD_SHORT = [name for name in HEAD if name != "other peers"]


class Spread(NamedTuple):
    """Median and quartiles of some turns."""

    median: float
    low: float
    high: float
    turns: int


def spread(values: Sequence[float]) -> Spread:
    """Median and quartiles."""
    low, median, high = np.quantile(values, (0.25, 0.5, 0.75))
    return Spread(float(median), float(low), float(high), len(values))


def time_of(row: Row, contestant: str = OURS) -> Spread | None:
    """A contestant's time for all of the work, in seconds; extrapolated where it did a part."""
    turns = row.times.get(contestant)
    return spread([seconds / row.shares.get(contestant, 1.0) for seconds in turns]) if turns else None


def peers(row: Row) -> list[str]:
    """The peers that ran, the best first."""
    return sorted((name for name in row.times if name != OURS), key=lambda name: time_of(row, name).median)


def ratio(row: Row, peer: str) -> Spread:
    """How many times longer a peer takes.

    By turns, where both had as many; else the ratio of the medians, without a spread (1 turn).
    """
    ours, theirs = row.times[OURS], [seconds / row.shares.get(peer, 1.0) for seconds in row.times[peer]]
    if len(ours) != len(theirs):
        return spread([float(np.median(theirs) / np.median(ours))])
    return spread([their / our for their, our in zip(theirs, ours, strict=True)])


def reached(row: Row) -> float | None:
    """The share of the floor's rate that is reached."""
    ours = time_of(row)
    return row.floor_seconds / ours.median if row.floor_seconds and ours else None


def as_markdown(rows: list[dict]) -> str:
    """A table a section; the rows of curves are left to the figures."""
    parsed = [Row(**row) for row in rows]
    sections = dict.fromkeys(row.section for row in parsed if row.x is None or row.section == "training")
    parts = []
    for section in sections:
        of_section = [row for row in parsed if row.section == section]
        head = HEAD if any(len(peers(row)) > 1 for row in of_section) else HEAD_SHORT
        lines = [_line(head), _line(["---"] * len(head))]
        lines += [_line(_cells(row, others=head is HEAD)) for row in of_section]
        parts.append(f"**{section[0].upper()}{section[1:]}**\n\n" + "\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _cells(row: Row, *, others: bool) -> list[str]:
    best, *rest = peers(row) or [""]
    share = reached(row)
    return [
        row.what,
        str(row.threads),
        spread_text(time_of(row)),
        best,
        _peer_time(row, best) if best else "",
        _mark(row, best) + _ratio_text(ratio(row, best)) if best and OURS in row.times else "",
        *(["; ".join(f"{name} {_peer_time(row, name)}" for name in rest)] if others else []),
        f"{time_text(row.floor_seconds)} ({row.floor})" if row.floor_seconds is not None else "",
        f"{share:.0%}" if share is not None else "",
        f"{row.peak_mb:.0f} MB" if row.peak_mb is not None else "",
        row.note,
    ]


def _mark(row: Row, peer: str) -> str:
    """~ where the time is extrapolated."""
    return "~" if row.shares.get(peer, 1.0) < 1 else ""


def _peer_time(row: Row, peer: str) -> str:
    return _mark(row, peer) + spread_text(time_of(row, peer))


def _ratio_text(value: Spread) -> str:
    middle, low, high = (_three_digits(number) for number in value[:3])
    return middle + (f" ({low}–{high})" if value.turns > 1 else "")


def spread_text(time: Spread | None) -> str:
    """Median, and quartiles in the same unit; `once` where there was one turn."""
    if time is None:
        return ""
    name, length = _unit(time.median)
    middle, low, high = (_three_digits(seconds / length) for seconds in (time.median, time.low, time.high))
    return f"{middle} {name} " + (f"({low}–{high})" if time.turns > 1 else "(once)")


def time_text(seconds: float | None) -> str:
    """A time with three digits and a unit that suits it."""
    if seconds is None:
        return ""
    name, length = _unit(seconds)
    return f"{_three_digits(seconds / length)} {name}"


def _three_digits(value: float) -> str:
    return f"{value:.3g}" if value < 999.5 else f"{value:.0f}"


def _unit(seconds: float) -> tuple[str, float]:
    """The unit that suits a time, and its length in seconds."""
    for name, length in (("h", 3600.0), ("min", 60.0), ("s", 1.0)):
        if seconds >= 2 * length:
            return name, length
    return ("s", 1.0) if seconds >= 0.5 else ("ms", 1e-3)


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"

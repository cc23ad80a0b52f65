"""The rows as a Markdown table."""

from benchmarks.bench import Row

HEAD = ["", "threads", "winnow", "peer", "peer's time", "ratio", "floor", "reached", "peak memory", ""]


def as_markdown(rows: list[dict]) -> str:
    """A table a section; the rows of curves are left to the figures."""
    parsed = [Row(**row) for row in rows]
    sections = dict.fromkeys(row.section for row in parsed if row.x is None or row.section == "training")
    parts = []
    for section in sections:
        lines = [_line(HEAD), _line(["---"] * len(HEAD))]
        lines += [_line(_cells(row)) for row in parsed if row.section == section]
        parts.append(f"**{section[0].upper()}{section[1:]}**\n\n" + "\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _cells(row: Row) -> list[str]:
    extrapolated = "~" if row.peer_share < 1 else ""
    floor = f"{time_text(row.floor_seconds)} ({row.floor})" if row.floor_seconds is not None else ""
    return [
        row.what,
        str(row.threads),
        time_text(row.seconds),
        row.peer,
        extrapolated + time_text(row.peer_total) if row.peer_total is not None else "",
        f"{extrapolated}{row.ratio:.3g}" if row.ratio is not None else "",
        floor,
        f"{row.reached:.0%}" if row.reached is not None else "",
        f"{row.peak_mb:.0f} MB" if row.peak_mb is not None else "",
        row.note,
    ]


def time_text(seconds: float | None) -> str:
    """A time with three digits and a unit that suits it."""
    if seconds is None:
        return ""
    for unit, length in (("h", 3600), ("min", 60), ("s", 1)):
        if seconds >= 2 * length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds:.3g} s" if seconds >= 0.5 else f"{1000 * seconds:.3g} ms"


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"

"""All of a run in one picture, of a terminal's size."""

from collections.abc import Mapping, Sequence

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from winnow.job.said import Said
from winnow.progress.forecast import seconds_left
from winnow.progress.run import Chain, Job, Run, State
from winnow.progress.words import duration, left, name_of, speed

_PARTS = "▁▂▃▄▅▆▇"
_STYLES = {State.DONE: "green", State.RUNNING: "bold cyan", State.FAILED: "bold red", State.SUBMITTED: "yellow"}
_FULL = {State.DONE: "█", State.FAILED: "✗", State.SUBMITTED: "∙", State.WAITING: "·"}
_ASCII = {"█": "#", "✗": "x", "∙": ":", "·": ".", "▒": "=", **dict.fromkeys(_PARTS, "+"), "–": "-", "…": "~"}
_ORDER = [State.RUNNING, State.FAILED, State.WAITING, State.DONE]
_WIDTHS = {"step": 4, "done": 4, "loss": 5, "accuracy": 8, "steps/s": 7}
"""The least width of a column: it is not to jump when a number comes."""
_AT_WORK = 4
"""Lines for jobs that run and are in no chain."""


class View:
    """A picture of the run as it is when it is drawn.

    Args:
        run: the run.
    """

    def __init__(self, run: Run):
        self._run = run

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The lines, as many as fit; in ASCII where the terminal's encoding has no more."""
        height = options.height or options.max_height
        others = self._others(_AT_WORK if height >= 12 else 1)
        parts: list[RenderableType] = [self._head()]
        if self._run.chains:
            parts += self._table(max(height - len(others) - 2, 1), options.max_width)
        lines = console.render_lines(Group(*parts, *others), options.update(height=None), pad=False)[:height]
        for line in lines:
            for segment in line:
                text = "".join(_ASCII.get(sign, sign) for sign in segment.text) if options.ascii_only else segment.text
                yield segment._replace(text=text)
            yield Segment.line()

    def _head(self) -> Text:
        run, count = self._run, self._run.count()
        text = Text(no_wrap=True, overflow="ellipsis")
        text.append(f"winnow {run.experiment}".rstrip(), "bold")
        text.append(f"  {count[State.DONE]} of {len(run.jobs)} jobs")
        if count[State.FAILED]:
            text.append(f", {count[State.FAILED]} failed", "bold red")
        if count[State.SUBMITTED]:
            text.append(f", {count[State.SUBMITTED]} in the queue", "yellow")
        text.append(f"  {duration(run.clock() - run.started)}")
        if count[State.DONE] < len(run.jobs) and (rest := left(seconds_left(run))):
            text.append(f"  {rest}", "bold")
        return text

    def _table(self, n_rows: int, width: int) -> list[RenderableType]:
        chains = self._run.chains
        if len(chains) > n_rows:
            chains = sorted(chains, key=lambda chain: _ORDER.index(chain.state))
            n_rows = max(n_rows - 1, 1)
        shown, hidden = chains[:n_rows], chains[n_rows:]
        rounds = max(len(chain.cells) for chain in self._run.chains) - 1
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
        names = [(chain.dataset, chain.seed, chain.method) for chain in shown]
        for title, column in zip(("data", "seed", "method"), zip(*names, strict=True), strict=True):
            table.add_column(title, no_wrap=True, overflow="ellipsis")
            width -= max(map(len, (title, *column))) + 2
        table.add_column(f"rounds 0–{rounds}", no_wrap=True, overflow="ellipsis")
        width -= max(rounds + 1, len(f"rounds 0–{rounds}"))
        numbers = _fitting([_numbers(chain.current) for chain in shown], width)
        for title in numbers:
            table.add_column(title, justify="right", no_wrap=True, min_width=_WIDTHS[title])
        for row, chain in enumerate(shown):
            table.add_row(*names[row], _cells(chain), *(column[row] for column in numbers.values()))
        if hidden:
            states = [chain.state for chain in hidden]
            counts = [f"{states.count(state)} {state.value}" for state in _ORDER if state in states]
            more = Text(
                f"… and {len(hidden)} more chains: {', '.join(counts)}", "dim", no_wrap=True, overflow="ellipsis"
            )
            return [table, more]
        return [table]

    def _others(self, most: int) -> list[Text]:
        kinds = self._run.others
        lines = []
        if kinds:
            line = Text(no_wrap=True, overflow="ellipsis")
            for kind, jobs in kinds.items():
                n_done = sum(job.state is State.DONE for job in jobs)
                line.append("  " if line else "").append(f"{kind} ", "dim")
                line.append(f"{n_done}/{len(jobs)}", "green" if n_done == len(jobs) else "")
            lines.append(line)
        in_chains = {job.number for chain in self._run.chains for job in chain.jobs}
        # A chain's row has no room for words: what a training does before its first step stands below.
        at_work = [
            job
            for job in self._run.running
            if job.number not in in_chains or (job.said.step is None and job.said.message)
        ]
        for job in at_work[:most]:
            text = Text(no_wrap=True, overflow="ellipsis").append("now ", "dim").append(name_of(job), "cyan")
            if job.started is not None:
                text.append(f", {duration(self._run.clock() - job.started)}", "dim")
            lines.append(text.append(f"  {job.said.message}" if job.said.message else "", "dim"))
        if len(at_work) > most:
            lines.append(Text(f"    and {len(at_work) - most} more", "dim"))
        return lines


def _cells(chain: Chain) -> Text:
    """A sign a round: full when it is done, filling while it trains."""
    text = Text(no_wrap=True)
    for n, job in enumerate(chain.cells):
        if job is None:
            text.append("▒" if n < chain.n_kept else " ", "dim green")
        elif job.state is State.RUNNING:
            text.append(_PARTS[min(int(len(_PARTS) * job.share), len(_PARTS) - 1)], _STYLES[State.RUNNING])
        else:
            text.append(_FULL[job.state], _STYLES.get(job.state, "dim"))
    return text


def _numbers(job: Job | None) -> dict[str, str]:
    """What a training says, by title; empty where it does not say it."""
    said = Said() if job is None else job.said
    return {
        "step": "" if said.step is None else f"{said.step}/{said.steps}",
        "done": "" if said.step is None or job is None else f"{job.share:.0%}",
        "loss": "" if said.loss is None else f"{said.loss:.3g}",
        "accuracy": "" if said.accuracy is None else f"{said.accuracy:.3f}",
        "steps/s": "" if said.rate is None else speed(said.rate),
    }


def _fitting(rows: Sequence[Mapping[str, str]], width: int) -> dict[str, list[str]]:
    """The columns of numbers for which there is room, the important ones first; a share where steps are too long."""
    columns = {title: [row[title] for row in rows] for title in _WIDTHS}
    chosen: set[str] = set()
    for title in ("accuracy", "done", "loss", "step", "steps/s"):
        needed = max(_WIDTHS[title], *map(len, columns[title])) + 2
        instead = _WIDTHS["done"] + 2 if title == "step" and "done" in chosen else 0
        if needed - instead <= width:
            width -= needed - instead
            chosen.add(title)
    if "step" in chosen:
        chosen.discard("done")
    return {title: column for title, column in columns.items() if title in chosen}

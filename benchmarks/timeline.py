"""Where the time of a run went, by rule: `python -m benchmarks.timeline results/paper`.

Prints a table and draws `benchmarks/results/timeline.png`, a bar a job.  Read from what each job leaves: its time, its
processor time and memory stand in Snakemake's own benchmark file, which is written when it ends, so that the file's
time says when that was.  (A copy of the results must keep the files' times: `cp -a`, `rsync -a`.)
"""

import argparse
import sys
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from benchmarks import ROOT
from winnow.figures.style import house_style, save_figure

PICTURE = ROOT / "benchmarks" / "results" / "timeline.png"


def main() -> None:
    """Print the table, draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="results/<experiment>")
    results = parser.parse_args().results
    jobs = read_jobs(results)
    if jobs.empty:
        sys.exit(f"{results} has no folder benchmarks/ with times of jobs: name one such as results/demo, after a run")
    print(as_markdown(jobs))
    PICTURE.parent.mkdir(exist_ok=True)
    draw(jobs, PICTURE)
    print(f"\n{PICTURE.relative_to(ROOT)} shows it", file=sys.stderr)


def read_jobs(results: Path) -> pd.DataFrame:
    """The jobs of an experiment in the order of their starts.

    Args:
        results: `results/<experiment>`.

    Returns:
        A row a job: `rule`, `job` (the name of its file), `start` and `end` in seconds since the first job's start,
        `seconds`, `processor_seconds` and `memory_mb` (NaN where it was too short for Snakemake to see it).
    """
    rows = []
    for path in results.glob("benchmarks/*/*.tsv"):
        told = pd.read_csv(path, sep="\t", na_values="-").iloc[-1]
        end = path.stat().st_mtime
        rows.append((path.parent.name, path.stem, end - told["s"], end, told["s"], told["cpu_time"], told["max_rss"]))
    columns = ["rule", "job", "start", "end", "seconds", "processor_seconds", "memory_mb"]
    jobs = pd.DataFrame(rows, columns=columns).sort_values("start", ignore_index=True)
    jobs[["start", "end"]] -= jobs["start"].min()
    return jobs


def as_markdown(jobs: pd.DataFrame) -> str:
    """A line a rule in the order of their starts, and what they are together."""
    whole = jobs["end"].max()
    lines = [
        "| rule | jobs | from | to | seconds, all jobs | share | median | longest | processors busy |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for rule, some in jobs.groupby("rule", sort=False):
        seconds = some["seconds"]
        lines.append(
            f"| `{rule}` | {len(some)} | {some['start'].min():.0f} s | {some['end'].max():.0f} s | {seconds.sum():.0f} "
            f"| {seconds.sum() / jobs['seconds'].sum():.0%} | {seconds.median():.1f} s | {seconds.max():.1f} s "
            f"| {_busy(some)} |"
        )
    at_a_time = jobs["seconds"].sum() / whole
    lines += [
        "",
        f"{len(jobs)} jobs in {whole:.0f} s from the first start to the last end, {at_a_time:.1f} at a time; "
        f"{_idle(jobs):.0f} s of it no job ran.",
    ]
    return "\n".join(lines)


def _busy(jobs: pd.DataFrame) -> str:
    """Processor time over time, of the jobs that Snakemake saw."""
    seen = jobs.dropna(subset="memory_mb")
    return f"{seen['processor_seconds'].sum() / seen['seconds'].sum():.2f}" if seen["seconds"].sum() else ""


def _idle(jobs: pd.DataFrame) -> float:
    """Seconds between the first start and the last end in which no job ran."""
    idle = reached = 0.0
    for start, end in jobs[["start", "end"]].sort_values("start").itertuples(index=False):
        idle += max(start - reached, 0)
        reached = max(reached, end)
    return idle


@house_style()
def draw(jobs: pd.DataFrame, path: Path) -> None:
    """A bar a job from its start to its end, jobs of a rule one above the other."""
    ordered = jobs.assign(place=jobs["rule"].map(jobs.groupby("rule")["start"].min())).sort_values(["place", "start"])
    figure = Figure(figsize=(7, 1 + 0.25 * ordered["rule"].nunique() + 0.02 * len(ordered)))
    axes = figure.subplots()
    ticks, row = {}, 0.0
    for rule, some in ordered.groupby("rule", sort=False):
        rows = [row + k for k in range(len(some))]
        axes.barh(rows, some["seconds"], left=some["start"], height=1)
        ticks[rule] = (rows[0] + rows[-1]) / 2
        row = rows[-1] + max(3.0, 0.04 * len(ordered))
    axes.set_yticks([*ticks.values()], [*ticks])
    axes.margins(y=0.01)
    axes.invert_yaxis()
    axes.set(xlabel="seconds since the first start", xlim=(0, jobs["end"].max()))
    save_figure(figure, path)


if __name__ == "__main__":
    main()

"""Kills the tiny experiment for some time: `python -m tests.reliability --kills 100`, in the project's folder.

Whole runs, each in a copy of the project, are killed and started again until they are done, and compared byte by byte
with one that nobody disturbed, until there have been as many kills as were asked for.  A table of them comes last.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from project import Project, copy_project

from .harness import TINY, Kill, kill_until_done, same_results

EVERYTHING = ["--cores", "2"]


def table(kills: list[Kill]) -> str:
    """What came of the kills, by signal and target, and by moment, as Markdown."""
    lines = [
        "| killed | by | kills | jobs went on, longest | left a lock | half-written files beside |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    groups = defaultdict(list)
    for kill in kills:
        groups[kill.fault.target, kill.fault.sent.name].append(kill)
    for kill in kills:
        groups["any", kill.moment].append(kill)
    for (target, how), group in sorted(groups.items(), key=lambda entry: (entry[0][0] == "any", entry[0])):
        waited = [kill.outlived for kill in group if kill.outlived is not None]
        went_on = [seconds for seconds in waited if seconds > 0.1]
        longest = f"{len(went_on)} of {len(waited)}" + (f", {max(went_on):.1f} s" if went_on else "")
        locks, parts = sum(kill.locked for kill in group), sum(kill.parts > 0 for kill in group)
        lines.append(f"| {target} | {how} | {len(group)} | {longest} | {locks} | {parts} |")
    return "\n".join(lines)


def main() -> int:
    """The command line; see the module's text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100, help="at least so many, over all runs")
    parser.add_argument("--seed", type=int, default=0, help="of the first run; the next run has the next")
    parser.add_argument("--longest", type=float, default=15, help="seconds after which a start is killed at the latest")
    given = parser.parse_args()
    kills: list[Kill] = []
    with tempfile.TemporaryDirectory(prefix="winnow-kills-") as folder:
        undisturbed = copy_project(Path(folder, "undisturbed"))
        shutil.copytree(undisturbed.folder, fresh := Path(folder, "fresh"))
        undisturbed.snakemake(*EVERYTHING)
        seed = given.seed
        while len(kills) < given.kills:
            print(f"run with seed {seed}", flush=True)
            start = time.monotonic()
            project = Project(Path(shutil.copytree(fresh, Path(folder, f"seed{seed}"))))
            before = len(kills)
            for kill in kill_until_done(project, EVERYTHING, seed, longest=given.longest):
                kills.append(kill)
                print(f"  {len(kills)}: {kill}", flush=True)
            same = same_results(project.folder / TINY, undisturbed.folder / TINY)
            minutes = (time.monotonic() - start) / 60
            print(f"  done: {same} files the same after {len(kills) - before} kills, {minutes:.1f} min", flush=True)
            seed += 1
    print(table(kills))
    return 0


if __name__ == "__main__":
    sys.exit(main())

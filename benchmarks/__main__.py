"""All benchmarks: `python -m benchmarks`; some: `python -m benchmarks --only training.steps statistics`.

Writes `benchmarks/results/<processor>.json` (the rows of `bench.Row`, every turn's time in them) and `<processor>.md`
(the table), draws the scaling curves, and with `--docs` puts all of it into `docs/performance.md`, in place of what
stands there of this processor; other processors' tables stay.

Each case runs in a process of its own, so that its peak memory is its own and its number of threads is set before the
libraries start theirs.  The process may use as many processors as it is to have threads: some contestants have no
other setting.  Its rows are kept as soon as it ends, and take the place of those of its last run.
"""

import argparse
import importlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from types import MappingProxyType

from benchmarks import ROOT
from benchmarks.bench import Cases, Row
from benchmarks.curves import draw_curves
from benchmarks.machine import HELD, machine, processor, processors, slug
from benchmarks.table import as_markdown, spread_text, time_of

RESULTS = ROOT / "benchmarks" / "results"
CURVES = ROOT / "docs" / "images"
DOCUMENT = ROOT / "docs" / "performance.md"
SECTIONS = ["training", "methods", "statistics", "data", "workflow", "progress"]
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", metavar="SECTION[.CASE]", default=SECTIONS, help="default: %(default)s")
    parser.add_argument("--threads", nargs="+", type=int, default=[1, len(os.sched_getaffinity(0))])
    parser.add_argument("--full", action="store_true", help="also what writes 30 GB: the data at its full size")
    parser.add_argument("--docs", action="store_true", help=f"put the results into {DOCUMENT.relative_to(ROOT)}")
    parser.add_argument(
        "--hold-to",
        choices=HELD,
        help="have all libraries use these instructions only, as a processor would have them use that knows no others; "
        "the table says so",
    )
    parser.add_argument("--case", help=argparse.SUPPRESS)  # in the process of a single case
    arguments = parser.parse_args()
    if arguments.case:
        run_case(arguments.case)
        return
    failed = []
    name = processor(arguments.hold_to)
    for case in cases(arguments.only, arguments.full):
        for threads in threads_of(case, arguments.threads):
            try:
                keep(in_own_process(case, threads, HELD.get(arguments.hold_to, {})), name)
            except subprocess.CalledProcessError:
                failed.append(case)
    if kept(name):
        report(kept(name), arguments.hold_to, arguments.docs)
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}; the messages stand above")


def cases(only: list[str], full: bool) -> list[str]:
    """Names of the cases that are asked for, as SECTION.CASE."""
    known = [f"{section}.{case}" for section in SECTIONS for case in cases_of(section)]
    chosen = [name for name in known if any(name == some or name.startswith(f"{some}.") for some in only)]
    if unknown := [some for some in only if not any(f"{name}.".startswith(f"{some}.") for name in known)]:
        raise SystemExit(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(known)}")
    return [name for name in chosen if full or not name.endswith("_full")]


def cases_of(section: str) -> Cases:
    """The cases of a section by name."""
    return importlib.import_module(f"benchmarks.cases.{section}").CASES


def threads_of(name: str, threads: list[int]) -> list[int]:
    """Training at each number of threads, the rest with all."""
    return sorted(set(threads)) if name in ("training.steps", "training.whole_imp") else [max(threads)]


def in_own_process(name: str, threads: int, held: Mapping[str, str] = MappingProxyType({})) -> list[dict]:
    """The rows of a case, as dictionaries; `held` are more environment variables."""
    print(f"{name}, {threads} thread(s) …", file=sys.stderr, flush=True)
    numbers = {f"{library}_NUM_THREADS": str(threads) for library in ("OMP", "MKL", "OPENBLAS")}
    command = [sys.executable, "-m", "benchmarks", "--case", name]
    mine = os.sched_getaffinity(0)
    os.sched_setaffinity(0, processors(threads))  # of this thread, and of what it starts
    try:
        environment = {**os.environ, **numbers, **held}
        done = subprocess.run(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    finally:
        os.sched_setaffinity(0, mine)
    lines = [line.removeprefix("row ") for line in done.stdout.splitlines() if line.startswith("row ")]
    rows = [json.loads(line) | {"case": f"{name}, {threads}"} for line in lines]
    for row in rows:
        print(f"  {row['what']}: {spread_text(time_of(Row(**row)))}", file=sys.stderr, flush=True)
    return rows


def keep(rows: list[dict], name: str) -> None:
    """Add the rows of a case to those of other cases on the same processor, in the order of the sections."""
    new = {row["case"] for row in rows}
    rows = [row for row in kept(name) if row["case"] not in new] + rows
    order = [f"{section}.{case}" for section in SECTIONS for case in cases_of(section)]

    def place(row: dict) -> tuple[int, int]:
        case, threads = row["case"].split(", ")
        return (order.index(case) if case in order else len(order)), int(threads)

    RESULTS.mkdir(exist_ok=True)
    _file(name).write_text(json.dumps(sorted(rows, key=place), indent=1, ensure_ascii=False), encoding="utf-8")


def kept(name: str) -> list[dict]:
    """The rows of all cases that have run on a processor, as dictionaries."""
    return json.loads(_file(name).read_text(encoding="utf-8")) if _file(name).exists() else []


def _file(name: str) -> Path:
    return RESULTS / f"{slug(name)}.json"


def run_case(name: str) -> None:
    """Print the rows of a case, a line of JSON each."""
    section, case = name.split(".")
    for row in cases_of(section)[case]():
        print("row", row.as_json(), flush=True)


def report(rows: list[dict], held_to: str | None, docs: bool) -> None:
    """Write the table as Markdown, and the curves; with `docs` into the document."""
    name = processor(held_to)
    facts = "\n".join(f"- {what}: {value}" for what, value in {"date": date.today(), **machine(held_to)}.items())
    text = f"{facts}\n\n{as_markdown(rows)}"
    (RESULTS / f"{slug(name)}.md").write_text(text, encoding="utf-8")
    print(text)
    drawn = draw_curves(rows, CURVES / slug(name) if docs else RESULTS)
    if docs:
        links = "".join(f"![{_title(path)}]({path.relative_to(DOCUMENT.parent)})\n" for path in drawn)
        document = DOCUMENT.read_text(encoding="utf-8")
        DOCUMENT.write_text(with_block(document, name, f"{text}\n{links}".rstrip()), encoding="utf-8")


def _title(path: Path) -> str:
    return path.stem.replace("_", " ").capitalize()


def with_block(document: str, name: str, text: str) -> str:
    """The document with a processor's results in place of those that stand there of it, or behind the others'.

    Args:
        document: it has a part between `BEGIN` and `END`, a section a processor.
        name: the processor.
        text: Markdown.
    """
    before, rest = document.split(BEGIN)
    measured, after = rest.split(END)
    sections = {
        title: body.strip()
        for title, body in re.findall(r"^### ([^\n]+)\n(.*?)(?=^### |\Z)", measured, re.DOTALL | re.MULTILINE)
    }
    sections[name] = text.strip()
    joined = "\n\n".join(f"### {title}\n\n{body}" for title, body in sections.items())
    return f"{before}{BEGIN}\n\n{joined}\n\n{END}{after}"


if __name__ == "__main__":
    main()

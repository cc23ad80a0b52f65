"""All benchmarks: `python -m benchmarks`; some: `python -m benchmarks --only training.steps statistics`.

Writes `benchmarks/results/performance.parquet` (the rows of `bench.Row`) and `performance.md` (the same as a table),
draws the scaling curves, and with `--docs` puts all of it into `docs/performance.md`.

Each case runs in a process of its own, so that its peak memory is its own and its number of threads is set before the
libraries start theirs.  Its rows are kept as soon as it ends, and take the place of those of its last run.
"""

import argparse
import importlib
import json
import os
import subprocess
import sys
from datetime import date

import pandas as pd

from benchmarks import ROOT
from benchmarks.bench import Cases, machine
from benchmarks.curves import draw_curves
from benchmarks.table import as_markdown

RESULTS = ROOT / "benchmarks" / "results"
TABLE = RESULTS / "performance.parquet"
CURVES = ROOT / "docs" / "images"
DOCUMENT = ROOT / "docs" / "performance.md"
SECTIONS = ["training", "methods", "statistics", "data", "workflow"]
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", metavar="SECTION[.CASE]", default=SECTIONS, help="default: %(default)s")
    parser.add_argument("--threads", nargs="+", type=int, default=[1, len(os.sched_getaffinity(0))])
    parser.add_argument("--full", action="store_true", help="also what writes 30 GB: the data at its full size")
    parser.add_argument("--docs", action="store_true", help=f"put the results into {DOCUMENT.relative_to(ROOT)}")
    parser.add_argument("--case", help=argparse.SUPPRESS)  # in the process of a single case
    arguments = parser.parse_args()
    if arguments.case:
        run_case(arguments.case)
        return
    failed = []
    for name in cases(arguments.only, arguments.full):
        for threads in threads_of(name, arguments.threads):
            try:
                keep(in_own_process(name, threads))
            except subprocess.CalledProcessError:
                failed.append(name)
    if TABLE.exists():
        report(
            pd.read_parquet(TABLE).astype(object).where(lambda table: table.notna(), None).to_dict("records"),
            arguments.docs,
        )
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


def in_own_process(name: str, threads: int) -> list[dict]:
    """The rows of a case, as dictionaries."""
    print(f"{name}, {threads} thread(s) …", file=sys.stderr, flush=True)
    environment = {**os.environ, **{f"{library}_NUM_THREADS": str(threads) for library in ("OMP", "MKL", "OPENBLAS")}}
    command = [sys.executable, "-m", "benchmarks", "--case", name]
    done = subprocess.run(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    lines = [line.removeprefix("row ") for line in done.stdout.splitlines() if line.startswith("row ")]
    for line in lines:
        print(f"  {line}", file=sys.stderr, flush=True)
    return [json.loads(line) | {"case": f"{name}, {threads}"} for line in lines]


def keep(rows: list[dict]) -> None:
    """Add the rows of a case to those of other cases, in the order of the sections."""
    new = pd.DataFrame(rows)
    if TABLE.exists():
        old = pd.read_parquet(TABLE)
        new = pd.concat([old[~old["case"].isin(new["case"])], new.astype(old.dtypes.to_dict(), errors="ignore")])
    order = [f"{section}.{case}" for section in SECTIONS for case in cases_of(section)]
    place = new["case"].map(lambda case: (order.index(case.split(",")[0]), int(case.split(",")[1])))
    RESULTS.mkdir(exist_ok=True)
    new.iloc[sorted(range(len(new)), key=place.tolist().__getitem__)].to_parquet(TABLE, index=False)


def kept() -> list[dict]:
    """The rows of all cases that have run, as dictionaries."""
    table = pd.read_parquet(TABLE).astype(object)
    return table.where(table.notna(), None).to_dict("records")


def run_case(name: str) -> None:
    """Print the rows of a case, a line of JSON each."""
    section, case = name.split(".")
    for row in cases_of(section)[case]():
        print("row", row.as_json(), flush=True)


def report(rows: list[dict], docs: bool) -> None:
    """Write the table as Markdown, and the curves."""
    described = "\n".join(f"- {what}: {value}" for what, value in {"date": date.today(), **machine()}.items())
    text = f"{described}\n\n{as_markdown(rows)}"
    (RESULTS / "performance.md").write_text(text, encoding="utf-8")
    print(text)
    draw_curves(rows, CURVES if docs else RESULTS)
    if docs:
        before, rest = DOCUMENT.read_text(encoding="utf-8").split(BEGIN)
        DOCUMENT.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{rest.split(END)[1]}", encoding="utf-8")


if __name__ == "__main__":
    main()

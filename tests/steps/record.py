"""Results in few numbers, and the record of them."""

import ast
import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from tests.steps import ROOT
from tests.steps.results import STEPS
from winnow.job.versions import VERSIONS
from winnow.streams import stream

RECORD = Path(__file__).with_name("record.json")
SCRIPTS = ROOT / "workflow" / "scripts"

TOLERANCE = 1e-4
"""Of a number, and of the root mean square of the values it is made of: well above rounding."""

Numbers = list[float] | str


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def in_few_numbers(values: Any) -> Numbers:
    """How many values, how many of them missing, root mean square, and three sums with random signs.

    A value that changes by its own size changes the sums by 1 / √n of it; text is told apart exactly.
    """
    array = np.asarray(values)
    if array.dtype.kind in "UO" and any(isinstance(value, str) for value in array):
        return digest("\n".join(map(str, array)))
    array = pd.to_numeric(array.ravel(), errors="raise").astype(np.float64)
    known = np.isfinite(array)
    array = np.where(known, array, 0)
    signs = stream("signs").choice([-1, 1], (3, array.size))
    numbers = [np.sqrt(np.mean(array**2)), *(signs @ array / np.sqrt(array.size))]
    return [array.size, int((~known).sum()), *(float(f"{number:.7g}") for number in numbers)]


def same(numbers: Numbers, recorded: Numbers) -> bool:
    """Whether two results are the same but for rounding."""
    if isinstance(numbers, str) or isinstance(recorded, str):
        return numbers == recorded
    tolerance = TOLERANCE * recorded[2]
    return numbers[:2] == recorded[:2] and np.allclose(numbers[2:], recorded[2:], rtol=TOLERANCE, atol=tolerance)


def code_of(script: Path) -> str:
    """A digest of a script's code, without comments and docstring."""
    tree = ast.parse(script.read_text(encoding="utf-8"))
    return digest("\n".join(map(ast.unparse, tree.body[1:])))


def scripts_of(step: str) -> Iterable[Path]:
    pattern = "plot_fig*.py" if step == "plot_figures" else f"{step}.py"
    return sorted(SCRIPTS.glob(pattern))


def read_record() -> dict[str, Any]:
    return json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}


def write_record(record: dict[str, Any]) -> None:
    """A line for each result, so that a comparison of two versions of the file can be read."""
    text = json.dumps(record, indent=1, ensure_ascii=False)
    text = re.sub(r"\[\s+([^][]*?)\s+\]", lambda found: f"[{' '.join(found[1].split())}]", text)
    RECORD.write_text(text + "\n", encoding="utf-8")


def present(step: str) -> dict[str, Any]:
    """A step's version, the code of its scripts, and its results, as they are now."""
    with TemporaryDirectory() as folder:
        results = STEPS[step](Path(folder)) if step in STEPS else {}
    return {
        "version": VERSIONS[step],
        "scripts": {script.name: code_of(script) for script in scripts_of(step)},
        "results": {name: in_few_numbers(values) for name, values in sorted(results.items())},
    }


def changes(now: dict[str, Any], recorded: dict[str, Any]) -> list[str]:
    """What a step gives, or how it is called, that is not as recorded."""
    scripts = sorted(name for name, _ in now["scripts"].items() ^ recorded["scripts"].items())
    before, after = recorded["results"], now["results"]
    results = sorted(before.keys() ^ after.keys())
    results += [name for name in before.keys() & after.keys() if not same(after[name], before[name])]
    return list(dict.fromkeys(scripts)) + sorted(results)

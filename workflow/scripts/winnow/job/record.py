"""What a run was made of and by, beside its results: enough to repeat it.

What matters is what computed: the interpreter and the packages of each job, which on a cluster or with conda are not
Snakemake's own, its machine, and the code as it was then.  So each job writes it into its log (`log.log_to`), and
`record_run` gathers the logs, of however many runs, into one file.
"""

import hashlib
import json
import os
import platform
import subprocess
import sys
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from winnow.store.sealed import made_with

_MARK = "made by "

_STEERING = (
    "ATEN_CPU_CAPABILITY",
    "CUBLAS_WORKSPACE_CONFIG",
    "MKL_CBWR",
    "MKL_ENABLE_INSTRUCTIONS",
    "NPY_DISABLE_CPU_FEATURES",
    "NUMBA_CPU_NAME",
    "NVIDIA_TF32_OVERRIDE",
    "ONEDNN_MAX_CPU_ISA",
    "OPENBLAS_CORETYPE",
)
"""Variables that change how numbers are rounded.  Numbers of threads are none: see docs/reliability.md."""

_WORKFLOW = Path(__file__).parents[3]


def write_maker(log: str | Path) -> None:
    """Add a line to a job's log that says what this process is; to be called when it has done its work."""
    with suppress(OSError), Path(log).open("a", encoding="utf-8") as file:  # the disk may be full
        file.write(f"{_MARK}{json.dumps(describe_process())}\n")


def describe_process() -> dict[str, Any]:
    """Interpreter, packages that are loaded, machine and code of this process."""
    return {
        "python": platform.python_version(),
        "packages": _packages(),
        "machine": {"system": platform.platform(), "processor": _processor(), "cores": os.cpu_count()},
        "environment": {name: os.environ[name] for name in _STEERING if name in os.environ},
        "commit": _commit(),
        "code": _code(),
    }


def _packages() -> dict[str, str]:
    found = {}
    with warnings.catch_warnings(action="ignore"):  # some modules do not like to be asked
        for name, module in sorted(sys.modules.items()):
            version = getattr(module, "__version__", None)
            if "." not in name and name not in sys.stdlib_module_names and isinstance(version, str):
                found[name] = version
    return found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor())


def _commit() -> str | None:
    """The commit that is checked out, `-dirty` where files differ from it; None where there is no git, or none here."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(
            command,
            cwd=_WORKFLOW,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},  # jobs run side by side
            capture_output=True,
            text=True,
            timeout=60,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _code() -> str:
    """A digest of the library, the scripts and the rules."""
    digest = hashlib.sha256()
    for path in sorted(path for kind in ("*.py", "*.smk") for path in _WORKFLOW.rglob(kind)):
        digest.update(f"{path.relative_to(_WORKFLOW)}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:32]


def record_run(
    configuration: Mapping[str, Any], tables: Sequence[str | Path], logs: str | Path, *, own_log: str | Path
) -> str:
    """What an experiment's results were made of and by.

    Args:
        configuration: all settings, defaults included.
        tables: the tables of all runs; they know what devices, engines and precision they were made with.
        logs: the folder of the jobs' logs, a folder for each rule.
        own_log: the log among them that is still to be finished.

    Returns:
        A JSON object: `configuration`; `made_with`, by table; `made_by`, an entry for each kind of process (see
        `describe_process`) with the number of its `jobs` by rule; `unknown`, jobs by rule whose log does not say it.

    Raises:
        StoreError: a table is missing or damaged.
    """
    made_by: list[dict[str, Any]] = []
    unknown: Counter[str] = Counter()
    for log in sorted(set(Path(logs).glob("*/*.log")) - {Path(own_log)}):
        maker = _maker(log)
        if maker is None:
            unknown[log.parent.name] += 1
            continue
        alike = next((one for one in made_by if _alike(one, maker)), None)
        if alike is None:
            alike = {**maker, "packages": {}, "jobs": Counter()}
            made_by.append(alike)
        alike["packages"] = dict(sorted({**alike["packages"], **maker["packages"]}.items()))
        alike["jobs"][log.parent.name] += 1
    record = {
        "configuration": configuration,
        "made_with": {Path(table).stem: made_with(table) for table in tables},
        "made_by": made_by,
        "unknown": unknown,
    }
    return json.dumps(record, indent=1, ensure_ascii=False) + "\n"


def _maker(log: Path) -> dict[str, Any] | None:
    """What wrote a log; None where it does not say: it was killed, or of an earlier version."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    if not lines or not lines[-1].startswith(_MARK):
        return None
    try:
        maker: dict[str, Any] = json.loads(lines[-1].removeprefix(_MARK))
    except json.JSONDecodeError:
        return None
    return maker


def _alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two processes are of the same kind; one may have loaded packages that the other has not."""
    packages = one["packages"]
    return all(one[key] == other[key] for key in other if key != "packages") and all(
        packages.get(name, version) == version for name, version in other["packages"].items()
    )

"""What a process is: interpreter, packages, machine and code.  Imports nothing that is installed.

What matters is what computed: the interpreter and the packages of each job, which on a cluster or with conda are not
Snakemake's own, its machine, and the code as it was then.  So each job writes it into its log (`log.log_to`).
"""

import hashlib
import json
import os
import platform
import subprocess
import sys
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

MARK = "made by "
"""How the line of a log begins that says what wrote it."""

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

_CODE = ("*.py", "*.smk", "*.html", "*.css", "*.js")

_REPOSITORY = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX")


def write_maker(log: str | Path) -> None:
    """Add a line to a job's log that says what this process is; to be called when it has done its work."""
    with suppress(OSError), Path(log).open("a", encoding="utf-8") as file:  # the disk may be full
        file.write(f"{MARK}{json.dumps(describe_process())}\n")


def made_by() -> dict[str, str]:
    """What a figure says of its making: commit where there is one, digest of the configuration, command.

    None of it depends on the machine, or on how many jobs ran at a time: the same experiment made of the same code by
    the same configuration gives the same file.  Outside of Snakemake only the commit is known.
    """
    known = {"commit": _commit()} | {
        name: os.environ.get(f"WINNOW_{name.upper()}") for name in ("configuration", "command")
    }
    return {name: text for name, text in known.items() if text}


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
    """The commit that is checked out, `-dirty` where files differ from it; None where there is no git, or none here.

    The project may have been unpacked within another repository, whose commit says nothing of it.
    """
    top = _git("rev-parse", "--show-toplevel")
    if not top or Path(top).resolve() != _WORKFLOW.parent.resolve():
        return None
    return _git("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")


def _git(*command: str) -> str | None:
    """What git says of the project's folder; None where it fails or is missing."""
    # Within git's own hooks, variables name another repository.
    environment = {name: value for name, value in os.environ.items() if name not in _REPOSITORY}
    try:
        done = subprocess.run(
            ["git", *command],
            cwd=_WORKFLOW.parent,
            env={**environment, "GIT_OPTIONAL_LOCKS": "0"},  # jobs run side by side
            capture_output=True,
            text=True,
            timeout=60,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _code() -> str:
    """A digest of the library, the scripts, the rules and the explorer's page."""
    digest = hashlib.sha256()
    for path in sorted(path for kind in _CODE for path in _WORKFLOW.rglob(kind)):
        digest.update(f"{path.relative_to(_WORKFLOW)}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:32]

"""Environment variables of jobs: what a run hands to them, and what it keeps from them."""

import getpass
import hashlib
import json
import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_LIBRARY = Path(__file__).parents[2]

_FOREIGN = (
    "MPLBACKEND",  # a notebook's, which the jobs' matplotlib cannot load
    "OMP_DYNAMIC",
    "OMP_THREAD_LIMIT",
    "PYTHONINSPECT",  # a job that failed would end well
    "PYTHONOPTIMIZE",
    "PYTHONWARNINGS",
    "SCIPY_ARRAY_API",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
)
"""Variables, set for other programs, that would change what jobs compute, or break them."""

_NUMBA = ("NUMBA_CACHE_DIR", "NUMBA_CPU_FEATURES", "NUMBA_CPU_NAME", "NUMBA_NUM_THREADS")
"""Numba's variables that do neither, or are recorded (`maker`); all others are kept from jobs."""


def hand_to_jobs(**settings: object) -> None:
    """Set `WINNOW_<NAME>` for this process and all that it starts; None is the empty text.

    No result depends on these settings: as parameters of rules, they would rerun jobs.
    """
    for name, value in settings.items():
        os.environ[f"WINNOW_{name.upper()}"] = "" if value is None else str(value)


def digest_of(configuration: Mapping[str, Any]) -> str:
    """A digest of a configuration: SHA-256 of its JSON without spaces, keys in order."""
    text = json.dumps(configuration, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def command_of(files: Sequence[str | Path], settings: Mapping[str, Any]) -> str:
    """The command that makes a file, but for the file: whatever else was asked for, on however many processors.

    Args:
        files: the configuration's files, as given; none: the default experiment.
        settings: what `--config` adds.
    """
    here = Path.cwd()
    paths = [Path(file) for file in files]
    names = [
        str(path.relative_to(here) if path.is_absolute() and path.is_relative_to(here) else path) for path in paths
    ]
    added = [f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in sorted(settings.items())]
    words = ["snakemake", "--cores", "1"]
    words += ["--configfile", *names] if names else []
    words += ["--config", *added] if added else []
    return shlex.join(words) + (" --" if names or added else "")


def keep_from_jobs() -> list[str]:
    """Remove variables that change or break jobs from this process and all that it starts.

    Returns:
        Their names.
    """
    foreign = {name for name in os.environ if name.startswith("NUMBA_") and name not in _NUMBA}
    found = sorted(foreign | (os.environ.keys() & set(_FOREIGN)))
    for name in found:
        del os.environ[name]
    return found


def prefer_library() -> None:
    """Have jobs import this library, whatever else `PYTHONPATH` or the environment holds by its name.

    Snakemake puts it on the path of imports as well, but behind these.
    """
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if os.pathsep not in str(_LIBRARY):
        others = [path for path in paths if path and path != str(_LIBRARY)]
        os.environ["PYTHONPATH"] = os.pathsep.join([str(_LIBRARY), *others])


def keep_compiled_code(folder: Path) -> None:
    """Have numba keep its code in a folder where the library's own cannot be written to, as it would by itself.

    Elsewhere it looks for a place in the user's home only, and fails where there is none.
    """
    beside = _LIBRARY / "winnow" / "training" / "__pycache__"
    if not os.access(beside if beside.exists() else beside.parent, os.W_OK):
        os.environ.setdefault("NUMBA_CACHE_DIR", str(folder.absolute()))


def name_user() -> None:
    """Give a user without a name, such as a container's, its number for one: Snakemake and PyTorch ask for it."""
    try:
        getpass.getuser()
    except (KeyError, OSError):  # KeyError before Python 3.13
        os.environ["LOGNAME"] = str(os.getuid())

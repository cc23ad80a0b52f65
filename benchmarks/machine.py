"""The machine that is measured on: its name, its processors, and how it is held to fewer instructions than it has."""

import os
import platform
import re
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import gettempdir

_INFO = Path("/proc/cpuinfo")
_TOPOLOGY = Path("/sys/devices/system/cpu")

HELD: Mapping[str, Mapping[str, str]] = {
    "AVX2": {
        "ATEN_CPU_CAPABILITY": "avx2",  # PyTorch's own kernels, and what torch.compile writes,
        "TORCHINDUCTOR_CACHE_DIR": str(Path(gettempdir(), "winnow-compiled-avx2")),  # whose cache does not tell apart
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "OPENBLAS_CORETYPE": "Haswell",
        "NPY_DISABLE_CPU_FEATURES": "X86_V4,AVX512_ICL,AVX512_SPR",
        "NUMBA_CPU_NAME": "haswell",
        "NUMBA_CPU_FEATURES": "+sse2,+ssse3,+sse4.1,+sse4.2,+popcnt,+avx,+avx2,+fma,+f16c,+bmi,+bmi2,+lzcnt,+movbe",
        "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",
    },
}
"""Environment variables with which the libraries use no more than a set of instructions, though there are others.

It stands for a processor without them as far as its instructions go; caches, clocks and memory stay this one's.
"""


def processor(held_to: str | None = None) -> str:
    """The processor's name and its instructions, by which tables are told apart."""
    facts = dict(re.findall(r"^(\S[^\t:]*)\s*: (.*)$", _INFO.read_text(), re.MULTILINE)) if _INFO.exists() else {}
    name = facts.get("model name") or platform.processor() or platform.machine()
    if held_to:
        return f"{name}, held to {held_to}"
    flags = facts.get("flags", "").split()
    return f"{name}, {'AVX-512' if 'avx512f' in flags else 'AVX2' if 'avx2' in flags else platform.machine()}"


def slug(name: str) -> str:
    """A processor's name as that of a file: `amd-epyc-avx-512`."""
    return re.sub(r"[^a-z0-9]+", "-", re.sub(r"\((r|tm)\)", "", name.lower())).strip("-")


def machine(held_to: str | None = None) -> dict[str, str]:
    """What the numbers were measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    packages = {name: _version(name) for name in ("torch", "numpy", "numba", "jax")}
    return {
        "processor": f"{processor(held_to)}, {len(os.sched_getaffinity(0))} cores",
        "memory": f"{memory:.0f} GiB",
        "GPU": _gpu(),
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "packages": ", ".join(f"{name} {number}" for name, number in packages.items() if number),
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _gpu() -> str:
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else "none"


def processors(n: int) -> list[int]:
    """So many of the processors that this process may use, on as many cores as there are, then their siblings."""
    mine = sorted(os.sched_getaffinity(0))
    seen: dict[str, int] = {}
    rank = {}
    for one in mine:
        file = _TOPOLOGY / f"cpu{one}" / "topology" / "thread_siblings_list"
        core = file.read_text().strip() if file.exists() else str(one)
        rank[one] = seen[core] = seen.get(core, -1) + 1
    return sorted(mine, key=lambda one: (rank[one], one))[:n]

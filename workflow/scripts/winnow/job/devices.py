"""Where a job computes: on the processors, or on a CUDA GPU of its own.

PyTorch is imported only where it is needed.
"""

import fcntl
import importlib.util
import itertools
import logging
import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal
from urllib.parse import quote

log = logging.getLogger(__name__)

Device = Literal["cpu", "cuda"]

_DRIVER = Path("/proc/driver/nvidia/gpus")
"""Where NVIDIA's driver has a folder for each GPU, called by its place on the PCI bus."""

_DEVICES = Path("/dev")

_LOCKS = Path("/tmp/winnow-gpus")
"""Where the locks of GPUs lie: one folder for all users of the machine, and on no network file system."""

_ALLOCATIONS = ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID")
"""Variables in which batch systems name the allocation that a process runs in."""

_taken: list[int] = []
"""The locks that this process holds: open files."""


def visible_gpus() -> list[str]:
    """The GPUs that this process may use, as `CUDA_VISIBLE_DEVICES` calls them: by index, or by UUID.

    Without that variable, all that the driver knows.  No GPU is asked, and nothing is imported.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    known = _known_gpus()
    if visible is None:
        return [uuid or str(index) for index, uuid in enumerate(known)]
    # CUDA reads up to the first entry that names no GPU.
    entries = itertools.takewhile(
        lambda entry: entry.startswith(("GPU-", "MIG-")) or (entry.isdecimal() and int(entry) < len(known)),
        (entry.strip() for entry in visible.split(",")),
    )
    return list(dict.fromkeys(entries))


def _known_gpus() -> list[str | None]:
    """The UUIDs of the machine's GPUs in the order of the PCI bus; None for each, where the driver does not tell."""
    nodes = {path.name for path in _DEVICES.glob("nvidia*") if re.fullmatch(r"nvidia\d+", path.name)}
    uuids: list[str] = []
    for gpu in sorted(_DRIVER.glob("*/information")):
        lines = gpu.read_text(encoding="utf-8", errors="replace").splitlines()
        facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
        # A container may be told of GPUs that it was not given.  (No files at all: the driver makes them on first use.)
        if not nodes or f"nvidia{facts.get('Device Minor')}" in nodes:
            uuids.append(facts.get("GPU UUID", ""))
    if uuids and all(re.fullmatch(r"GPU-[0-9a-f-]+", uuid) for uuid in uuids):
        return [*uuids]
    # Windows' own driver, seen from its Linux, does not say how many there are.
    windows = 1 if (_DEVICES / "dxg").exists() else 0
    return [None] * (len(uuids) or len(nodes) or windows)


def smallest_gpu_mb() -> int | None:
    """Memory of the smallest of the GPUs that this process may use, in MB (10⁶ bytes).

    None where there is none, where a part of one (MIG) is all that may be used, or where `nvidia-smi`, which comes with
    the driver, is not there or does not answer.
    """
    gpus = visible_gpus()
    if not gpus or any(gpu.startswith("MIG-") for gpu in gpus):
        return None
    command = ["nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    mebibytes = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    if done.returncode or not mebibytes or not all(text.isdecimal() for text in mebibytes):
        return None
    return int(min(map(int, mebibytes)) * 2**20 / 1e6)


def claim_device(setting: Literal["auto", "cpu", "cuda"], jobs_per_gpu: int = 1) -> Device:
    """The device that a setting means on this machine; a GPU is this process's until it ends.

    Of several GPUs it takes one that is free, and where none is, waits for one.  It must be called before CUDA is used:
    the other GPUs are hidden from then on.  Importing torch takes seconds, so it is imported only where there is a GPU.

    Args:
        setting: `compute.device`; `auto` is a GPU where torch sees one, else the processors.
        jobs_per_gpu: `compute.jobs_per_gpu`: so many processes may have a GPU together; with 1 it is shared with none.

    Raises:
        ValueError: `cuda` was asked for, but torch sees no GPU.
        OSError: the locks' folder cannot be used.
    """
    if setting == "cpu":
        return "cpu"
    reason = _why_no_gpu()
    if reason is None:
        _take_gpu(jobs_per_gpu)
        import torch

        if torch.cuda.is_available():
            return "cuda"
        reason = f"torch does not see GPU {os.environ['CUDA_VISIBLE_DEVICES']} (is the driver too old for it?)"
        log.warning("%s", reason)
        _give_back()
    if setting == "cuda":
        raise ValueError(
            f"compute.device is 'cuda', but {reason}: set it to 'auto' or 'cpu', or run where torch sees a GPU"
        )
    return "cpu"


def _why_no_gpu() -> str | None:
    if not _known_gpus():
        return "there is no NVIDIA driver on this machine"
    if not visible_gpus():
        return "CUDA_VISIBLE_DEVICES hides all GPUs"
    if importlib.util.find_spec("torch") is None:
        return "torch is not installed in this environment"
    import torch

    return None if torch.backends.cuda.is_built() else "torch's build is the one for processors"


def _take_gpu(jobs_per_gpu: int) -> None:
    """Hide all visible GPUs but one, of which this process has a lock."""
    gpus = visible_gpus()
    for attempt in itertools.count():
        # Slot by slot, so that the second job goes to the second GPU.
        for slot, gpu in itertools.product(range(jobs_per_gpu), gpus):
            if _lock(gpu, slot, shared=jobs_per_gpu > 1):
                if "CUDA_VISIBLE_DEVICES" not in os.environ:  # `gpu` may be an index, in the driver's order
                    os.environ["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"
                os.environ["CUDA_VISIBLE_DEVICES"] = gpu
                log.info("on GPU %s of %s, as job %d of at most %d", gpu, ", ".join(gpus), slot + 1, jobs_per_gpu)
                return
        if attempt == 0:
            log.info("all GPUs (%s) are taken by other jobs of this workflow; waiting for one", ", ".join(gpus))
        time.sleep(1)


def _lock(gpu: str, slot: int, *, shared: bool) -> bool:
    """Take a slot of a GPU if it is free.  The kernel gives it back when the process ends, however it ends.

    Who shares a GPU has a shared lock of it beside the slot's, who does not an exclusive one: the two never meet,
    whatever other runs of the workflow have set.
    """
    name = quote(_identity(gpu), safe="")
    wanted = [(name, fcntl.LOCK_SH), (f"{name}.{slot}", fcntl.LOCK_EX)] if shared else [(name, fcntl.LOCK_EX)]
    got = []
    for file, kind in wanted:
        got.append(_open_lock(file))
        try:
            fcntl.flock(got[-1], kind | fcntl.LOCK_NB)
        except BlockingIOError:
            for opened in got:
                os.close(opened)
            return False
    _taken.extend(got)
    return True


def _give_back() -> None:
    while _taken:
        os.close(_taken.pop())


def _identity(gpu: str) -> str:
    """A name of a visible GPU that is the same in all processes of the machine that may meet on it.

    Two allocations of a batch system may both see "GPU 0" and mean different ones, and what is allotted to one is no
    other's: there, GPUs are told apart by allocation.  Elsewhere an index is one of the whole machine, but another
    process may have the UUID.  (The index counts in the driver's order.  CUDA's own order puts fast models first: with
    different models in one machine, set `CUDA_DEVICE_ORDER=PCI_BUS_ID` or name GPUs by UUID.)
    """
    for variable in _ALLOCATIONS:
        if allocation := os.environ.get(variable):
            return f"{variable} {allocation} {gpu}"
    known = _known_gpus()
    if gpu.isdecimal():
        return known[int(gpu)] or gpu
    # CUDA admits the beginning of a UUID.
    return next((uuid for uuid in known if uuid and uuid.startswith(gpu)), gpu)


def _open_lock(name: str) -> int:
    """Open a lock's file, made where there is none, for any user whatever its maker's umask; nothing is ever written.

    What another user put there under this name can do no harm: links are not followed, pipes not waited for.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    before = os.umask(0)
    try:
        try:
            _LOCKS.mkdir(mode=0o1777)
        except FileExistsError:
            if _LOCKS.is_symlink():
                raise OSError(f"{_LOCKS} is a link, it must be a folder: remove it") from None
        try:
            return os.open(_LOCKS / name, flags | os.O_CREAT | os.O_EXCL, 0o444)
        except FileExistsError:  # not opened with O_CREAT: some kernels refuse that for other users' files
            return os.open(_LOCKS / name, flags)
    finally:
        os.umask(before)


def device_name(device: str) -> str:
    """`cpu`, or the name of the GPU."""
    if device == "cpu":
        return device
    import torch

    return torch.cuda.get_device_name(device)


def free_memory(device: str) -> int:
    """Bytes of a GPU's memory that this process can still have; other processes count, what PyTorch keeps does not."""
    import torch

    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return torch.cuda.mem_get_info(device)[0] + kept


@contextmanager
def matmul_precision(precision: str) -> Iterator[None]:
    """Within the block, float32 products on a GPU have 24 bits, or TF32's 11 (`tf32`); whatever was set elsewhere.

    A CUDA graph keeps the precision under which it is captured.
    """
    import torch

    # Not `allow_tf32`, which raises an error where `fp32_precision` was set, be it by other code of the process.
    matmul = torch.backends.cuda.matmul
    before, matmul.fp32_precision = matmul.fp32_precision, "tf32" if precision == "tf32" else "ieee"
    try:
        yield
    finally:
        matmul.fp32_precision = before

"""Where a job computes: on the processors, or on a CUDA GPU.  PyTorch is imported only where it is needed."""

import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

Device = Literal["cpu", "cuda"]


def resolve_device(setting: Literal["auto", "cpu", "cuda"]) -> Device:
    """The device that a setting means on this machine.

    Importing torch takes seconds, so it is imported only where a GPU may be: where the NVIDIA driver has its device
    file, no empty `CUDA_VISIBLE_DEVICES` hides it, and torch is installed.

    Args:
        setting: `compute.device`; `auto` is a GPU where torch sees one, else the processors.

    Raises:
        ValueError: `cuda` was asked for, but torch sees no GPU.
    """
    if setting == "cpu":
        return "cpu"
    reason = _why_no_gpu()
    if reason is None:
        return "cuda"
    if setting == "cuda":
        raise ValueError(
            f"compute.device is 'cuda', but {reason}: set it to 'auto' or 'cpu', or run where torch sees a GPU"
        )
    return "cpu"


def _why_no_gpu() -> str | None:
    if os.environ.get("CUDA_VISIBLE_DEVICES", "all") in ("", "-1"):
        return "CUDA_VISIBLE_DEVICES hides all GPUs"
    if not any(Path(driver).exists() for driver in ("/dev/nvidiactl", "/dev/dxg")):
        return "there is no NVIDIA driver on this machine"
    if importlib.util.find_spec("torch") is None:
        return "torch is not installed in this environment"
    import torch

    return None if torch.cuda.is_available() else "torch sees no GPU (its build may be the one for CPUs)"


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

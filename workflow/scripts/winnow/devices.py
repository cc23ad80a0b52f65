"""Where a job computes: on the processors, or on a CUDA GPU."""

import importlib.util
import os
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

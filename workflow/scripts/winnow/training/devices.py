"""What engines need to know of the device that PyTorch computes on."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


def device_name(device: str) -> str:
    """`cpu`, or the name of the GPU."""
    return "cpu" if torch.device(device).type == "cpu" else torch.cuda.get_device_name(device)


def free_memory(device: str) -> int:
    """Bytes of a GPU's memory that this process can still have; other processes count, what PyTorch keeps does not."""
    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return torch.cuda.mem_get_info(device)[0] + kept


@contextmanager
def matmul_precision(precision: str) -> Iterator[None]:
    """Within the block, float32 products on a GPU have 24 bits, or TF32's 11 (`tf32`); whatever was set elsewhere.

    A CUDA graph keeps the precision under which it is captured.
    """
    # Not `allow_tf32`, which raises an error where `fp32_precision` was set, be it by other code of the process.
    matmul = torch.backends.cuda.matmul
    before, matmul.fp32_precision = matmul.fp32_precision, "tf32" if precision == "tf32" else "ieee"
    try:
        yield
    finally:
        matmul.fp32_precision = before

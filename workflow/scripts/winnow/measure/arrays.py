"""Arrays of numpy on the processors and of torch on a GPU, computed with by the same functions.

The statistics call only what the array API standard has (https://data-apis.org/array-api), and numpy and torch share.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from winnow.job.devices import device_name, matmul_precision

log = logging.getLogger(__name__)

_PIECE = 2**16  # numbers: with a few results of as many, as float32 or float64, they fit a megabyte of cache

Array = Any
"""An array of numpy or of torch: `Any`, as no type says what the two have in common."""


@dataclass(frozen=True)
class Arrays:
    """Functions on arrays, and where the arrays lie.

    Attributes:
        xp: the namespace of the functions: numpy, or torch with the standard's names.
        device: of the arrays, as the namespace calls it.
    """

    xp: ModuleType
    device: str

    def put(self, array: np.ndarray, dtype: object = None) -> Array:
        """A numpy array, as it is or as another type, on the device."""
        if self.xp is not np and not (array.flags.writeable and array.flags.c_contiguous):
            array = np.array(array, order="C")  # torch refuses arrays that may not be written
        return self.xp.asarray(array, dtype=dtype, device=self.device)

    def pieces(self, n: int, numbers: int) -> Iterator[slice]:
        """Parts of n rows of so many numbers that are worked on one after another.

        On the processors as many rows as their cache holds (`_PIECE` numbers), so that several operations read memory
        once; on a GPU all together.
        """
        at_a_time = max(_PIECE // max(numbers, 1), 1) if self.xp is np else max(n, 1)
        for start in range(0, n, at_a_time):
            yield slice(start, min(start + at_a_time, n))

    def zeros(self, *shape: int) -> Array:
        """Zeros, float64: what sums are added up in."""
        return self.xp.zeros(shape, dtype=self.xp.float64, device=self.device)

    def get(self, array: Array) -> np.ndarray:
        """An array of the device as one of numpy."""
        on_cpu: np.ndarray = array if self.xp is np else array.cpu().numpy()
        return on_cpu


NUMPY = Arrays(np, "cpu")


def arrays_of(array: Array) -> Arrays:
    """Where an array lies, and the functions on it."""
    if isinstance(array, np.ndarray):
        return NUMPY
    import array_api_compat.torch as xp

    return Arrays(xp, str(array.device))


@contextmanager
def arrays_on(device: str) -> Iterator[Arrays]:
    """The arrays of a device, and products in the precision of their factors as long as they are in use.

    Args:
        device: `cpu` (numpy; torch is not imported), `cuda` (torch), or `torch:cpu` (torch without a GPU, for tests).
    """
    if device == "cpu":
        _say("on the processors: numpy, float64 sums")
        yield NUMPY
        return
    import array_api_compat.torch as xp
    import torch

    place = device.removeprefix("torch:")
    _say(f"on {device_name(place)}: torch, products without TF32, float64 sums")
    # TF32's bits are not enough for small differences.
    with matmul_precision("float32"), torch.inference_mode():
        yield Arrays(xp, place)


@cache
def _say(message: str) -> None:
    """Say something once, however many statistics a process computes."""
    log.info(message)

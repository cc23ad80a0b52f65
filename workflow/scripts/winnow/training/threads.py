"""Threads that share the work of a training."""

import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

_WORTH_SHARING = 8_000_000
"""Products (weights times images) below which work takes no longer than waking a thread."""


def n_threads() -> int:
    """Threads that a training may use: `OMP_NUM_THREADS`, which Snakemake sets for a job, or one for each processor."""
    wanted = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]  # a list: one number for each level of nesting
    return int(wanted) if wanted.isdecimal() and int(wanted) else len(os.sched_getaffinity(0))


class Team:
    """As many threads as a training may use.

    They share work by features: compiled kernels run outside the interpreter's lock.

    Args:
        size: threads, the calling one included.
    """

    def __init__(self, size: int):
        self._size = size
        self._others = ThreadPoolExecutor(size - 1) if size > 1 else None

    def share(self, part: Callable[[int, int], None], n: int, *, grain: int, n_products: int) -> None:
        """Call `part(start, stop)` for parts of `range(n)` that together are all of it.

        Args:
            part: does the features from `start` to `stop`.
            n: features.
            grain: parts begin at a multiple of it.
            n_products: how much work it is, in products of a weight and an image.
        """
        if self._others is None or n <= grain or n_products < _WORTH_SHARING:
            part(0, n)
            return
        grains = -(-n // grain)
        bounds = [min(grains * k // self._size * grain, n) for k in range(self._size + 1)]
        first, *rest = itertools.pairwise(bounds)
        pending = [self._others.submit(part, *some) for some in rest]
        part(*first)
        wait(pending)
        for done in pending:
            done.result()

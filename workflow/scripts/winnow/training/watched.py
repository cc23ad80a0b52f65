"""Batches that say when they are taken, so that a long stretch of steps is not silent.

A stretch is not cut for it: an engine adds up the loss of its steps, and sums of sums are rounded otherwise.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np


class WatchedBatches(np.ndarray):
    """Batches as any others, which call `at` with the number of steps done before those that are taken.

    Whoever takes them row by row or a slice after the other is thus watched; whoever takes them at once is not.  Rows
    and slices are ordinary arrays.
    """

    _first: int
    _at: Callable[[int], None] | None = None

    def __getitem__(self, key: Any) -> Any:
        if self._at is not None:
            if isinstance(key, slice):
                self._at(self._first + key.indices(len(self))[0])
            elif isinstance(key, int):
                self._at(self._first + range(len(self))[key])
        return self.view(np.ndarray)[key]

    def __iter__(self) -> Iterator[np.ndarray]:
        for k, row in enumerate(self.view(np.ndarray)):
            if self._at is not None:
                self._at(self._first + k)
            yield row


def watched(batches: np.ndarray, first: int, at: Callable[[int], None]) -> WatchedBatches:
    """Batches that are watched.

    Args:
        batches: (n, batch) of a stretch; not copied.
        first: the step of its first batch.
        at: called with the number of steps that are done.
    """
    view = batches.view(WatchedBatches)
    view._first, view._at = first, at
    return view

"""Random numbers as a pure function of named keys.

Every draw of the project (weights, batches, random masks, clones, images) comes from a stream named by what it is for,
such as `stream("batches", seed, round)`.  Nothing depends on the order of jobs, the number of workers, the time or the
process.
"""

import hashlib

import numpy as np


def stream(purpose: str, *keys: int | str) -> np.random.Generator:
    """The random generator that belongs to a purpose and its keys.

    Keys are hashed with their type, so that `1` and `"1"` name different streams, and so do `("a", "b")` and `("ab",)`.
    The same name gives the same numbers on every machine.

    Args:
        purpose: what the numbers are for, e.g. `"initial weights"`.
        keys: integers or strings that tell streams of one purpose apart, e.g. the seed and the round.
    """
    name = repr((purpose, *(key if isinstance(key, str) else int(key) for key in keys)))
    entropy = int.from_bytes(hashlib.sha256(name.encode()).digest()[:16], "little")
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy)))

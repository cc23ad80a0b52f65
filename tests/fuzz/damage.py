"""Files damaged at random, from a list of small changes that can be shortened until the fault stands alone."""

from collections.abc import Callable, Sequence

import numpy as np

Edit = tuple[int, int, int]
"""Which change, at which 65536th of the file, with what."""

PLACES, VALUES = 2**16, 2**32

Change = Callable[[bytes, int, int, Sequence[bytes]], bytes]


def _set_byte(content: bytes, place: int, value: int, tokens: Sequence[bytes]) -> bytes:
    return content[:place] + bytes([value % 256]) + content[place + 1 :]


def _flip_bit(content: bytes, place: int, value: int, tokens: Sequence[bytes]) -> bytes:
    return (
        content[:place] + bytes(byte ^ (1 << value % 8) for byte in content[place : place + 1]) + content[place + 1 :]
    )


_NUMBERS = (
    0,
    1,
    2,
    127,
    128,
    255,
    256,
    2**15,
    2**16 - 1,
    2**24,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**40,
    2**63 - 1,
    2**64 - 1,
)


def _set_number(content: bytes, place: int, value: int, tokens: Sequence[bytes]) -> bytes:
    value, which = divmod(value, len(_NUMBERS))
    value, log_size = divmod(value, 4)
    size = 2**log_size
    number = (_NUMBERS[which] % 256**size).to_bytes(size, ("little", "big")[value % 2])
    return content[:place] + number + content[place + size :]


def _delete(content: bytes, place: int, value: int, tokens: Sequence[bytes]) -> bytes:
    return content[:place] + content[place + 1 + value % 64 :]


def _repeat(content: bytes, place: int, value: int, tokens: Sequence[bytes]) -> bytes:
    value, length = divmod(value, 64)
    return content[:place] + content[place : place + 1 + length] * (2 + value % 50) + content[place + 1 + length :]


def _move(content: bytes, place: int, value: int, tokens: Sequence[bytes]) -> bytes:
    value, length = divmod(value, 64)
    start = value % max(len(content), 1)
    return content[:place] + content[start : start + 1 + length] + content[place:]


def _insert_token(content: bytes, place: int, value: int, tokens: Sequence[bytes]) -> bytes:
    return content[:place] + tokens[value % len(tokens)] + content[place:] if tokens else content


def _put_token(content: bytes, place: int, value: int, tokens: Sequence[bytes]) -> bytes:
    token = tokens[value % len(tokens)] if tokens else b""
    return content[:place] + token + content[place + len(token) :]


def _cut(content: bytes, place: int, value: int, tokens: Sequence[bytes]) -> bytes:
    return content[:place]


# The gentle ones several times: a file that is wrong throughout is refused at its first byte.
CHANGES: tuple[Change, ...] = (
    *(_set_byte, _flip_bit, _set_number, _put_token, _insert_token) * 3,
    *(_delete, _repeat, _move, _cut),
)


def damage(content: bytes, edits: Sequence[Edit], tokens: Sequence[bytes] = ()) -> bytes:
    """The content after some changes, one after the other.

    Args:
        content: a good file.
        edits: the changes.
        tokens: bytes that mean something in such a file.
    """
    for kind, place, value in edits:
        content = CHANGES[kind % len(CHANGES)](content, place * len(content) // PLACES, value, tokens)
    return content


def draw_edits(rng: np.random.Generator, most: int) -> list[Edit]:
    """Between none and `most` changes, few of them more often than many."""
    n = min(int(rng.geometric(0.3)) - 1, most)
    return [tuple(map(int, rng.integers(0, (len(CHANGES), PLACES, VALUES)))) for _ in range(n)]


def shortest(edits: list[Edit], fails: Callable[[list[Edit]], bool]) -> list[Edit]:
    """The changes that are needed for a failure: each that can be left out is left out."""
    for k in reversed(range(len(edits))):
        fewer = edits[:k] + edits[k + 1 :]
        if fails(fewer):
            edits = fewer
    return edits

"""Checksums and descriptions: how a file says what it is and what made it, and how damage to it is noticed.

A file's description, a JSON object, says of which `kind` it is, what it was `made_with`, and gives the `checksum` of
the whole file, which is compared before anything else is read.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tokenize import TokenError
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from safetensors import SafetensorError
from xxhash import xxh3_128

from winnow.store.atomic import StoreError

MadeWith = Mapping[str, str]
"""What made a file: `device` (`cpu`, or the name of the GPU), and of a training its `engine` and `precision`."""

ON_CPU: MadeWith = {"device": "cpu"}
_CHECKSUM = re.compile(rb"xxh3_128:[0-9a-f]{32}")
_NO_CHECKSUM = b"xxh3_128:" + 32 * b"0"
"""Stands for the checksum where the checksum is computed."""

DAMAGED = "does not match its checksum: it was damaged after it was written"

_MALFORMED = (
    *(ValueError, LookupError, TypeError, OverflowError, OSError, EOFError, MemoryError, RecursionError),
    *(SyntaxError, TokenError, pa.ArrowException, SafetensorError),  # numpy parses an array's header as Python
)


def describe(kind: str, made_with: MadeWith, **more: Any) -> dict[str, Any]:
    """A file's description, still without checksum."""
    return {"kind": kind, **more, "made_with": dict(made_with), "checksum": _NO_CHECKSUM.decode()}


def _checksum_in(content: bytes) -> tuple[slice, bytes] | None:
    """Where among a file's bytes its checksum stands, and what it should be; None where there is none, or several."""
    places = [slice(*found.span()) for found in _CHECKSUM.finditer(content)]
    if len(places) != 1:
        return None
    digest = xxh3_128()
    for part in (memoryview(content)[: places[0].start], _NO_CHECKSUM, memoryview(content)[places[0].stop :]):
        digest.update(part)
    return places[0], b"xxh3_128:" + digest.hexdigest().encode()


def seal(path: str | Path, content: bytes) -> bytes:
    """The bytes of a file that holds its description, and now in it the checksum of all of them."""
    found = _checksum_in(content)
    if found is None:
        raise StoreError(f"{path}: a name in it reads like a checksum of this project (xxh3_128:…): change the name")
    place, checksum = found
    return content[: place.start] + checksum + content[place.stop :]


def read_sealed(path: str | Path) -> tuple[bytes, dict[str, Any]]:
    """A file and its description; see `seal`.

    Raises:
        StoreError: the file is missing or damaged, or none of this project's.
    """
    with reading(path):
        content = Path(path).read_bytes()
    found = _checksum_in(content)
    if found is None:
        fault = "has no checksum" if content else "is empty"
        raise unusable(path, f"{fault}: it is cut off, of an earlier version, or none of this project's files")
    place, checksum = found
    if content[place] != checksum:
        raise unusable(path, DAMAGED)
    with reading(path):
        return content, _description(content)


def unusable(path: str | Path, fault: str) -> StoreError:
    """The error of a file that is of no use any more, with what to do."""
    path = Path(path)
    whole = f"the folder {path.parent}" if path.suffix in (".json", ".npy") else "it"  # a dataset's files
    return StoreError(f"{path}: {fault}; delete {whole} and run Snakemake again")


@contextmanager
def reading(path: str | Path) -> Iterator[None]:
    """Turn the errors of reading within the block into one that names the file and says what to do."""
    try:
        yield
    except StoreError:
        raise
    except FileNotFoundError as error:
        if Path(path).suffix in (".json", ".npy"):
            raise unusable(path, "is missing: this is not a complete dataset") from error
        raise StoreError(f"{path}: is missing; run Snakemake again") from error
    except PermissionError as error:
        raise StoreError(f"{path}: may not be read; give yourself the permission") from error
    except _MALFORMED as error:
        raise unusable(path, f"cannot be read ({getattr(error, 'strerror', None) or error})") from error


def _description(content: bytes) -> dict[str, Any]:
    text: str | bytes = content
    if content.startswith(b"PAR1"):
        text = (pq.read_metadata(pa.BufferReader(content)).metadata or {})[b"winnow"]
    elif not content.startswith(b"{"):  # safetensors: the header's length, the header
        text = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]["winnow"]
    description: dict[str, Any] = json.loads(text)
    return description


def read_of_kind(path: str | Path, kind: str) -> tuple[bytes, dict[str, Any]]:
    """A file that must be of a kind, and its description.

    Raises:
        StoreError: the file is missing, damaged or of another kind.
    """
    content, description = read_sealed(path)
    with reading(path):
        found = description["kind"]
    if found != kind:
        raise unusable(path, f"is of the kind {found!r}, not {kind!r}")
    return content, description


def made_with(path: str | Path) -> dict[str, str]:
    """What made a dataset, parameters, a mask, arrays or a table; see `MadeWith`.

    Raises:
        StoreError: the file is missing, damaged, or none of this project's.
    """
    path = Path(path)
    path = path / "facts.json" if path.is_dir() else path
    description = read_sealed(path)[1]
    with reading(path):
        return dict(description["made_with"])


def together(made_with: Sequence[MadeWith]) -> dict[str, str]:
    """What made several files: each different value, once."""
    names = sorted({name for made in made_with for name in made})
    return {name: ", ".join(sorted({made[name] for made in made_with if name in made})) for name in names}

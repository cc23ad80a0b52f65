"""Every file format of the project, read and written here alone.

| what | format | its description |
| --- | --- | --- |
| dataset | a folder: five `.npy` arrays (memory-mapped) and `facts.json` | `facts.json` |
| parameters | safetensors, `layers.0.weight` of shape (H, D), `layers.0.bias`, `norms.0.weight` … | metadata `winnow` |
| mask | safetensors, `numpy.packbits` of each flattened array, its shape in the description | metadata `winnow` |
| arrays | safetensors | metadata `winnow` |
| statistics | Parquet, one of the `SCHEMAS` | metadata `winnow` |

A file gets its name only when it is complete: it is written beside, flushed to disk, and renamed.  Its description, a
JSON object, says of which `kind` it is, what it was `made_with`, and gives the `checksum` of the whole file, which is
compared before anything else is read.  No pickle is ever written or read.
"""

import errno
import fcntl
import glob
import hashlib
import itertools
import json
import math
import mmap
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors import SafetensorError
from safetensors.numpy import load, save
from xxhash import xxh3_128

Parameters = dict[str, np.ndarray]
"""All parameters of a network by name, float32: `layers.0.weight` (H, D), `norms.0.running_mean` (D,) …"""

Mask = dict[str, np.ndarray]
"""The prunable parameters' mask by name, bool, True where a parameter survives.  The output layer has none."""

MadeWith = Mapping[str, str]
"""What made a file: `device` (`cpu`, or the name of the GPU), and of a training its `engine` and `precision`."""

ON_CPU: MadeWith = {"device": "cpu"}


class StoreError(ValueError):
    """A file that is missing, damaged, not what it should be, or cannot be written; the message says what to do."""


# -- writing ----------------------------------------------------------------------------------------------------------


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write a file that was made in memory, such as a figure: complete or not at all.

    Raises:
        StoreError: it cannot be written: the disk is full, the folder read-only …
    """
    with _naming(path, len(content)), _complete(path) as beside:
        beside.write_bytes(content)


@contextmanager
def _complete(path: str | Path) -> Iterator[Path]:
    """A path to write a file or a folder to, that becomes `path` when the block ends without an error.

    Raises:
        StoreError: it cannot be written.  Errors of the block itself are left as they are.
    """
    path = Path(path)
    with ExitStack() as at_last:
        with _naming(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            for part in path.parent.glob(f".{glob.escape(path.name)}.????????.part"):
                _remove_abandoned(part)
            part = Path(tempfile.mkdtemp(".part", f".{path.name}.", path.parent))
            at_last.callback(_remove, part)
            starting = part / "starting"
            _try_lock(at_last.enter_context(starting.open("wb")).fileno())
            starting.rename(part / "lock")  # never seen unlocked, or it would be taken for abandoned
            (part / "new").mkdir()
        written = part / "new" / path.name
        yield written
        with _naming(path):
            for file in [*written.rglob("*"), written]:
                _flush(file)
            _rename(written, path)
            _flush(path.parent)


def _rename(written: Path, path: Path) -> None:
    """Give a file or folder its name, also where another process gives the same name to its own at the same time."""
    for attempt in itertools.count():
        try:
            written.replace(path)
            return
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        with suppress(FileNotFoundError):
            path.rename(written.parent / f"old{attempt}")  # a folder cannot be replaced, only moved out of the way


def _remove_abandoned(part: Path) -> None:
    """Remove what a killed process left: its lock is free."""
    # Open for writing: network file systems grant an exclusive lock only so.  A part without lock was just begun.
    with suppress(OSError), (part / "lock").open("r+b") as lock:
        if _try_lock(lock.fileno()):
            _remove(part)


def _remove(part: Path) -> None:
    shutil.rmtree(part / "new", ignore_errors=True)  # before the lock, without which nobody else would remove it
    shutil.rmtree(part, ignore_errors=True)


def _try_lock(file: int) -> bool:
    """Lock an open file until it is closed, be it by the end of its process.

    Returns:
        False where another holds it, and on file systems without locks: nothing is taken for abandoned there.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _flush(path: Path) -> None:
    """Wait until a file's content, or a folder's list of names, is on the disk."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    except OSError as error:
        if not (path.is_dir() and error.errno == errno.EINVAL):  # some network file systems flush no folders
            raise
    finally:
        os.close(opened)


@contextmanager
def _naming(path: str | Path, n_bytes: int | None = None) -> Iterator[None]:
    """Turn the operating system's errors within the block into one that says what cannot be written, and what to do."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {_remedy(Path(path), error, n_bytes)}") from error


def _remedy(path: Path, error: OSError, n_bytes: int | None) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        full = "its disk is full" if error.errno == errno.ENOSPC else "the quota of its disk is used up"
        needed = "" if n_bytes is None else f", it needs {_amount(n_bytes)} and {_amount(_room(path))} are free"
        return f"{full}{needed}; make room and run Snakemake again: what is finished stays"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{error.strerror} in the folder {path.parent}; make it writable, or run in another folder"
    return f"{error.strerror or error}"


def _room(path: Path) -> int:
    """Bytes that are free on the disk of a file, which need not be there yet."""
    return shutil.disk_usage(next(folder for folder in path.absolute().parents if folder.exists())).free


def _amount(n_bytes: int) -> str:
    unit, size = next(((unit, size) for unit, size in (("GB", 1e9), ("MB", 1e6)) if n_bytes >= size / 10), ("kB", 1e3))
    return f"{n_bytes / size:.2f} {unit}"


# -- checksums and descriptions ---------------------------------------------------------------------------------------

_CHECKSUM = re.compile(rb"xxh3_128:[0-9a-f]{32}")
_NO_CHECKSUM = b"xxh3_128:" + 32 * b"0"
"""Stands for the checksum where the checksum is computed."""

_DAMAGED = "does not match its checksum: it was damaged after it was written"
_MALFORMED = (
    *(ValueError, LookupError, TypeError, OverflowError, OSError, EOFError, MemoryError, RecursionError),
    *(SyntaxError, TokenError, pa.ArrowException, SafetensorError),  # numpy parses an array's header as Python
)


def _describe(kind: str, made_with: MadeWith, **more: Any) -> dict[str, Any]:
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


def _sealed(path: str | Path, content: bytes) -> bytes:
    """The bytes of a file that holds its description, and now in it the checksum of all of them."""
    found = _checksum_in(content)
    if found is None:
        raise StoreError(f"{path}: a name in it reads like a checksum of this project (xxh3_128:…): change the name")
    place, checksum = found
    return content[: place.start] + checksum + content[place.stop :]


def _read_sealed(path: str | Path) -> tuple[bytes, dict[str, Any]]:
    """A file and its description; see `_sealed`.

    Raises:
        StoreError: the file is missing or damaged, or none of this project's.
    """
    with _reading(path):
        content = Path(path).read_bytes()
    found = _checksum_in(content)
    if found is None:
        fault = "has no checksum" if content else "is empty"
        raise _unusable(path, f"{fault}: it is cut off, of an earlier version, or none of this project's files")
    place, checksum = found
    if content[place] != checksum:
        raise _unusable(path, _DAMAGED)
    with _reading(path):
        return content, _description(content)


def _unusable(path: str | Path, fault: str) -> StoreError:
    path = Path(path)
    whole = f"the folder {path.parent}" if path.suffix in (".json", ".npy") else "it"  # a dataset's files
    return StoreError(f"{path}: {fault}; delete {whole} and run Snakemake again")


@contextmanager
def _reading(path: str | Path) -> Iterator[None]:
    """Turn the errors of reading within the block into one that names the file and says what to do."""
    try:
        yield
    except StoreError:
        raise
    except FileNotFoundError as error:
        if Path(path).suffix in (".json", ".npy"):
            raise _unusable(path, "is missing: this is not a complete dataset") from error
        raise StoreError(f"{path}: is missing; run Snakemake again") from error
    except PermissionError as error:
        raise StoreError(f"{path}: may not be read; give yourself the permission") from error
    except _MALFORMED as error:
        raise _unusable(path, f"cannot be read ({getattr(error, 'strerror', None) or error})") from error


def _description(content: bytes) -> dict[str, Any]:
    if content.startswith(b"{"):
        return json.loads(content)
    if content.startswith(b"PAR1"):
        metadata = pq.read_metadata(pa.BufferReader(content)).metadata
    else:  # safetensors: the header's length, the header
        metadata = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]
        metadata = {key.encode(): value for key, value in metadata.items()}
    return json.loads(metadata[b"winnow"])


def _read(path: str | Path, kind: str) -> tuple[bytes, dict[str, Any]]:
    """A file that must be of a kind, and its description.

    Raises:
        StoreError: the file is missing, damaged or of another kind.
    """
    content, description = _read_sealed(path)
    with _reading(path):
        found = description["kind"]
    if found != kind:
        raise _unusable(path, f"is of the kind {found!r}, not {kind!r}")
    return content, description


def made_with(path: str | Path) -> dict[str, str]:
    """What made a dataset, parameters, a mask, arrays or a table; see `MadeWith`.

    Raises:
        StoreError: the file is missing, damaged, or none of this project's.
    """
    path = Path(path)
    path = path / "facts.json" if path.is_dir() else path
    description = _read_sealed(path)[1]
    with _reading(path):
        return dict(description["made_with"])


def _together(made_with: Sequence[MadeWith]) -> dict[str, str]:
    """What made several files: each different value, once."""
    names = sorted({name for made in made_with for name in made})
    return {name: ", ".join(sorted({made[name] for made in made_with if name in made})) for name in names}


# -- statistics -------------------------------------------------------------------------------------------------------


def _column(name: str, kind: pa.DataType, meaning: str, unit: str = "1", nullable: bool = False) -> pa.Field:
    return pa.field(name, kind, nullable, {"meaning": meaning, "unit": unit})


_DATASET = _column("dataset", pa.string(), "dataset, as named in the configuration; a Gaussian clone ends in -clone")
_METHOD = _column("method", pa.string(), "how the mask was found: imp, oneshot or random")
_SEED = _column("seed", pa.int64(), "seed of the run: weights, batches, random masks")
_ROUND = _column("round", pa.int64(), "pruning rounds done: the statistic belongs to the mask m(round)", "rounds")
_DENSITY = _column("density", pa.float64(), "share of the prunable parameters that survive in m(round)")
KEYS = (_DATASET, _METHOD, _SEED, _ROUND, _DENSITY)

_INTEGER, _FLOAT, _TEXT, _BOOL = pa.int64(), pa.float64(), pa.string(), pa.bool_()
_UNIT = _column("unit", _INTEGER, "index of the first-layer unit")
_WIDTHS = (
    _column("sigma_x", _FLOAT, "receptive-field width along a row: Gaussian fit to S(d), Eq. 1", "pixels", True),
    _column("sigma_y", _FLOAT, "receptive-field width along a column: Gaussian fit to S(d), Eq. 1", "pixels", True),
    _column("moment_x", _FLOAT, "root of the second moment of S(d) along a row", "pixels", True),
    _column("moment_y", _FLOAT, "root of the second moment of S(d) along a column", "pixels", True),
    _column("converged", _BOOL, "whether the fit converged; null where there was nothing to fit", nullable=True),
)

SCHEMAS: dict[str, pa.Schema] = {
    "locality": pa.schema(
        [*KEYS, _UNIT, _column("n_weights", _INTEGER, "surviving weights of the unit", "weights"), *_WIDTHS]
    ),
    "locality_population": pa.schema(
        [
            *KEYS,
            _column("n_units", _INTEGER, "units of the first layer", "units"),
            _column("n_without_width", _INTEGER, "units with too few weights to have a width", "units"),
            *_WIDTHS,
        ]
    ),
    "pair_correlation": pa.schema(
        [
            *KEYS,
            _column("radius", _INTEGER, "distance r between two connected pixels: r - 1/2 <= |d| < r + 1/2", "pixels"),
            _column("pairs", _FLOAT, "pairs of surviving weights at this distance", "pairs"),
            _column(
                "expected_pairs",
                _FLOAT,
                "pairs to expect if the weights of each unit and channel lay at random",
                "pairs",
            ),
            _column("g", _FLOAT, "pair correlation pairs / expected_pairs; 1 means no structure", nullable=True),
        ]
    ),
    "kurtosis_by_unit": pa.schema(
        [
            *KEYS,
            _UNIT,
            _column(
                "kurtosis", _FLOAT, "kurtosis of the preactivation over all validation images, Eq. 4", nullable=True
            ),
        ]
    ),
    "kurtosis_by_class": pa.schema(
        [
            *KEYS,
            _column("class", _INTEGER, "index of the class"),
            _column(
                "kurtosis_mean", _FLOAT, "mean over units of the kurtosis over the images of the class", nullable=True
            ),
            _column(
                "kurtosis_median",
                _FLOAT,
                "median over units of the kurtosis over the images of the class",
                nullable=True,
            ),
            _column("n_units", _INTEGER, "units that have a kurtosis (their preactivation varies)", "units"),
        ]
    ),
    "cavity": pa.schema(
        [
            *KEYS,
            _column("fates_of", _TEXT, "whose nested masks say when a weight is removed: imp, oneshot or random"),
            _column("rounds_done", _INTEGER, "n: the scores belong to the rewind point under m(n)", "rounds"),
            _column("removed_in", _INTEGER, "round that removes the weights; null: they survive all", "rounds", True),
            _column("mean_score", _FLOAT, "mean cavity score of the group, Eq. 5", nullable=True),
            _column("scaled_mean", _FLOAT, "N_W(n) x mean_score, as in Fig. 5", nullable=True),
            _column("share_positive", _FLOAT, "share of the group's scores above zero", nullable=True),
            _column("n_weights", _INTEGER, "weights of the group", "weights"),
            _column("n_without_score", _INTEGER, "weights of the group whose removal leaves no variance", "weights"),
        ]
    ),
    "cavity_example": pa.schema(
        [
            _DATASET,
            _SEED,
            _UNIT,
            _column("input", _INTEGER, "index of the removed weight's input (channel, row, column)"),
            _column("score", _FLOAT, "cavity score of the removed weight, Eq. 5"),
            _column("kurtosis_with", _FLOAT, "kurtosis of the preactivation with the weight"),
            _column("kurtosis_without", _FLOAT, "kurtosis of the preactivation without the weight"),
            _column(
                "preactivation",
                _FLOAT,
                "centre of the histogram's bin, standardised preactivation",
                "standard deviations",
            ),
            _column("density_with", _FLOAT, "probability density with the weight", "1 / standard deviation"),
            _column("density_without", _FLOAT, "probability density without the weight", "1 / standard deviation"),
        ]
    ),
    "training": pa.schema(
        [
            *KEYS,
            _column("step", _INTEGER, "SGD steps done", "steps"),
            _column("loss", _FLOAT, "mean cross-entropy of the training batches since the last row", "nats"),
            _column("train_accuracy", _FLOAT, "accuracy on the training batches since the last row"),
            _column("validation_accuracy", _FLOAT, "accuracy on all validation images, running batch-norm statistics"),
            _column("engine", _TEXT, "engine that trained: reference, dense, sparse or graph"),
            _column("device", _TEXT, "where it trained: cpu, or the name of the GPU"),
            _column("precision", _TEXT, "of the matrix products: float32, or tf32 if a GPU was asked for it"),
        ]
    ),
    "certificate": pa.schema(
        [
            _DATASET,
            _column("class", _INTEGER, "index of the class"),
            _column("channel", _INTEGER, "colour channel; null: all channels together", nullable=True),
            _column("statistic", _TEXT, "mean, covariance, kurtosis_random or kurtosis_pixel; see clone.certify"),
            _column("n_fit", _INTEGER, "images the Gaussian was fitted to", "images"),
            _column("n_drawn", _INTEGER, "images drawn", "images"),
            _column("source", _FLOAT, "kurtosis of the fit images; null for mean and covariance", nullable=True),
            _column("clone", _FLOAT, "of the images drawn: kurtosis, or relative error of the moment", nullable=True),
            _column("expected", _FLOAT, "mean to expect of `clone` from so many Gaussian draws", nullable=True),
            _column("standard_error", _FLOAT, "standard deviation to expect of `clone`", nullable=True),
        ]
    ),
    "claims": pa.schema(
        [
            _DATASET,
            _column("claim", _INTEGER, "number of the claim, in the order of the paper"),
            _column("statement", _TEXT, "what the paper says"),
            _column("statistic", _TEXT, "what is computed to check it"),
            _column("seed", _INTEGER, "seed; null: the summary over the seeds", nullable=True),
            _column("value", _FLOAT, "the statistic; in the summary its mean over the seeds", nullable=True),
            _column("minimum", _FLOAT, "smallest value over the seeds", nullable=True),
            _column("maximum", _FLOAT, "largest value over the seeds", nullable=True),
            _column(
                "rule",
                _TEXT,
                "the rule of the verdict; null: the statistic stands beside the deciding one",
                nullable=True,
            ),
            _column("verdict", _TEXT, "supported, not supported or undetermined; null: does not decide", nullable=True),
        ]
    ),
}
"""The schema of each table: columns, their meaning and unit (field metadata)."""


def write_table(
    path: str | Path, name: str, columns: Mapping[str, Any], *, made_with: MadeWith = ON_CPU, **constants: Any
) -> None:
    """Write a statistics table.

    Args:
        path: the Parquet file.
        name: which of the `SCHEMAS`.
        columns: one array (or list) a column; NaN in a nullable column becomes null.
        made_with: what computed it.
        constants: columns with one value in every row, e.g. `dataset="photos"`.

    Raises:
        StoreError: the columns are not those of the schema, or null where the schema admits none; it cannot be written.
    """
    schema = SCHEMAS[name]
    given = {**columns, **constants}
    if set(given) != set(schema.names):
        missing, unknown = set(schema.names) - set(given), set(given) - set(schema.names)
        raise StoreError(
            f"{path}: table {name!r} lacks the columns {sorted(missing)} and has unknown {sorted(unknown)}"
        )
    lengths = {key: len(column) for key, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise StoreError(f"{path}: the columns of table {name!r} differ in length: {lengths}")
    n_rows = next(iter(lengths.values()), 1)
    arrays = []
    for field in schema:
        values = [constants[field.name]] * n_rows if field.name in constants else columns[field.name]
        array = pa.array(values, type=field.type, from_pandas=True)
        if array.null_count and not field.nullable:
            raise StoreError(f"{path}: column {field.name!r} of table {name!r} has {array.null_count} values missing")
        arrays.append(array)
    _write_parquet(path, name, pa.Table.from_arrays(arrays, schema=schema), made_with)


def read_table(path: str | Path, name: str) -> pa.Table:
    """Read a statistics table and check it against its schema.

    Raises:
        StoreError: the file is missing, damaged, or holds another table.
    """
    return _read_parquet(path, name)[0]


def read_tables(paths: Sequence[str | Path], name: str) -> pa.Table:
    """Read the tables of several runs, one after the other, as one table.

    Raises:
        StoreError: a file is missing, damaged, or holds another table.
    """
    return pa.concat_tables([read_table(path, name) for path in paths]).combine_chunks()


def gather_tables(paths: Sequence[str | Path], path: str | Path, name: str) -> None:
    """Write the tables of several runs as one, made with all that made them; see `read_tables`."""
    tables, made_with = zip(*(_read_parquet(path, name) for path in paths), strict=True)
    _write_parquet(path, name, pa.concat_tables(tables).combine_chunks(), _together(made_with))


def _write_parquet(path: str | Path, name: str, table: pa.Table, made_with: MadeWith) -> None:
    content = pa.BufferOutputStream()
    with pq.ParquetWriter(content, table.schema, compression="zstd") as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({"winnow": json.dumps(_describe(f"table {name}", made_with))})
    write_bytes(path, _sealed(path, content.getvalue().to_pybytes()))


def _read_parquet(path: str | Path, name: str) -> tuple[pa.Table, MadeWith]:
    content, description = _read(path, f"table {name}")
    with _reading(path):
        table, made_with = pq.read_table(pa.BufferReader(content)), description["made_with"]
    if not table.schema.equals(SCHEMAS[name]):
        raise _unusable(path, f"has not the columns that a table {name!r} has in this version")
    return table, made_with


# -- parameters and masks ---------------------------------------------------------------------------------------------


def write_arrays(path: str | Path, arrays: Mapping[str, np.ndarray], *, made_with: MadeWith = ON_CPU) -> None:
    """Write named arrays as safetensors.

    Raises:
        StoreError: an array holds NaN or infinity; it cannot be written.
    """
    _write_safetensors(path, arrays, _describe("arrays", made_with))


def read_arrays(path: str | Path) -> dict[str, np.ndarray]:
    """Read named arrays from safetensors.

    Raises:
        StoreError: the file is missing, damaged, or of another kind.
    """
    return _read_safetensors(path, "arrays")[0]


def write_parameters(path: str | Path, parameters: Parameters, *, made_with: MadeWith = ON_CPU) -> None:
    """Write a network's parameters; see `Parameters`.

    Raises:
        StoreError: a parameter is NaN or infinite; it cannot be written.
    """
    _write_safetensors(path, parameters, _describe("parameters", made_with))


def read_parameters(path: str | Path) -> Parameters:
    """Read a network's parameters; see `Parameters`.

    Raises:
        StoreError: the file is missing, damaged, or holds no network.
    """
    return _read_safetensors(path, "parameters")[0]


def write_mask(path: str | Path, mask: Mask, *, made_with: MadeWith = ON_CPU) -> None:
    """Write a mask, eight parameters a byte (`numpy.packbits` of the flattened array).

    Raises:
        StoreError: it cannot be written.
    """
    shapes = {name: array.shape for name, array in mask.items()}
    packed = {name: np.packbits(array) for name, array in mask.items()}
    _write_safetensors(path, packed, _describe("mask", made_with, shapes=shapes))


def read_mask(path: str | Path) -> Mask:
    """Read a mask.

    Raises:
        StoreError: the file is missing, damaged, or holds no mask.
    """
    packed, description = _read_safetensors(path, "mask")
    mask: Mask = {}
    with _reading(path):
        for name, shape in description["shapes"].items():  # in the order in which it was written
            bits = np.unpackbits(packed[name], count=int(np.prod(shape)))
            mask[name] = bits.astype(bool).reshape(shape)
    return mask


def _write_safetensors(path: str | Path, arrays: Mapping[str, np.ndarray], description: dict[str, Any]) -> None:
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise StoreError(f"{path}: the array {name!r} holds NaN or infinite values; nothing was written")
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    # One entry of metadata: safetensors writes several in an order that changes from file to file.
    write_bytes(path, _sealed(path, save(contiguous, {"winnow": json.dumps(description)})))


def _read_safetensors(path: str | Path, kind: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    content, description = _read(path, kind)
    with _reading(path):
        return dict(sorted(load(content).items())), description  # `load` gives another order every time


# -- datasets ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Split:
    """Images and labels, memory-mapped.

    Attributes:
        images: (N, D) uint8 or float32, in pixel units; D runs over channel, row, column.
        labels: (N,) int64, the class index.
    """

    images: np.ndarray
    labels: np.ndarray

    def release(self) -> None:
        """Take the images that were read or written out of this process's memory; they stay in the file.

        Whoever goes through images larger than the memory calls this now and then.  Images that are no file stay.
        """
        if isinstance(self.images, np.memmap):
            self.images._mmap.madvise(mmap.MADV_DONTNEED)


class _StoredSplit(Split):
    """A split of a dataset on disk; each array is compared with its checksum when it is first used."""

    def __init__(self, folder: Path, name: str, checksums: Mapping[str, str], n_inputs: int, n_classes: int) -> None:
        vars(self).update(_folder=folder, _name=name, _checksums=checksums, _n_inputs=n_inputs, _n_classes=n_classes)

    @cached_property
    def images(self) -> np.ndarray:
        name, shape = f"{self._name}_images.npy", (len(self.labels), self._n_inputs)
        images = _open_array(self._folder, name, self._checksums)
        if images.shape != shape:
            raise _unusable(self._folder / name, f"holds an array of shape {images.shape} where {shape} is to be")
        return images

    @cached_property
    def labels(self) -> np.ndarray:
        name = f"{self._name}_labels.npy"
        labels = _open_array(self._folder, name, self._checksums)
        numbers = labels.ndim == 1 and labels.dtype.kind in "iu"
        if not numbers or not ((labels >= 0) & (labels < self._n_classes)).all():
            raise _unusable(self._folder / name, f"does not hold the numbers of {self._n_classes} classes")
        return labels


@dataclass(frozen=True)
class Dataset:
    """A labelled set of images in two splits, on disk.

    Attributes:
        shape: (C, L, L), channels and side in pixels.
        classes: the names of the classes.
        pixel_scale: the pixel value that a network sees as 1 (255 for photographs).
        mean_image: (D,) float32, the mean training image in pixel units.
        source: where the images come from: a JSON object, its keys are the source's own.
        train: the training split.
        validation: the validation split.
    """

    shape: tuple[int, int, int]
    classes: tuple[str, ...]
    pixel_scale: float
    mean_image: np.ndarray
    source: dict[str, Any]
    train: Split
    validation: Split

    def prepare(self, images: np.ndarray) -> np.ndarray:
        """The network's input: (x - mean training image) / pixel scale.

        Args:
            images: (n, D), rows of a split's `images`.

        Returns:
            (n, D) float32.
        """
        prepared = np.subtract(images, self.mean_image, dtype=np.float32)
        prepared /= np.float32(self.pixel_scale)
        return prepared


_SPLITS = ("train", "validation")


@contextmanager
def new_dataset(
    folder: str | Path,
    *,
    shape: tuple[int, int, int],
    classes: Sequence[str],
    n_train: int,
    n_validation: int,
    dtype: Any,
    pixel_scale: float,
    source: Mapping[str, Any],
) -> Iterator[tuple[Split, Split]]:
    """Create a dataset: fill the arrays of the two splits inside the `with` block.

    The folder gets its name when the block ends without an error, with mean image, checksums and all.

    Raises:
        StoreError: there is no room on the disk, a label names no class, an image holds NaN or infinity.
    """
    n_inputs = int(np.prod(shape))
    with _complete(folder) as beside:
        needed, free = (n_train + n_validation) * n_inputs * np.dtype(dtype).itemsize, _room(beside)
        if needed > free:
            raise StoreError(f"{folder}: needs {_amount(needed)}, its disk has {_amount(free)} left: make room")
        with _naming(folder):
            beside.mkdir()
            splits = [
                Split(
                    _new_array(beside / f"{split}_images.npy", dtype, (n_images, n_inputs)),
                    _new_array(beside / f"{split}_labels.npy", np.int64, (n_images,)),
                )
                for split, n_images in zip(_SPLITS, (n_train, n_validation), strict=True)
            ]
        yield splits[0], splits[1]
        means = {}
        for name, split in zip(_SPLITS, splits, strict=True):
            if split.labels.size and not 0 <= split.labels.min() <= split.labels.max() < len(classes):
                raise StoreError(f"{folder}: a {name} label lies outside the {len(classes)} classes")
            means[name] = _mean_image(split)
            if not np.isfinite(means[name]).all():
                raise StoreError(f"{folder}: the {name} images hold NaN or infinite pixels")
        with _naming(folder):
            for split in splits:
                split.images.flush()
                split.labels.flush()
            np.save(beside / "mean_image.npy", means["train"])
            facts = _describe(
                "dataset",
                ON_CPU,
                shape=list(shape),
                classes=list(classes),
                pixel_scale=pixel_scale,
                n_train=n_train,
                n_validation=n_validation,
                source=dict(source),
                xxh3_128={file.name: _checksum(file) for file in sorted(beside.glob("*.npy"))},
            )
            content = json.dumps(facts, indent=1, ensure_ascii=False) + "\n"
            (beside / "facts.json").write_bytes(_sealed(folder, content.encode()))


def open_dataset(folder: str | Path) -> Dataset:
    """Open a dataset; its images are memory-mapped, nothing is copied.

    Raises:
        StoreError: a file is missing, damaged, or does not fit the others.
    """
    folder = Path(folder)
    facts = _read(folder / "facts.json", "dataset")[1]
    with _reading(folder / "facts.json"):
        checksums = facts["xxh3_128"]
        contents = (checksums, math.prod(facts["shape"]), len(facts["classes"]))
        return Dataset(
            shape=tuple(facts["shape"]),
            classes=tuple(facts["classes"]),
            pixel_scale=facts["pixel_scale"],
            mean_image=np.array(_open_array(folder, "mean_image.npy", checksums)),
            source=facts["source"],
            train=_StoredSplit(folder, "train", *contents),
            validation=_StoredSplit(folder, "validation", *contents),
        )


def copy_dataset(folder: str | Path, copy: str | Path) -> None:
    """Copy a dataset's files as they are; complete or not at all.

    Raises:
        StoreError: the copy cannot be written.
    """
    with _complete(copy) as beside:
        shutil.copytree(folder, beside)


def _new_array(path: Path, dtype: Any, shape: tuple[int, ...]) -> np.ndarray:
    """A new array on disk, memory-mapped; a disk that is full only later would end the process without a word."""
    array = np.lib.format.open_memmap(path, "w+", np.dtype(dtype), shape)
    if hasattr(os, "posix_fallocate"):  # not on macOS
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return array


def _open_array(folder: Path, name: str, checksums: Mapping[str, str]) -> np.ndarray:
    """An array of a dataset, memory-mapped, once it is known to be whole."""
    path = folder / name
    with _reading(path):
        found, expected = _checksum(path), checksums[name]
    if found != expected:
        raise _unusable(path, _DAMAGED)
    with _reading(path):
        return np.load(path, mmap_mode="r", allow_pickle=False)


def _mean_image(split: Split, chunk: int = 4096) -> np.ndarray:
    total = np.zeros(split.images.shape[1])
    for start in range(0, len(split.images), chunk):
        total += split.images[start : start + chunk].sum(axis=0, dtype=np.float64)
        split.release()
    return (total / max(len(split.images), 1)).astype(np.float32)


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, xxh3_128).hexdigest()

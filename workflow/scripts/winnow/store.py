"""Every file format of the project, read and written here alone.

| what | format |
| --- | --- |
| dataset | a folder: four `.npy` arrays (memory-mapped) and `facts.json` |
| parameters | safetensors, `layers.0.weight` of shape (H, D), `layers.0.bias`, `norms.0.weight` … |
| mask | safetensors, `numpy.packbits` of each flattened array, its shape in the file's metadata |
| statistics | Parquet, one of the `SCHEMAS` |

A file gets its name only when it is complete: it is written beside, flushed to disk, and renamed.  No pickle is ever
written or read.
"""

import hashlib
import json
import mmap
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save

Parameters = dict[str, np.ndarray]
"""All parameters of a network by name, float32: `layers.0.weight` (H, D), `norms.0.running_mean` (D,) …"""

Mask = dict[str, np.ndarray]
"""The prunable parameters' mask by name, bool, True where a parameter survives.  The output layer has none."""


class StoreError(ValueError):
    """A file that is missing, damaged or not what it should be; the message names it and says what to do."""


@contextmanager
def _complete(path: str | Path) -> Iterator[Path]:
    """A path to write to, beside `path`, that becomes `path` when the block ends without an error."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.part")
    try:
        yield beside
        if beside.is_file():
            with beside.open("rb") as file:
                os.fsync(file.fileno())
        beside.replace(path)
    finally:
        if beside.is_dir():
            shutil.rmtree(beside)
        else:
            beside.unlink(missing_ok=True)


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write a file that was made in memory, such as a figure: complete or not at all."""
    with _complete(path) as beside:
        beside.write_bytes(content)


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


def write_table(path: str | Path, name: str, columns: Mapping[str, Any], **constants: Any) -> None:
    """Write a statistics table.

    Args:
        path: the Parquet file.
        name: which of the `SCHEMAS`.
        columns: one array (or list) a column; NaN in a nullable column becomes null.
        constants: columns with one value in every row, e.g. `dataset="photos"`.

    Raises:
        StoreError: the columns are not those of the schema, or null where the schema admits none.
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
    _write_parquet(path, pa.Table.from_arrays(arrays, schema=schema))


def read_table(path: str | Path, name: str) -> pa.Table:
    """Read a statistics table and check it against its schema.

    Raises:
        StoreError: the file is missing, damaged, or holds another table.
    """
    try:
        table = pq.read_table(path, memory_map=False)
    except (OSError, pa.ArrowException) as error:
        raise StoreError(f"{path}: cannot be read as Parquet ({error}); delete it and run again") from error
    if not table.schema.equals(SCHEMAS[name]):
        raise StoreError(f"{path}: is not a table {name!r} of this version of winnow; delete it and run again")
    return table


def read_tables(paths: Sequence[str | Path], name: str) -> pa.Table:
    """Read the tables of several runs, one after the other, as one table.

    Raises:
        StoreError: a file is missing, damaged, or holds another table.
    """
    return pa.concat_tables([read_table(path, name) for path in paths]).combine_chunks()


def gather_tables(paths: Sequence[str | Path], path: str | Path, name: str) -> None:
    """Write the tables of several runs as one; see `read_tables`."""
    _write_parquet(path, read_tables(paths, name))


def _write_parquet(path: str | Path, table: pa.Table) -> None:
    with _complete(path) as beside:
        pq.write_table(table, beside, compression="zstd")


# -- parameters and masks ---------------------------------------------------------------------------------------------


def write_arrays(path: str | Path, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str] | None = None) -> None:
    """Write named arrays as safetensors."""
    content = save({name: np.ascontiguousarray(array) for name, array in arrays.items()}, dict(metadata or {}))
    with _complete(path) as beside:
        beside.write_bytes(content)


def read_arrays(path: str | Path) -> dict[str, np.ndarray]:
    """Read named arrays from safetensors.

    Raises:
        StoreError: the file is missing or damaged.
    """
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise StoreError(f"{path}: cannot be read as safetensors ({error}); delete it and run again") from error


def write_parameters(path: str | Path, parameters: Parameters) -> None:
    """Write a network's parameters; see `Parameters`."""
    write_arrays(path, parameters, {"winnow": "parameters"})


def read_parameters(path: str | Path) -> Parameters:
    """Read a network's parameters; see `Parameters`.

    Raises:
        StoreError: the file is missing, damaged, or holds no network.
    """
    parameters = read_arrays(path)
    if "layers.0.weight" not in parameters:
        raise StoreError(f"{path}: holds no network (no array 'layers.0.weight')")
    return parameters


def write_mask(path: str | Path, mask: Mask) -> None:
    """Write a mask, eight parameters a byte (`numpy.packbits` of the flattened array)."""
    # One entry of metadata: safetensors writes several in an order that changes from file to file.
    shapes = json.dumps({name: array.shape for name, array in mask.items()})
    write_arrays(path, {name: np.packbits(array) for name, array in mask.items()}, {"shapes": shapes})


def read_mask(path: str | Path) -> Mask:
    """Read a mask.

    Raises:
        StoreError: the file is missing, damaged, or holds no mask.
    """
    packed = read_arrays(path)
    with safe_open(path, "numpy") as file:
        shapes = json.loads((file.metadata() or {}).get("shapes", "{}"))
    mask: Mask = {}
    for name, shape in shapes.items():  # in the order in which it was written
        bits, size = packed.get(name, np.empty(0)), int(np.prod(shape))
        if bits.dtype != np.uint8 or bits.size != -(-size // 8):
            raise StoreError(f"{path}: holds no mask (array {name!r} is missing or has the wrong size)")
        mask[name] = np.unpackbits(bits, count=size).astype(bool).reshape(shape)
    if not mask:
        raise StoreError(f"{path}: holds no mask (no shapes in its metadata)")
    return mask


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
        if beside.exists():
            shutil.rmtree(beside)
        beside.mkdir(parents=True)
        # The files take their room while they are filled, and a full disk would then end the process without a word.
        needed, free = (n_train + n_validation) * n_inputs * np.dtype(dtype).itemsize, shutil.disk_usage(beside).free
        if needed > free:
            raise StoreError(f"{folder}: needs {needed / 1e9:.2f} GB, its disk has {free / 1e9:.2f} GB left: make room")
        splits = [
            Split(
                np.lib.format.open_memmap(beside / f"{split}_images.npy", "w+", np.dtype(dtype), (n_images, n_inputs)),
                np.lib.format.open_memmap(beside / f"{split}_labels.npy", "w+", np.int64, (n_images,)),
            )
            for split, n_images in zip(_SPLITS, (n_train, n_validation), strict=True)
        ]
        yield splits[0], splits[1]
        for name, split in zip(_SPLITS, splits, strict=True):
            if split.labels.size and not 0 <= split.labels.min() <= split.labels.max() < len(classes):
                raise StoreError(f"{folder}: a {name} label lies outside the {len(classes)} classes")
            split.images.flush()
            split.labels.flush()
        mean_image = _mean_image(splits[0])
        if not np.isfinite(mean_image).all():
            raise StoreError(f"{folder}: the training images hold NaN or infinite pixels")
        np.save(beside / "mean_image.npy", mean_image)
        facts = {
            "shape": list(shape),
            "classes": list(classes),
            "pixel_scale": pixel_scale,
            "n_train": n_train,
            "n_validation": n_validation,
            "source": dict(source),
            "sha256": {file.name: _sha256(file) for file in sorted(beside.glob("*.npy"))},
        }
        (beside / "facts.json").write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        if Path(folder).is_dir():
            shutil.rmtree(folder)


def open_dataset(folder: str | Path) -> Dataset:
    """Open a dataset; its images are memory-mapped, nothing is copied.

    Raises:
        StoreError: a file is missing, damaged, or does not fit the others.
    """
    folder = Path(folder)
    try:
        facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
        arrays = {
            name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
            for name in [f"{split}_{what}" for split in _SPLITS for what in ("images", "labels")]
        }
        mean_image = np.load(folder / "mean_image.npy", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise StoreError(f"{folder}: is not a complete dataset ({error}); delete it and run again") from error
    n_inputs = int(np.prod(facts["shape"]))
    for split in _SPLITS:
        n_images = facts[f"n_{split}"]
        shapes = arrays[f"{split}_images"].shape, arrays[f"{split}_labels"].shape
        if shapes != ((n_images, n_inputs), (n_images,)):
            raise StoreError(f"{folder}: the {split} arrays have the shapes {shapes}, facts.json says otherwise")
    return Dataset(
        shape=tuple(facts["shape"]),
        classes=tuple(facts["classes"]),
        pixel_scale=facts["pixel_scale"],
        mean_image=mean_image,
        source=facts["source"],
        train=Split(arrays["train_images"], arrays["train_labels"]),
        validation=Split(arrays["validation_images"], arrays["validation_labels"]),
    )


def _mean_image(split: Split, chunk: int = 4096) -> np.ndarray:
    total = np.zeros(split.images.shape[1])
    for start in range(0, len(split.images), chunk):
        total += split.images[start : start + chunk].sum(axis=0, dtype=np.float64)
        split.release()
    return (total / max(len(split.images), 1)).astype(np.float32)


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()

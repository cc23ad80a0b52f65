"""Statistics tables: Parquet files, each of one of the `SCHEMAS`."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from winnow.store.atomic import StoreError, write_bytes
from winnow.store.schemas import SCHEMAS
from winnow.store.sealed import ON_CPU, MadeWith, describe, read_of_kind, reading, seal, together, unusable


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


def gather_tables(
    paths: Sequence[str | Path], path: str | Path, name: str, *, datasets: Sequence[str] | None = None
) -> None:
    """Write the tables of several runs as one, made with all that made them; without runs, an empty one.

    Args:
        paths: the tables.
        path: the new one.
        name: which of the `SCHEMAS`.
        datasets: what the dataset of each table is called in the new one; None: as it is.
    """
    if not paths:
        _write_parquet(path, name, SCHEMAS[name].empty_table(), ON_CPU)
        return
    tables, made_with = zip(*(_read_parquet(path, name) for path in paths), strict=True)
    if datasets is not None:
        tables = tuple(_called(table, dataset) for table, dataset in zip(tables, datasets, strict=True))
    _write_parquet(path, name, pa.concat_tables(tables).combine_chunks(), together(made_with))


def _called(table: pa.Table, dataset: str) -> pa.Table:
    """A table whose rows are all of a dataset of this name."""
    place = table.schema.get_field_index("dataset")
    return table.set_column(place, table.schema.field(place), pa.array([dataset] * len(table), pa.string()))


def _write_parquet(path: str | Path, name: str, table: pa.Table, made_with: MadeWith) -> None:
    content = pa.BufferOutputStream()
    with pq.ParquetWriter(content, table.schema, compression="zstd") as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({"winnow": json.dumps(describe(f"table {name}", made_with))})
    write_bytes(path, seal(path, content.getvalue().to_pybytes()))


def _read_parquet(path: str | Path, name: str) -> tuple[pa.Table, MadeWith]:
    content, description = read_of_kind(path, f"table {name}")
    with reading(path):
        table, made_with = pq.read_table(pa.BufferReader(content)), description["made_with"]
    if not table.schema.equals(SCHEMAS[name]):
        raise unusable(path, f"has not the columns that a table {name!r} has in this version")
    return table, made_with

"""Columns of tables: a name, a type, a meaning and a unit."""

import pyarrow as pa

INTEGER, FLOAT, TEXT, BOOL = pa.int64(), pa.float64(), pa.string(), pa.bool_()


def column(
    name: str, kind: pa.DataType, meaning: str, unit: str = "1", nullable: bool = False
) -> "pa.Field[pa.DataType]":
    """A column of a table.

    Args:
        name: of the column; never one of the `KEYS` again.
        kind: `INTEGER`, `FLOAT`, `TEXT` or `BOOL`.
        meaning: what a value is, in words: with `unit` in the file's metadata.
        unit: its physical unit, `1` where it has none.
        nullable: whether a value may be missing.
    """
    return pa.field(name, kind, nullable, {"meaning": meaning, "unit": unit})

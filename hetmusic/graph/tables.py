"""Parquet tables of a graph folder: the same bytes for the same table, and errors that name the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl

from hetmusic._io import explaining_failed_write
from hetmusic.errors import GraphFormatError

_ROW_GROUP = 1 << 18
NODE_COLUMNS: Mapping[str, pl.DataType] = {"key": pl.String(), "name": pl.String()}
EDGE_COLUMNS: Mapping[str, pl.DataType] = {"src": pl.Int32(), "dst": pl.Int32()}
EDGE_EXTRAS: Mapping[str, pl.DataType] = {"weight": pl.Float32(), "time": pl.Int64()}
ASSIGNMENT_COLUMNS: Mapping[str, pl.DataType] = {
    "user": pl.Int32(),
    "item": pl.Int32(),
    "kind": pl.String(),
    "tag": pl.Int32(),
    "time": pl.Int64(),
}


def write_table(path: Path, table: pl.DataFrame) -> None:
    """Write a parquet file whose bytes depend on the table alone: no time stamps, no paths."""
    table = table.rechunk()
    with explaining_failed_write(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        table.write_parquet(
            path, compression="zstd", compression_level=3, statistics=True, row_group_size=_ROW_GROUP
        )


def read_table(path: Path, rows: int) -> pl.DataFrame:
    """Read a parquet file of a graph.

    :param rows: the number of rows that ``graph.json`` announces.
    :raises GraphFormatError: if the file is missing, damaged, or has another number of rows.
    """
    if not path.is_file():
        raise GraphFormatError(f"{path} is missing although graph.json lists it")
    try:
        table = pl.read_parquet(path, glob=False)
    # polars reports some damaged files by a panic, which is no Exception
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as problem:
        raise _damaged(path, problem) from None
    if table.height != rows:
        raise GraphFormatError(f"{path} has {table.height:,} rows, but graph.json says {rows:,}")
    return table


def read_schema(path: Path) -> pl.Schema:
    """Names and types of a parquet file's columns.

    :raises GraphFormatError: if the file is missing or damaged.
    """
    if not path.is_file():
        raise GraphFormatError(f"{path} is missing although graph.json lists it")
    try:
        return pl.Schema(pl.read_parquet_schema(path))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as problem:
        raise _damaged(path, problem) from None


def stream_table(
    path: Path, rows: int, columns: Sequence[str], batch: int
) -> Iterator[tuple[int, pl.DataFrame]]:
    """Read some columns of a parquet file of a graph piece by piece, each with the number of its first row.

    :raises GraphFormatError: as :func:`read_table`, or if a column is missing.
    """
    # polars reads whole row groups
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    if not path.is_file():
        raise GraphFormatError(f"{path} is missing although graph.json lists it")
    start = 0
    try:
        with ParquetFile(path, buffer_size=1 << 20, pre_buffer=False) as file:
            if missing := [name for name in columns if name not in file.schema_arrow.names]:
                raise GraphFormatError(f"{path} has no column {missing[0]!r}")
            for piece in file.iter_batches(batch, columns=list(columns)):
                yield start, pl.DataFrame(pl.from_arrow(piece))
                start += len(piece)
    except (pa.ArrowException, OSError) as problem:
        raise _damaged(path, problem) from None
    if start != rows:
        raise GraphFormatError(f"{path} has {start:,} rows, but graph.json says {rows:,}")


def check_columns(path: Path, table: pl.DataFrame, required: Mapping[str, pl.DataType]) -> None:
    """Check that a table has the required columns with exactly these types.

    :raises GraphFormatError: naming the file and the first column that is missing or of another type.
    """
    for column, dtype in required.items():
        found = table.schema.get(column)
        if found is None:
            raise GraphFormatError(f"{path} has no column {column!r}")
        if found != dtype:
            raise GraphFormatError(f"{path}: column {column!r} is {found}, not {dtype}")


def _damaged(path: Path, problem: BaseException) -> GraphFormatError:
    first_line = str(problem).strip().split("\n")[0]
    return GraphFormatError(f"{path} is damaged and cannot be read as parquet ({first_line})")

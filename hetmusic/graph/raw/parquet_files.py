"""Parquet files as batches of text columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from hetmusic.errors import DataError
from hetmusic.graph.raw.source import LINE, Source

_BATCH = 1 << 18
# as for other compressed files (streams.py); a row in which anything differs takes more than a byte for a hundred rows
_RATIO = 100
_ALWAYS = 1 << 26


def read_parquet(source: Source, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    """Read the given columns as text: floats in their shortest exact form, times in ISO 8601.

    :raises DataError: if the file is empty, damaged or cut off, or a column is missing or holds lists or
        structs.
    """
    if source.path.stat().st_size == 0:
        raise DataError(f"{source.name} is empty")
    row = 1
    try:
        with pq.ParquetFile(source.path) as file:
            source.check_columns(file.schema_arrow.names, columns)
            _check_size(source, file.metadata)
            for column in columns:
                _check_type(source, column, file.schema_arrow.field(column).type)
            for batch in file.iter_batches(_BATCH, columns=list(columns)):
                frame = pl.DataFrame(pl.from_arrow(pa.Table.from_batches([batch])))
                lines = pl.int_range(row, row + batch.num_rows, dtype=pl.Int64, eager=True).alias(LINE)
                yield pl.DataFrame([lines, *(_text(source, frame[column]) for column in columns)])
                row += batch.num_rows
    except (pa.ArrowException, pl.exceptions.PolarsError) as error:
        first_line = str(error).split("\n")[0]
        raise DataError(f"{source.name} is damaged or no parquet file ({first_line})") from None


def _check_size(source: Source, metadata: Any) -> None:
    """Refuse what unpacks to more than any table does; a column that is one value all along needs hardly any bytes."""
    size = source.path.stat().st_size
    groups = (metadata.row_group(number) for number in range(metadata.num_row_groups))
    unpacked = sum(group.total_byte_size for group in groups)
    if unpacked > max(_ALWAYS, _RATIO * size) or metadata.num_rows > max(_ALWAYS, _RATIO * size):
        raise DataError(
            f"{source.name}: unpacks to {unpacked:,} bytes and {metadata.num_rows:,} rows from {size:,}, so it is refused"
        )


def _check_type(source: Source, column: str, dtype: pa.DataType) -> None:
    """Refuse what polars cannot turn into text, in some cases without an error that could be caught."""
    inner = dtype.value_type if pa.types.is_dictionary(dtype) else dtype
    known = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_string, pa.types.is_large_string,
             pa.types.is_string_view, pa.types.is_date, pa.types.is_time, pa.types.is_timestamp, pa.types.is_decimal128,
             pa.types.is_null, pa.types.is_nested, pa.types.is_binary, pa.types.is_large_binary)  # fmt: skip
    if not any(fits(inner) for fits in known):
        raise DataError(f"{source.name}, column {column!r}: {dtype} values instead of texts and numbers")


def _text(source: Source, values: pl.Series) -> pl.Series:
    dtype = values.dtype
    if dtype.is_nested():
        raise DataError(f"{source.name}, column {values.name!r}: {dtype} values instead of single ones")
    if isinstance(dtype, pl.Datetime):
        utc = values.dt.convert_time_zone("UTC") if dtype.time_zone else values
        return utc.dt.strftime("%Y-%m-%dT%H:%M:%S%.f")
    return values.cast(pl.String)

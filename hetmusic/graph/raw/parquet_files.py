"""Parquet files as batches of text columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from hetmusic.errors import DataError
from hetmusic.graph.raw.source import LINE, Source

_BATCH = 1 << 18


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
            for batch in file.iter_batches(_BATCH, columns=list(columns)):
                frame = pl.DataFrame(pl.from_arrow(pa.Table.from_batches([batch])))
                lines = pl.int_range(row, row + batch.num_rows, dtype=pl.Int64, eager=True).alias(LINE)
                yield pl.DataFrame([lines, *(_text(source, frame[column]) for column in columns)])
                row += batch.num_rows
    except (pa.ArrowException, pl.exceptions.PolarsError) as error:
        first_line = str(error).split("\n")[0]
        raise DataError(f"{source.name} is damaged or no parquet file ({first_line})") from None


def _text(source: Source, values: pl.Series) -> pl.Series:
    dtype = values.dtype
    if dtype.is_nested():
        raise DataError(f"{source.name}, column {values.name!r}: {dtype} values instead of single ones")
    if isinstance(dtype, pl.Datetime):
        utc = values.dt.convert_time_zone("UTC") if dtype.time_zone else values
        return utc.dt.strftime("%Y-%m-%dT%H:%M:%S%.f")
    return values.cast(pl.String)

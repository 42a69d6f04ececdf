"""Matrices of numpy's own format, ``.npy``: a vector per row."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hetmusic.errors import ConfigError, DataError
from hetmusic.graph.raw.readers.base import Reader, readers
from hetmusic.graph.raw.source import LINE, Source

# rows of a batch; 64 MiB of 1,000 dimensions
_BATCH = 1 << 14


@readers.register("npy")
class Npy(Reader):
    """A row per row of a matrix of numbers: its number, from 0, and its values as float32.

    Nothing is unpickled: a matrix of Python objects is an error, as are NaN, infinity, and what float32 cannot hold.
    """

    columns: ClassVar = {"row": "number of the row, from 0", "values": "its numbers"}

    def __init__(self, dim: int) -> None:
        """Say how many columns the matrix has to have.

        :param dim: number of columns.
        """
        if isinstance(dim, bool) or not isinstance(dim, int) or dim < 1:
            raise ConfigError(f"dim: {dim!r} is not a whole number above 0")
        self._dim = dim

    @property
    def vectors(self) -> Mapping[str, Sequence[str]]:  # type: ignore[override]
        """The dimensions are numbered from 0."""
        return {"values": [str(number) for number in range(self._dim)]}

    def read(self, source: Source, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        """Yield some thousand rows at a time, without ever having the whole matrix in memory."""
        matrix = _open(source)
        if matrix.ndim != 2 or matrix.shape[1] != self._dim:
            shape = " x ".join(f"{size:,}" for size in matrix.shape) or "a single number"
            raise DataError(f"{source.name}: the matrix is {shape}, not rows x {self._dim:,}")
        if matrix.dtype.kind not in "fiu":
            raise DataError(f"{source.name}: the matrix holds {matrix.dtype}, not numbers")
        for start in range(0, len(matrix), _BATCH):
            values = _checked(matrix[start : start + _BATCH], start, source)
            rows = np.arange(start, start + len(values))
            frame = {LINE: rows + 1, "row": pl.Series(rows).cast(pl.String)}
            vectors = pl.Series(values, dtype=pl.Array(pl.Float32, self._dim))
            yield pl.DataFrame({**frame, "values": vectors}).select(LINE, *columns)


def _open(source: Source) -> NDArray[Any]:
    """The matrix, mapped instead of read; what its header promises is compared with the size of the file."""
    try:
        matrix = np.load(source.path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, SyntaxError, OverflowError, MemoryError) as error:
        raise DataError(
            f"{source.name}: no matrix of numbers can be read ({' '.join(str(error).split())})"
        ) from None
    if not isinstance(matrix, np.ndarray):
        with contextlib.closing(matrix):
            raise DataError(
                f"{source.name}: several matrices in one file (npz); unpack the one that is meant"
            )
    return matrix


def _checked(values: NDArray[Any], start: int, source: Source) -> NDArray[np.float32]:
    """The rows as float32.

    :raises DataError: for numbers that are not finite.
    """
    with np.errstate(over="ignore"):
        found = np.ascontiguousarray(values, np.float32)
    wrong = np.argwhere(~np.isfinite(found))
    if len(wrong):
        row, column = wrong[0].tolist()
        rows = len(np.unique(wrong[:, 0]))
        raise DataError(
            f"{source.name}, row {start + row:,} (from 0), column {column:,}: {values[row, column]} is not a number that "
            f"float32 holds ({rows:,} of {len(values):,} rows read)"
        )
    return found

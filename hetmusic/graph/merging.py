"""Rows of pairs, merged to one row a pair by sorting a single 64-bit number for each row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from hetmusic.graph.build_report import LINE

PAIR = ["src", "dst"]
#: how the weights of a pair's rows become one; ``count``: by the number of rows
Rule = Literal["sum", "max", "count"]
_BITS = 64
# So many rows are sorted at once, which takes about 40 bytes a row.
_CHUNK_BITS = 24
# So many are worked on at once otherwise: temporary arrays of a few MB are taken from memory that was used before.
_BLOCK = 1 << 19
# With more chunks than this it is faster to sort the order instead.
_MOST_CHUNKS_BITS = 6
_NEVER = np.iinfo(np.int64).min
_DTYPES = {"weight": np.float64, "time": np.int64}


@dataclass(frozen=True)
class Merged:
    """What rows of pairs become."""

    #: unique pairs sorted by (src, dst), with the merged weight, the latest time and, if asked for, the first ``LINE``
    pairs: pl.DataFrame
    #: ``LINE`` of all rows but the first of each pair, ascending
    again: pl.DataFrame


class PairRows:
    """Collects rows, of which each takes 8 bytes for its pair and 8 for each value."""

    def __init__(self, size: int, num_src: int, num_dst: int, values: tuple[str, ...] = ()) -> None:
        """Make room.

        :param size: largest number of rows.
        :param num_src: number of nodes at the source end.
        :param num_dst: number of nodes at the destination end.
        :param values: columns beside the pair, ``weight`` and ``time`` (null where unknown).
        """
        # pages are taken from the memory only once they are written to
        self._codes = np.empty(size, np.int64)
        self._values: dict[str, NDArray[Any]] = {name: np.empty(size, _DTYPES[name]) for name in values}
        self._lines = _Lines()
        self._height = 0
        self._src_bits, self._dst_bits = _bits(num_src), _bits(num_dst)

    def add(self, rows: pl.DataFrame) -> None:
        """Add rows with the columns ``LINE``, ``src``, ``dst`` and the values."""
        place = slice(self._height, self._height + rows.height)
        codes = self._codes[place]
        codes[:] = rows["src"].to_numpy()
        codes <<= self._dst_bits
        codes |= rows["dst"].to_numpy()
        for name, values in self._values.items():
            values[place] = (
                rows[name].fill_null(_NEVER).to_numpy() if name == "time" else rows[name].to_numpy()
            )
        self._lines.add(rows[LINE])
        self._height += rows.height

    def merge(self, rule: Rule, lines: bool = False) -> Merged:
        """Merge the rows of each pair; weights are summed in the order of the rows.

        :param lines: whether the pairs keep the ``LINE`` of their first row.
        """
        size = self._height
        columns: dict[str, NDArray[Any]] = {end: np.empty(size, np.int32) for end in PAIR}
        if rule == "count" or "weight" in self._values:
            columns["weight"] = np.empty(size, np.float32)
        if "time" in self._values:
            columns["time"] = np.empty(size, np.int64)
        if lines:
            columns[LINE] = np.empty(size, np.int64)
        again = [np.empty(0, np.int64)]
        done = 0
        for order, codes in self._sorted():
            first = np.ones(len(order), np.bool_)
            np.not_equal(codes[1:], codes[:-1], out=first[1:])
            starts = np.flatnonzero(first)
            place = slice(done, done + len(starts))
            codes = codes[starts]
            columns["src"][place] = codes >> self._dst_bits
            columns["dst"][place] = codes & ((1 << self._dst_bits) - 1)
            for name, values in self._values.items():
                with np.errstate(
                    over="ignore"
                ):  # sums that float32 cannot hold are refused when they are written
                    columns[name][place] = _reduced(values[order], starts, "max" if name == "time" else rule)
            if rule == "count":
                columns["weight"][place] = np.diff(starts, append=len(order))
            if lines:
                columns[LINE][place] = self._lines.of(order[starts])
            again.append(self._lines.of(order[~first]))
            done += len(starts)
        return Merged(_frame({name: values[:done] for name, values in columns.items()}), _ascending(again))

    def _sorted(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """The numbers of the rows in the order of their pairs, rows of one pair as they came; and their codes.

        They come in blocks that do not divide a pair. Code and row number are packed into one number and sorted together,
        which is several times faster than sorting the order. Where they have too many bits, or would take too much memory
        at once, the rows are sorted chunk by chunk, which the first bits of their codes tell apart.
        """
        codes, row_bits = self._codes[: self._height], _bits(self._height)
        pair_bits = self._src_bits + self._dst_bits
        chunk_bits = min(max(pair_bits + row_bits - _BITS, row_bits - _CHUNK_BITS, 0), pair_bits)
        if chunk_bits > _MOST_CHUNKS_BITS:
            order = np.argsort(codes, kind="stable")
            yield order, codes[order]
            return
        shift = pair_bits - chunk_bits
        for chunk in range(1 << chunk_bits):
            packed = self._packed(chunk, shift, row_bits)
            packed.sort()
            start = 0
            while start < len(packed):
                last = packed[min(start + _BLOCK, len(packed)) - 1] >> np.uint64(row_bits)
                stop = int(np.searchsorted(packed, (last + np.uint64(1)) << np.uint64(row_bits)))
                if stop <= start:  # the last code there is, whose successor has no room
                    stop = len(packed)
                block = packed[start:stop]
                order = (block & np.uint64((1 << row_bits) - 1)).astype(np.int64)
                yield order, (block >> np.uint64(row_bits)).astype(np.int64) + (chunk << shift)
                start = stop

    def _packed(self, chunk: int, shift: int, row_bits: int) -> NDArray[np.uint64]:
        """Codes and row numbers of one chunk as single numbers, in the order of the rows."""
        parts = []
        for start in range(0, self._height, _BLOCK):
            codes = self._codes[start : min(start + _BLOCK, self._height)]
            rows = np.flatnonzero(codes >> shift == chunk)
            block = (codes[rows] - (chunk << shift)).astype(np.uint64)
            block <<= np.uint64(row_bits)
            block |= (rows + start).astype(np.uint64)
            parts.append(block)
        return np.concatenate(parts) if parts else np.empty(0, np.uint64)


def merge_frame(rows: pl.DataFrame, rule: Rule) -> Merged:
    """Merge the rows of a frame, with the first ``LINE`` of each pair.

    :param rows: columns ``LINE``, ``src``, ``dst`` and perhaps ``weight`` and ``time``.
    """
    num_src, num_dst = (0 if rows.is_empty() else int(rows[end].max()) + 1 for end in PAIR)  # type: ignore[arg-type]
    values = tuple(name for name in _DTYPES if name in rows.columns)
    pairs = PairRows(rows.height, num_src, num_dst, values)
    pairs.add(rows)
    return pairs.merge(rule, lines=True)


class _Lines:
    """The line number of every row; batches whose lines are consecutive take no memory."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._batches: list[int | NDArray[np.int64]] = []
        self._height = 0

    def add(self, lines: pl.Series) -> None:
        """The lines of the next rows."""
        if not len(lines):
            return
        numbers = lines.to_numpy()
        consecutive = bool((np.diff(numbers) == 1).all())
        self._starts.append(self._height)
        self._batches.append(int(numbers[0]) if consecutive else numbers)
        self._height += len(lines)

    def of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """The lines of some rows."""
        batch = np.searchsorted(self._starts, rows, side="right") - 1
        lines = rows - np.asarray(self._starts, np.int64)[batch]
        firsts = [0 if isinstance(lines, np.ndarray) else lines for lines in self._batches]
        found = lines + np.asarray(firsts, np.int64)[batch]
        for number in np.unique(batch):
            numbers = self._batches[number]
            if isinstance(numbers, np.ndarray):
                these = batch == number
                found[these] = numbers[lines[these]]
        return found


def _bits(size: int) -> int:
    """How many bits hold every number below a size."""
    return max(size - 1, 1).bit_length()


def _reduced(values: NDArray[Any], starts: NDArray[np.int64], rule: Rule) -> NDArray[Any]:
    if len(starts) == len(values):
        return values
    return (np.add if rule == "sum" else np.maximum).reduceat(values, starts)


def _frame(columns: dict[str, NDArray[Any]]) -> pl.DataFrame:
    """Columns as a frame that shares their memory."""
    # made of buffers, since pa.array() imports pandas
    arrays = [
        pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [None, pa.py_buffer(values)])
        for values in columns.values()
    ]
    frame = pl.DataFrame(pl.from_arrow(pa.Table.from_arrays(arrays, list(columns))))
    if "time" in columns:
        frame = frame.with_columns(pl.when(pl.col("time") != _NEVER).then(pl.col("time")).alias("time"))
    return frame


def _ascending(lines: list[NDArray[np.int64]]) -> pl.DataFrame:
    united = np.concatenate(lines)
    united.sort()
    return pl.DataFrame({LINE: united}, {LINE: pl.Int64})

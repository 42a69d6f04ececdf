"""Rows of pairs, merged to one row a pair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from hetmusic.graph.build_report import LINE
from hetmusic.graph.pair_sorting import PairSorter

PAIR = ["src", "dst"]
#: how the weights of a pair's rows become one; ``count``: by the number of rows
Rule = Literal["sum", "max", "count"]
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
    """Collects rows, of which each takes 8 bytes for its pair and 4 or 8 for each value."""

    def __init__(self, size: int, num_src: int, num_dst: int, values: tuple[str, ...] = ()) -> None:
        """Make room.

        :param size: largest number of rows.
        :param num_src: number of nodes at the source end.
        :param num_dst: number of nodes at the destination end.
        :param values: columns beside the pair, ``weight`` and ``time`` (null where unknown).
        """
        self._pairs = PairSorter(size, num_src, num_dst)
        # Weights are float32 as long as they are exactly that. Pages take memory only once they are written to.
        self._values: dict[str, NDArray[Any]] = {
            name: np.empty(size, np.float32 if name == "weight" else _DTYPES[name]) for name in values
        }
        self._lines = _Lines()
        self._height = 0

    def add(self, rows: pl.DataFrame) -> None:
        """Add rows with the columns ``LINE``, ``src``, ``dst`` and the values."""
        self._pairs.add(rows["src"].to_numpy(), rows["dst"].to_numpy())
        for name in self._values:
            values = (rows[name].fill_null(_NEVER) if name == "time" else rows[name]).to_numpy()
            self._put(name, values)
        self._lines.add(rows[LINE])
        self._height += rows.height

    def _put(self, name: str, values: NDArray[Any]) -> None:
        place = self._values[name][self._height : self._height + len(values)]
        with np.errstate(over="ignore"):
            place[:] = values
        if place.dtype != values.dtype and (place != values).any():
            self._values[name] = self._values[name].astype(values.dtype)
            self._put(name, values)

    def merge(self, rule: Rule, lines: bool = False) -> Merged:
        """Merge the rows of each pair, once; weights are summed in the order of the rows.

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
        for order, codes in self._pairs.blocks():
            first = np.ones(len(order), np.bool_)
            np.not_equal(codes[1:], codes[:-1], out=first[1:])
            starts = np.flatnonzero(first)
            place = slice(done, done + len(starts))
            columns["src"][place], columns["dst"][place] = self._pairs.split(codes[starts])
            for name, values in self._values.items():
                with np.errstate(
                    over="ignore"
                ):  # sums that float32 cannot hold are refused when they are written
                    columns[name][place] = _reduced(
                        values[order], starts, _DTYPES[name], "max" if name == "time" else rule
                    )
            if rule == "count":
                columns["weight"][place] = np.diff(starts, append=len(order))
            if lines:
                columns[LINE][place] = self._lines.of(order[starts])
            again.append(self._lines.of(order[~first]))
            done += len(starts)
        return Merged(_frame({name: values[:done] for name, values in columns.items()}), _ascending(again))


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


def _reduced(values: NDArray[Any], starts: NDArray[np.int64], dtype: type[Any], rule: Rule) -> NDArray[Any]:
    if len(starts) == len(values):
        return values
    reduced: NDArray[Any] = (np.add if rule == "sum" else np.maximum).reduceat(values.astype(dtype), starts)
    return reduced


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

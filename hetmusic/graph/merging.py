"""Rows of pairs, merged to one row a pair by sorting one number a pair: about 40 bytes a row at the most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hetmusic.graph.build_report import LINE

PAIR = ["src", "dst"]
_LOW = np.int64((1 << 32) - 1)
#: how the weights of a pair's rows become one
Rule = Literal["sum", "max"]


@dataclass(frozen=True)
class Merged:
    """What rows of pairs become."""

    #: unique pairs sorted by (src, dst), with the first ``LINE``, the merged weight and the latest time of each
    pairs: pl.DataFrame
    #: ``LINE`` of all other rows, ascending
    again: pl.DataFrame


def pair_codes(src: pl.Series, dst: pl.Series) -> NDArray[np.int64]:
    """One number for each pair of node indices, in whose order the pairs are sorted by (src, dst)."""
    codes: NDArray[np.int64] = src.to_numpy().astype(np.int64)
    codes <<= 32
    codes += dst.to_numpy()
    return codes


def merge_pairs(rows: pl.DataFrame, weight: Rule) -> Merged:
    """Merge the rows of each pair.

    Weights are summed in the order of the rows, so that the result does not depend on how the sorting was done.

    :param rows: columns ``LINE``, ``src``, ``dst`` (both not negative), perhaps ``weight`` and ``time`` (null where
        unknown). The caller's frame is taken apart, so that the memory of a column is free once it is merged.
    """
    codes = pair_codes(rows.drop_in_place("src"), rows.drop_in_place("dst"))
    order = np.argsort(codes)
    codes = codes[order]
    first = np.ones(len(codes), np.bool_)
    np.not_equal(codes[1:], codes[:-1], out=first[1:])
    unique = bool(first.all())
    if not unique:
        order = _in_order_of_rows(order, first)
        codes = codes[first]
    starts = None if unique else np.flatnonzero(first)
    columns: dict[str, pl.Series | NDArray[Any]] = {}
    lines = rows.drop_in_place(LINE).to_numpy()[order]
    columns[LINE] = lines if starts is None else np.minimum.reduceat(lines, starts)
    again = lines[~first]
    again.sort()
    columns["src"] = (codes >> 32).astype(np.int32)
    columns["dst"] = (codes & _LOW).astype(np.int32)
    del codes, lines
    for name in list(rows.columns):
        values = rows.drop_in_place(name)
        columns[name] = (
            _latest(values, order, starts) if name == "time" else _reduced(values, order, starts, weight)
        )
    return Merged(pl.DataFrame(columns), pl.DataFrame({LINE: again}, {LINE: pl.Int64}))


def _in_order_of_rows(order: NDArray[np.int64], first: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Put the rows of equal pairs, which sorting has left in any order, into the order that they had.

    The number of the group and that of the row, both below 2^32, are sorted as one number, which is faster than a
    stable sort.
    """
    groups = np.cumsum(first, dtype=np.int64)
    groups <<= 32
    groups |= order
    groups.sort()
    groups &= _LOW
    return groups


def _reduced(
    values: pl.Series, order: NDArray[np.int64], starts: NDArray[np.int64] | None, rule: Rule
) -> NDArray[np.float64]:
    sorted_values: NDArray[np.float64] = values.to_numpy()[order]
    if starts is None:
        return sorted_values
    reduce = np.add if rule == "sum" else np.maximum
    return np.asarray(reduce.reduceat(sorted_values, starts))


def _latest(values: pl.Series, order: NDArray[np.int64], starts: NDArray[np.int64] | None) -> pl.Series:
    none = np.iinfo(np.int64).min
    times = values.fill_null(none).to_numpy()[order]
    if starts is not None:
        times = np.maximum.reduceat(times, starts)
    latest = pl.Series("time", times)
    return latest.set(latest == none, None) if values.null_count() else latest

"""Which fields of a delimited row are wanted, and what to say of rows that have too few or too many."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from hetmusic.errors import DataError
from hetmusic.graph.raw.source import LINE, Source

_WIDEST = 20_000
_USUAL_DELIMITERS = {
    "\t": "a tab",
    ",": "a comma",
    ";": "a semicolon",
    "|": "a bar",
    "<SEP>": "<SEP>",
    "::": "::",
}


@dataclass(frozen=True)
class Layout:
    """Which fields of a row are wanted."""

    width: int
    #: wanted column -> position
    positions: dict[str, int]


def find_layout(source: Source, first: list[str], columns: Sequence[str]) -> Layout:
    """Find the wanted columns by the header, or by the names that the specification gives."""
    spec = source.spec
    names = first if spec.columns is None else spec.columns
    if len(names) > _WIDEST:
        raise DataError(
            f"{source.name}, line 1: {len(names):,} columns, more than any table has ({_WIDEST:,})"
        )
    alone = len(first) == 1 and spec.ragged != "pad"
    if alone and (len(names) > 1 or any(column not in first for column in columns)):
        _refuse_delimiter(source, first[0])
    source.check_columns(names, columns)
    return Layout(len(names), {column: names.index(column) for column in columns})


def _refuse_delimiter(source: Source, line: str) -> None:
    """Explain a first line that is all one field, if it holds something that looks like another delimiter."""
    others = {
        text: line.count(text) for text in _USUAL_DELIMITERS if text != source.separator and text in line
    }
    if others:
        likely = max(others, key=lambda text: (others[text], len(text)))
        used = repr(source.separator)
        raise DataError(
            f"{source.name}, line 1: only one column found with delimiter {used}; the line holds "
            f"{_USUAL_DELIMITERS[likely]} {others[likely]} times: set `delimiter: {json.dumps(likely)}`"
        )


def refuse_or_count(source: Source, ragged: pl.DataFrame, found: int, width: int, *, of: int) -> None:
    """Count rows with a wrong number of fields, if the specification says that they may be dropped.

    :param found: how many fields the first of them has.
    :raises DataError: if it does not.
    """
    if source.spec.ragged == "drop":
        source.count("dropped", "wrong number of fields", ragged)
        return
    last = source.is_last_line(ragged[LINE][0]) if ragged.height == 1 else False
    why = ": the file seems to be cut off" if last else ""
    raise DataError(
        f"{source.name}, line {ragged[LINE][0]:,}: {found} fields instead of {width} "
        f"({ragged.height:,} of {of:,} rows){why}; set `ragged: drop` to leave such rows out"
    )

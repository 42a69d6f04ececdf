"""Delimited text files of any dialect as batches of text columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

import polars as pl

from hetmusic.errors import DataError
from hetmusic.graph.raw.csv_plain import comment_lines, read_plain
from hetmusic.graph.raw.csv_quoted import read_quoted
from hetmusic.graph.raw.source import Source
from hetmusic.graph.raw.text import contains


def read_csv(source: Source, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    """Read the given columns as text, null or empty where blank, with the 1-based ``line`` on which each row begins.

    Blank lines are skipped and counted, as are rows with a wrong number of fields if the specification says
    so.

    :raises DataError: naming file and line, for an empty, cut or ragged file, a missing column, a wrong
        delimiter or encoding.
    """
    spec = source.spec
    pieces = source.pieces()
    first = next(pieces, None)
    if first is None or not first.data.strip():
        raise DataError(f"{source.name} is empty")
    pieces = chain([first], pieces)
    line = first.data[comment_lines(first.data, spec.comment)[1] :].partition(b"\n")[0].decode()
    source.separator = next((text for text in spec.separators if text in line), spec.separators[0])
    if spec.quote is not None and contains(source.path, source.name, spec.quote, spec.encoding):
        yield from read_quoted(source, pieces, columns)
    else:
        yield from source.ahead(read_plain(source, pieces, columns))

"""Delimited text with quotes, as batches of text columns."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from itertools import chain

import polars as pl

from hetmusic.errors import DataError
from hetmusic.graph.raw.csv_layout import Layout, find_layout, refuse_or_count
from hetmusic.graph.raw.source import LINE, Source
from hetmusic.graph.raw.text import Piece

# fields of the rows of a batch, wanted or not
_FIELDS = 1 << 20


class _Batch:
    """Rows of which only the wanted fields are kept."""

    def __init__(self, source: Source, layout: Layout) -> None:
        self._source, self._layout = source, layout
        self._widths: list[int] = []
        self._lines: list[int] = []
        self._fields: list[list[str]] = []
        self._size = 0

    def add(self, row: list[str], line: int) -> bool:
        """Whether the batch is full now."""
        self._widths.append(len(row))
        self._lines.append(line)
        self._fields.append([row[at] if at < len(row) else "" for at in self._layout.positions.values()])
        self._size += len(row) + 1
        return self._size >= _FIELDS

    def frame(self) -> pl.DataFrame:
        """The rows with the right number of fields; the others are counted or an error."""
        names = list(self._layout.positions)
        data = [pl.Series(LINE, self._lines, pl.Int64), pl.Series("width", self._widths, pl.Int64)]
        data += [
            pl.Series(name, [row[at] for row in self._fields], pl.String) for at, name in enumerate(names)
        ]
        rows = pl.DataFrame(data)
        source, width = self._source, self._layout.width
        source.count("left out", "blank line", rows.filter(pl.col("width") == 0))
        rows = rows.filter(pl.col("width") > 0)
        fits = pl.col("width") <= width if source.spec.ragged == "pad" else pl.col("width") == width
        wrong = rows.filter(~fits)
        if wrong.height:
            refuse_or_count(source, wrong, wrong["width"][0], width, of=rows.height)
        return rows.filter(fits).drop("width")


def read_quoted(source: Source, pieces: Iterator[Piece], columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    """With quotes a row may span lines and hold delimiters; Python's reader knows the rules and the line."""
    # newline="\n" keeps other line separators, which may stand inside fields, from ending a line
    lines = chain.from_iterable(io.StringIO(piece.text, newline="\n") for piece in pieces)
    spec = source.spec
    reader = csv.reader(lines, delimiter=source.separator, quotechar=spec.quote, strict=True)
    batch: _Batch | None = None
    while True:
        start = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            why = "a quote is never closed" if "end of data" in str(error) else str(error)
            raise DataError(f"{source.name}, line {start:,}: not valid csv: {why}") from None
        if batch is None:
            layout = find_layout(source, row, columns)
            batch = _Batch(source, layout)
            if spec.header:
                continue
        if batch.add(row, start):
            yield batch.frame()
            batch = _Batch(source, layout)
    if batch is not None:
        yield batch.frame()

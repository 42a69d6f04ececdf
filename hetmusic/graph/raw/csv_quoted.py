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

_BATCH = 1 << 17


def read_quoted(source: Source, pieces: Iterator[Piece], columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    """With quotes a row may span lines and hold delimiters; Python's reader knows the rules and the line."""
    # newline="\n" keeps other line separators, which may stand inside fields, from ending a line
    lines = chain.from_iterable(io.StringIO(piece.text, newline="\n") for piece in pieces)
    spec = source.spec
    reader = csv.reader(lines, delimiter=source.separator, quotechar=spec.quote, strict=True)
    layout = None
    batch: list[list[str]] = []
    starts: list[int] = []
    while True:
        start = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            why = "a quote is never closed" if "end of data" in str(error) else str(error)
            raise DataError(f"{source.name}, line {start:,}: not valid csv: {why}") from None
        if layout is None:
            layout = find_layout(source, row, columns)
            if spec.header:
                continue
        batch.append(row)
        starts.append(start)
        if len(batch) == _BATCH:
            yield _to_frame(source, batch, starts, layout)
            batch, starts = [], []
    if batch and layout is not None:
        yield _to_frame(source, batch, starts, layout)


def _to_frame(source: Source, rows: list[list[str]], starts: list[int], layout: Layout) -> pl.DataFrame:
    blank = [line for row, line in zip(rows, starts, strict=True) if not row]
    source.count("left out", "blank line", pl.DataFrame({LINE: blank}, {LINE: pl.Int64}))
    pairs = [(row, line) for row, line in zip(rows, starts, strict=True) if row]
    if source.spec.ragged == "pad":
        pairs = [(row + [""] * (layout.width - len(row)), line) for row, line in pairs]
    wrong = [(row, line) for row, line in pairs if len(row) != layout.width]
    if wrong:
        ragged = pl.DataFrame({LINE: [line for _, line in wrong]}, {LINE: pl.Int64})
        refuse_or_count(source, ragged, len(wrong[0][0]), layout.width, of=len(pairs))
        pairs = [(row, line) for row, line in pairs if len(row) == layout.width]
    data: dict[str, list[int] | list[str]] = {LINE: [line for _, line in pairs]}
    data.update({column: [row[i] for row, _ in pairs] for column, i in layout.positions.items()})
    return pl.DataFrame(data, {LINE: pl.Int64, **dict.fromkeys(layout.positions, pl.String)})

"""Delimited text files of any dialect as batches of text columns."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import polars as pl

from hetmusic.errors import DataError
from hetmusic.graph.raw.source import LINE, Source
from hetmusic.graph.raw.text import Piece, contains, ends_with_newline, read_pieces

_BATCH = 1 << 17
_USUAL_DELIMITERS = {
    "\t": "a tab",
    ",": "a comma",
    ";": "a semicolon",
    "|": "a bar",
    "<SEP>": "<SEP>",
    "::": "::",
}


def read_csv(source: Source, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    """Read the given columns as text, with the 1-based ``line`` on which each row begins.

    Blank lines are skipped and counted, as are rows with a wrong number of fields if the specification says
    so.

    :raises DataError: naming file and line, for an empty, cut or ragged file, a missing column, a wrong
        delimiter or encoding.
    """
    spec = source.spec
    pieces = read_pieces(source.path, source.name, spec.encoding)
    first = next(pieces, None)
    if first is None or not first.text.strip():
        raise DataError(f"{source.name} is empty")
    if spec.final_newline and not ends_with_newline(source.path, source.name):
        raise DataError(f"{source.name}: the file is cut off: its last line does not end with a line break")
    pieces = chain([first], pieces)
    line = first.text[_comment_lines(first.text, spec.comment)[1] :].partition("\n")[0]
    source.separator = next((text for text in spec.separators if text in line), spec.separators[0])
    if spec.quote is not None and contains(source.path, source.name, spec.quote, spec.encoding):
        yield from _read_quoted(source, pieces, columns)
    else:
        yield from _read_plain(source, pieces, columns)


@dataclass(frozen=True)
class _Layout:
    """Which fields of a row are wanted."""

    width: int
    #: wanted column -> position
    positions: dict[str, int]


def _read_plain(source: Source, pieces: Iterator[Piece], columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    """Without quotes every line is a row, so that polars can split whole pieces at once."""
    layout = None
    for piece in pieces:
        text, first_line = piece.text, piece.first_line
        if layout is None:
            skipped, start = _comment_lines(text, source.spec.comment)
            text, first_line = text[start:], first_line + skipped
            header, _, rest = text.partition("\n")
            layout = _layout(source, header.removesuffix("\r").split(source.separator), columns)
            if source.spec.header:
                text, first_line = rest, first_line + 1
        lines = pl.Series("text", [text.removesuffix("\n")]).str.split("\n").explode()
        frame = lines.to_frame().with_row_index(LINE, first_line).with_columns(pl.col(LINE).cast(pl.Int64))
        if text:
            yield _split(source, frame, layout)


def _comment_lines(text: str, comment: str | None) -> tuple[int, int]:
    """How many lines at the beginning are comments, and where the first other one starts."""
    lines, start = 0, 0
    while comment is not None and text.startswith(comment, start):
        lines, start = lines + 1, text.find("\n", start) + 1
        if not start:
            return lines, len(text)
    return lines, start


def _split(source: Source, frame: pl.DataFrame, layout: _Layout) -> pl.DataFrame:
    frame = frame.with_columns(pl.col("text").str.strip_suffix("\r"))
    if source.spec.comment is not None:
        frame = frame.filter(~pl.col("text").str.starts_with(source.spec.comment))
    blank = pl.col("text") == ""
    source.count("dropped", "blank line", frame.filter(blank))
    # One field more than wanted shows rows that are too long: splitn() leaves it null in all others.
    fields = pl.col("text").str.splitn(source.separator, layout.width + 1).alias("fields")
    frame = frame.filter(~blank).with_columns(fields)
    too_long = pl.col("fields").struct.field(f"field_{layout.width}").is_not_null()
    too_short = pl.col("fields").struct.field(f"field_{layout.width - 1}").is_null()
    wrong = too_long if source.spec.ragged == "pad" else too_long | too_short
    ragged = frame.filter(wrong)
    if ragged.height:
        found = ragged["text"][0].count(source.separator) + 1
        _refuse_or_count(source, ragged, found, layout.width, of=frame.height)
        frame = frame.filter(~wrong)
    wanted = [pl.col("fields").struct.field(f"field_{i}").alias(c) for c, i in layout.positions.items()]
    return frame.select(LINE, *wanted)


def _read_quoted(source: Source, pieces: Iterator[Piece], columns: Sequence[str]) -> Iterator[pl.DataFrame]:
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
            layout = _layout(source, row, columns)
            if spec.header:
                continue
        batch.append(row)
        starts.append(start)
        if len(batch) == _BATCH:
            yield _to_frame(source, batch, starts, layout)
            batch, starts = [], []
    if batch and layout is not None:
        yield _to_frame(source, batch, starts, layout)


def _to_frame(source: Source, rows: list[list[str]], starts: list[int], layout: _Layout) -> pl.DataFrame:
    blank = [line for row, line in zip(rows, starts, strict=True) if not row]
    source.count("dropped", "blank line", pl.DataFrame({LINE: blank}, {LINE: pl.Int64}))
    pairs = [(row, line) for row, line in zip(rows, starts, strict=True) if row]
    if source.spec.ragged == "pad":
        pairs = [(row + [""] * (layout.width - len(row)), line) for row, line in pairs]
    wrong = [(row, line) for row, line in pairs if len(row) != layout.width]
    if wrong:
        ragged = pl.DataFrame({LINE: [line for _, line in wrong]}, {LINE: pl.Int64})
        _refuse_or_count(source, ragged, len(wrong[0][0]), layout.width, of=len(pairs))
        pairs = [(row, line) for row, line in pairs if len(row) == layout.width]
    data: dict[str, list[int] | list[str]] = {LINE: [line for _, line in pairs]}
    data.update({column: [row[i] for row, _ in pairs] for column, i in layout.positions.items()})
    return pl.DataFrame(data, {LINE: pl.Int64, **dict.fromkeys(layout.positions, pl.String)})


def _layout(source: Source, first: list[str], columns: Sequence[str]) -> _Layout:
    """Find the wanted columns by the header, or by the names that the specification gives."""
    spec = source.spec
    names = first if spec.columns is None else spec.columns
    alone = len(first) == 1 and spec.ragged != "pad"
    if alone and (len(names) > 1 or any(column not in first for column in columns)):
        _refuse_delimiter(source, first[0])
    source.check_columns(names, columns)
    return _Layout(len(names), {column: names.index(column) for column in columns})


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


def _refuse_or_count(source: Source, ragged: pl.DataFrame, found: int, width: int, *, of: int) -> None:
    if source.spec.ragged == "drop":
        source.count("dropped", "wrong number of fields", ragged)
        return
    last = source.is_last_line(ragged[LINE][0]) if ragged.height == 1 else False
    why = ": the file seems to be cut off" if last else ""
    raise DataError(
        f"{source.name}, line {ragged[LINE][0]:,}: {found} fields instead of {width} "
        f"({ragged.height:,} of {of:,} rows){why}; set `ragged: drop` to leave such rows out"
    )

"""Delimited text without quotes, where every line is a row, as batches of text columns."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence

import polars as pl

from hetmusic.graph.raw.csv_layout import Layout, find_layout, refuse_or_count
from hetmusic.graph.raw.source import LINE, Source
from hetmusic.graph.raw.text import Piece

_BOM = b"\xef\xbb\xbf"


def read_plain(source: Source, pieces: Iterator[Piece], columns: Sequence[str]) -> Generator[pl.DataFrame]:
    """Split whole pieces at once: by the parser of polars if every line has just the fields that it should.

    Otherwise line by line, so that what is wrong with which line can be told.
    """
    layout = None
    for piece in pieces:
        data, first_line, breaks = piece.data, piece.first_line, piece.breaks
        if layout is None:
            skipped, start = comment_lines(data, source.spec.comment)
            data, first_line, breaks = data[start:], first_line + skipped, breaks - skipped
            header, _, rest = data.partition(b"\n")
            names = header.decode().removesuffix("\r").split(source.separator)
            layout = find_layout(source, names, columns)
            if source.spec.header:
                data, first_line, breaks = rest, first_line + 1, breaks - 1
        if data:
            frame = _parse(source, data, breaks, layout)
            yield _split(source, data, first_line, layout) if frame is None else _numbered(frame, first_line)


def comment_lines(data: bytes, comment: str | None) -> tuple[int, int]:
    """How many lines at the beginning are comments, and where the first other one starts."""
    lines, start = 0, 0
    while comment is not None and data.startswith(comment.encode(), start):
        lines, start = lines + 1, data.find(b"\n", start) + 1
        if not start:
            return lines, len(data)
    return lines, start


def _parse(source: Source, data: bytes, breaks: int, layout: Layout) -> pl.DataFrame | None:
    """The wanted fields, null where blank; None if any line is blank, a comment, too short or too long.

    Rows that are too long are an error of the parser. In those that are too short, blank ones among them, the last field is
    null, which is why the delimiters are counted where one is.
    """
    separator, comment = source.separator.encode(), source.spec.comment
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n")
    if len(separator) != 1 or layout.width < 2 or b"\r" in data or data.startswith(_BOM):
        return None
    if comment is not None and comment.encode() in data:
        return None
    unfinished = not data.endswith(b"\n")
    if unfinished:  # the parser overlooks a blank field too many at the very end
        data += b"\n"
    lines = breaks + unfinished
    if lines * (layout.width - 1) > len(data):  # rows are too short, and blank fields would fill the memory
        return None
    names = [f"field_{position}" for position in range(layout.width)]
    schema = dict.fromkeys(names, pl.String())
    try:
        frame = pl.read_csv(
            data, separator=source.separator, has_header=False, quote_char=None, schema=schema
        )
    except pl.exceptions.PolarsError:
        return None
    complete = frame.height == lines and frame.columns == names
    if not complete or (
        frame[names[-1]].null_count() and data.count(separator) != lines * (layout.width - 1)
    ):
        return None
    return frame.select(pl.col(names[i]).alias(column) for column, i in layout.positions.items())


def _numbered(frame: pl.DataFrame, first_line: int) -> pl.DataFrame:
    lines = pl.int_range(first_line, first_line + frame.height, dtype=pl.Int64, eager=True).alias(LINE)
    return frame.insert_column(0, lines)


def _split(source: Source, data: bytes, first_line: int, layout: Layout) -> pl.DataFrame:
    """The wanted fields of lines of which any may be blank, a comment, too short or too long."""
    lines = pl.Series("text", [data.decode().removesuffix("\n")]).str.split("\n").explode()
    frame = _numbered(lines.str.strip_suffix("\r").to_frame(), first_line)
    if source.spec.comment is not None:
        frame = frame.filter(~pl.col("text").str.starts_with(source.spec.comment))
    blank = pl.col("text") == ""
    source.count("left out", "blank line", frame.filter(blank))
    # Fields are taken out of lists, which are as long as the row: with a column each, short rows of a table with many
    # columns would fill the memory.
    separator = source.separator
    breaks = pl.col("text").str.count_matches(separator, literal=True)
    frame = frame.filter(~blank).with_columns(
        breaks.alias("breaks"), pl.col("text").str.split(separator).alias("fields")
    )
    too_long, too_short = pl.col("breaks") >= layout.width, pl.col("breaks") < layout.width - 1
    wrong = too_long if source.spec.ragged == "pad" else too_long | too_short
    ragged = frame.filter(wrong)
    if ragged.height:
        found = ragged["breaks"][0] + 1
        refuse_or_count(source, ragged, found, layout.width, of=frame.height)
        frame = frame.filter(~wrong)
    wanted = [pl.col("fields").list.get(i, null_on_oob=True).alias(c) for c, i in layout.positions.items()]
    return frame.select(LINE, *wanted)

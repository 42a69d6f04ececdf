"""Lines of text whose parts a regular expression names, such as lists of errors that were written for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from hetmusic.errors import DataError
from hetmusic.graph.raw.source import LINE, Source


def read_pattern(source: Source, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    """Read the given named groups of every line.

    The expression is run by polars in time linear in the text, whatever the expression.

    :raises DataError: naming file and line, for an empty or cut file, a wrong encoding, or a line that does not fit
        (unless the specification drops those).
    """
    spec = source.spec
    empty = True
    for piece in source.pieces():
        empty = False
        lines = (
            pl.Series("text", [piece.text.removesuffix("\n")])
            .str.split("\n")
            .explode()
            .str.strip_suffix("\r")
        )
        frame = (
            lines.to_frame().with_row_index(LINE, piece.first_line).with_columns(pl.col(LINE).cast(pl.Int64))
        )
        if spec.comment is not None:
            frame = frame.filter(~pl.col("text").str.starts_with(spec.comment))
        source.count("left out", "blank line", frame.filter(pl.col("text") == ""))
        yield _split(source, frame.filter(pl.col("text") != ""), columns)
    if empty:
        raise DataError(f"{source.name} is empty")


def _split(source: Source, frame: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    pattern = source.spec.pattern or ""
    try:
        fits = frame.select(pl.col("text").str.contains(pattern)).to_series()
        groups = frame["text"].str.extract_groups(pattern).struct.unnest()
    except pl.exceptions.ComputeError as error:
        reason = " ".join(str(error).split())
        raise DataError(
            f"{source.name}: `pattern` is not an expression that polars knows ({reason})"
        ) from None
    wrong = frame.filter(~fits)
    if wrong.height and source.spec.ragged == "error":
        raise DataError(
            f"{source.name}, line {wrong[LINE][0]:,}: {wrong['text'][0][:80]!r} does not fit the pattern "
            f"({wrong.height:,} of {frame.height:,} lines); set `ragged: drop` to leave such lines out"
        )
    source.count("dropped", "line that does not fit the pattern", wrong)
    return pl.concat([frame.select(LINE), groups.select(columns)], how="horizontal").filter(fits)

"""Bags of words as musiXmatch publishes them for the Million Song Dataset: ``mxm_dataset_train.txt`` and the like."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

import polars as pl

from hetmusic.errors import DataError
from hetmusic.graph.raw.readers.base import Reader, readers
from hetmusic.graph.raw.source import LINE, Source
from hetmusic.graph.raw.text import Piece

_COMMENT, _VOCABULARY = "#", "%"
# bytes of text that become rows at once: a track has about 80 words, and a word takes some 5 bytes
_PIECE = 1 << 22


@readers.register("musixmatch")
class MusixmatchBags(Reader):
    """A row per track and word of its lyrics.

    Lines that begin with ``#`` are comments, the one that begins with ``%`` lists the words, the others are
    ``track,musiXmatch track,index:count,index:count,...`` with indices from 1 into the list. A last line without line
    break was cut off and is dropped, since it may lack words and its last count may lack digits.
    """

    columns: ClassVar = {
        "track_id": "track of the Million Song Dataset",
        "mxm_id": "track of musiXmatch",
        "word": "stem of a word",
        "count": "how often it occurs in the lyrics",
    }

    def read(self, source: Source, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        """Yield a batch per few thousand tracks; ``LINE`` is that of the track."""
        words: pl.Series | None = None
        at = 0
        for piece in source.pieces(_PIECE):
            lines = _lines(source, piece)
            listed = lines.filter(pl.col("text").str.starts_with(_VOCABULARY))
            if listed.height:
                words, at = _vocabulary(source, listed, words), listed[LINE][0]
            rows = lines.filter(~pl.col("text").str.starts_with(_VOCABULARY))
            early = rows if words is None else rows.filter(pl.col(LINE) < at)
            if early.height:
                raise DataError(
                    f"{source.name}, line {early[LINE][0]:,}: a track before the line that begins with "
                    f"{_VOCABULARY!r} and lists the words"
                )
            if words is not None:
                yield _bags(source, rows, words).select(LINE, *columns)
        if words is None:
            raise DataError(f"{source.name}: no line begins with {_VOCABULARY!r} and lists the words")


def _lines(source: Source, piece: Piece) -> pl.DataFrame:
    """The lines that say something, without the one that was cut off: columns ``LINE`` and ``text``."""
    texts = (
        pl.Series("text", [piece.text.removesuffix("\n")]).str.split("\n").explode().str.strip_suffix("\r")
    )
    lines = texts.to_frame().with_row_index(LINE, piece.first_line).with_columns(pl.col(LINE).cast(pl.Int64))
    if not piece.text.endswith("\n"):
        source.count("dropped", "last line that was cut off", lines.tail(1))
        lines = lines.head(lines.height - 1)
    source.count("left out", "blank line", lines.filter(pl.col("text") == ""))
    return lines.filter((pl.col("text") != "") & ~pl.col("text").str.starts_with(_COMMENT))


def _vocabulary(source: Source, listed: pl.DataFrame, known: pl.Series | None) -> pl.Series:
    if known is not None or listed.height > 1:
        raise DataError(
            f"{source.name}, line {listed[LINE][-1]:,}: a second line begins with {_VOCABULARY!r} and lists words"
        )
    return listed["text"].str.strip_prefix(_VOCABULARY).str.split(",").explode()


def _bags(source: Source, lines: pl.DataFrame, words: pl.Series) -> pl.DataFrame:
    """Rows of all columns; a line with anything but valid pairs is dropped as a whole."""
    parts = (
        lines["text"].str.splitn(",", 3).struct.rename_fields(["track_id", "mxm_id", "bag"]).struct.unnest()
    )
    pairs = pl.concat([lines.select(LINE), parts], how="horizontal").with_columns(
        pl.col("bag").str.split(",")
    )
    pairs = pairs.explode("bag").with_columns(
        pl.col("bag").str.splitn(":", 2).struct.rename_fields(["index", "count"])
    )
    pairs = pairs.unnest("bag").with_columns(pl.col("index").cast(pl.Int64, strict=False))
    good = pl.col("index").is_between(1, len(words)) & pl.col("count").str.contains(r"^[0-9]{1,9}$")
    wrong = pairs.filter(~good.fill_null(False))[LINE].unique()
    source.count(
        "dropped",
        "line that is no bag of words",
        lines.filter(pl.col(LINE).is_in(wrong.implode())).sort(LINE),
    )
    pairs = pairs.filter(~pl.col(LINE).is_in(wrong.implode()))
    return pairs.with_columns(words.gather(pairs["index"] - 1).alias("word"))

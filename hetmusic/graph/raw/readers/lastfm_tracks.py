"""Tags and similar tracks that Last.fm gives for the Million Song Dataset: a tree of JSON files, or a database."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import polars as pl

from hetmusic.graph.raw.many.parsing import BadFileError, Note
from hetmusic.graph.raw.readers.base import Reader, readers
from hetmusic.graph.raw.readers.many_files import ManyFilesReader
from hetmusic.graph.raw.source import LINE, Source
from hetmusic.graph.raw.sqlite_files import read_table

# bytes; a track has up to 100 tags and a few hundred similar ones
_LONGEST = 1 << 24
_ROWS = 1 << 9
# what a weight can be, with room to spare
_LARGEST = 1e30


@readers.register("lastfm-tracks")
class LastfmTracks(ManyFilesReader):
    """A JSON file per track: tables ``tracks``, ``tags`` and ``similars``, with a row per track or per pair."""

    suffix = ".json"
    version = 1
    tables: ClassVar = {
        "tracks": {"track_id": pl.String(), "artist": pl.String(), "title": pl.String()},
        "tags": {"track_id": pl.String(), "tag": pl.String(), "count": pl.Float64()},
        "similars": {"track_id": pl.String(), "similar": pl.String(), "score": pl.Float64()},
    }
    columns: ClassVar = {
        "track_id": "track of the Million Song Dataset",
        "artist": "its artist (tracks)",
        "title": "its title (tracks)",
        "tag": "a tag (tags)",
        "count": "how often it was given, in percent of the most frequent tag (tags)",
        "similar": "a similar track (similars)",
        "score": "how similar it is, up to 1 (similars)",
    }

    def parse(self, path: Path, note: Note) -> Mapping[str, Sequence[Sequence[Any]]]:
        """The rows of one file; pairs that are none are left out and noted."""
        record = _record(path)
        track = _text(record.get("track_id"))
        if not track:
            raise BadFileError("file without a track id")
        found = {"tracks": [(track, _text(record.get("artist")), _text(record.get("title")))]}
        return found | {
            table: [(track, name, number) for name, number in _pairs(record.get(table), table, note)]
            for table in ("tags", "similars")
        }


@readers.register("lastfm-similars")
class LastfmSimilars(Reader):
    """``lastfm_similars.db``: a row per pair of the table ``similars_src``, whose lists are ``track,score,...``."""

    database = True
    columns: ClassVar = {
        "track_id": "track of the Million Song Dataset",
        "similar": "a similar track",
        "score": "how similar it is, up to 1",
    }

    def read(self, source: Source, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        """Yield the pairs of some thousand tracks at a time; ``LINE`` is the row of the track."""
        for batch in read_table(source, "similars_src", ["tid", "target"], _ROWS):
            yield _unlisted(source, batch.rename({"tid": "track_id"})).select(LINE, *columns)


def _unlisted(source: Source, rows: pl.DataFrame) -> pl.DataFrame:
    """A row per pair; a list with anything else in it is dropped as a whole."""
    items = pl.col("target").str.split(",")
    rows = rows.with_columns(
        items.list.gather_every(2).alias("similar"), items.list.gather_every(2, 1).alias("score")
    )
    number = pl.element().cast(pl.Float64, strict=False)
    scores = pl.col("score").list.eval(number.is_between(0, _LARGEST).fill_null(False))
    right = (items.list.len() % 2 == 0) & scores.list.all()
    wrong = rows.filter(pl.col("target").is_not_null() & ~right)
    source.count("dropped", "list that is not of tracks and scores", wrong, "track_id")
    rows = rows.filter(right.fill_null(False))
    return rows.explode("similar", "score")


def _record(path: Path) -> dict[str, Any]:
    with open(path, "rb") as stream:
        content = stream.read(_LONGEST + 1)
    if len(content) > _LONGEST:
        raise BadFileError(f"file of more than {_LONGEST:,} bytes")
    try:
        record = json.loads(content)
    except (ValueError, RecursionError):
        raise BadFileError("no JSON, or cut off") from None
    if not isinstance(record, dict):
        raise BadFileError("JSON, but no object")
    return record


def _pairs(value: Any, table: str, note: Note) -> list[tuple[str, float]]:
    """The pairs of a text and a number in a list."""
    found = []
    for pair in value if isinstance(value, list) else ():
        text = _text(pair[0]) if isinstance(pair, list) and len(pair) == 2 else None
        number = _number(pair[1]) if text else None
        if text and number is not None:
            found.append((text, number))
        else:
            note(f"entry of {table} that is no pair of a text and a number, left out")
    if value is not None and not isinstance(value, list):
        note(f"{table} that are no list, left out")
    return found


def _number(value: Any) -> float | None:
    """A number, whether it is written as one or as a text."""
    try:
        number = (
            float(value) if isinstance(value, (int, float, str)) and not isinstance(value, bool) else None
        )
    except (ValueError, OverflowError):
        return None
    return number if number is not None and abs(number) <= _LARGEST else None


def _text(value: Any) -> str | None:
    """A text as it is, without halves of surrogate pairs, which no encoding has."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else None

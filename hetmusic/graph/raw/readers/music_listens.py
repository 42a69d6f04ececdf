"""What a person has listened to, as a table: a song is named by its path, or by artist and title."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import ClassVar

import polars as pl

from hetmusic.errors import DataError
from hetmusic.graph.raw.readers.base import Reader, readers
from hetmusic.graph.raw.readers.music_folder import name_of
from hetmusic.graph.raw.source import LINE, Source

_DELIMITERS = "\t;,"
_NEEDED = ("user", "path", "artist", "title", "plays", "time")


@readers.register("music-listens")
class MusicListens(Reader):
    """A CSV or TSV file with header: ``user``, then ``path`` or ``artist`` and ``title``, perhaps ``plays`` and ``time``.

    Paths are relative to the folder of the file, or lead into it.
    """

    columns: ClassVar = {
        "user": "who listened",
        "ref": "the path of the song, or else its artist and title",
        "plays": "how often; 1 if there is no such column, or it is blank",
        "time": "when, if there is such a column",
    }

    def read(self, source: Source, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        """Yield the rows of the file."""
        # the modules that read tables need to know all readers
        from hetmusic.graph.raw.csv_files import read_csv
        from hetmusic.graph.raw.peek import column_names

        table_of = {"reader": None, "format": "csv", "delimiter": list(_DELIMITERS)}
        spec = source.spec.model_copy(update=table_of)
        table = Source(source.path, source.name, spec, source.notes)
        there = [name for name in _NEEDED if name in column_names(table)]
        if "user" not in there or not ("path" in there or {"artist", "title"} <= set(there)):
            raise DataError(
                f"{source.name}: the header needs `user`, and `path` or `artist` and `title`; of these it has "
                f"{', '.join(there) or 'none'}"
            )
        for batch in read_csv(table, there):
            rows = batch.with_columns(pl.col(there).replace("", None))
            more = [pl.lit(None, pl.String).alias(name) for name in _NEEDED if name not in there]
            rows = rows.with_columns(more).with_columns(pl.col("plays").fill_null("1"))
            yield rows.with_columns(_refs(rows, source)).select(LINE, *columns)


def _refs(rows: pl.DataFrame, source: Source) -> pl.Series:
    """What each row calls its song."""
    songs = rows.select("path", "artist", "title").unique()
    refs = [
        _inside(path, source) if path is not None else name_of(artist, title)
        for path, artist, title in songs.iter_rows()
    ]
    songs = songs.with_columns(pl.Series("ref", refs, pl.String))
    found = rows.join(
        songs, on=["path", "artist", "title"], how="left", nulls_equal=True, maintain_order="left"
    )
    return found["ref"]


def _inside(path: str, source: Source) -> str:
    """A path relative to the folder of the file, with ``/``."""
    plain = PurePath(os.path.normpath(path.replace("\\", "/")))
    folder = source.path.parent.absolute()
    return plain.relative_to(folder).as_posix() if plain.is_relative_to(folder) else plain.as_posix()

"""A person's own music: sound files with tags, and beside them covers and lyrics."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import polars as pl

from hetmusic.errors import ConfigError, DataError
from hetmusic.graph.raw.many.parsing import Note
from hetmusic.graph.raw.readers._folder import Beside, Counts, Found, read_text, walk
from hetmusic.graph.raw.readers._music_tags import SUFFIXES, MusicTags, read_tags
from hetmusic.graph.raw.readers.base import readers
from hetmusic.graph.raw.readers.many_files import ManyFilesReader
from hetmusic.graph.raw.source import LINE, Source
from kg_schema.names import normalise_name

_VARIOUS = "Various Artists"
_LYRICS = (".txt", ".lrc")
# times and headers of synchronised lyrics: [00:12.00], <00:12.00>, [ar: ...]
_LRC = re.compile(r"^\[\d+:\d+")
_TIMES = re.compile(r"[\[<]\d+:\d+(?:[.:]\d+)?[\]>]")
_LRC_HEADER = re.compile(r"^\[[a-z#]+:.*\]$", re.IGNORECASE)
#: how a listen names a song that it gives no path of
NAMED = "name:"


@readers.register("music-folder")
class MusicFolder(ManyFilesReader):
    """A row per sound file, or per artist, album or genre of one; a file is known by its path below the folder.

    Lyrics in the file count before those in a text file of its name (``.txt``, ``.lrc``). A file without title is called
    by its name.
    """

    version = 1
    tables: ClassVar = {
        "songs": {
            "title": pl.String(), "artist": pl.String(), "year": pl.Int64(), "track": pl.Int64(), "disc": pl.Int64(),
            "duration": pl.Float64(), "lyrics": pl.String(), "embedded_cover": pl.Boolean(), "recording_mbid": pl.String(),
        },
        "artists": {"artist": pl.String(), "artist_mbid": pl.String()},
        "albums": {"album_id": pl.String(), "album": pl.String(), "album_mbid": pl.String()},
        "album_artists": {"album_id": pl.String(), "artist": pl.String()},
        "genres": {"genre": pl.String()},
    }  # fmt: skip
    columns: ClassVar = {
        "path": "sound file, relative to the folder: the key of the song (all tables but album_artists)",
        "title": "its title, or the name of the file (songs)",
        "artist": "its artist (songs, artists), or that of its album (album_artists)",
        "year": "year of its date (songs)",
        "track": "number on the album (songs)",
        "disc": "number of the disc (songs)",
        "duration": "seconds (songs)",
        "lyrics": "lyrics, without times (songs)",
        "cover": "picture beside it that is called cover, folder or front, relative to the folder (songs)",
        "embedded_cover": "whether there is a picture in the file (songs)",
        "recording_mbid": "MusicBrainz id of the recording (songs)",
        "artist_mbid": "MusicBrainz id of the artist (artists)",
        "album_id": "artist and album (albums, album_artists)",
        "album": "the album (albums)",
        "album_mbid": "MusicBrainz id of the release (albums)",
        "genre": "a genre (genres)",
        "ref": "what a listen may call it: its path, or artist and title (refs)",
    }

    def __init__(self, workers: int = 0) -> None:
        """Choose the number of processes.

        :param workers: as for all readers of many files.
        """
        if find_spec("mutagen") is None:
            raise ConfigError("tags of music files are read by mutagen: pip install 'hetmusic[music]'")
        super().__init__(workers)

    def parse(self, path: Path, note: Note) -> Mapping[str, Sequence[Sequence[Any]]]:
        """The rows of one file."""
        tags = read_tags(path, note)
        mbids: Sequence[str | None] = tags.artist_mbids or [None] * len(tags.artists)
        album, artist = _album(tags)
        return {
            "songs": [_song(tags)],
            "artists": list(zip(tags.artists, (mbid or None for mbid in mbids), strict=True)),
            "albums": [(album, tags.album, tags.album_mbid or None)] if album else [],
            "album_artists": [(album, artist)] if album and artist else [],
            "genres": [(genre,) for genre in tags.genres],
        }

    def read(self, source: Source, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        """Yield the rows of a table with what lies beside the files."""
        table = source.spec.table or "songs"
        has = {name: ["path", *cols] for name, cols in self.tables.items()} | {"refs": ["path", "ref"]}
        has["songs"].append("cover")
        has["album_artists"].remove("path")
        if table not in has:
            raise DataError(f"{source.name}: no table {table!r}; its reader has {', '.join(has)}")
        source.check_columns(has[table], columns)
        counts = Counts()
        files = walk(source.path, counts)
        music = [found for found in files if found.suffix in SUFFIXES]
        if not music:
            raise DataError(f"{source.path} holds no sound file ({', '.join(SUFFIXES)})")
        paths = [found.path for found in music]
        beside = Beside(files, counts)
        if table == "refs":
            named = self.rows(source, "songs", ["title", "artist"], paths)
            yield _refs(pl.concat([_empty("title", "artist"), *named]), music).select(LINE, *columns)
            return
        if table == "album_artists":  # each of the songs says so
            pairs = list(self.tables[table])
            rows = pl.concat([_empty(*pairs), *self.rows(source, table, pairs, paths)])
            yield rows.unique(pairs, keep="first", maintain_order=True).select(LINE, *columns)
            return
        for rows in self.rows(source, table, _cached(self.tables[table], columns), paths):
            of_rows = [music[line - 1] for line in rows[LINE]]
            rows = rows.with_columns(pl.Series("path", [found.name for found in of_rows], pl.String))
            yield _completed(rows, of_rows, columns, beside, counts).select(LINE, *columns)
        if not source.again:
            counts.note(source)


def _song(tags: MusicTags) -> tuple[Any, ...]:
    texts = [tags.title, tags.artists[0] if tags.artists else ""]
    numbers = (tags.year, tags.track, tags.disc, tags.duration)
    lyrics = without_times(tags.lyrics)
    return (*_blank(texts), *numbers, *_blank([lyrics]), tags.has_cover, *_blank([tags.recording_mbid]))


def _blank(texts: Sequence[str]) -> list[str | None]:
    return [text or None for text in texts]


def _album(tags: MusicTags) -> tuple[str, str]:
    """Key and artist of the album, empty if there is none; a compilation has no artist."""
    if not tags.album:
        return "", ""
    artist = tags.album_artist or ("" if tags.compilation or not tags.artists else tags.artists[0])
    if (tags.compilation and not artist) or artist.casefold() == _VARIOUS.casefold():
        return f"{_VARIOUS}|{tags.album}", ""
    return f"{artist}|{tags.album}" if artist else tags.album, artist


def without_times(lyrics: str) -> str:
    """Lyrics without the times and headers of the LRC format, if they have any."""
    lines = lyrics.split("\n")
    if not any(map(_LRC.match, lines)):
        return lyrics.strip()
    sung = [_TIMES.sub("", line).strip() for line in lines if not _LRC_HEADER.match(line.strip())]
    return "\n".join(sung).strip()


def _cached(table: Mapping[str, Any], columns: Sequence[str]) -> list[str]:
    return [name for name in columns if name in table]


def _empty(*columns: str) -> pl.DataFrame:
    return pl.DataFrame(schema={LINE: pl.Int64, **dict.fromkeys(columns, pl.String)})


def _completed(
    rows: pl.DataFrame, files: Sequence[Found], columns: Sequence[str], beside: Beside, counts: Counts
) -> pl.DataFrame:
    """The rows with titles, lyrics and covers from the names of files, where they are wanted.

    :param files: the sound file of each row.
    """
    if "title" in columns:
        for found, title in zip(files, rows["title"], strict=True):
            if title is None:
                counts.add("repaired", "no title: called by the name of the file", found.number, found.name)
        stems = pl.Series([found.stem for found in files], dtype=pl.String)
        rows = rows.with_columns(pl.coalesce("title", stems).alias("title"))
    if "lyrics" in columns:
        texts = [
            text if text is not None else _lyrics(found, beside, counts)
            for found, text in zip(files, rows["lyrics"], strict=True)
        ]
        rows = rows.with_columns(pl.Series("lyrics", texts, pl.String))
    if "cover" in columns:
        covers = [beside.cover(found.folder) for found in files]
        rows = rows.with_columns(pl.Series("cover", [c.name if c else None for c in covers], pl.String))
    return rows


def _lyrics(found: Found, beside: Beside, counts: Counts) -> str | None:
    text_file = beside.find(found.name.removesuffix(Path(found.name).suffix), _LYRICS)
    text = read_text(text_file, counts) if text_file else None
    return without_times(text) or None if text else None


def _refs(songs: pl.DataFrame, music: Sequence[Found]) -> pl.DataFrame:
    """What a listen may call each file; of files with the same artist and title the first by path."""
    files = [music[line - 1] for line in songs[LINE]]
    names = [
        name_of(artist, title or found.stem)
        for found, artist, title in zip(files, songs["artist"], songs["title"], strict=True)
    ]
    path = pl.Series("path", [found.name for found in files], pl.String)
    rows = songs.select(LINE).with_columns(path)
    named = rows.with_columns(pl.Series("ref", names, pl.String)).drop_nulls("ref")
    return pl.concat(
        [
            rows.with_columns(pl.col("path").alias("ref")),
            named.unique("ref", keep="first", maintain_order=True),
        ]
    )


def name_of(artist: str | None, title: str | None) -> str | None:
    """How a listen names a song by artist and title, None if one is missing; spelling counts little."""
    if not artist or not title:
        return None
    return f"{NAMED}{normalise_name(artist)}|{normalise_name(title, guests=False)}"

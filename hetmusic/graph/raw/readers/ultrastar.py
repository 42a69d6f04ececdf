"""UltraStar song folders: lyrics with headers in a text file, the sound file and the cover beside it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import ClassVar, NamedTuple

from hetmusic.graph.raw.readers._folder import IMAGES, Beside, Counts, FolderReader, Found, read_text
from hetmusic.graph.raw.readers._ultrastar_song import UltraStarSong, parse
from hetmusic.graph.raw.readers.base import readers

#: suffixes by which a sound file is known
SOUNDS = (".mp3", ".ogg", ".oga", ".opus", ".flac", ".m4a", ".aac", ".wav", ".aif", ".aiff", ".wma")
_HEADERS = {"language": "LANGUAGE", "edition": "EDITION", "creator": "CREATOR"}
_VERSION = re.compile(r"\s*[(\[][^()\[\]]*[)\]]\s*$")


class _File(NamedTuple):
    """A song file that was read."""

    found: Found
    song: UltraStarSong

    @property
    def title(self) -> str:
        return self.song.headers["TITLE"]

    @property
    def same(self) -> tuple[str, str, str]:
        """Equal for versions of one song: folder, artist, and the title without what stands in brackets at its end."""
        bare = _VERSION.sub("", self.title) or self.title
        return self.found.folder, self.song.headers["ARTIST"].casefold(), bare.casefold()


@readers.register("ultrastar")
class UltraStar(FolderReader):
    """A row per song.

    Text files of one folder with the same artist and title, up to brackets at its end (``(Kar)``, ``[DUET]``), are
    versions of one song; the one with the shortest title speaks for it. Text files without headers are no songs.
    """

    columns: ClassVar = {
        "path": "song file, relative to the folder: the key of the song",
        "title": "#TITLE",
        "artist": "#ARTIST",
        "year": "#YEAR, if it is a number",
        "language": "#LANGUAGE, as it is written",
        "edition": "#EDITION",
        "creator": "#CREATOR: who wrote the song file",
        "bpm": "#BPM with a decimal point; the tempo is a quarter of it",
        "duet": "true if two parts are sung",
        "lyrics": "sung lines",
        "sound": "sound file, relative to the folder, if it is there",
        "cover": "cover, relative to the folder, if it is there",
        "genre": "one of #GENRE (table `genres`)",
    }
    what: ClassVar = "UltraStar song (a text file with #TITLE: and #ARTIST:)"
    tables: ClassVar = {"songs": [name for name in columns if name != "genre"], "genres": ["path", "genre"]}

    def rows(self, files: Sequence[Found], counts: Counts) -> Iterator[tuple[str, int, Sequence[str | None]]]:
        """A row of ``songs`` per song, and a row of ``genres`` per genre of it."""
        there = Beside(files, counts)
        songs = sorted(_songs(files, counts), key=lambda file: (*file.same, len(file.title), file.found.name))
        for _, group in groupby(songs, key=lambda file: file.same):
            main, *others = group
            for other in others:
                counts.add("merged", "other version of a song", other.found.number, other.found.name)
            values = _values(main, others, there)
            yield "songs", main.found.number, [values[column] or None for column in self.tables["songs"]]
            for genre in dict.fromkeys(_genres(main.song.headers.get("GENRE", ""))):
                yield "genres", main.found.number, [main.found.name, genre]


def _songs(files: Sequence[Found], counts: Counts) -> Iterator[_File]:
    """The text files that are songs; others, such as licences, are no songs and no mistakes."""
    for found in files:
        if found.suffix != ".txt":
            continue
        text = read_text(found, counts)
        if text is None or not text.lstrip().startswith("#"):
            continue
        song = parse(text)
        if not {"TITLE", "ARTIST"} <= song.headers.keys():
            counts.add("dropped", "song without title or artist", found.number, found.name)
            continue
        if song.unknown:
            counts.add("repaired", "lines that are no notes were left out", found.number, found.name)
        yield _File(found, song)


def _values(main: _File, others: Sequence[_File], there: Beside) -> dict[str, str]:
    headers = main.song.headers
    bpm = headers.get("BPM", "").replace(",", ".")
    year = headers.get("YEAR", "")
    return {
        "path": main.found.name,
        "title": main.title,
        "artist": headers["ARTIST"],
        "year": year if re.fullmatch(r"[0-9]{1,4}", year) else "",
        "bpm": bpm if re.fullmatch(r"[0-9]+(\.[0-9]+)?", bpm) else "",
        "duet": "true" if main.song.parts > 1 else "false",
        "lyrics": "\n".join(main.song.lines),
        "sound": _sound([main, *others], there),
        "cover": _cover([main, *others], there),
        **{column: headers.get(key, "") for column, key in _HEADERS.items()},
    }


def _genres(text: str) -> list[str]:
    return [genre for part in re.split(r"[,;/]", text) if (genre := part.strip())]


def _sound(versions: Sequence[_File], there: Beside) -> str:
    """The sound file that a version names, or one that is called so but for the suffix."""
    for found, song in versions:
        named = song.headers.get("AUDIO") or song.headers.get("MP3", "")
        if sound := _named(found, named, there, SOUNDS):
            return sound.name
    return ""


def _cover(versions: Sequence[_File], there: Beside) -> str:
    """The cover that a version names, or one that is called like a cover."""
    for found, song in versions:
        if cover := _named(found, song.headers.get("COVER", ""), there, IMAGES):
            return cover.name
    by_name = there.cover(versions[0].found.folder)
    return by_name.name if by_name else ""


def _named(song: Found, name: str, there: Beside, suffixes: Sequence[str]) -> Found | None:
    """The file that a header names, whatever its case and suffix; None if it is not there, empty, or leads elsewhere."""
    if not name:
        return None
    place = posixpath.normpath(posixpath.join(song.folder, name.replace("\\", "/")))
    stem, suffix = posixpath.splitext(place)
    return there.find(
        stem, [other for other in dict.fromkeys([suffix.lower(), *suffixes]) if other in suffixes]
    )

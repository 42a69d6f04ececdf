"""The tags of one music file, read by mutagen: ID3 (mp3, wav, aiff), Vorbis comments (flac, ogg, opus), MP4 (m4a)."""

from __future__ import annotations

import contextlib
import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from hetmusic.graph.raw.many.parsing import BadFileError, Note
from hetmusic.graph.raw.readers._folder import TEXT

#: suffixes of the files whose tags are read
SUFFIXES = (".mp3", ".flac", ".ogg", ".oga", ".opus", ".m4a", ".wav", ".aif", ".aiff")
# Tags, covers included, have some megabytes. What wants more of a file is no tag, but a trap for the memory.
_MOST = 1 << 27
_KEYS = {
    "title": ("TIT2", "title", "\xa9nam"),
    "artists": ("TPE1", "artist", "\xa9ART"),
    "album": ("TALB", "album", "\xa9alb"),
    "album_artists": ("TPE2", "albumartist", "album artist", "aART"),
    "genres": ("TCON", "genre", "\xa9gen"),
    "date": ("TDRC", "TYER", "TDRL", "date", "year", "\xa9day"),
    "track": ("TRCK", "tracknumber", "trkn"),
    "disc": ("TPOS", "discnumber", "disk"),
    "compilation": ("TCMP", "compilation", "cpil"),
    "lyrics": ("USLT", "lyrics", "unsyncedlyrics", "\xa9lyr"),
    "recording_mbid": (
        "UFID:http://musicbrainz.org",
        "musicbrainz_trackid",
        "----:com.apple.iTunes:MusicBrainz Track Id",
    ),
    "artist_mbids": (
        "TXXX:MusicBrainz Artist Id",
        "musicbrainz_artistid",
        "----:com.apple.iTunes:MusicBrainz Artist Id",
    ),
    "album_mbid": (
        "TXXX:MusicBrainz Album Id",
        "musicbrainz_albumid",
        "----:com.apple.iTunes:MusicBrainz Album Id",
    ),
}
_COVERS = ("APIC", "metadata_block_picture", "coverart", "covr")


@dataclass
class MusicTags:
    """What a file says of itself; texts are without blanks around them, empty where it says nothing."""

    title: str = ""
    artists: list[str] = field(default_factory=list)
    album: str = ""
    album_artist: str = ""
    compilation: bool = False
    genres: list[str] = field(default_factory=list)
    year: int | None = None
    track: int | None = None
    disc: int | None = None
    #: seconds
    duration: float | None = None
    lyrics: str = ""
    has_cover: bool = False
    recording_mbid: str = ""
    #: one for each of ``artists``, or none
    artist_mbids: list[str] = field(default_factory=list)
    album_mbid: str = ""


def read_tags(path: Path, note: Note) -> MusicTags:
    """Read the tags of a file.

    :raises BadFileError: if it is empty, damaged, or no music.
    """
    with open(path, "rb") as stream:
        if not stream.read(1):
            raise BadFileError("empty file")
        stream.seek(0)
        audio = _opened(stream)
    tags = audio.tags if audio.tags is not None else {}
    found = {name: _texts(tags, keys) for name, keys in _KEYS.items()}
    artists, mbids = found["artists"], found["artist_mbids"]
    lyrics = "\n".join(found["lyrics"])
    if len(lyrics.encode()) > TEXT:
        note(f"lyrics of more than {TEXT:,} bytes, left out")
        lyrics = ""
    return MusicTags(
        title=_first(found["title"]),
        artists=artists,
        album=_first(found["album"]),
        album_artist=_first(found["album_artists"]),
        compilation=_first(found["compilation"]).lower() in ("1", "true"),
        genres=found["genres"],
        year=_number(r"\d{4}", found["date"]),
        track=_number(r"\d{1,5}", found["track"]),
        disc=_number(r"\d{1,5}", found["disc"]),
        duration=_duration(audio),
        lyrics=lyrics,
        has_cover=_has_cover(audio, tags),
        recording_mbid=_first(found["recording_mbid"]),
        artist_mbids=mbids if len(mbids) == len(artists) else [],
        album_mbid=_first(found["album_mbid"]),
    )


class _Bounded:
    """A file of which only so much can be read."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._left = stream, _MOST
        self.name = stream.name
        self.seek, self.tell = stream.seek, stream.tell

    def read(self, size: int = -1) -> bytes:
        """Read, but no more than is left."""
        data = self._stream.read(self._left + 1 if size < 0 else min(size, self._left + 1))
        self._left -= len(data)
        if self._left < 0:
            raise BadFileError(f"tags of more than {_MOST:,} bytes")
        return data


def _opened(stream: BinaryIO) -> Any:
    """The file as mutagen knows it."""
    import mutagen

    try:
        audio = mutagen.File(_Bounded(stream))
    except (BadFileError, MemoryError):
        raise
    except Exception as error:  # mutagen lets through whatever broken files make of its arithmetic
        cause = error.args[0] if error.args else None
        if isinstance(cause, BadFileError):
            raise cause from None
        raise BadFileError("file that is damaged, or no music") from None
    if audio is None:
        raise BadFileError("file that is damaged, or no music")
    return audio


def _texts(tags: Any, keys: tuple[str, ...]) -> list[str]:
    """The texts under the first key that has any, each once."""
    for key in keys:
        found = [text for value in _values(tags, key) if (text := _text(value))]
        if found:
            return list(dict.fromkeys(found))
    return []


def _values(tags: Any, key: str) -> list[Any]:
    """What is under a key; ID3 has frames, of which some carry a language or a description in their keys."""
    if key in ("USLT", "APIC"):
        frames = tags.getall(key) if hasattr(tags, "getall") else []
        return [getattr(frame, "text", frame) for frame in frames]
    try:
        value = tags[key]
    except (KeyError, ValueError):  # Vorbis comments have no keys of other letters
        return []
    if key == "TCON" and hasattr(value, "genres"):
        return list(value.genres)  # numbers mean names there
    if key.startswith("UFID"):
        return [value.data]
    value = getattr(value, "text", value)
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _text(value: Any) -> str:
    if isinstance(value, tuple):  # track and disc of MP4: number and total
        value = value[0] if value else ""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    text = str(value).encode("utf-8", "replace").decode().replace("\0", "")
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def _first(texts: list[str]) -> str:
    return texts[0] if texts else ""


def _number(pattern: str, texts: list[str]) -> int | None:
    """The number with which the first text begins, if it is above 0."""
    match = re.match(pattern, _first(texts))
    return (int(match[0]) or None) if match else None


def _duration(audio: Any) -> float | None:
    length = getattr(getattr(audio, "info", None), "length", None)
    if isinstance(length, (int, float)) and math.isfinite(length) and length > 0:
        return round(float(length), 3)
    return None


def _has_cover(audio: Any, tags: Any) -> bool:
    with contextlib.suppress(ValueError):
        return bool(getattr(audio, "pictures", None)) or any(_values(tags, key) for key in _COVERS)
    return False

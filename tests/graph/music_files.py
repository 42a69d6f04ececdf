"""Tiny music files with tags: a tenth of a second of silence in each format."""

from __future__ import annotations

import base64
import struct
from pathlib import Path
from typing import Any

import mutagen
import numpy as np
import soundfile
from mutagen import id3
from mutagen.flac import Picture
from mutagen.mp4 import MP4Cover

RATE = 8000
PICTURE = b"\xff\xd8\xff picture"
_FORMATS = {".mp3": "MP3", ".flac": "FLAC", ".ogg": "OGG", ".wav": "WAV", ".aiff": "AIFF"}


def write_music(path: Path, seconds: float = 0.5, **tags: Any) -> Path:
    """Write a file and its tags.

    :param tags: title, artist, album, albumartist, genre (a text, or a list of them), date, track, disc, lyrics, cover,
        compilation, recording_mbid, artist_mbid, album_mbid.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".m4a":
        path.write_bytes(_mp4(seconds))
    else:
        silence = np.zeros(int(RATE * seconds), np.float32)
        format = _FORMATS[path.suffix]
        soundfile.write(path, silence, RATE, format=format, subtype="VORBIS" if format == "OGG" else None)
    audio = mutagen.File(path)
    if not tags:
        return path
    if audio.tags is None:
        audio.add_tags()
    values = {name: value if isinstance(value, list) else [value] for name, value in tags.items()}
    {".flac": _vorbis, ".ogg": _vorbis, ".m4a": _atoms}.get(path.suffix, _frames)(audio, values)
    audio.save()
    return path


def _frames(audio: Any, tags: dict[str, list[Any]]) -> None:
    plain = {
        "title": "TIT2", "artist": "TPE1", "album": "TALB", "albumartist": "TPE2", "genre": "TCON", "date": "TDRC",
        "track": "TRCK", "disc": "TPOS", "compilation": "TCMP",
    }  # fmt: skip
    described = {"artist_mbid": "MusicBrainz Artist Id", "album_mbid": "MusicBrainz Album Id"}
    for name, value in tags.items():
        if name in plain:
            audio.tags.add(getattr(id3, plain[name])(encoding=3, text=value))
        elif name in described:
            audio.tags.add(id3.TXXX(encoding=3, desc=described[name], text=value))
        elif name == "recording_mbid":
            audio.tags.add(id3.UFID(owner="http://musicbrainz.org", data=value[0].encode()))
        elif name == "lyrics":
            audio.tags.add(id3.USLT(encoding=3, lang="eng", desc="", text=value[0]))
        elif name == "cover":
            audio.tags.add(id3.APIC(encoding=3, mime="image/jpeg", type=3, desc="", data=value[0]))


def _vorbis(audio: Any, tags: dict[str, list[Any]]) -> None:
    names = {
        "track": "tracknumber", "disc": "discnumber", "recording_mbid": "musicbrainz_trackid",
        "artist_mbid": "musicbrainz_artistid", "album_mbid": "musicbrainz_albumid",
    }  # fmt: skip
    for name, value in tags.items():
        if name != "cover":
            audio.tags[names.get(name, name)] = value
            continue
        picture = Picture()
        picture.data, picture.type, picture.mime = value[0], 3, "image/jpeg"
        if hasattr(audio, "add_picture"):
            audio.add_picture(picture)
        else:
            audio.tags["metadata_block_picture"] = [base64.b64encode(picture.write()).decode()]


def _atoms(audio: Any, tags: dict[str, list[Any]]) -> None:
    names = {
        "title": "\xa9nam", "artist": "\xa9ART", "album": "\xa9alb", "albumartist": "aART", "genre": "\xa9gen",
        "date": "\xa9day", "lyrics": "\xa9lyr",
    }  # fmt: skip
    free = {"recording_mbid": "Track Id", "artist_mbid": "Artist Id", "album_mbid": "Album Id"}
    for name, value in tags.items():
        if name in names:
            audio.tags[names[name]] = value
        elif name in free:
            texts = [text.encode() for text in value]
            audio.tags[f"----:com.apple.iTunes:MusicBrainz {free[name]}"] = texts
        elif name in ("track", "disc") and str(value[0])[0].isdigit():
            number, _, total = str(value[0]).partition("/")
            audio.tags["trkn" if name == "track" else "disk"] = [(int(number), int(total or 0))]
        elif name == "compilation":
            audio.tags["cpil"] = True
        elif name == "cover":
            audio.tags["covr"] = [MP4Cover(value[0])]


def _atom(name: bytes, *content: bytes) -> bytes:
    data = b"".join(content)
    return struct.pack(">I4s", 8 + len(data), name) + data


def _mp4(seconds: float) -> bytes:
    """The boxes that say that there is sound and how long it is (ISO 14496-12), without any."""
    handler = _atom(b"hdlr", bytes(8), b"soun", bytes(13))
    header = _atom(b"mdhd", struct.pack(">IIIII", 0, 0, 0, RATE, int(seconds * RATE)), bytes(4))
    track = _atom(b"trak", _atom(b"mdia", header, handler))
    moov = _atom(b"moov", _atom(b"mvhd", bytes(100)), track)
    return _atom(b"ftyp", b"M4A \0\0\0\0M4A ") + moov + _atom(b"mdat")

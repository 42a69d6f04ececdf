"""A small family of Million Song Dataset files that belong together, in the real formats: three songs of two artists."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

#: track, song, artist, artist's name, title, release, year
Row = tuple[str, str, str, str, str, str, int]
TRACKS: list[Row] = [
    ("TRAAAAA12800000001", "SOAAAAA12AB0000001", "ARAAAAA1187FB00001", "Ana", "One", "First", 1999),
    ("TRAAABB12800000002", "SOAAABB12AB0000002", "ARAAAAA1187FB00001", "Ana", "Two", "First", 0),
    ("TRBBBBB12800000003", "SOBBBBB12AB0000003", "ARBBBBB1187FB00002", "Bo & Co", "Drei\x19s", "First", 2005),
]
MBIDS = {TRACKS[0][2]: "9dfe78a6-6d91-454e-9b95-9d7722cbc476", TRACKS[2][2]: ""}

METADATA = np.dtype(
    [
        ("analyzer_version", "S32"),
        ("artist_7digitalid", "<i4"),
        ("artist_familiarity", "<f8"),
        ("artist_hotttnesss", "<f8"),
        ("artist_id", "S32"),
        ("artist_latitude", "<f8"),
        ("artist_location", "S1024"),
        ("artist_longitude", "<f8"),
        ("artist_mbid", "S40"),
        ("artist_name", "S1024"),
        ("artist_playmeid", "<i4"),
        ("genre", "S1024"),
        ("idx_artist_terms", "<i4"),
        ("idx_similar_artists", "<i4"),
        ("release", "S1024"),
        ("release_7digitalid", "<i4"),
        ("song_hotttnesss", "<f8"),
        ("song_id", "S32"),
        ("title", "S1024"),
        ("track_7digitalid", "<i4"),
    ]
)
ANALYSIS = np.dtype(
    [
        ("analysis_sample_rate", "<i4"),
        ("audio_md5", "S32"),
        ("danceability", "<f8"),
        ("duration", "<f8"),
        ("end_of_fade_in", "<f8"),
        ("energy", "<f8"),
        ("key", "<i4"),
        ("key_confidence", "<f8"),
        ("loudness", "<f8"),
        ("mode", "<i4"),
        ("mode_confidence", "<f8"),
        ("start_of_fade_out", "<f8"),
        ("tempo", "<f8"),
        ("time_signature", "<i4"),
        ("time_signature_confidence", "<f8"),
        ("track_id", "S32"),
    ]
)
MUSICBRAINZ = np.dtype([("idx_artist_mbtags", "<i4"), ("year", "<i4")])


def segments(seed: int, count: int = 5) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Made-up timbre and pitch of a track's segments, shape ``(count, 12)`` each."""
    random = np.random.default_rng(seed)
    return random.normal(0, 50, (count, 12)), random.uniform(0, 1, (count, 12))


def tree_path(folder: Path, track: str, suffix: str) -> Path:
    """Where the data set keeps the file of a track."""
    return folder / track[2] / track[3] / track[4] / f"{track}{suffix}"


def write_track(
    path: Path, number: int = 0, parts: Any = None, tracks: Sequence[Row] = TRACKS, **values: Any
) -> Path:
    """Write the file of a track.

    :param number: which of ``tracks``.
    :param parts: timbre and pitches instead of ``segments(number)``.
    :param values: fields with other values than ``tracks`` has.
    """
    track, song, artist, name, title, release, year = tracks[number]
    known = {
        "track_id": track, "song_id": song, "artist_id": artist, "artist_name": name, "title": title,
        "release": release, "year": year, "artist_mbid": MBIDS.get(artist, ""), "duration": 180.5 + number,
        "tempo": 100.25 + number, "loudness": -7.5, "key": number, "mode": 1, "time_signature": 4,
        "song_hotttnesss": np.nan, "artist_hotttnesss": 0.5, "artist_familiarity": 0.25,
        "artist_latitude": np.nan, "artist_longitude": np.nan, "artist_location": "Wien, Österreich",
        "release_7digitalid": 77, **values,
    }  # fmt: skip
    timbre, pitches = segments(number) if parts is None else parts
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for group, dtype in (("metadata", METADATA), ("analysis", ANALYSIS), ("musicbrainz", MUSICBRAINZ)):
            row = np.zeros(1, dtype)
            for field in dtype.names or ():
                if field in known:
                    value = known[field]
                    row[field] = value.encode() if isinstance(value, str) else value
            file.create_dataset(f"{group}/songs", data=row, chunks=(1,), maxshape=(None,), compression="gzip")
        for name, part in (("timbre", timbre), ("pitches", pitches)):
            file.create_dataset(f"analysis/segments_{name}", data=part, compression="gzip", chunks=True)
    return path


def write_tree(folder: Path, tracks: Sequence[Row] = TRACKS) -> None:
    """The files of all tracks, as ``A/B/C/TRABC....h5`` below ``folder``."""
    for number, row in enumerate(tracks):
        write_track(tree_path(folder, row[0], ".h5"), number, tracks=tracks)


def write_database(path: Path, *tables: tuple[str, str, Iterable[Sequence[Any]]]) -> Path:
    """An SQLite database of tables (name, columns as in CREATE TABLE, rows)."""
    connection = sqlite3.connect(path)
    for name, columns, rows in tables:
        connection.execute(f"CREATE TABLE {name} ({columns})")
        places = ", ".join("?" * len(columns.split(",")))
        connection.executemany(f"INSERT INTO {name} VALUES ({places})", list(rows))
    connection.commit()
    connection.close()
    return path


def write_metadata(path: Path, tracks: Sequence[Row] = TRACKS) -> Path:
    """``track_metadata.db``."""
    columns = (
        "track_id text PRIMARY KEY, title text, song_id text, release text, artist_id text, artist_mbid text, "
        "artist_name text, duration real, artist_familiarity real, artist_hotttnesss real, year int"
    )
    rows = [
        (track, title, song, release, artist, MBIDS.get(artist, ""), name, 180.5 + number, 0.25, 0.5, year)
        for number, (track, song, artist, name, title, release, year) in enumerate(tracks)
    ]
    return write_database(path, ("songs", columns, rows))


def write_lists(folder: Path, prefix: str = "", tracks: Sequence[Row] = TRACKS) -> None:
    """The four text lists: tracks, artists, years, places."""
    firsts = {row[2]: row for row in reversed(tracks)}
    lists: dict[str, list[tuple[Any, ...]]] = {
        "unique_tracks.txt": [(t, s, name, title) for t, s, _, name, title, _, _ in tracks],
        "unique_artists.txt": [(a, MBIDS.get(a, ""), t, name) for t, _, a, name, *_ in firsts.values()],
        "tracks_per_year.txt": [(year, t, name, title) for t, _, _, name, title, _, year in tracks if year],
    }
    for name, rows in lists.items():
        write_list(folder / f"{prefix}{name}", rows)
    write_list(folder / "artist_location.txt", [(tracks[0][2], 48.2, 16.37, tracks[0][3], "Wien")])


def write_list(path: Path, rows: Iterable[Sequence[Any]]) -> None:
    """A list with ``<SEP>`` between the fields."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "".join("<SEP>".join(map(str, row)) + "\n" for row in rows), encoding="utf-8", newline="\n"
    )


WORDS = ["i", "the", "love", "hatr"]
#: track -> word -> count
Bags = Mapping[str, Mapping[str, int]]
LYRICS: Bags = {TRACKS[0][0]: {"i": 3, "love": 2}, TRACKS[2][0]: {"the": 1, "hatr": 4}}


def write_lyrics(path: Path, tracks: Iterable[str], end: str = "\n", bags: Bags = LYRICS) -> None:
    """A text file of bags of words."""
    lines = ["# A COMMENT", "%" + ",".join(WORDS)]
    for number, track in enumerate(tracks):
        pairs = [f"{WORDS.index(word) + 1}:{count}" for word, count in bags[track].items()]
        lines.append(",".join([track, str(100 + number), *pairs]))
    path.write_text("\n".join(lines) + end, encoding="utf-8", newline="\n")


def write_lyrics_database(path: Path) -> Path:
    """``mxm_dataset.db``."""
    rows = [
        (track, 100 + number, word, count, number)
        for number, (track, bag) in enumerate(LYRICS.items())
        for word, count in bag.items()
    ]
    return write_database(
        path,
        ("words", "word TEXT PRIMARY KEY", [(word,) for word in WORDS]),
        ("lyrics", "track_id, mxm_tid INT, word TEXT, count INT, is_test INT", rows),
    )


#: track -> tag -> percent
Weights = Mapping[str, Mapping[str, float]]
TAGS: Weights = {
    TRACKS[0][0]: {"Rock": 100.0, "happy": 40.0, "seen live": 0.0},
    TRACKS[2][0]: {"rock": 50.0, "vienna": 100.0},
}
#: track -> similar track -> score
SIMILARS: Weights = {
    TRACKS[0][0]: {TRACKS[2][0]: 0.5, TRACKS[1][0]: 0.25},
    TRACKS[2][0]: {TRACKS[0][0]: 0.75},
}


def write_lastfm_databases(
    folder: Path, rows: Sequence[Row] = TRACKS, tags_of: Weights = TAGS, similars: Weights = SIMILARS
) -> None:
    """``lastfm_tags.db`` and ``lastfm_similars.db``."""
    tags = sorted({tag for found in tags_of.values() for tag in found})
    tracks = sorted({track for track, *_ in rows})
    pairs = [
        (tracks.index(track) + 1, tags.index(tag) + 1, value)
        for track, found in tags_of.items()
        for tag, value in found.items()
    ]
    write_database(
        folder / "lastfm_tags.db",
        ("tids", "tid TEXT", [(track,) for track in tracks]),
        ("tags", "tag TEXT", [(tag,) for tag in tags]),
        ("tid_tag", "tid INT, tag INT, val REAL", pairs),
    )
    lists = [
        (track, ",".join(f"{other},{score}" for other, score in found.items()))
        for track, found in similars.items()
    ]
    write_database(
        folder / "lastfm_similars.db",
        ("similars_src", "tid TEXT, target TEXT", lists),
        ("similars_dest", "tid TEXT, target TEXT", []),
    )


def write_lastfm_tree(folder: Path) -> None:
    """The JSON files of all tracks."""
    for track, _, _, artist, title, *_ in TRACKS:
        path = tree_path(folder, track, ".json")
        path.parent.mkdir(parents=True, exist_ok=True)
        record = {
            "artist": artist,
            "timestamp": "2011-08-02 20:13:25.674526",
            "similars": [[other, score] for other, score in SIMILARS.get(track, {}).items()],
            "tags": [[tag, str(int(value))] for tag, value in TAGS.get(track, {}).items()],
            "track_id": track,
            "title": title,
        }
        path.write_text(json.dumps(record), encoding="utf-8")

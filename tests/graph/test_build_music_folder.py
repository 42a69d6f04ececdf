"""A folder of music files with tags as a graph: every format, what lies beside the files, listens, and hostile files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hetmusic.graph import MusicGraph
from hetmusic.graph.build_report import BuildReport
from hetmusic.graph.raw.readers import _music_tags
from hetmusic.graph.raw.readers._music_tags import read_tags
from hetmusic.graph.raw.readers.music_folder import without_times
from tests.graph.music_collection import FORMATS, MBID, TAGS, build, findings, make_collection, pairs, songs
from tests.graph.music_files import write_music


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_collection(tmp_path_factory.mktemp("music") / "raw")


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format(tmp_path: Path, suffix: str) -> None:
    path = write_music(tmp_path / f"x{suffix}", **TAGS)
    tags = read_tags(path, lambda _: None)
    assert (tags.title, tags.artists, tags.album, tags.album_artist) == (
        "Für Élise",
        ["Anna", "Bob"],
        "First",
        "Anna",
    )
    assert (tags.genres, tags.year, tags.track, tags.disc) == (["Hip-Hop", "Jazz"], 2001, 3, 1)
    assert (tags.lyrics, tags.has_cover, tags.compilation) == ("one\ntwo", True, False)
    assert (tags.recording_mbid, tags.album_mbid) == (f"{MBID}1", f"{MBID}4")
    assert tags.artist_mbids == [f"{MBID}2", f"{MBID}3"]
    assert tags.duration == pytest.approx(0.5, abs=0.1)
    bare = read_tags(write_music(tmp_path / f"bare{suffix}"), lambda _: None)
    assert bare == _music_tags.MusicTags(duration=bare.duration)


@pytest.mark.parametrize("suffix", FORMATS)
def test_odd_tags(tmp_path: Path, suffix: str) -> None:
    """Blanks, a year that is none, more ids than artists, a compilation, lyrics that are far too long."""
    notes: list[str] = []
    odd = {
        "title": "  ",
        "date": "0000",
        "track": "A1",
        "artist_mbid": ["1", "2"],
        "artist": "A",
        "compilation": "1",
    }
    path = write_music(tmp_path / f"x{suffix}", **odd, lyrics="la " * 400_000)
    tags = read_tags(path, notes.append)
    assert (tags.title, tags.year, tags.artist_mbids, tags.compilation, tags.lyrics) == (
        "",
        None,
        [],
        True,
        "",
    )
    assert tags.track is None
    assert notes == ["lyrics of more than 1,048,576 bytes, left out"]


def test_a_collection(collection: Path) -> None:
    graph, report = build(collection)
    found = songs(graph)
    assert {key: row["name"] for key, row in found.items()} == {
        "Anna/First/01.mp3": "Für Élise",
        "Anna/First/02.flac": "Second",
        "Anna/First/03 Third.ogg": "03 Third",
        "Mix/a.m4a": "Mixed",
        "Mix/b.wav": "Mixed too",
        "Mix/c.mp3": "Alone",
    }
    first = found["Anna/First/01.mp3"]
    numbers = {name: first[name] for name in ("year", "track", "disc", "embedded_cover", "recording_mbid")}
    assert numbers == {
        "year": 2001,
        "track": 3,
        "disc": 1,
        "embedded_cover": True,
        "recording_mbid": f"{MBID}1",
    }
    assert first["duration"] == pytest.approx(0.5, abs=0.1)
    assert {key: row["lyrics"] for key, row in found.items() if row["lyrics"]} == {
        "Anna/First/01.mp3": "one\ntwo",
        "Anna/First/02.flac": "schöne Worte",
        "Anna/First/03 Third.ogg": "Hello world\n\nBye",
    }
    cover = "Anna/First/Cover.JPG"
    assert {key: row["cover"] for key, row in found.items()} == {
        key: cover if key.startswith("Anna") else None for key in found
    }
    assert pairs(graph, "sung_by") == {
        ("Anna/First/01.mp3", "Anna"),
        ("Anna/First/01.mp3", "Bob"),
        ("Anna/First/02.flac", "Anna"),
        ("Anna/First/03 Third.ogg", "Anna feat. Bob"),
        ("Mix/a.m4a", "Cleo"),
        ("Mix/b.wav", "Dora"),
    }
    assert pairs(graph, "on_album") == {
        ("Anna/First/01.mp3", "Anna|First"),
        ("Anna/First/02.flac", "Anna|First"),
        ("Mix/a.m4a", "Various Artists|Best Of"),
        ("Mix/b.wav", "Various Artists|Best Of"),
        ("Mix/c.mp3", "Best Of"),
    }
    assert pairs(graph, "released_by") == {("Anna|First", "Anna")}
    assert pairs(graph, "has_genre") == {
        ("Anna/First/01.mp3", "hip hop"),
        ("Anna/First/01.mp3", "jazz"),
        ("Anna/First/02.flac", "jazz"),
        ("Mix/a.m4a", "pop"),
    }
    albums = {row["key"]: (row["name"], row["mbid"]) for row in graph.nodes("album").to_dicts()}
    assert albums["Anna|First"] == ("First", f"{MBID}4")
    mbids = dict(graph.nodes("artist").select("key", "mbid").rows())
    assert (mbids["Anna"], mbids["Bob"], mbids["Cleo"]) == (f"{MBID}2", f"{MBID}3", None)
    assert (graph.meta.interaction, "user" in graph.node_types) == (None, False)
    assert findings(report) == {
        "no title: called by the name of the file": ("repaired", 1, ["Anna/First/03 Third.ogg"]),
        "not UTF-8, read as Windows-1252": ("repaired", 1, ["Anna/First/02.txt"]),
    }


def plain_title(path: Path) -> str | None:
    """The title by looking at the bytes: a frame of ID3v2.2 or ID3v2.3, an ID3v1 block, or a Vorbis comment."""
    data = path.read_bytes()
    if path.suffix == ".ogg":
        comment = re.search(rb"(?i)title=", data[:100_000])
        if comment is None:
            return None
        size = int.from_bytes(data[comment.start() - 4 : comment.start()], "little")
        return data[comment.start() : comment.start() + size].decode().partition("=")[2]
    old = data.startswith(b"ID3\2")
    name, width, skip = (b"TT2", 3, 6) if old else (b"TIT2", 4, 10)
    at = data[:300_000].find(name)
    if data.startswith(b"ID3") and at >= 0:
        size = int.from_bytes(data[at + len(name) : at + len(name) + width], "big")
        content = data[at + skip : at + skip + size]
        encoding = {0: "latin-1", 1: "utf-16", 3: "utf-8"}[content[0]]
        return content[1:].decode(encoding).strip("\0") or None
    return data[-125:-95].decode("latin-1").strip(" \0") or None if data[-128:-125] == b"TAG" else None


def test_real_sound_files(shared_data: Path, tmp_path: Path) -> None:
    raw = shared_data / "ultrastar"
    if not raw.is_dir():
        pytest.skip(f"{raw} is not there")
    graph = MusicGraph.build("music-folder", raw=raw, out=tmp_path / "graph")
    sounds = {
        path.relative_to(raw).as_posix(): path for path in raw.rglob("*") if path.suffix in (".mp3", ".ogg")
    }
    assert len(sounds) == 8
    titles = {key: plain_title(path) for key, path in sounds.items()}
    found = songs(graph)
    assert {key: row["name"] for key, row in found.items()} == {
        key: title or sounds[key].stem for key, title in titles.items()
    }
    report = BuildReport.model_validate(graph.meta.build_report)
    unnamed = report.find("no title: called by the name of the file")
    assert unnamed is not None
    assert unnamed.rows == sum(title is None for title in titles.values()) == 3
    assert all(50 < row["duration"] < 300 for row in found.values())
    assert {row["cover"] for row in found.values()} == {
        f"{Path(key).parent.as_posix()}/cover.jpg" for key in sounds
    }


def test_a_second_build_is_the_same(collection: Path) -> None:
    first, _ = build(collection)
    checksum, files = first.checksum, first.meta.files
    second, _ = build(collection)
    assert (second.checksum, second.meta.files) == (checksum, files)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("[Chorus]\nla la", "[Chorus]\nla la"),
        ("[ti:Song]\n[00:01.50]la\n[01:02.3][02:02]<00:01.0>la <00:02.0>di\n", "la\nla di"),
        ("  plain \n", "plain"),
        ("", ""),
    ],
)
def test_times_of_lyrics_are_left_out(text: str, plain: str) -> None:
    assert without_times(text) == plain

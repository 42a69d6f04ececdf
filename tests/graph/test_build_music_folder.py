"""A folder of music files with tags as a graph: every format, what lies beside the files, listens, and hostile files."""

from __future__ import annotations

import re
import shutil
import struct
from pathlib import Path
from typing import Any

import pytest

from hetmusic.errors import DataError, SchemaError
from hetmusic.graph import MusicGraph
from hetmusic.graph.build_report import BuildReport
from hetmusic.graph.raw.many.parsing import BadFileError
from hetmusic.graph.raw.readers import _music_tags
from hetmusic.graph.raw.readers._music_tags import read_tags
from hetmusic.graph.raw.readers.music_folder import without_times
from tests.graph.music_files import PICTURE, write_music

FORMATS = [".mp3", ".flac", ".ogg", ".m4a", ".wav", ".aiff"]
MBID = "8f3471b5-7e6a-48da-86a9-c1c07a0f47a"
TAGS: dict[str, Any] = {
    "title": "Für Élise ", "artist": ["Anna", "Bob"], "album": "First", "albumartist": "Anna", "genre": ["Hip-Hop", "Jazz"],
    "date": "2001-02-03", "track": "3/12", "disc": "1/2", "lyrics": "one\r\ntwo", "cover": PICTURE,
    "recording_mbid": f"{MBID}1", "artist_mbid": [f"{MBID}2", f"{MBID}3"], "album_mbid": f"{MBID}4",
}  # fmt: skip


def build(raw: Path) -> tuple[MusicGraph, BuildReport]:
    out = raw.parent / f"{raw.name}-graph"
    graph = MusicGraph.build("music-folder", raw=raw, out=out, overwrite=True)
    return graph, BuildReport.model_validate(graph.meta.build_report)


def songs(graph: MusicGraph) -> dict[str, dict[str, Any]]:
    return {row["key"]: row for row in graph.nodes("song").to_dicts()}


def pairs(graph: MusicGraph, relation: str) -> set[tuple[str, str]]:
    (kind,) = (kind for kind in graph.edge_types if kind.relation == relation)
    edges, src, dst = graph.edges(relation), graph.keys(kind.src), graph.keys(kind.dst)
    return {(src[s], dst[d]) for s, d in zip(edges.src, edges.dst, strict=True)}


def findings(report: BuildReport) -> dict[str, tuple[str, int, list[str]]]:
    return {f.reason: (f.action, f.rows, f.examples) for f in report.findings}


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


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    raw = tmp_path_factory.mktemp("music") / "raw"
    write_music(raw / "Anna/First/01.mp3", **TAGS)
    write_music(raw / "Anna/First/02.flac", title="Second", artist="Anna", album="First", genre="jazz")
    write_music(raw / "Anna/First/03 Third.ogg", artist="Anna feat. Bob")
    write_music(
        raw / "Mix/a.m4a", title="Mixed", artist="Cleo", album="Best Of", compilation="1", genre="Pop"
    )
    write_music(
        raw / "Mix/b.wav", title="Mixed too", artist="Dora", album="Best Of", albumartist="various artists"
    )
    write_music(raw / "Mix/c.mp3", title="Alone", album="Best Of")
    (raw / "Anna/First/Cover.JPG").write_bytes(PICTURE)
    (raw / "Anna/First/02.txt").write_bytes("schöne Worte".encode("cp1252"))
    (raw / "Anna/First/01.txt").write_text("not these")
    (raw / "Anna/First/03 Third.lrc").write_text(
        "[ar: Anna]\n[00:01.00]Hello <00:02.00>world\n\n[00:03]Bye\n"
    )
    (raw / "Anna/First/notes.pdf").write_bytes(b"%PDF")
    return raw


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


def test_joined_with_listens_from_elsewhere(collection: Path, tmp_path: Path) -> None:
    """Artists and recordings are those of Last.fm where their MusicBrainz ids are."""
    listens = tmp_path / "lastfm"
    listens.mkdir()
    row = ["user_1", "2009-05-04T23:08:57Z", f"{MBID}2", "ANNA", f"{MBID}1", "Fur Elise"]
    unknown = ["user_1", "2009-05-04T23:08:57Z", "", "Nobody", "", "Nothing"]
    rows = "".join("\t".join(fields) + "\n" for fields in (row, row, unknown))
    (listens / "userid-timestamp-artid-artname-traid-traname.tsv").write_text(rows)
    (listens / "userid-profile.tsv").write_text("#id\tgender\tage\tcountry\tregistered\nuser_1\t\t\t\t\n")
    raw = {"music-folder": collection, "lastfm-1k": listens}
    graph = MusicGraph.build(["music-folder", "lastfm-1k"], raw=raw, out=tmp_path / "graph")
    user, song, artist = (
        f"lastfm-1k/{key}" for key in ("user:user_1", "song:name:Nobody|Nothing", "artist:name:Nobody")
    )
    assert pairs(graph, "likes") == {(user, "Anna/First/01.mp3"), (user, song)}
    assert pairs(graph, "sung_by") >= {("Anna/First/01.mp3", "Anna"), (song, artist)}
    assert f"{MBID}2" not in graph.keys("artist")


LISTENS = "user,path,artist,title,plays,time\n"


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (["me,Anna/First/01.mp3,,,3,"], {("me", "Anna/First/01.mp3"): (3, None)}),
        (["me,Anna\\First\\01.mp3,x,y,,"], {("me", "Anna/First/01.mp3"): (1, None)}),
        (["me,./Mix/../Mix/a.m4a,,,1,"], {("me", "Mix/a.m4a"): (1, None)}),
        (["me,,ANNA,second,2,", "me,,Anna,Second,3,"], {("me", "Anna/First/02.flac"): (5, None)}),
        (["me,,anna,fur elise,,1970-01-02"], {("me", "Anna/First/01.mp3"): (1, 86_400)}),
        (["me,ABSOLUTE/Mix/b.wav,,,4,1970-01-01T00:00:09Z"], {("me", "Mix/b.wav"): (4, 9)}),
    ],
)
def test_listens(collection: Path, tmp_path: Path, rows: list[str], expected: Any) -> None:
    raw = tmp_path / "raw"
    shutil.copytree(collection, raw)
    lines = "".join(f"{row}\n" for row in rows).replace("ABSOLUTE", str(raw.absolute()))
    (raw / "listens.csv").write_text(LISTENS + lines, encoding="utf-8")
    graph, _ = build(raw)
    edges, users, keys = graph.edges("likes"), graph.keys("user"), graph.keys("song")
    assert edges.weight is not None
    assert edges.time is not None
    none = -(2**63)
    rows_of = zip(
        edges.src.tolist(), edges.dst.tolist(), edges.weight.tolist(), edges.time.tolist(), strict=True
    )
    found = {(users[s], keys[d]): (w, None if t in (None, none) else t) for s, d, w, t in rows_of}
    assert found == expected
    assert graph.meta.interaction == "likes"


def test_listens_that_fit_no_file(collection: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    shutil.copytree(collection, raw)
    rows = ["me\tMix/a.m4a", "me\tMix/gone.mp3", "\tMix/a.m4a", "you\t"]
    (raw / "listens.tsv").write_text("user\tpath\n" + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    graph, report = build(raw)
    assert pairs(graph, "likes") == {("me", "Mix/a.m4a")}
    lost = {(f.part, f.reason): (f.rows, f.examples) for f in report.findings if f.file == "listens.tsv"}
    assert lost == {
        ("file", "no song for this ref"): (1, ["Mix/gone.mp3"]),
        ("edges user__likes__song", "blank user"): (1, []),
        ("edges user__likes__song", "blank song"): (2, []),
    }


def test_files_with_one_name(tmp_path: Path) -> None:
    """A listen by name goes to the first of them by path."""
    raw = tmp_path / "raw"
    for name in ("b", "a", "c"):
        write_music(raw / f"{name}.mp3", title="Same", artist="Anna")
    (raw / "listens.csv").write_text("user,artist,title\nme,Anna,Same\nme,anna,SAME\nme,Anna,Same\n")
    graph, _ = build(raw)
    assert pairs(graph, "likes") == {("me", "a.mp3")}
    weight = graph.edges("likes").weight
    assert weight is not None
    assert weight.tolist() == [3]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("path,plays\nx,1\n", "needs `user`, and `path` or .*; of these it has path, plays"),
        ("user,artist\nme,x\n", "needs `user`, and `path` or .*; of these it has user, artist"),
        ("who,what\nme,x\n", "of these it has none"),
        (
            "user,path,plays\nme,Mix/a.m4a,often\n",
            "listens.csv, row 2, field 'plays': 'often' is not a number",
        ),
        ("user,path\nme,a,b\n", "line 2: 3 fields instead of 2"),
        ("", "listens.csv is empty"),
    ],
)
def test_wrong_listens(collection: Path, tmp_path: Path, content: str, message: str) -> None:
    raw = tmp_path / "raw"
    shutil.copytree(collection, raw)
    (raw / "listens.csv").write_text(content)
    with pytest.raises(DataError, match=message):
        build(raw)
    assert not (tmp_path / "raw-graph").exists()


def flac_with(size: int) -> bytes:
    """A FLAC file whose picture says that it has so many bytes."""
    stream = struct.pack(">HH", 4096, 4096) + bytes(6) + struct.pack(">Q", 8000 << 44 | 15 << 36) + bytes(16)
    return b"fLaC" + struct.pack(">I", len(stream)) + stream + struct.pack(">I", 0x86 << 24 | size) + b"abc"


BROKEN = {
    "empty.mp3": b"",
    "text.mp3": b"<html>not found</html>" * 50,
    "zeros.ogg": bytes(5000),
    "cut.flac": b"fLaC\0\0\0\x22" + bytes(10),
    "liar.flac": flac_with(0xFFFFFF),
    "liar.m4a": struct.pack(">I4s", 16, b"ftyp") + b"M4A \0\0\0\0" + struct.pack(">I4s", 0xFFFFFFF0, b"moov"),
    "endless.m4a": struct.pack(">I4s", 16, b"ftyp")
    + b"M4A \0\0\0\0"
    + struct.pack(">I4sQ", 1, b"moov", 1 << 62),
    "tag.wav": b"RIFF\xff\xff\xff\xffWAVEid3 \xff\xff\xff\xffID3\4\0\0\x7f\x7f\x7f\x7f",
}


def test_broken_files_are_counted_and_skipped(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write_music(raw / "good.mp3", title="Good", artist="Anna")
    for name, content in BROKEN.items():
        (raw / name).write_bytes(content)
    outside = write_music(tmp_path / "outside.mp3", title="Secret", artist="Secret")
    (raw / "link.mp3").symlink_to(outside)
    (raw / "cover.jpg").symlink_to(outside)
    (raw / "dead.mp3").symlink_to(raw / "gone.mp3")
    (raw / "._good.mp3").write_bytes(b"resource fork")
    graph, report = build(raw)
    assert [row["name"] for row in songs(graph).values()] == ["Good"]
    assert songs(graph)["good.mp3"]["cover"] is None
    found = findings(report)
    assert found["empty file"] == ("dropped", 1, ["empty.mp3"])
    assert found["file that is damaged, or no music"][:2] == ("dropped", len(BROKEN) - 1)
    assert found["link that leaves the folder"] == ("dropped", 2, ["cover.jpg", "link.mp3"])
    assert found["link to nothing"] == ("dropped", 1, ["dead.mp3"])
    assert len(found) == 4


def test_tags_that_want_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of 20 MB that is all tag; what is read of it is bounded, whatever it says."""
    path = write_music(tmp_path / "x.mp3", title="x", cover=bytes(20_000_000))
    assert read_tags(path, lambda _: None).has_cover
    monkeypatch.setattr(_music_tags, "_MOST", 1_000_000)
    with pytest.raises(BadFileError, match="tags of more than 1,000,000 bytes"):
        read_tags(path, lambda _: None)


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


def test_a_folder_without_music(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "a.txt").write_text("no music")
    with pytest.raises(DataError, match=r"raw holds no sound file \(\.mp3, \.flac, "):
        build(raw)


def test_without_mutagen(collection: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hetmusic.graph.raw.readers.music_folder.find_spec", lambda name: None)
    with pytest.raises(SchemaError, match=r"read by mutagen: pip install 'hetmusic\[music\]'"):
        build(collection)


def test_a_table_that_the_reader_lacks(collection: Path, tmp_path: Path) -> None:
    spec = tmp_path / "x.yaml"
    spec.write_text(
        "name: x\nitem: song\ninteraction: null\nfiles:\n  s: {path: ., reader: music-folder, table: song}\n"
        "nodes:\n  song: [{file: s, key: path}]\n"
    )
    with pytest.raises(DataError, match="no table 'song'; its reader has songs, artists, albums"):
        MusicGraph.build(spec, raw=collection, out=tmp_path / "g")

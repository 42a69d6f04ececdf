"""UltraStar song folders: real songs counted by plain Python, the ways in which such files are written, hostile folders."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hetmusic.errors import DataError
from hetmusic.graph import MusicGraph
from hetmusic.graph.build_report import BuildReport
from hetmusic.graph.raw.readers import _folder
from hetmusic.graph.raw.readers._ultrastar_song import parse
from kg_schema.errors import SchemaError

SONG = "#TITLE:Song\n#ARTIST:Band\n#MP3:audio.mp3\n#COVER:cover.jpg\n#BPM:180\n#GAP:0\n: 0 3 0 La\n: 4 3 0  la\nE\n"


def build(raw: Path) -> tuple[MusicGraph, BuildReport]:
    graph = MusicGraph.build("ultrastar", raw=raw, out=raw.parent / f"{raw.name}-graph", overwrite=True)
    return graph, BuildReport.model_validate(graph.meta.build_report)


def songs(graph: MusicGraph) -> dict[str, dict[str, object]]:
    return {row["key"]: row for row in graph.nodes("song").to_dicts()}


def put(raw: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = raw / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return raw


def findings(report: BuildReport) -> dict[str, tuple[str, int, list[str]]]:
    return {f.reason: (f.action, f.rows, f.examples) for f in report.findings if f.part == "file"}


def plain_words(path: Path) -> list[str]:
    """The sung words by another way: cut each line at its first four blanks."""
    text = ""
    for line in path.read_text("utf-8-sig").splitlines():
        if line.startswith("-"):
            text += " "
        elif line.startswith((":", "*", "F")):
            text += line.split(" ", 4)[4] if line.count(" ") >= 4 else ""
    return text.replace("~", "").split()


def test_the_real_songs(shared_data: Path, tmp_path: Path) -> None:
    raw = shared_data / "ultrastar"
    if not raw.is_dir():
        pytest.skip(f"{raw} is not there")
    graph = MusicGraph.build("ultrastar", raw=raw, out=tmp_path / "graph")
    found = songs(graph)
    folders = sorted(path for path in raw.iterdir() if path.is_dir())
    assert sorted(found) == [f"{folder.name}/song.txt" for folder in folders]
    assert len(folders) == 10
    assert {kind: graph.num_nodes(kind) for kind in graph.node_types} == {"song": 10, "artist": 6, "genre": 3}
    for folder in folders:
        row = found[f"{folder.name}/song.txt"]
        lines = (folder / "song.txt").read_text("utf-8-sig").splitlines()
        headers = dict(line[1:].split(":", 1) for line in lines if line.startswith("#"))
        assert (row["name"], row["language"]) == (headers["TITLE"], headers["LANGUAGE"])
        assert row["bpm"] == float(headers["BPM"].replace(",", "."))
        assert str(row["lyrics"]).split() == plain_words(folder / "song.txt")
        assert str(row["lyrics"]).count("\n") == sum(line.startswith("-") for line in lines)
        sounds = [f for f in folder.iterdir() if f.suffix in (".mp3", ".ogg")]
        assert row["sound"] == (f"{folder.name}/{sounds[0].name}" if sounds else None)
        (cover,) = [f for f in folder.iterdir() if f.suffix in (".jpg", ".png")]
        assert row["cover"] == f"{folder.name}/{cover.name}"
    assert sum(row["sound"] is not None for row in found.values()) == 8
    report = BuildReport.model_validate(graph.meta.build_report)
    versions = ["Shearer - 69/instrumental.txt", "Shearer - Can't stop it/instrumental.txt"]
    assert findings(report) == {"other version of a song": ("merged", 2, versions)}
    assert report.rows == {"*": 10, "* (genres)": 3}
    assert graph.meta.interaction is None


def test_the_real_relations(shared_data: Path, tmp_path: Path) -> None:
    raw = shared_data / "ultrastar"
    if not raw.is_dir():
        pytest.skip(f"{raw} is not there")
    graph = MusicGraph.build("ultrastar", raw=raw, out=tmp_path / "graph")
    edges, names, artists = graph.edges("sung_by"), graph.names("song"), graph.keys("artist")
    sung = {(names[s], artists[d]) for s, d in zip(edges.src, edges.dst, strict=True)}
    assert sorted(artist for title, artist in sung) == sorted(
        ["Jonathan Coulton"] * 4
        + ["Shearer"] * 2
        + ["Dead Smiling Pirates", "Joshua Morin", "Steven Dunston", "Systemabsturz"]
    )
    edges, genres = graph.edges("has_genre"), graph.names("genre")
    assert {(names[s], genres[d]) for s, d in zip(edges.src, edges.dst, strict=True)} == {
        ("I 18", "punk rock"),
        ("Can't stop it", "rock"),
        ("Northern Star", "pop"),
    }


def test_syllables() -> None:
    """By hand: a leading or trailing blank parts words, ``~`` goes on, a break ends the line."""
    song = parse(
        "#TITLE:x\n: 0 1 5 Hel\n: 1 1 5 lo \n* 2 1 5 my\nF 3 1 5  dar\n: 4 2 -6 ~\nR 6 1 0 ling\nG 7 1 0 ~?\n- 9\n"
        ": 10 1 1 Oh\n: 11 1 1\n: 12 1 1  ~\n-12\n- 13 14\n: 15 1 1 Fin~al\nE\n: 20 1 1 nothing\n"
    )
    assert song.lines == ["Hello my darling?", "Oh", "Final"]
    assert (song.parts, song.notes, song.unknown) == (1, 11, 0)


def test_a_duet_is_read_as_it_is_heard() -> None:
    song = parse(
        "#TITLE:x\nP1\n: 0 1 1 One\n- 2\n: 20 1 1 Both\n- 22\nP 2\n: 10 1 1 Two\n- 12\n: 20 1 1 Both\n- 22\n: 20 1 1 But\n"
        "P3\n: 30 1 1 All\nE\n"
    )
    assert song.lines == ["One", "Two", "Both", "But", "All"]
    assert song.parts == 2


def test_beats_of_a_relative_file_count_from_the_line() -> None:
    first = "P1\n: 0 1 1 a\n- 4 8\n: 0 1 1 c\n- 2 9\n: 0 1 1 e\n"
    second = "P2\n: 2 1 1 b\n- 4 10\n: 0 1 1 d\n- 2 8\n: 0 1 1 f\n"
    assert parse(f"#RELATIVE:yes\n{first}{second}E\n").lines == ["a", "b", "c", "d", "e", "f"]


def test_headers() -> None:
    song = parse("\n#Title: My song \n#EMPTY:\n#TITLE:other\n#MY KEY:a:b\n\n: 0 1 1 a\n#LATE:1\nnonsense\n")
    assert song.headers == {"TITLE": "My song", "MY KEY": "a:b"}
    assert song.unknown == 2


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_every_way_of_writing_gives_the_same_graph(tmp_path: Path, encoding: str, newline: str) -> None:
    text = SONG.replace("La", "Für Élise’s").replace("180", "180,5").replace("\n", newline)
    graph, report = build(put(tmp_path / "raw", {"Verdächtig/song.txt": text.encode(encoding)}))
    (row,) = songs(graph).values()
    assert (row["key"], row["lyrics"], row["bpm"]) == ("Verdächtig/song.txt", "Für Élise’s la", 180.5)
    wanted = (
        {"not UTF-8, read as Windows-1252": ("repaired", 1, ["Verdächtig/song.txt"])}
        if encoding == "cp1252"
        else {}
    )
    assert findings(report) == wanted


def test_sounds_and_covers(tmp_path: Path) -> None:
    sound, image = b"sound", b"image"
    named = SONG.replace("audio.mp3", "SUB\\Audio.MP3").replace("cover.jpg", "Cover.JPG")
    files: dict[str, str | bytes] = {
        "case/song.txt": named, "case/sub/audio.mp3": sound, "case/cover.jpg": image,
        "suffix/song.txt": SONG, "suffix/audio.ogg": sound, "suffix/cover.png": image,
        "empty/song.txt": SONG, "empty/audio.mp3": b"", "empty/audio.flac": sound, "empty/cover.jpg": b"",
        "none/song.txt": SONG, "none/other.mp3": sound, "none/folder.jpeg": image,
        "script/song.txt": SONG.replace("audio.mp3", "evil.sh"), "script/evil.sh": "rm",
    }  # fmt: skip
    graph, report = build(put(tmp_path / "raw", files))
    assert {key: (row["sound"], row["cover"]) for key, row in songs(graph).items()} == {
        "case/song.txt": ("case/sub/audio.mp3", "case/cover.jpg"),
        "suffix/song.txt": ("suffix/audio.ogg", "suffix/cover.png"),
        "empty/song.txt": ("empty/audio.flac", None),
        "none/song.txt": (None, "none/folder.jpeg"),
        "script/song.txt": (None, None),
    }
    assert findings(report) == {"empty file": ("dropped", 2, ["empty/audio.mp3", "empty/cover.jpg"])}


def test_versions_of_one_song(tmp_path: Path) -> None:
    """Within a folder only, whatever stands in brackets; a sound that just one of them names is the song's."""
    duet = SONG.replace("Song", "Song [DUET]").replace("audio.mp3", "both.mp3")
    files: dict[str, str | bytes] = {
        "a/z.txt": SONG, "a/duet.txt": duet, "a/both.mp3": b"sound", "a/other.txt": SONG.replace("Song", "(Song)"),
        "b/z.txt": duet,
    }  # fmt: skip
    graph, report = build(put(tmp_path / "raw", files))
    assert {key: (row["name"], row["sound"]) for key, row in songs(graph).items()} == {
        "a/z.txt": ("Song", "a/both.mp3"),
        "a/other.txt": ("(Song)", None),
        "b/z.txt": ("Song [DUET]", None),
    }
    assert findings(report) == {"other version of a song": ("merged", 1, ["a/duet.txt"])}


def test_genres_and_years(tmp_path: Path) -> None:
    text = "#GENRE:Rock, Pop/Soul;Rock\n#YEAR:1999\n" + SONG
    other = "#YEAR:around 1999\n" + SONG
    graph, _ = build(put(tmp_path / "raw", {"a/s.txt": text, "b/s.txt": other}))
    assert graph.keys("genre") == ["pop", "rock", "soul"]
    assert {key: row["year"] for key, row in songs(graph).items()} == {"a/s.txt": 1999, "b/s.txt": None}


def test_files_that_are_no_songs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_folder, "TEXT", 500)
    files: dict[str, str | bytes] = {
        "a/song.txt": SONG, "a/license.txt": "free", "a/._song.txt": SONG, ".git/song.txt": SONG,
        "b/song.txt": "#TITLE:x\n: 0 1 1 a\n", "c/song.txt": SONG + "x" * 500, "d/song.txt": SONG + "\0", "e/empty.txt": "",
        "f/song.txt": SONG.replace(": 4", "what?\n: 4"),
    }  # fmt: skip
    graph, report = build(put(tmp_path / "raw", files))
    assert set(songs(graph)) == {"a/song.txt", "f/song.txt"}
    assert findings(report) == {
        "song without title or artist": ("dropped", 1, ["b/song.txt"]),
        "text of more than 500 bytes": ("dropped", 1, ["c/song.txt"]),
        "no text": ("dropped", 1, ["d/song.txt"]),
        "lines that are no notes were left out": ("repaired", 1, ["f/song.txt"]),
    }


def test_nothing_outside_the_folder_is_read(tmp_path: Path) -> None:
    outside = put(tmp_path / "outside", {"song.txt": SONG.replace("Song", "Secret"), "audio.mp3": b"sound"})
    climbing = SONG.replace("audio.mp3", "../../outside/audio.mp3").replace("cover.jpg", "/etc/hostname")
    raw = put(tmp_path / "raw", {"a/song.txt": climbing, "real/song.txt": SONG.replace("Song", "Inner")})
    (raw / "a" / "secret.txt").symlink_to(outside / "song.txt")
    (raw / "a" / "inner.txt").symlink_to(raw / "real" / "song.txt")
    (raw / "a" / "nothing.txt").symlink_to(raw / "gone.txt")
    (raw / "a" / "round.txt").symlink_to(raw / "a" / "round.txt")
    (raw / "out").symlink_to(outside)
    (raw / "again").symlink_to(raw)
    os.mkfifo(raw / "a" / "pipe.txt")
    graph, report = build(raw)
    assert {key: (row["name"], row["sound"], row["cover"]) for key, row in songs(graph).items()} == {
        "a/song.txt": ("Song", None, None),
        "a/inner.txt": ("Inner", None, None),
        "real/song.txt": ("Inner", None, None),
    }
    assert findings(report) == {
        "link that leaves the folder": ("dropped", 1, ["a/secret.txt"]),
        "link to nothing": ("dropped", 2, ["a/nothing.txt", "a/round.txt"]),
        "link to a folder": ("dropped", 2, ["again", "out"]),
        "not a file": ("dropped", 1, ["a/pipe.txt"]),
    }


def test_names_that_are_no_text(tmp_path: Path) -> None:
    raw = put(tmp_path / "raw", {"a/song.txt": SONG})
    with open(os.fsencode(raw) + b"/a/f\xfcr.txt", "wb") as stream:
        stream.write(SONG.encode())
    graph, report = build(raw)
    assert list(songs(graph)) == ["a/song.txt"]
    assert findings(report) == {"name that is not UTF-8": ("dropped", 1, ["a/f\ufffdr.txt"])}


def test_limits_of_depth_and_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_folder, "DEPTH", 3)
    raw = put(tmp_path / "raw", {"1/2/3/song.txt": SONG, "1/2/3/4/song.txt": SONG})
    graph, report = build(raw)
    assert list(songs(graph)) == ["1/2/3/song.txt"]
    assert findings(report) == {"more than 3 folders deep": ("dropped", 1, ["1/2/3/4"])}
    monkeypatch.setattr(_folder, "FILES", 0)
    with pytest.raises(DataError, match="raw holds more than 0 files"):
        build(raw)


def test_a_folder_without_songs(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"raw holds no UltraStar song \(a text file with #TITLE: and #ARTIST:\)"
    ):
        build(put(tmp_path / "raw", {"a.mp3": b"x", "b.txt": "#TITLE:x\n"}))


def test_a_table_or_column_that_the_reader_lacks(tmp_path: Path) -> None:
    raw = put(tmp_path / "raw", {"a/song.txt": SONG})
    text = "name: x\nitem: song\ninteraction: null\nfiles:\n  s: {path: ., reader: ultrastar, table: TABLE}\n"
    spec = tmp_path / "x.yaml"
    spec.write_text(text.replace("TABLE", "song") + "nodes:\n  song: [{file: s, key: path}]\n")
    with pytest.raises(DataError, match=r"\*: no table 'song'; the reader has songs, genres"):
        MusicGraph.build(spec, raw=raw, out=tmp_path / "g")
    spec.write_text(text.replace("TABLE", "genres") + "nodes:\n  song: [{file: s, key: path, name: title}]\n")
    with pytest.raises(DataError, match="no column 'title'"):
        MusicGraph.build(spec, raw=raw, out=tmp_path / "g")
    spec.write_text(text.replace("TABLE", "songs") + "nodes:\n  song: [{file: s, key: pat}]\n")
    with pytest.raises(
        SchemaError, match=r"reader 'ultrastar' has no column 'pat' \(did you mean 'path'\?\)"
    ):
        MusicGraph.build(spec, raw=raw, out=tmp_path / "g")

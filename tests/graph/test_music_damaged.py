"""Music files that are broken, odd or hostile, and folders without any."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from hetmusic.errors import DataError, SchemaError
from hetmusic.graph import MusicGraph
from hetmusic.graph.raw.many.parsing import BadFileError
from hetmusic.graph.raw.readers import _music_tags
from hetmusic.graph.raw.readers._music_tags import read_tags
from tests.graph.music_collection import build, findings, make_collection, songs
from tests.graph.music_files import write_music


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_collection(tmp_path_factory.mktemp("music") / "raw")


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

"""A folder of tagged music files, and what is looked at in the graph that it becomes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hetmusic.graph import MusicGraph
from hetmusic.graph.build_report import BuildReport
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


def make_collection(raw: Path) -> Path:
    """Six music files, of an album and of a sampler; lyrics and a cover beside them, and what is no music."""
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

"""Small dumps to join: listens of song ids, and what another dump says of the tracks of these songs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hetmusic.graph import MusicGraph
from hetmusic.graph.build_report import BuildReport
from kg_schema.dump import DumpSpec


def song(number: int) -> str:
    """A song id of the Million Song Dataset."""
    return f"SO{number:016d}"


def track(number: int) -> str:
    """A track id of the Million Song Dataset."""
    return f"TR{number:016d}"


def dump(name: str, csv_files: Sequence[str], **changes: Any) -> DumpSpec:
    """A specification of CSV files with headers."""
    there = {file: {"path": f"{file}.csv"} for file in csv_files}
    value = {"name": name, "item": "song", "interaction": None, "files": there}
    return DumpSpec.model_validate(value | changes)


def listens(name: str = "listens", space: str | None = "msd-song", **changes: Any) -> DumpSpec:
    """Users and the songs they played: ``plays.csv`` with ``user``, ``song``, ``plays``."""
    value: dict[str, Any] = {
        "interaction": "likes",
        "nodes": {"user": [{"file": "plays", "key": "user"}], "song": [{"file": "plays", "key": "song"}]},
        "edges": [{"relation": "likes", "file": "plays", "src": "user", "dst": "song", "weight": "plays"}],
        "keys": {} if space is None else {"song": space},
    }
    return dump(name, ["plays"], **(value | changes))


def tracks(name: str = "tracks", **changes: Any) -> DumpSpec:
    """Songs with title and artist, and which track is which song: ``tracks.csv``."""
    value: dict[str, Any] = {
        "nodes": {
            "song": [{"file": "tracks", "key": "song", "name": "title"}],
            "artist": [{"file": "tracks", "key": "artist", "name": "artist_name"}],
        },
        "edges": [{"relation": "sung_by", "file": "tracks", "src": "song", "dst": "artist"}],
        "keys": {"song": "msd-song"},
        "key_maps": [{"file": "tracks", "keys": {"msd-track": "track", "msd-song": "song"}}],
    }
    return dump(name, ["tracks"], **(value | changes))


def genres(name: str = "genres", **changes: Any) -> DumpSpec:
    """Genres by track: ``genres.csv`` with ``track``, ``genre``."""
    value: dict[str, Any] = {
        "nodes": {
            "song": [{"file": "genres", "key": "track"}],
            "genre": [{"file": "genres", "key": "genre"}],
        },
        "edges": [{"relation": "has_genre", "file": "genres", "src": "track", "dst": "genre"}],
        "keys": {"song": "msd-track"},
    }
    return dump(name, ["genres"], **(value | changes))


def write(folder: Path, file: str, *rows: Sequence[Any]) -> None:
    """Write a CSV file, the first row being the header."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{file}.csv").write_text(
        "\n".join(",".join(map(str, row)) for row in rows) + "\n", encoding="utf-8"
    )


def join(
    specs: Sequence[DumpSpec], raw: Mapping[str, Path] | Path, out: Path, **options: Any
) -> tuple[MusicGraph, BuildReport]:
    """Build one graph of several dumps."""
    from hetmusic.graph.build import build_graph

    folders = raw if isinstance(raw, Mapping) else {spec.name: raw for spec in specs}
    report = build_graph(specs, folders, out, **options)
    return MusicGraph.open(out, verify=True), report


def edges(graph: MusicGraph, relation: str, dst: str | None = None) -> dict[tuple[str, str], float | None]:
    """Pairs of original keys with their weights, None where there are none."""
    (edge_type,) = [t for t in graph.edge_types if t.relation == relation and dst in (None, t.dst)]
    found = graph.edges(edge_type)
    src, dst_keys = graph.keys(edge_type.src), graph.keys(edge_type.dst)
    weights = [None] * len(found) if found.weight is None else found.weight.tolist()
    return {(src[s], dst_keys[d]): w for s, d, w in zip(found.src, found.dst, weights, strict=True)}


def listens_and_tracks(raw: Path) -> Path:
    """Listens of songs 1, 2 and 9; tracks of songs 1, 2 (two of them) and 3; genres of tracks, 77 of which is unknown."""
    write(raw, "plays", ["user", "song", "plays"], ["u", song(1), 3], ["u", song(9), 1], ["v", song(2), 2])
    write(
        raw,
        "tracks",
        ["track", "song", "title", "artist", "artist_name"],
        [track(1), song(1), "One", "a", "A"],
        [track(2), song(2), "Two", "a", "A"],
        [track(22), song(2), "Two", "a", "A"],
        [track(3), song(3), "Three", "b", "B"],
    )
    write(
        raw,
        "genres",
        ["track", "genre"],
        [track(1), "Rock"],
        [track(2), "Rap"],
        [track(22), "Rock"],
        [track(77), "Jazz"],
    )
    return raw

"""Tables whose values are padded with blanks or tabs."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from hetmusic.errors import DataError
from hetmusic.graph import MusicGraph
from hetmusic.graph.build_report import BuildReport
from kg_schema.dump import DumpSpec


def spec(**file: Any) -> DumpSpec:
    plays = {"file": "plays"}
    return DumpSpec.model_validate(
        {
            "name": "padded",
            "item": "song",
            "interaction": "likes",
            "files": {"plays": {"path": "plays.csv", **file}},
            "nodes": {
                "user": [{**plays, "key": "user"}],
                "song": [{**plays, "key": "song", "name": "title"}],
            },
            "edges": [{**plays, "relation": "likes", "src": "user", "dst": "song", "weight": "count"}],
        }
    )


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / "raw"
    folder.mkdir()
    rows = [
        "user,song,title,count",
        '"u\t",1,"\tAll of  me\t","\t3"',
        "u, 1 ,\u00a0 ,4",
        "v,2,-\t,5\t",
        "\t,2,x,6",
    ]
    (folder / "plays.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def test_values_are_stripped_before_anything_else_sees_them(raw: Path, tmp_path: Path) -> None:
    """Keys are the same, what is left of blanks is blank, and both ``nulls`` and ``types`` are about what is left."""
    padded = spec(strip=True, nulls=["-"], types={"count": "int"})
    graph = MusicGraph.build(padded, raw=raw, out=tmp_path / "graph")
    assert (graph.keys("user"), graph.keys("song")) == (["u", "v"], ["1", "2"])
    assert graph.names("song") == ["All of  me", "x"]
    edges = graph.edges("likes")
    assert edges.weight is not None
    assert (edges.src.tolist(), edges.dst.tolist(), edges.weight.tolist()) == ([0, 1], [0, 1], [7.0, 5.0])
    report = BuildReport.model_validate(graph.meta.build_report)
    blank = [finding for finding in report.findings if finding.reason == "blank user"]
    assert [(finding.part, finding.first_lines) for finding in blank] == [("edges user__likes__song", [5])]


def test_values_stay_as_they_are_unless_asked(raw: Path, tmp_path: Path) -> None:
    graph = MusicGraph.build(spec(), raw=raw, out=tmp_path / "graph")
    assert graph.keys("user") == ["\t", "u", "u\t", "v"]
    assert graph.keys("song") == [" 1 ", "1", "2"]
    assert graph.names("song") == ["\u00a0 ", "\tAll of  me\t", "-\t"]
    with pytest.raises(
        DataError, match=r"line 2, field 'count': '\\t3' is not a whole number \(2 of 4 rows read\)"
    ):
        MusicGraph.build(spec(types={"count": "int"}), raw=raw, out=tmp_path / "other")


def test_the_songs_of_emomusic(shared_data: Path, tmp_path: Path) -> None:
    """All fields but the ids are padded with tabs, so that no artist would be called like one of another data set."""
    raw = shared_data / "emomusic"
    if not raw.is_dir():
        pytest.skip(f"{raw} is not there")
    with open(raw / "songs_info.csv", encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    songs = {"file": "songs"}
    emomusic = DumpSpec.model_validate(
        {
            "name": "emomusic",
            "item": "song",
            "interaction": None,
            "files": {"songs": {"path": "songs_info.csv", "strip": True, "rows": 744}},
            "nodes": {
                "song": [
                    {**songs, "key": "song_id", "name": "Song title", "attributes": {"file": "file_name"}}
                ],
                "artist": [{**songs, "key": "Artist", "name": "Artist"}],
                "genre": [{**songs, "key": "Genre", "name": "Genre"}],
            },
            "edges": [
                {**songs, "relation": "sung_by", "src": "song_id", "dst": "Artist"},
                {**songs, "relation": "has_genre", "src_type": "song", "src": "song_id", "dst": "Genre"},
            ],
        }
    )
    graph = MusicGraph.build(emomusic, raw=raw, out=tmp_path / "graph")
    assert (graph.num_nodes("song"), graph.num_nodes("artist"), graph.num_nodes("genre")) == (744, 411, 8)
    assert graph.keys("artist") == sorted({row["Artist"].strip() for row in rows})
    assert set(graph.names("genre")) == {row["Genre"].strip() for row in rows}
    nodes = graph.nodes("song")
    assert dict(zip(nodes["key"], nodes["name"], strict=True)) == {
        r["song_id"]: r["Song title"].strip() for r in rows
    }
    assert dict(zip(nodes["key"], nodes["file"], strict=True)) == {
        r["song_id"]: r["file_name"].strip() for r in rows
    }
    assert not graph.meta.build_report["findings"]

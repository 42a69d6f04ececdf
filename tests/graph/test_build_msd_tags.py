"""Genres of tagtraum, and tags and similar tracks of Last.fm, for tracks of the Million Song Dataset."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from pathlib import Path

import pytest

from hetmusic.errors import DataError
from hetmusic.graph import EdgeType, MusicGraph, validate_graph
from hetmusic.graph.build_report import BuildReport
from tests.graph.msd_files import (
    SIMILARS,
    TRACKS,
    tree_path,
    write_database,
    write_lastfm_databases,
    write_lastfm_tree,
)

ONE, TWO, THREE = (row[0] for row in TRACKS)
GENRES = "msd_tagtraum_cd1.cls"


def build(name: str, raw: Path) -> tuple[MusicGraph, BuildReport]:
    graph = MusicGraph.build(name, raw=raw, out=raw.parent / f"{raw.name}-graph", overwrite=True)
    assert validate_graph(graph.path).valid
    return graph, BuildReport.model_validate(graph.meta.build_report)


def weights(graph: MusicGraph, relation: str, dst: str) -> dict[tuple[str, str], float]:
    edge_type = EdgeType("song", relation, dst)
    if edge_type not in graph.edge_types:
        return {}
    edges = graph.edges(edge_type)
    src, to = graph.keys("song"), graph.keys(dst)
    assert edges.weight is not None
    return {(src[s], to[d]): float(w) for s, d, w in zip(edges.src, edges.dst, edges.weight, strict=True)}


def test_two_and_three_columns(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    lines = ["# track\tgenre", f"{ONE}\tPop_Rock", f"{TWO}\tJazz\tVocal", f"{THREE}\tRnB"]
    (tmp_path / "raw" / GENRES).write_text("\n".join(lines) + "\n")
    graph, report = build("tagtraum", tmp_path / "raw")
    assert weights(graph, "has_genre", "genre") == {
        (ONE, "pop rock"): 1, (TWO, "jazz"): 1, (TWO, "vocal"): 1, (THREE, "rnb"): 1,
    }  # fmt: skip
    parents = dict(graph.nodes("genre").select("key", "parent").iter_rows())
    assert parents["vocal"] is None  # no genre of the vocabulary, but one in this list
    assert parents["pop rock"] is not None
    (blank,) = report.findings
    assert (blank.action, blank.reason, blank.rows, blank.first_lines) == ("left out", "blank tag", 2, [2, 4])


def test_four_columns_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / GENRES).write_text(f"{ONE}\tJazz\tPop\tRock\n")
    with pytest.raises(DataError, match=r"cd1\.cls, line 1: 4 fields instead of 3"):
        build("tagtraum", tmp_path / "raw")


def test_the_real_genres(shared_data: Path, tmp_path: Path) -> None:
    path = shared_data / "msd" / GENRES
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    rows = [line.split("\t") for line in path.read_text("ascii").splitlines() if not line.startswith("#")]
    assert len(rows) == 133_676
    assert Counter(map(len, rows)) == {2: 98_149, 3: 35_527}
    names = {"Pop_Rock": "pop rock", "New Age": "new age"}
    wanted = {(row[0], names.get(label, label.lower())): 1.0 for row in rows for label in row[1:]}
    graph = MusicGraph.build("tagtraum", raw=path.parent, out=tmp_path / "graph")
    assert weights(graph, "has_genre", "genre") == wanted
    assert len(wanted) == 169_203
    assert graph.keys("song") == sorted({row[0] for row in rows})
    assert graph.num_nodes("genre") == 13
    (blank,) = BuildReport.model_validate(graph.meta.build_report).findings
    assert (blank.action, blank.reason, blank.rows) == ("left out", "blank tag", 98_149)


TAG_EDGES = {
    "has_genre": ("genre", {(ONE, "rock"): 100.0, (THREE, "rock"): 50.0}),
    "evokes": ("emotion", {(ONE, "happiness"): 40.0}),
    "has_tag": ("tag", {(THREE, "vienna"): 100.0}),
}


def expected_similarities() -> dict[tuple[str, str], float]:
    """Both directions, each with the larger of the two scores."""
    found: dict[tuple[str, str], float] = {}
    for track, others in SIMILARS.items():
        for other, score in others.items():
            for pair in ((track, other), (other, track)):
                found[pair] = max(found.get(pair, 0.0), score)
    return found


@pytest.mark.parametrize("form", ["databases", "files", "both"])
def test_tags_and_similar_tracks(tmp_path: Path, form: str) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    if form in ("databases", "both"):
        write_lastfm_databases(raw)
    if form in ("files", "both"):
        write_lastfm_tree(raw / "lastfm_train")
    graph, report = build("msd-lastfm", raw)
    for relation, (dst, wanted) in TAG_EDGES.items():
        assert weights(graph, relation, dst) == wanted
    assert weights(graph, "similar_to", "song") == expected_similarities()
    assert graph.keys("song") == [ONE, TWO, THREE]
    assert (graph.nodes("song")["name"][2] == "Drei\x19s") == (form != "databases")
    zero = report.find("weight not above 0")
    assert zero is not None
    assert (zero.action, zero.rows) == ("left out", 1)
    emotion = dict(graph.nodes("emotion").select("key", "valence").iter_rows())
    assert emotion["happiness"] > 0


def test_similar_tracks_alone(tmp_path: Path) -> None:
    (tmp_path / "all").mkdir()
    (tmp_path / "raw").mkdir()
    write_lastfm_databases(tmp_path / "all")
    (tmp_path / "all" / "lastfm_similars.db").rename(tmp_path / "raw" / "lastfm_similars.db")
    graph, report = build("msd-lastfm", tmp_path / "raw")
    assert graph.keys("song") == [ONE, THREE]
    assert weights(graph, "similar_to", "song") == {(ONE, THREE): 0.75, (THREE, ONE): 0.75}
    unknown = report.find("unknown song")
    assert unknown is not None
    assert (unknown.action, unknown.rows, unknown.examples) == ("left out", 1, [TWO])


@pytest.mark.parametrize(
    "target", ["TRX", "TRX,0.5,TRY", "TRX,much", "TRX,0.5,,", "TRX,-1", "TRX,nan", "TRX,1e999"]
)
def test_lists_that_are_none(tmp_path: Path, target: str) -> None:
    (tmp_path / "raw").mkdir()
    rows = [(ONE, f"{TWO},0.5"), (TWO, target), (THREE, None)]
    write_database(tmp_path / "raw" / "lastfm_similars.db", ("similars_src", "tid TEXT, target TEXT", rows))
    graph, report = build("msd-lastfm", tmp_path / "raw")
    found = report.find("list that is not of tracks and scores")
    assert found is not None
    assert (found.action, found.rows, found.first_lines, found.examples) == ("dropped", 1, [2], [TWO])
    assert graph.keys("song") == [ONE, THREE] or graph.keys("song") == [ONE]


def test_json_that_is_something_else(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write_lastfm_tree(raw / "lastfm")
    bad = {
        "cut.json": '{"track_id": "TRX", "tags": [["a", "1',
        "list.json": "[]",
        "other.json": '{"name": "x"}',
        "binary.json": "\x00\x01",
        "deep.json": "[" * 200_000,
    }
    for name, content in bad.items():
        (raw / "lastfm" / name).write_text(content)
    odd = {
        "track_id": TWO,
        "tags": [["fine", "3"], ["x"], ["y", "many"], [7, "1"], ["z", True]],
        "similars": "none",
    }
    tree_path(raw / "lastfm", TWO, ".json").write_text(json.dumps(odd))
    graph, report = build("msd-lastfm", raw)
    assert graph.keys("song") == [ONE, TWO, THREE]
    assert weights(graph, "has_tag", "tag") == {(THREE, "vienna"): 100.0, (TWO, "fine"): 3.0}
    dropped = {finding.reason: finding for finding in report.findings if finding.action == "dropped"}
    assert len(dropped) == sum(finding.action == "dropped" for finding in report.findings), (
        "counted for one table"
    )
    assert {reason: finding.rows for reason, finding in dropped.items()} == {
        "no JSON, or cut off": 3, "JSON, but no object": 1, "file without a track id": 1,
    }  # fmt: skip
    assert dropped["no JSON, or cut off"].examples == ["binary.json", "cut.json", "deep.json"]
    repaired = {finding.reason for finding in report.findings if finding.action == "repaired"}
    assert repaired == {
        "entry of tags that is no pair of a text and a number, left out",
        "similars that are no list, left out",
    }


def test_a_list_that_is_computed_is_refused(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    path = write_database(tmp_path / "raw" / "lastfm_similars.db", ("other", "tid TEXT", [("TRX",)]))
    endless = (
        "WITH RECURSIVE n(tid) AS (SELECT 1 UNION ALL SELECT tid + 1 FROM n) SELECT tid, '' AS target FROM n"
    )
    for statement, message in (
        (f"CREATE VIEW similars_src AS {endless}", "'similars_src' is not a plain table"),
        ("DROP VIEW similars_src", "no table 'similars_src'; the database has 'other'"),
    ):
        connection = sqlite3.connect(path)
        connection.execute(statement)
        connection.commit()
        connection.close()
        with pytest.raises(DataError, match=message):
            build("msd-lastfm", tmp_path / "raw")


@pytest.mark.parametrize("name", ["lastfm_tags.db", "lastfm_similars.db"])
def test_files_that_are_no_databases(tmp_path: Path, name: str) -> None:
    (tmp_path / "raw").mkdir()
    write_lastfm_databases(tmp_path / "raw")
    path = tmp_path / "raw" / name
    whole = path.read_bytes()
    for content, message in (
        (b"TRX,0.5", f"{name} is not an SQLite database"),
        (b"", f"{name} is empty"),
        (whole[:100] + b"\xff" * (len(whole) - 100), f"{name} cannot be read as an SQLite database"),
    ):
        path.write_bytes(content)
        with pytest.raises(DataError, match=message):
            build("msd-lastfm", tmp_path / "raw")
    assert not (tmp_path / "raw-graph").exists()

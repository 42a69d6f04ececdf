"""Opening a graph: what it gives, and what damage it notices."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from hetmusic.errors import GraphFormatError, UnknownKeyError
from hetmusic.graph import Edges, EdgeType, GraphWriter, MusicGraph
from tests.graphs import EVOKES, FRIENDS, HAS_GENRE, LIKES, make_graph

ROWS = [(0, 2, 3.0), (0, 0, 1.0), (1, 1, 2.0), (2, 2, 7.0)]
TAGS = [(0, 0, "genre", 0), (1, 0, "genre", 0), (1, 2, "genre", 1), (2, 3, "emotion", 0)]


@pytest.fixture
def graph(tmp_path: Path) -> MusicGraph:
    return make_graph(tmp_path / "g", ROWS, artists=5, friends=[(2, 0), (0, 1)], tags=TAGS)


def _pairs(edges: Edges) -> list[tuple[int, int]]:
    return list(zip(edges.src.tolist(), edges.dst.tolist(), strict=True))


def _edit(graph: MusicGraph, change: Callable[[dict[str, Any]], object]) -> None:
    path = graph.path / "graph.json"
    meta = json.loads(path.read_text())
    change(meta)
    path.write_text(json.dumps(meta))


def test_types_and_counts(graph: MusicGraph) -> None:
    assert graph.node_types == ["artist", "emotion", "genre", "user"]
    assert graph.edge_types == [EVOKES, HAS_GENRE, FRIENDS, LIKES]
    assert graph.interaction == LIKES
    assert (graph.item_type, graph.user_type) == ("artist", "user")
    assert (graph.num_nodes("artist"), graph.num_edges("likes"), graph.num_edges("friends")) == (5, 4, 2)
    assert "5 artist" in repr(graph)


def test_interactions_are_sorted(graph: MusicGraph) -> None:
    edges = graph.interactions
    assert _pairs(edges) == [(0, 0), (0, 2), (1, 1), (2, 2)]
    assert edges.weight is not None
    assert edges.weight.tolist() == [1.0, 3.0, 2.0, 7.0]
    assert edges.src.dtype == edges.dst.dtype == np.int32
    assert edges.weight.dtype == np.float32


def test_symmetric_relation_has_both_directions(graph: MusicGraph) -> None:
    assert _pairs(graph.edges("friends")) == [(0, 1), (0, 2), (1, 0), (2, 0)]


def test_tag_relations_count_distinct_users(graph: MusicGraph) -> None:
    edges = graph.edges(HAS_GENRE)
    assert _pairs(edges) == [(0, 0), (2, 1)]
    assert edges.weight is not None
    assert edges.weight.tolist() == [2.0, 1.0]
    assert graph.num_edges(HAS_GENRE) == 2


def test_stored_and_assigned_tags_add_up(tmp_path: Path) -> None:
    with GraphWriter(tmp_path / "g") as writer:
        for node_type, keys in (("user", ["u"]), ("artist", ["a", "b"]), ("genre", ["x", "y"])):
            writer.nodes(node_type, pl.DataFrame({"key": keys}))
        writer.edges(LIKES, pl.DataFrame({"src": [0], "dst": [0]}))
        writer.edges(HAS_GENRE, pl.DataFrame({"src": [0, 1], "dst": [0, 1], "weight": [5.0, 2.0]}))
        writer.assignments(
            pl.DataFrame({"user": [0, 0], "item": [0, 0], "kind": ["genre"] * 2, "tag": [0, 1]})
        )
        writer.finish(name="g", item="artist", interaction="likes")
    edges = MusicGraph.open(tmp_path / "g").edges(HAS_GENRE)
    assert _pairs(edges) == [(0, 0), (0, 1), (1, 1)]
    assert edges.weight is not None
    assert edges.weight.tolist() == [6.0, 1.0, 2.0]


@pytest.mark.parametrize(
    "name", ["genre_of", "genre__genre_of__artist", EdgeType("genre", "genre_of", "artist")]
)
def test_inverse_relation_by_any_name(graph: MusicGraph, name: str | EdgeType) -> None:
    assert _pairs(graph.edges(name)) == [(0, 0), (1, 2)]


def test_unknown_relation(graph: MusicGraph) -> None:
    with pytest.raises(UnknownKeyError, match=r"no relation 'lieks' \(did you mean 'likes'\?\)"):
        graph.edges("lieks")


def test_bare_name_of_several_relations(tmp_path: Path) -> None:
    album = EdgeType("user", "likes", "album")
    with GraphWriter(tmp_path / "g") as writer:
        for node_type in ("user", "artist", "album"):
            writer.nodes(node_type, pl.DataFrame({"key": ["x"]}))
        for edge_type in (LIKES, album):
            writer.edges(edge_type, pl.DataFrame({"src": [0], "dst": [0]}))
        writer.finish(name="g", item="album", interaction="likes")
    graph = MusicGraph.open(tmp_path / "g")
    assert graph.interaction == album
    with pytest.raises(
        UnknownKeyError, match="several relations 'likes': user__likes__album, user__likes__artist"
    ):
        graph.edges("likes")


def test_relations_with_inverses(graph: MusicGraph) -> None:
    relations = graph.relations()
    assert EdgeType("artist", "liked_by", "user") in relations
    assert [t for t in relations if t.relation == "friends"] == [FRIENDS]
    assert set(graph.relations(include_inverses=False)) == set(graph.edge_types)


def test_missing_time_is_before_everything(tmp_path: Path) -> None:
    rows = [(0, 0, 1.0, 5), (0, 1, 1.0, None)]
    edges = make_graph(tmp_path / "g", rows).interactions
    assert edges.time is not None
    assert edges.time.tolist() == [5, np.iinfo(np.int64).min]


def test_keys_and_names(graph: MusicGraph) -> None:
    assert graph.keys("artist") == ["a0", "a1", "a2", "a3", "a4"]
    assert graph.names("artist") == ["Artist 0", "Artist 1", "Artist 2", "Artist 3", "a4"]
    assert graph.index_of("artist", ["a3", "a0", "a3"]).tolist() == [3, 0, 3]
    assert graph.index_of("artist", []).tolist() == []
    assert graph.index_of("artist", ["a1"]).dtype == np.int32
    assert graph.find("artist", pl.Series(["a1", "nobody"])).tolist() == [1, -1]


def test_unknown_keys(graph: MusicGraph) -> None:
    with pytest.raises(UnknownKeyError, match=r"2 of 3 artist keys .* first: 'a33' \(did you mean 'a3'\?\)"):
        graph.index_of("artist", ["a0", "a33", "zzz"])
    with pytest.raises(UnknownKeyError, match=r"no node type 'artists' \(did you mean 'artist'\?\)"):
        graph.num_nodes("artists")
    with pytest.raises(TypeError, match="not one string"):
        graph.index_of("artist", "a1")


def test_heterograph(graph: MusicGraph) -> None:
    hg = graph.heterograph()
    assert hg.num_nodes("artist") == 5
    assert set(hg.canonical_etypes) == {tuple(t) for t in graph.relations()}
    assert str(hg.idtype) == "torch.int32"
    src, dst = hg.edges(etype=("artist", "liked_by", "user"))
    assert list(zip(src.tolist(), dst.tolist(), strict=True)) == [(0, 0), (2, 0), (1, 1), (2, 2)]
    weight = hg.edges["user", "likes", "artist"].data["weight"]
    assert (weight.tolist(), str(weight.dtype)) == ([1.0, 3.0, 2.0, 7.0], "torch.float32")
    assert "weight" not in hg.edges["user", "friends", "user"].data


def test_heterograph_has_types_without_edges(tmp_path: Path) -> None:
    with GraphWriter(tmp_path / "g") as writer:
        for node_type in ("user", "artist", "album"):
            writer.nodes(node_type, pl.DataFrame({"key": ["x", "y"]}))
        writer.edges(LIKES, pl.DataFrame({"src": [0], "dst": [1], "time": [2**40]}))
        writer.finish(name="g", item="artist", interaction="likes")
    hg = MusicGraph.open(tmp_path / "g").heterograph()
    assert hg.num_nodes("album") == 2
    assert hg.edges["likes"].data["time"].tolist() == [2**40]


def test_build_is_lazy() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from hetmusic.graph import MusicGraph, TrainingView, check_leakage, Split;"
        "sys.exit(any(name in sys.modules for name in ('torch', 'dgl')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.update(format_version=2), r"graph.json: field format_version is 2, newer than the 1"),
        (lambda m: m.update(format_version="1"), "field format_version is missing or not a positive number"),
        (lambda m: m.pop("format_version"), "field format_version is missing"),
        (
            lambda m: m.update(intraction="likes"),
            r"unknown field 'intraction' \(did you mean 'interaction'\?\)",
        ),
        (lambda m: m["counts"].update(hyperedges=3), "unknown field 'counts.hyperedges'"),
        (lambda m: m.pop("item"), "field 'item'"),
        (lambda m: m.update(item="song"), "field 'item' names 'song'"),
        (lambda m: m.update(interaction="plays"), "field 'interaction': no 'plays' edges"),
        (lambda m: m["relations"].pop("likes"), "field 'relations' lacks 'likes'"),
        (lambda m: m["counts"]["nodes"].pop("user"), "no node type 'user'"),
        (lambda m: m["counts"]["nodes"].update(user="many"), "field 'counts.nodes.user'"),
        (lambda m: m["counts"]["edges"].update(likes=1), "'likes' is not of the form"),
        (lambda m: m["counts"]["assignments"].update(mood=1), "field 'counts.assignments.mood'"),
        (lambda m: m["files"].update({"nodes/x.parquet": "0"}), "x.parquet is missing although"),
    ],
)
def test_refuses_graph_json(
    graph: MusicGraph, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    _edit(graph, change)
    with pytest.raises(GraphFormatError, match=message) as caught:
        MusicGraph.open(graph.path)
    assert str(graph.path) in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[1]", "\x00"])
def test_refuses_what_is_no_json(graph: MusicGraph, text: str) -> None:
    (graph.path / "graph.json").write_text(text)
    with pytest.raises(GraphFormatError, match=r"graph\.json"):
        MusicGraph.open(graph.path)


def test_refuses_what_is_no_graph(tmp_path: Path) -> None:
    with pytest.raises(GraphFormatError, match="no such folder"):
        MusicGraph.open(tmp_path / "nowhere")
    with pytest.raises(GraphFormatError, match=r"graph\.json is missing"):
        MusicGraph.open(tmp_path)


@pytest.mark.parametrize("name", ["nodes/user", "edges/user__likes__artist", "assignments/tags"])
def test_missing_file(graph: MusicGraph, name: str) -> None:
    (graph.path / f"{name}.parquet").unlink()
    with pytest.raises(GraphFormatError, match=rf"{name}\.parquet is missing"):
        MusicGraph.open(graph.path)


def _touch_everything(graph: MusicGraph) -> None:
    for node_type in graph.node_types:
        graph.names(node_type)
    graph.relations()


@pytest.mark.parametrize("name", ["nodes/artist", "edges/user__likes__artist", "assignments/tags"])
def test_truncated_parquet(graph: MusicGraph, name: str) -> None:
    path = graph.path / f"{name}.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(GraphFormatError, match=rf"{name}\.parquet is damaged"):
        _touch_everything(MusicGraph.open(graph.path))


def test_any_damage_is_noticed_when_verifying_and_never_crashes(graph: MusicGraph) -> None:
    path = graph.path / "edges/user__likes__artist.parquet"
    good = path.read_bytes()
    rng = random.Random(0)
    for _ in range(150):
        bad = bytearray(good)
        bad[rng.randrange(len(bad))] ^= 1 << rng.randrange(8)
        path.write_bytes(bad)
        try:
            MusicGraph.open(graph.path).interactions  # noqa: B018 - either fine or a clear error
        except GraphFormatError as error:
            assert "user__likes__artist.parquet" in str(error)  # noqa: PT017
        with pytest.raises(GraphFormatError, match="has changed"):
            MusicGraph.open(graph.path, verify=True)


@pytest.mark.parametrize(
    ("name", "table", "message"),
    [
        ("edges/user__friends__user", {"src": [0], "dst": [1]}, "has 1 rows, but graph.json says 2"),
        (
            "edges/user__friends__user",
            {"src": [0, 0], "dst": [1, 9]},
            "1 values of column 'dst' name no user",
        ),
        (
            "edges/user__friends__user",
            {"src": [0, 0], "dst": [1, -1]},
            "the first is -1, and there are 3 nodes",
        ),
        ("edges/user__friends__user", {"src": [0, 0], "dst": [2, 1]}, "not sorted"),
        ("edges/user__friends__user", {"src": [0, 0], "dst": [1, 1]}, "repeated"),
        ("edges/user__friends__user", {"src": [0, 0], "dst": [None, 1]}, "column 'dst' has 1 empty values"),
        ("edges/user__friends__user", {"src": [0, 0], "to": [1, 2]}, "no column 'dst'"),
        ("nodes/genre", {"key": ["x", "y"]}, "no column 'name'"),
        ("nodes/genre", {"key": ["x", None], "name": ["x", "y"]}, "column 'key' has 1 empty values"),
    ],
)
def test_refuses_tables(graph: MusicGraph, name: str, table: dict[str, list[Any]], message: str) -> None:
    frame = pl.DataFrame(table, schema_overrides={c: pl.Int32 for c in ("src", "dst", "to") if c in table})
    frame.write_parquet(graph.path / f"{name}.parquet")
    with pytest.raises(GraphFormatError, match=message):
        _touch_everything(MusicGraph.open(graph.path))


def test_refuses_wrong_column_type(graph: MusicGraph) -> None:
    path = graph.path / "edges/user__friends__user.parquet"
    pl.read_parquet(path).with_columns(pl.col("src").cast(pl.Int64)).write_parquet(path)
    with pytest.raises(GraphFormatError, match="column 'src' is Int64, not Int32"):
        _touch_everything(MusicGraph.open(graph.path))


def test_refuses_assignments_of_other_kinds(graph: MusicGraph) -> None:
    path = graph.path / "assignments/tags.parquet"
    pl.read_parquet(path).with_columns(kind=pl.lit("genre")).write_parquet(path)
    with pytest.raises(GraphFormatError, match="rows by kind"):
        _touch_everything(MusicGraph.open(graph.path))

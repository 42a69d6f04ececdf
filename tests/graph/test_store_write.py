"""What GraphWriter writes, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hetmusic.errors import DataError, UserError
from hetmusic.graph import GraphWriter, MusicGraph
from hetmusic.graph.writer import sort_nodes
from tests.graphs import FRIENDS, HAS_GENRE, LIKES, make_graph

ROWS = [(0, 2, 3.0, 30), (0, 0, 1.0, 10), (1, 1, 2.0, 20)]


def _nodes(*keys: str) -> pl.DataFrame:
    return pl.DataFrame({"key": keys}, schema={"key": pl.String})


def _pairs(*pairs: tuple[Any, ...]) -> pl.DataFrame:
    columns = ["src", "dst", "weight"][: len(pairs[0])]
    return pl.DataFrame(list(pairs), schema=columns, orient="row")


def _write(folder: Path, change: Callable[[GraphWriter], object]) -> None:
    with GraphWriter(folder) as writer:
        writer.nodes("user", _nodes("u0", "u1"))
        writer.nodes("artist", _nodes("a0", "a1"))
        writer.nodes("genre", _nodes("rock"))
        change(writer)
        writer.finish(name="g", item="artist", interaction="likes")


def test_writes_the_documented_files(tmp_path: Path) -> None:
    make_graph(tmp_path / "g", ROWS, friends=[(1, 0)], tags=[(0, 0, "genre", 0)])
    files = {str(path.relative_to(tmp_path / "g")) for path in (tmp_path / "g").rglob("*") if path.is_file()}
    assert files == {
        "graph.json",
        "nodes/user.parquet",
        "nodes/artist.parquet",
        "nodes/genre.parquet",
        "edges/user__likes__artist.parquet",
        "edges/user__friends__user.parquet",
        "assignments/tags.parquet",
    }
    meta = json.loads((tmp_path / "g" / "graph.json").read_text())
    assert set(meta["files"]) == files - {"graph.json"}
    assert meta["counts"] == {
        "nodes": {"user": 2, "artist": 3, "genre": 1},
        "edges": {"user__likes__artist": 3, "user__friends__user": 1},
        "assignments": {"genre": 1},
    }


def test_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    first = make_graph(tmp_path / "one", ROWS, friends=[(0, 1)], tags=[(0, 0, "genre", 0), (1, 0, "tag", 1)])
    second = make_graph(
        tmp_path / "two", ROWS[::-1], friends=[(1, 0)], tags=[(1, 0, "tag", 1), (0, 0, "genre", 0)]
    )
    for path in first.path.rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (second.path / path.relative_to(first.path)).read_bytes(), path.name


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        _write(tmp_path / "g", lambda writer: 1 // 0)
    assert list(tmp_path.iterdir()) == []


def test_forgetting_finish_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="finish"), GraphWriter(tmp_path / "g") as writer:
        writer.nodes("user", _nodes("u0"))
    assert list(tmp_path.iterdir()) == []


def test_existing_folder_needs_overwrite(tmp_path: Path) -> None:
    make_graph(tmp_path / "g", ROWS)
    with pytest.raises(UserError, match="already exists"):
        make_graph(tmp_path / "g", ROWS)
    assert make_graph(tmp_path / "g", ROWS[:1], overwrite=True).num_edges("likes") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["g"]


def test_a_failed_overwrite_keeps_the_old_graph(tmp_path: Path) -> None:
    make_graph(tmp_path / "g", ROWS)
    with pytest.raises(DataError), GraphWriter(tmp_path / "g", overwrite=True) as writer:
        writer.nodes("user", _nodes("twice", "twice"))
    assert MusicGraph.open(tmp_path / "g", verify=True).num_edges("likes") == 3


def test_overwrite_spares_what_is_no_graph(tmp_path: Path) -> None:
    (tmp_path / "music").mkdir()
    (tmp_path / "music" / "song.mp3").write_text("precious")
    with pytest.raises(DataError, match="not a graph folder"):
        GraphWriter(tmp_path / "music", overwrite=True)
    assert (tmp_path / "music" / "song.mp3").read_text() == "precious"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: w.nodes("user", _nodes("x", "y", "x")), "2 rows share a key, the first is 'x'"),
        (lambda w: w.nodes("user", pl.DataFrame({"key": ["x", None]})), "1 of 2 nodes have no key"),
        (lambda w: w.nodes("My Type", _nodes("x")), "'My Type' must be lower-case"),
        (lambda w: w.edges(LIKES, _pairs((0, 1), (0, 1), (1, 1))), "1 of 3 rows repeat a pair"),
        (lambda w: w.edges(LIKES, _pairs((0, 2))), "artist 2 does not exist, there are 2 nodes"),
        (lambda w: w.edges(LIKES, _pairs((-1, 0))), "user -1 does not exist"),
        (lambda w: w.edges(LIKES, _pairs((0, 0, float("nan")))), "1 of 1 weights are NaN"),
        (lambda w: w.edges(LIKES, _pairs((0, 0, None))), "1 of 1 rows have no weight"),
        (
            lambda w: w.edges(LIKES, pl.DataFrame({"src": [0], "dst": [0], "color": [1]})),
            "unknown column 'color'",
        ),
        (lambda w: w.edges(FRIENDS, _pairs((1, 0))), "1 rows of a symmetric relation do not have src < dst"),
        (lambda w: w.edges(FRIENDS, _pairs((1, 1))), "do not have src < dst"),
        (lambda w: w.edges(FRIENDS._replace(dst="mayor"), _pairs((0, 1))), "no node type 'mayor'"),
        (lambda w: None, "no 'likes' edges towards 'artist'"),
        (
            lambda w: w.assignments(pl.DataFrame({"user": [0], "item": [0], "kind": ["mood"], "tag": [0]})),
            "unknown kind 'mood'",
        ),
        (
            lambda w: w.assignments(pl.DataFrame({"user": [0], "item": [9], "kind": ["genre"], "tag": [0]})),
            "artist 9 does not exist",
        ),
        (
            lambda w: w.assignments(pl.DataFrame({"user": [0], "item": [0], "kind": ["genre"], "tag": [1]})),
            "genre 1 does not exist",
        ),
    ],
)
def test_refuses(tmp_path: Path, change: Callable[[GraphWriter], object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        _write(tmp_path / "g", change)
    assert list(tmp_path.iterdir()) == []


def test_unknown_relation_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has_gnere"):
        _write(tmp_path / "g", lambda w: w.edges(HAS_GENRE._replace(relation="has_gnere"), _pairs((0, 0))))


def test_repeated_assignments_count_once_with_the_earliest_time(tmp_path: Path) -> None:
    rows = {"user": [0, 0, 1], "item": [0, 0, 0], "kind": ["genre"] * 3, "tag": [0] * 3, "time": [9, 5, None]}

    def change(writer: GraphWriter) -> None:
        writer.edges(LIKES, _pairs((0, 0)))
        writer.assignments(pl.DataFrame(rows))

    _write(tmp_path / "g", change)
    graph = MusicGraph.open(tmp_path / "g")
    assert graph.tag_assignments is not None
    assert graph.tag_assignments["time"].to_list() == [5, None]
    weight = graph.edges(HAS_GENRE).weight
    assert weight is not None
    assert weight.tolist() == [2.0]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (["10", "9", "007", "7"], ["007", "7", "9", "10"]),
        (["10", "9", "b"], ["10", "9", "b"]),
        (["123456789012345678901234567890", "2"], ["2", "123456789012345678901234567890"]),
        (["é", "z", "a"], ["a", "z", "é"]),
        ([], []),
    ],
)
def test_sort_nodes(keys: list[str], expected: list[str]) -> None:
    assert sort_nodes(_nodes(*keys))["key"].to_list() == expected


@settings(max_examples=30, deadline=None)
@given(
    likes=st.dictionaries(
        st.tuples(st.integers(0, 6), st.integers(0, 6)),
        st.tuples(st.floats(-1e6, 1e6, width=32), st.integers(-(2**62), 2**62)),
        min_size=1,
    ),
    friends=st.sets(st.tuples(st.integers(0, 6), st.integers(0, 6))),
)
def test_round_trip(
    tmp_path_factory: pytest.TempPathFactory,
    likes: dict[tuple[int, int], tuple[float, int]],
    friends: set[tuple[int, int]],
) -> None:
    folder = tmp_path_factory.mktemp("graph") / "g"
    rows = [(*pair, *values) for pair, values in likes.items()]
    friends = {pair for pair in friends if pair[0] != pair[1]}
    graph = make_graph(folder, rows, users=7, artists=7, friends=sorted(friends))
    found = MusicGraph.open(graph.path, verify=True).interactions
    assert found.weight is not None
    assert found.time is not None
    columns = zip(*(a.tolist() for a in (found.src, found.dst, found.weight, found.time)), strict=True)
    assert list(columns) == sorted(rows)
    if friends:
        both = graph.edges("friends")
        pairs = list(zip(both.src.tolist(), both.dst.tolist(), strict=True))
        assert pairs == sorted(friends | {(b, a) for a, b in friends})

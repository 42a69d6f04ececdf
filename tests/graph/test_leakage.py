"""The check must see a leak that somebody planted."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hetmusic.graph import Edges, EdgeType, GraphWriter, MusicGraph, Split, TrainingView, check_leakage
from hetmusic.graph.splits import TEST, TRAIN, VALID
from tests.graphs import FRIENDS, HAS_GENRE, LIKES, make_graph

LIKED_BY = EdgeType("artist", "liked_by", "user")
GENRE_OF = EdgeType("genre", "genre_of", "artist")


@pytest.fixture
def graph(tmp_path: Path) -> MusicGraph:
    tags = [(0, 0, "genre", 0), (1, 0, "genre", 0), (0, 1, "genre", 1)]
    return make_graph(tmp_path / "g", [(0, 0), (0, 1), (1, 0), (1, 1)], friends=[(0, 1)], tags=tags)


@pytest.fixture
def split(graph: MusicGraph) -> Split:
    # held out are (0, 1), whose user calls artist 1 genre 1, and (1, 0), whose user calls artist 0 genre 0
    return Split(graph.interactions, np.array([TRAIN, VALID, TEST, TRAIN], np.uint8))


@pytest.fixture
def relations(graph: MusicGraph, split: Split) -> dict[EdgeType, Edges]:
    return TrainingView(graph, split).relations()


def _edges(pairs: list[tuple[int, int]], weight: list[float] | None = None) -> Edges:
    ends = np.array(pairs, np.int32).reshape(-1, 2)
    return Edges(ends[:, 0], ends[:, 1], None if weight is None else np.array(weight, np.float32))


def test_clean(graph: MusicGraph, split: Split, relations: dict[EdgeType, Edges]) -> None:
    report = check_leakage(relations, graph, split)
    assert report.clean
    assert report.held_out == 2
    assert set(report.counts) == {str(t) for t in (LIKES, LIKED_BY, HAS_GENRE, GENRE_OF)}
    assert str(report) == "no leakage: 2 held-out pairs looked for in 4 relations"
    assert check_leakage(TrainingView(graph, split), graph, split) == report


def test_the_whole_graph_leaks_everywhere(graph: MusicGraph, split: Split) -> None:
    report = check_leakage(graph.relations(), graph, split)
    assert not report.clean
    assert report.counts == {str(t): 2 for t in (LIKES, LIKED_BY, HAS_GENRE, GENRE_OF)}
    assert "user__likes__artist: 2" in str(report)
    assert json.loads(json.dumps(report.to_dict()))["clean"] is False


@pytest.mark.parametrize(
    ("edge_type", "planted"),
    [
        (LIKES, _edges([(0, 0), (0, 1)])),
        (LIKED_BY, _edges([(0, 1)])),
        (EdgeType("user", "clicked", "artist"), _edges([(1, 0)])),
        (HAS_GENRE, _edges([(0, 0)], [2.0])),
        (HAS_GENRE, _edges([(0, 0), (1, 1)], [1.0, 1.0])),
        (HAS_GENRE, _edges([(1, 1)])),
        (GENRE_OF, _edges([(1, 1)], [1.0])),
    ],
)
def test_one_planted_leak(
    graph: MusicGraph, split: Split, relations: dict[EdgeType, Edges], edge_type: EdgeType, planted: Edges
) -> None:
    report = check_leakage({**relations, edge_type: planted}, graph, split)
    assert {name: count for name, count in report.counts.items() if count} == {str(edge_type): 1}


def test_fewer_edges_are_no_leak(graph: MusicGraph, split: Split, relations: dict[EdgeType, Edges]) -> None:
    fewer = {**relations, HAS_GENRE: _edges([], []), LIKES: _edges([]), FRIENDS: _edges([])}
    assert check_leakage(fewer, graph, split).clean


def test_a_view_of_another_split_is_caught(graph: MusicGraph, split: Split) -> None:
    other = Split(graph.interactions, np.array([TEST, TRAIN, TRAIN, VALID], np.uint8))
    report = check_leakage(TrainingView(graph, other), graph, split)
    assert report.counts[str(LIKES)] == 2
    # genre 1 of artist 1; who says genre 0 of artist 0 is another user, but weights do not tell users apart
    assert report.counts[str(HAS_GENRE)] == 1


def test_stored_tag_edges_are_no_leak(tmp_path: Path) -> None:
    """Where nobody is known to have said it, there is nobody to leave out."""
    with GraphWriter(tmp_path / "g") as writer:
        for node_type in ("user", "artist", "genre"):
            writer.nodes(node_type, pl.DataFrame({"key": ["x", "y"]}))
        writer.edges(LIKES, pl.DataFrame({"src": [0, 0], "dst": [0, 1]}))
        writer.edges(HAS_GENRE, pl.DataFrame({"src": [0], "dst": [0], "weight": [0.3]}))
        writer.assignments(pl.DataFrame({"user": [0], "item": [0], "kind": ["genre"], "tag": [0]}))
        writer.finish(name="g", item="artist", interaction="likes")
    graph = MusicGraph.open(tmp_path / "g")
    split = Split(graph.interactions, np.array([TEST, TRAIN], np.uint8))
    view = TrainingView(graph, split)
    weight = view.edges(HAS_GENRE).weight
    assert weight is not None
    assert weight.tolist() == [np.float32(0.3)]
    assert check_leakage(view, graph, split).clean
    assert check_leakage(graph.relations(), graph, split).counts[str(HAS_GENRE)] == pytest.approx(1.0)

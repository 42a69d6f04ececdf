"""What training may see."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hetmusic.graph import Edges, EdgeType, GraphWriter, MusicGraph, Split, TrainingView, check_leakage
from hetmusic.graph.splits import TEST, TRAIN, UNUSED, VALID, random_split
from tests.graphs import FRIENDS, HAS_GENRE, HAS_TAG, LIKES, make_graph

LIKED = [(0, 0, 1.0), (0, 1, 2.0), (0, 2, 3.0), (1, 0, 4.0), (1, 3, 5.0)]
TAGS = [
    (0, 0, "genre", 0),  # pair trained on
    (1, 0, "genre", 0),  # pair tested on
    (0, 1, "genre", 1),  # pair validated on
    (0, 3, "genre", 1),  # never listened to
    (1, 3, "tag", 0),  # pair not used
]


def _pairs(edges: Edges) -> list[tuple[int, int]]:
    return list(zip(edges.src.tolist(), edges.dst.tolist(), strict=True))


@pytest.fixture
def graph(tmp_path: Path) -> MusicGraph:
    return make_graph(tmp_path / "g", LIKED, users=3, friends=[(0, 1)], tags=TAGS)


@pytest.fixture
def view(graph: MusicGraph) -> TrainingView:
    part = np.array([TRAIN, VALID, TRAIN, TEST, UNUSED], np.uint8)
    return TrainingView(graph, Split(graph.interactions, part))


def test_only_training_interactions(view: TrainingView) -> None:
    relations = view.relations()
    assert _pairs(relations[LIKES]) == [(0, 0), (0, 2)]
    assert _pairs(relations[EdgeType("artist", "liked_by", "user")]) == [(0, 0), (2, 0)]
    weight = relations[LIKES].weight
    assert weight is not None
    assert weight.tolist() == [1.0, 3.0]


def test_tags_without_those_of_held_out_pairs(view: TrainingView) -> None:
    edges = view.edges(HAS_GENRE)
    assert _pairs(edges) == [(0, 0), (3, 1)]
    assert edges.weight is not None
    assert edges.weight.tolist() == [1.0, 1.0]
    assert _pairs(view.edges("genre_of")) == [(0, 0), (1, 3)]


def test_tags_of_unused_pairs_stay(view: TrainingView) -> None:
    assert _pairs(view.edges(HAS_TAG)) == [(3, 0)]


def test_other_relations_are_whole(view: TrainingView, graph: MusicGraph) -> None:
    assert _pairs(view.edges(FRIENDS)) == _pairs(graph.edges(FRIENDS)) == [(0, 1), (1, 0)]


def test_inverses_are_optional(view: TrainingView, graph: MusicGraph) -> None:
    assert list(view.relations(include_inverses=False)) == graph.edge_types
    assert set(view.relations()) == set(graph.relations())


def test_relations_are_computed_once(view: TrainingView) -> None:
    assert view.relations()[HAS_GENRE] is view.relations()[HAS_GENRE]


def test_seen(view: TrainingView) -> None:
    assert _pairs(view.user_seen()) == [(0, 0), (0, 2)]
    assert _pairs(view.user_seen(("train", "valid"))) == [(0, 0), (0, 1), (0, 2)]


def test_a_relation_may_lose_all_its_edges(graph: MusicGraph) -> None:
    part = np.array([TEST, TEST, TEST, TEST, TEST], np.uint8)
    relations = TrainingView(graph, Split(graph.interactions, part)).relations()
    assert len(relations[HAS_TAG]) == 0
    assert relations[HAS_TAG].src.dtype == np.int32


def test_heterograph_of_a_view(view: TrainingView, graph: MusicGraph) -> None:
    hg = graph.heterograph(view)
    assert hg.num_edges(("user", "likes", "artist")) == 2
    assert hg.num_edges(("artist", "has_genre", "genre")) == 2
    assert hg.num_nodes("user") == 3


OWNS = EdgeType("user", "has_album", "artist")
OWNED = EdgeType("artist", "is_owned_by", "user")


class _Relation:
    symmetric = False
    weight = None

    def __init__(self, inverse: str) -> None:
        self.inverse = inverse


class _Ontology:
    def relation(self, name: str) -> _Relation:
        return _Relation(f"inverse_of_{name}")


@pytest.fixture
def owning(tmp_path: Path) -> tuple[MusicGraph, Split]:
    """Two more relations between users and artists, one in either direction, that give the listens away."""
    pairs = {"src": [0, 0, 1, 1], "dst": [0, 1, 0, 2]}
    with GraphWriter(tmp_path / "owning") as writer:
        writer.nodes("user", pl.DataFrame({"key": ["u", "v"]}))
        writer.nodes("artist", pl.DataFrame({"key": ["a", "b", "c"]}))
        writer.edges(LIKES, pl.DataFrame(pairs))
        writer.edges(OWNS, pl.DataFrame({"src": [*pairs["src"], 0], "dst": [*pairs["dst"], 2]}))
        writer.edges(OWNED, pl.DataFrame({"src": [*pairs["dst"], 2], "dst": [*pairs["src"], 0]}))
        writer.finish(name="g", item="artist", interaction="likes", ontology=_Ontology())
    graph = MusicGraph.open(tmp_path / "owning")
    return graph, Split(graph.interactions, np.array([TRAIN, TEST, UNUSED, VALID], np.uint8))


def test_any_relation_between_users_and_items_loses_the_pairs(owning: tuple[MusicGraph, Split]) -> None:
    graph, split = owning
    view = TrainingView(graph, split)
    assert _pairs(view.edges(OWNS)) == [(0, 0), (0, 2), (1, 0)]
    assert sorted(_pairs(view.edges(OWNED))) == [(0, 0), (0, 1), (2, 0)]
    assert check_leakage(view, graph, split).clean
    report = check_leakage(graph.relations(), graph, split)
    assert report.counts == {str(edge_type): 2 for edge_type in graph.relations()}


@settings(max_examples=30, deadline=None)
@given(
    likes=st.sets(st.tuples(st.integers(0, 5), st.integers(0, 7)), min_size=3),
    tags=st.sets(
        st.tuples(st.integers(0, 5), st.integers(0, 7), st.sampled_from(["genre", "tag"]), st.integers(0, 2)),
        min_size=1,
    ),
    seed=st.integers(0, 99),
)
def test_a_view_never_leaks(
    tmp_path_factory: pytest.TempPathFactory,
    likes: set[tuple[int, int]],
    tags: set[tuple[int, int, str, int]],
    seed: int,
) -> None:
    folder = tmp_path_factory.mktemp("graph") / "g"
    graph = make_graph(folder, sorted(likes), users=6, artists=8, tags=sorted(tags))
    split = random_split(graph, (0.5, 0.25, 0.25), seed)
    view = TrainingView(graph, split)
    assert check_leakage(view, graph, split).clean
    held = set(_pairs(split.valid)) | set(_pairs(split.test))
    for edge_type, kind in graph.tag_edge_types.items():
        kept = {(user, item, tag) for user, item, k, tag in tags if k == kind and (user, item) not in held}
        edges = view.edges(edge_type)
        assert edges.weight is not None
        assert edges.weight.sum() == len(kept)
        assert set(_pairs(edges)) == {(item, tag) for _, item, tag in kept}


def test_the_interaction_towards_other_types_is_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Who likes a held-out song likes its artist: that edge would tell the pair."""
    likes_artist, sung_by = EdgeType("user", "likes", "artist"), EdgeType("song", "sung_by", "artist")
    rng = np.random.default_rng(0)
    pairs = sorted(
        {(int(u), int(s)) for u, s in zip(rng.integers(0, 9, 90), rng.integers(0, 40, 90), strict=True)}
    )
    with GraphWriter(tmp_path / "g") as writer:
        for name, count in (("user", 9), ("song", 40), ("artist", 20)):
            writer.nodes(
                name, pl.DataFrame({"key": [f"{name}{i:02d}" for i in range(count)], "name": [None] * count})
            )
        writer.edges(
            EdgeType("user", "likes", "song"), pl.DataFrame(pairs, schema=["src", "dst"], orient="row")
        )
        artists = sorted({(user, song // 2) for user, song in pairs})
        writer.edges(likes_artist, pl.DataFrame(artists, schema=["src", "dst"], orient="row"))
        writer.edges(
            sung_by, pl.DataFrame({"src": list(range(40)), "dst": [song // 2 for song in range(40)]})
        )
        writer.finish(name="two", item="song", interaction="likes")
    graph = MusicGraph.open(tmp_path / "g")
    split = random_split(graph, seed=0)
    view = TrainingView(graph, split)
    assert len(graph.edges(likes_artist)) == len(artists)
    assert len(view.relations()[likes_artist]) == 0
    assert "user likes artist is left out of training" in caplog.text
    assert check_leakage(view, graph, split).clean
    report = check_leakage(graph.relations(), graph, split)
    assert report.counts["user__likes__artist"] == report.counts["artist__liked_by__user"] == len(artists)

"""Controls keep the structure, destroy what it says, and leave held-out pairs where they are."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from hetmusic.errors import ConfigError
from hetmusic.experiments.controls import ControlledGraph, missing_for
from hetmusic.experiments.worker import Request, run_cell
from hetmusic.graph import GraphWriter, MusicGraph
from hetmusic.graph.leakage import check_leakage
from hetmusic.graph.splits import random_split
from hetmusic.graph.types import EdgeType
from hetmusic.graph.view import TrainingView
from tests.experiments.test_cells import CELL
from tests.graphs import FRIENDS, HAS_GENRE, LIKES, make_graph

CONTROLS = ["shuffled-friends", "shuffled-kg", "shuffled-audio"]
CHANGED = {"shuffled-friends": {FRIENDS}, "shuffled-kg": {HAS_GENRE}, "shuffled-audio": set()}


def seen(graph, problem):
    return TrainingView(graph, problem.split).relations(include_inverses=False)


def pairs(edges):
    return list(zip(edges.src.tolist(), edges.dst.tolist(), strict=True))


@pytest.mark.parametrize("control", CONTROLS)
def test_numbers_degrees_and_weights_are_kept(problem, control):
    real, shuffled = (
        seen(graph, problem) for graph in (problem.graph, ControlledGraph(problem.graph, [control]))
    )
    assert real.keys() == shuffled.keys() == {LIKES, FRIENDS, HAS_GENRE}
    for edge_type, edges in real.items():
        found = shuffled[edge_type]
        assert len(found) == len(edges)
        for end, ntype in (("src", edge_type.src), ("dst", edge_type.dst)):
            count = problem.graph.num_nodes(ntype)
            degrees = [np.bincount(getattr(e, end), minlength=count) for e in (edges, found)]
            assert sorted(degrees[0]) == sorted(degrees[1])
        if edges.weight is not None:
            assert sorted(found.weight) == sorted(edges.weight)
        assert pairs(found) == sorted(pairs(found))
        assert (pairs(found) != pairs(edges)) == (edge_type in CHANGED[control])


def test_shuffled_friends_are_the_same_network_of_other_people(problem):
    real = seen(problem.graph, problem)[FRIENDS]
    found = seen(ControlledGraph(problem.graph, ["shuffled-friends"]), problem)[FRIENDS]
    # symmetric, as before
    assert set(pairs(found)) == {(b, a) for a, b in pairs(found)}
    # somebody's friends are somebody else's, all of them
    count = problem.num_users
    matrices = [np.zeros((count, count)) for _ in range(2)]
    for matrix, edges in zip(matrices, (real, found), strict=True):
        matrix[edges.src, edges.dst] = 1
    # equal networks have equal spectra
    np.testing.assert_allclose(*(np.linalg.eigvalsh(matrix) for matrix in matrices), atol=1e-9)
    # in the real one everybody's friends are of the same community
    same = [np.mean(edges.src % 2 == edges.dst % 2) for edges in (real, found)]
    assert same[0] == 1.0
    assert 0.3 < same[1] < 0.7


def test_shuffled_knowledge_is_about_other_artists(problem):
    real = seen(problem.graph, problem)[HAS_GENRE]
    found = seen(ControlledGraph(problem.graph, ["shuffled-kg"]), problem)[HAS_GENRE]
    # each genre keeps its number of artists, with their weights
    for genre in range(2):
        weights = [sorted(edges.weight[edges.dst == genre]) for edges in (real, found)]
        assert weights[0] == weights[1]
    half = problem.num_items // 2
    right = [np.mean((edges.src >= half) == edges.dst) for edges in (real, found)]
    assert right[0] == 1.0
    assert 0.2 < right[1] < 0.8


def test_shuffled_modality_deals_vectors_among_those_who_have_one(problem):
    real = problem.graph.modality("artist", "audio")
    shuffled = ControlledGraph(problem.graph, ["shuffled-audio"])
    found = shuffled.modality("artist", "audio")
    np.testing.assert_array_equal(found.present, real.present)
    assert sorted(map(tuple, found.values)) == sorted(map(tuple, real.values))
    assert (found.values[real.present] != real.values[real.present]).any(axis=1).mean() > 0.7
    assert not found.values[~real.present].any()
    other = [graph.modality("artist", "text").values for graph in (problem.graph, shuffled)]
    np.testing.assert_array_equal(*other)


def test_tag_counts_of_held_out_pairs_are_gone_before_shuffling(problem):
    whole, view = problem.graph.edges(HAS_GENRE), seen(problem.graph, problem)[HAS_GENRE]
    found = seen(ControlledGraph(problem.graph, ["shuffled-kg"]), problem)[HAS_GENRE]
    assert whole.weight.sum() > view.weight.sum() == found.weight.sum()


@pytest.mark.parametrize("control", CONTROLS)
def test_interactions_and_held_out_pairs_are_left_alone(problem, control):
    shuffled = ControlledGraph(problem.graph, [control])
    for edges in (shuffled.interactions, seen(shuffled, problem)[LIKES]):
        assert set(pairs(edges)) <= set(pairs(problem.graph.interactions))
    assert pairs(seen(shuffled, problem)[LIKES]) == pairs(problem.split.train)
    assert pairs(shuffled.interactions) == pairs(problem.graph.interactions)
    assert shuffled.checksum == problem.graph.checksum
    # ... and the graph itself is as it was
    assert shuffled.original is problem.graph
    assert problem.graph.original is problem.graph


def test_the_leakage_check_looks_at_the_view_before_the_alteration(problem):
    shuffled = ControlledGraph(problem.graph, ["shuffled-kg", "shuffled-friends"])
    report = check_leakage(TrainingView(shuffled, problem.split), shuffled, problem.split)
    assert report.clean
    # a leak is found all the same
    leaking = {LIKES: problem.graph.interactions}
    assert not check_leakage(leaking, shuffled, problem.split).clean


def test_controls_are_seeded(problem):
    def friends(seed, controls=("shuffled-friends",)):
        return pairs(seen(ControlledGraph(problem.graph, list(controls), seed), problem)[FRIENDS])

    assert friends(0) == friends(0)
    assert friends(0) != friends(1)
    # whatever else is shuffled
    assert friends(0) == friends(0, ["shuffled-kg", "shuffled-friends", "shuffled-audio"])


def test_half_of_the_features_are_lost(problem):
    real = problem.graph.modality("artist", "audio")
    found = ControlledGraph(problem.graph, ["half-features"], seed=1).modality("artist", "audio")
    assert found.present.sum() == real.present.sum() - real.present.sum() // 2
    assert not (found.present & ~real.present).any()
    assert np.array_equal(found.values, real.values)
    other = ControlledGraph(problem.graph, ["half-features"], seed=2).modality("artist", "audio")
    assert (other.present != found.present).any()
    assert problem.graph.modality("artist", "audio").present.sum() == real.present.sum()


def test_shuffled_times_stay_with_their_user(tmp_path):
    rng = np.random.default_rng(0)
    likes = [(user, artist, 1, int(rng.integers(1_000))) for user in range(6) for artist in range(8)]
    graph = make_graph(tmp_path / "g", likes)
    split = random_split(graph, seed=0)
    shuffled = ControlledGraph(graph, ["shuffled-times"])
    real, found = (TrainingView(g, split).relations() for g in (graph, shuffled))
    assert pairs(found[LIKES]) == pairs(real[LIKES])
    for user in range(6):
        times = [sorted(edges[LIKES].time[edges[LIKES].src == user]) for edges in (real, found)]
        assert times[0] == times[1]
    assert (found[LIKES].time != real[LIKES].time).mean() > 0.5
    # the inverse says the same, and each seed deals anew
    np.testing.assert_array_equal(found[EdgeType("artist", "liked_by", "user")].time, found[LIKES].time)
    other = TrainingView(ControlledGraph(graph, ["shuffled-times"], seed=1), split).relations()[LIKES]
    assert (other.time != found[LIKES].time).any()
    # which interactions are held out is decided by the real times
    np.testing.assert_array_equal(shuffled.interactions.time, graph.interactions.time)


def test_no_control_without_times(tmp_path):
    graph = make_graph(tmp_path / "g", [(0, 0), (1, 1)])
    assert missing_for(graph, "shuffled-times") == "no times of interactions"
    with pytest.raises(ConfigError, match=r"has no times of interactions, so shuffled-times is no control"):
        ControlledGraph(graph, ["shuffled-times"])


SIMILAR = EdgeType("song", "similar_to", "song")
SUNG_BY = EdgeType("song", "sung_by", "artist")
RELEASED_BY = EdgeType("album", "released_by", "artist")


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    """Songs that are similar to the next one, their artists, and albums of those."""
    folder = tmp_path_factory.mktemp("songs") / "graph"
    edges = {
        EdgeType("user", "likes", "song"): [(0, song) for song in range(12)],
        SIMILAR: [(song, song + 1) for song in range(11)],
        SUNG_BY: [(song, song // 4) for song in range(12)],
        RELEASED_BY: [(0, 0), (1, 1), (2, 1)],
    }
    with GraphWriter(folder) as writer:
        for ntype, count in {"user": 1, "song": 12, "artist": 3, "album": 3}.items():
            writer.nodes(ntype, pl.DataFrame({"key": [f"{ntype}{n:02d}" for n in range(count)]}))
        for edge_type, rows in edges.items():
            writer.edges(edge_type, pl.DataFrame(rows, schema=["src", "dst"], orient="row"))
        writer.finish(name="songs", item="song", interaction="likes")
    return MusicGraph.open(folder)


def test_only_relations_of_the_items_change(songs):
    """``album released_by artist`` says nothing about songs by itself."""
    shuffled = ControlledGraph(songs, ["shuffled-kg"])
    found = {t: pairs(shuffled.shown(t, songs.edges(t))) for t in songs.edge_types}
    changed = {t for t, edges in found.items() if edges != pairs(songs.edges(t))}
    assert changed == {SIMILAR, SUNG_BY}
    # every artist still has four songs
    assert sorted(artist for _, artist in found[SUNG_BY]) == [0] * 4 + [1] * 4 + [2] * 4


def test_relations_among_items_stay_the_same_network(songs):
    """A chain of twelve songs, in another order."""
    found = pairs(ControlledGraph(songs, ["shuffled-kg"]).shown(SIMILAR, songs.edges(SIMILAR)))
    neighbours = {song: {b for a, b in found if a == song} for song in range(12)}
    ends = [song for song, near in neighbours.items() if len(near) == 1]
    assert len(ends) == 2
    chain = [ends[0]]
    while len(chain) < 12:
        (following,) = neighbours[chain[-1]] - set(chain)
        chain.append(following)
    assert chain[-1] == ends[1]
    assert all(a in neighbours[b] for a, near in neighbours.items() for b in near)


def test_what_does_not_exist(graph, tmp_path):
    with pytest.raises(ConfigError, match=r"no control 'shuffled-freinds'.*did you mean 'shuffled-friends'"):
        ControlledGraph(graph, ["shuffled-freinds"])
    with pytest.raises(ConfigError, match=r"'shuffled-cover'.*for this graph: .*shuffled-audio"):
        ControlledGraph(graph, ["shuffled-cover"])
    bare = make_graph(tmp_path / "bare", [(0, 0), (1, 1)])
    assert missing_for(bare, "shuffled-friends") == "no relation among users"
    assert missing_for(bare, "shuffled-kg") == "no knowledge about artists"
    with pytest.raises(ConfigError, match="graph tiny has no relation among users"):
        ControlledGraph(bare, ["shuffled-friends"])


def test_a_cell_is_fitted_on_its_control(problem, tmp_path, monkeypatch):
    """The worker shuffles with the cell's seed, and tests on the real pairs."""
    made = []

    class Spy(ControlledGraph):
        def __init__(self, graph, controls, seed=0):
            super().__init__(graph, controls, seed)
            made.append((graph.path, list(controls), seed))

    monkeypatch.setattr("hetmusic.experiments.worker.ControlledGraph", Spy)
    problem.split.save(tmp_path / "split")
    popularity = {"model": "popularity", "given": {}, "settings": {}}
    cell = CELL.model_copy(update={**popularity, "control": "shuffled-kg", "seed": 5})
    request = Request(
        cell=cell, graph=problem.graph.path, split=tmp_path / "split", out=tmp_path / "shuffled"
    )
    run_cell(request)
    plain = request.model_copy(
        update={"cell": cell.model_copy(update={"control": None}), "out": tmp_path / "plain"}
    )
    run_cell(plain)
    assert made == [(problem.graph.path, ["shuffled-kg"], 5)]
    # popularity reads no knowledge
    tables = [(tmp_path / name / "per_user.parquet").read_bytes() for name in ("shuffled", "plain")]
    assert tables[0] == tables[1]

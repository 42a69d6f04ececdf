"""Reasons in a small planted world: what is said is so, it matters, and it is what was planted."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from benchmarks.explanations import Graph, deletion, ratio
from hetmusic.fitting import fit
from hetmusic.graph import EdgeType, GraphWriter, MusicGraph
from hetmusic.recommend import Explanation, Run
from hetmusic.recommend.explain.output import render_explained, render_explained_json
from hetmusic.training import load_config

SIDES, SONGS_A_SIDE, USERS = 3, 12, 48
SONGS = SIDES * SONGS_A_SIDE
NASTY = "\x1b[31m<b>Nasty</b>\nSong"
SETTINGS = (
    "model.dim=16",
    "model.emotion=true",
    "model.emotion_beta=0.5",
    "training.epochs=12",
    "training.batch_size=16",
    "training.lr=0.03",
)


def side_of(song: str) -> int:
    return int(song[1:]) // SONGS_A_SIDE


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> MusicGraph:
    """Songs of three sides. Everybody plays songs of two, so that what speaks for a song is about half of the plays."""
    rng = np.random.default_rng(5)
    likes, friends = {}, set()
    for user in range(USERS):
        for side, count in ((user % SIDES, 6), ((user + 1) % SIDES, 5)):
            for song in rng.choice(SONGS_A_SIDE, count, replace=False) + side * SONGS_A_SIDE:
                likes[user, int(song)] = int(rng.integers(1, 60))
        other = int(rng.integers(USERS // SIDES)) * SIDES + user % SIDES
        friends |= {(min(user, other), max(user, other))} - {(user, user)}
    songs = np.arange(SONGS)
    centre = np.array([[0.8, 0.7], [-0.7, 0.6], [0.5, -0.8]])[songs // SONGS_A_SIDE]
    points = (centre + rng.normal(scale=0.1, size=centre.shape)).clip(-1, 1)
    names = [f"Song {song:02}" for song in songs]
    names[3] = NASTY
    nodes = {
        "user": [f"u{k}" for k in range(USERS)],
        "artist": [f"r{k}" for k in range(SONGS // 3)],
        "genre": ["rock", "jazz", "folk"],
    }
    folder: Path = tmp_path_factory.mktemp("reasons") / "graph"
    with GraphWriter(folder) as writer:
        writer.nodes(
            "song",
            pl.DataFrame(
                {
                    "key": [f"s{k}" for k in songs],
                    "name": names,
                    "valence": points[:, 0],
                    "arousal": points[:, 1],
                }
            ),
        )
        for node_type, keys in nodes.items():
            writer.nodes(node_type, pl.DataFrame({"key": keys, "name": [f"{node_type} {k}" for k in keys]}))
        rows = [(*pair, plays) for pair, plays in sorted(likes.items())]
        writer.edges(
            EdgeType("user", "likes", "song"), pl.DataFrame(rows, ["src", "dst", "weight"], orient="row")
        )
        relations = {
            EdgeType("user", "friends", "user"): sorted(friends),
            EdgeType("song", "sung_by", "artist"): [(int(k), int(k) // 3) for k in songs],
            EdgeType("song", "has_genre", "genre"): [(int(k), int(k) // SONGS_A_SIDE) for k in songs[::2]],
            EdgeType("song", "similar_to", "song"): [(int(k), int(k) + 5) for k in songs[:-5:7]],
        }
        for edge_type, pairs in relations.items():
            writer.edges(edge_type, pl.DataFrame(pairs, ["src", "dst"], orient="row"))
        writer.finish(name="planted", item="song", interaction="likes")
    return MusicGraph.open(folder)


@pytest.fixture(scope="module")
def run(graph: MusicGraph, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return fit(graph, load_config(overrides=list(SETTINGS)), tmp_path_factory.mktemp("reasons") / "run")


@pytest.fixture(scope="module")
def explained(run: Run) -> dict[str, list[Explanation]]:
    return run.explain(run.user_keys, k=4)


def reasons(explained):
    return [
        (user, one, reason) for user, found in explained.items() for one in found for reason in one.reasons
    ]


def plays(run: Run, user: str) -> dict[str, float]:
    """Training plays by name of the song."""
    train = run.split.train
    row = run.user_index[user]
    edges = run.graph.interactions
    weight = dict(
        zip(zip(edges.src.tolist(), edges.dst.tolist(), strict=True), edges.weight.tolist(), strict=True)
    )
    return {run.item_names[k]: weight[row, k] for k in train.dst[train.src == row].tolist()}


def test_no_edge_is_in_two_reasons_and_all_are_edges_of_training(run: Run, explained) -> None:
    pairs = {
        (run.user_keys[u], run.item_keys[i])
        for u, i in zip(run.split.train.src.tolist(), run.split.train.dst.tolist(), strict=True)
    }
    for user, found in explained.items():
        for one in found:
            edges = [e for reason in one.reasons for e in reason.evidence]
            ends = [(e.relation, e.source, e.target) for e in edges]
            assert len(set(ends)) == len(ends)
            for e in edges:
                assert e.target.key in (user, one.item_key)
                assert e.effect > 0
                if e.relation == "liked_by":
                    assert (user, e.source.key) in pairs
            effects = [reason.effect for reason in one.reasons]
            assert effects == sorted(effects, reverse=True)
            assert min(effects, default=1) > 0


def test_what_is_said_of_plays_is_so(run: Run, explained) -> None:
    artist = {f"s{k}": k // 3 for k in range(SONGS)}
    similar = {frozenset((f"s{k}", f"s{k + 5}")) for k in range(0, SONGS - 5, 7)}
    seen = set()
    for user, one, reason in reasons(explained):
        if reason.kind != "plays":
            continue
        start = reason.text.split(" ")[0]
        seen.add(start)
        counted = plays(run, user)
        songs = [e.source for e in reason.evidence if e.relation == "liked_by"]
        assert all(song.name in reason.text for song in songs)
        for song in songs:
            same = artist[song.key] == artist[one.item_key]
            assert same == (start == "same")
            assert (start == "similar") == (not same and frozenset((song.key, one.item_key)) in similar)
        often = np.quantile(list(counted.values()), 0.75)
        assert reason.text.endswith("often") == all(counted[song.name] >= often for song in songs)
        if start == "same":
            owners = {e.source.key for e in reason.evidence if e.relation == "sings"}
            assert owners <= {f"r{artist[one.item_key]}"}
    assert seen == {"same", "similar", "goes"}


def test_what_is_said_of_friends_is_so(run: Run, explained) -> None:
    edges = run.graph.edges("friends")
    befriended: dict[str, set[str]] = {}
    for a, b in zip(edges.src.tolist(), edges.dst.tolist(), strict=True):
        befriended.setdefault(run.user_keys[a], set()).add(run.user_keys[b])
        befriended.setdefault(run.user_keys[b], set()).add(run.user_keys[a])
    kinds = set()
    for user, one, reason in reasons(explained):
        if not reason.kind.startswith("friends"):
            continue
        kinds.add(reason.kind)
        playing = {f for f in befriended[user] if one.name in plays(run, f)}
        named = {e.source.key for e in reason.evidence}
        assert named <= (playing if reason.kind == "friends" else befriended[user] - playing)
        if reason.kind == "friends" and len(playing) > 1:
            assert reason.text.startswith(f"{len(playing)} of your friends play it")
    assert kinds == {"friends", "friends' taste"}


def test_genres_and_moods_name_plays_that_share_them(run: Run, explained) -> None:
    points = dict(zip(run.item_names, run.item_emotions[0], strict=True))
    found = 0
    for user, one, reason in reasons(explained):
        alike = [name for name in plays(run, user) if name in reason.text.split(" with ")[-1]]
        if reason.kind == "genre_of" and " with " in reason.text:
            number = {run.item_keys[run.item_names.index(name)] for name in alike}
            assert {side_of(key) for key in number} == {side_of(one.item_key)}
            found += 1
        if reason.kind == "emotion":
            assert not reason.evidence
            assert reason.effect == pytest.approx(one.towers.contributions["emotion tower"])
            near = [name for name in plays(run, user) if name in reason.text.split(", like ")[1]]
            assert min(np.linalg.norm(points[n] - points[one.name]) for n in near) < 0.4
            found += 1
    assert found > 10


def test_the_effect_is_what_the_graph_without_the_evidence_gives(run: Run, explained) -> None:
    whole = Graph(run)
    for user in ("u0", "u7"):
        for one in explained[user]:
            ends = run.user_index[user], run.item_index[one.item_key]
            assert whole.score(*ends) == pytest.approx(one.score, abs=1e-4)
            assert whole.score(*ends, whole.named(one)) == pytest.approx(one.score_without_evidence, abs=1e-4)


def test_named_evidence_matters_more_than_random_and_random_as_much_as_random(run: Run) -> None:
    falls = deletion(run, users=USERS, k=2, seed=0)
    value, low, _ = ratio(falls["named"], falls["random"])
    assert value > 1.5
    assert low > 1.2
    control, below, above = ratio(falls["control"], falls["random"])
    assert below < 1 < above
    assert 0.7 < control < 1.4
    # without both directions of similar_to, which a user hears by the other song as well, what is said is exact
    assert np.quantile(falls["error"], 0.75) < 1e-5
    assert falls["error"].max() < 0.1 * falls["named"].max()


def test_plays_that_are_named_are_of_the_songs_own_side(explained) -> None:
    weight = {True: 0.0, False: 0.0}
    for _, one, reason in reasons(explained):
        for e in reason.evidence:
            if e.relation == "liked_by":
                weight[side_of(e.source.key) == side_of(one.item_key)] += e.effect
    assert weight[True] > 2 * weight[False]  # of all plays it is about half


def test_names_cannot_drive_a_terminal(run: Run, explained) -> None:
    found = [(user, one) for user, one, reason in reasons(explained) if NASTY in reason.text]
    assert found
    for user, one in [*found, ("u0", run.explain("u0", items=["s3"])[0])]:
        text = render_explained({user: [one]})
        assert "\x1b" not in text
        assert "[31m<b>Nasty</b> Song" in " ".join(text.split())
        assert max(map(len, text.splitlines())) <= 100
        read = json.loads(render_explained_json({user: [one]}))
        assert read == [{"user": user, "recommendations": [one.to_dict()]}]


def test_nothing_to_say(run: Run) -> None:
    assert render_explained({"u0": []}) == "user u0: nothing left to recommend"
    (one,) = run.explain("u0", k=1)
    bare = Explanation(one.item_key, one.name, one.score, 1, one.towers, one.relations, (), one.score)
    assert "no single play, friend or fact speaks for it" in render_explained({"u0": [bare]})

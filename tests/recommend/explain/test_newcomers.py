"""Somebody new is explained like anybody else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hetmusic.errors import ConfigError, RunError, UnknownKeyError
from hetmusic.fitting import fit
from hetmusic.graph import MusicGraph
from hetmusic.recommend import Mood, Run
from hetmusic.training import load_config
from tests.training.worlds import community_graph

MODELS = {
    "default": (),
    "paper's": (
        "model.head=paper",
        "model.social_tower=true",
        "model.inductive_users=false",
        "relations.likes.encoder=mean",
    ),
}


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> MusicGraph:
    return community_graph(tmp_path_factory.mktemp("newcomers") / "graph", likes=6)


def fitted(graph: MusicGraph, out: Path, *settings: str) -> Run:
    small = ("model.dim=8", "training.epochs=2", "training.batch_size=8", "training.lr=0.05")
    return fit(graph, load_config(overrides=[*small, *settings]), out)


@pytest.fixture(scope="module", params=MODELS)
def run(request: pytest.FixtureRequest, graph: MusicGraph, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return fitted(graph, tmp_path_factory.mktemp("newcomers") / "run", *MODELS[request.param])


@pytest.mark.parametrize("mood", [None, Mood(0.5)])
def test_the_parts_of_a_newcomers_list_add_up(run: Run, mood) -> None:
    if mood is not None:
        with pytest.raises(RunError, match="knows no emotions"):
            run.explain_for(["a0", "a2"], mood=mood)
        return
    asked = (["a0", "a2", "a5"], ["u2", "u4"])
    listed, explained = run.recommend_for(*asked, k=4), run.explain_for(*asked, k=4)
    assert [(e.item_key, e.score, e.rank) for e in explained] == [
        (r.item_key, r.score, r.rank) for r in listed
    ]
    for found in explained:
        assert found.towers.total == pytest.approx(found.score, abs=1e-5)
        assert found.relations.total == pytest.approx(found.score, abs=1e-5)
        for reason in found.reasons:
            for edge in reason.evidence:
                if edge.target.type == "user":
                    assert edge.target.key == "(new)"
                    assert edge.source.key in {*asked[0], *asked[1]}
    assert run.explain_for(*asked, k=4) == explained


def test_whoever_likes_what_a_user_likes_is_told_the_same(graph: MusicGraph, tmp_path: Path) -> None:
    run = fitted(graph, tmp_path / "run", "relations.liked_by.weight=none")
    user = 3
    train = run.split.train
    liked = [run.item_keys[item] for item in train.dst[train.src == user]]
    edges = run.graph.edges("friends")
    friends = np.concatenate([edges.dst[edges.src == user], edges.src[edges.dst == user]])
    known = run.explain(f"u{user}", k=3, exclude_seen=False)
    new = run.explain_for(liked, [run.user_keys[friend] for friend in friends], k=3, exclude_seen=False)
    for one, other in zip(known, new, strict=True):
        assert one.item_key == other.item_key
        assert one.towers.contributions == pytest.approx(dict(other.towers.contributions), abs=1e-4)
        assert one.relations.contributions == pytest.approx(dict(other.relations.contributions), abs=1e-4)
        assert len(one.reasons) == len(other.reasons)
        assert one.score_without_evidence == pytest.approx(other.score_without_evidence, abs=1e-4)


def test_friends_alone_where_nothing_is_heard_of_them(graph: MusicGraph, tmp_path: Path) -> None:
    run = fitted(graph, tmp_path / "run", "relations.friends.use=false")
    assert run.recommend_for(friends=["u2"], k=2)
    with pytest.raises(
        ConfigError, match="hears nothing of friends: to explain, it needs something that is liked"
    ):
        run.explain_for(friends=["u2"], k=2)


def test_mistakes(run: Run) -> None:
    with pytest.raises(ConfigError, match="name something that the newcomer likes"):
        run.explain_for()
    with pytest.raises(UnknownKeyError, match="artist 'x'"):
        run.explain_for(["x"])
    with pytest.raises(ConfigError, match="k is 0"):
        run.explain_for(["a0"], k=0)
    with pytest.raises(UnknownKeyError, match="1 of 2 users are unknown; first: user 'u99'"):
        run.explain(["u1", "u99"])
    with pytest.raises(UnknownKeyError, match="artist 'a99'"):
        run.explain("u1", items=["a99"])
    with pytest.raises(ConfigError, match="k is 0"):
        run.explain("u1", k=0)
    assert run.explain([], k=3) == {}
    assert run.explain("u1", items=[]) == []
    # longer than the catalogue: what is left of it
    assert len(run.explain("u1", k=500)) == len(run.recommend("u1", k=500)) < run.info.num_items

"""Parts add up to the scores that the run has stored, whatever its model is made of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hetmusic.errors import RunError
from hetmusic.fitting import fit
from hetmusic.graph import MusicGraph
from hetmusic.recommend import Mood, Run
from hetmusic.training import load_config
from tests.graphs import make_graph

USERS, ARTISTS = 24, 20
FAST = ("model.dim=8", "training.epochs=1", "training.batch_size=8", "training.lr=0.05")
MODALITIES = "model.modalities=['audio', 'text']"
MODELS = {
    "default": (),
    "paper's head": ("model.head=paper", "model.social_tower=true", "training.tower_loss=0"),
    "users with embeddings": (
        "model.inductive_users=false",
        "relations.likes.encoder=mean",
        "model.head=paper",
        "model.social_tower=true",
        "model.emotion=true",
    ),
    "social tower and emotion": ("model.social_tower=true", "model.emotion=true", "model.emotion_beta=0.5"),
    "weights and bias": ("model.tower_weights={audio=3.0,others=1.0}", "model.item_bias=true"),
    "cold": ("split.kind=cold-items", "model.cold_bias=-0.5", "model.item_bias=true"),
    "cold, paper's": (
        "split.kind=cold-items",
        "model.cold_bias=-0.5",
        "model.head=paper",
        "model.emotion=true",
    ),
    "inner products": ("model.score=inner", "relations.liked_by.encoder=sum", "model.separate_output=false"),
    "attention": (
        "model.combine=attention",
        "relations.liked_by.encoder=gat",
        "relations.tag_of.encoder=sage",
    ),
    "semantic": ("model.combine=semantic",),
    "a combiner of one's own": ("model.combine=tests.recommend.explain.batchwise:Centred",),
    "one layer": ("model.num_layers=1",),
    "three layers": (
        "model.num_layers=3",
        "relations.likes.encoder=lightgcn",
        "relations.has_tag.encoder=mean",
    ),
    "single tower": ("model.modalities=[]",),
}


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> MusicGraph:
    """Modalities that many artists lack, friends, genres, tags, emotions; u23 plays nothing and has no friends."""
    rng = np.random.default_rng(3)
    likes = [
        (user, int(item), int(rng.integers(1, 50)))
        for user in range(USERS - 1)
        for item in rng.choice(ARTISTS, 6, replace=False)
    ]
    friends = [(user, int(other)) for user in range(USERS - 1) for other in rng.choice(USERS - 1, 2)]
    words = [("genre", 0), ("genre", 1), ("tag", 0), ("tag", 1), ("emotion", 0)]
    tags = [
        (int(rng.integers(USERS - 1)), item, *words[k])
        for item in range(ARTISTS - 2)
        for k in rng.choice(len(words), 3, replace=False)
    ]
    folder = tmp_path_factory.mktemp("explain") / "graph"
    graph = make_graph(
        folder, likes, users=USERS, artists=ARTISTS, friends=[f for f in friends if f[0] != f[1]], tags=tags
    )
    for name, share in (("audio", 0.7), ("text", 0.5)):
        chosen = np.flatnonzero(rng.random(ARTISTS) < share)
        graph.add_modality(
            "artist", name, rng.normal(size=(len(chosen), 3)).astype(np.float32), indices=chosen
        )
    places = rng.uniform(-1, 1, (ARTISTS - 4, 2)).astype(np.float32)
    info = {"columns": ["valence", "arousal"]}
    graph.add_modality("artist", "mood", places, indices=np.arange(ARTISTS - 4), info=info)
    return graph


@pytest.fixture(scope="module", params=MODELS)
def run(request: pytest.FixtureRequest, graph: MusicGraph, tmp_path_factory: pytest.TempPathFactory) -> Run:
    out: Path = tmp_path_factory.mktemp("explain") / "run"
    return fit(graph, load_config(overrides=[*FAST, MODALITIES, *MODELS[request.param]]), out)


def test_both_sums_are_the_stored_scores(run: Run) -> None:
    lists = run.recommend(run.user_keys, k=4)
    explained = run.explain(run.user_keys, k=4)
    assert list(explained) == run.user_keys
    for user, found in explained.items():
        assert [(e.item_key, e.name, e.score, e.rank) for e in found] == [
            (r.item_key, r.name, r.score, r.rank) for r in lists[user]
        ]
        for e in found:
            for parts in (e.towers, e.relations):
                assert parts.exact
                assert parts.total == pytest.approx(e.score, abs=1e-5)
            written = e.to_dict()["explanation"]
            for name in ("towers", "relations"):
                total = written[name]["base"] + sum(written[name]["contributions"].values())
                assert total == pytest.approx(e.score, abs=1e-5)


def test_every_tower_and_relation_of_the_model_is_named(run: Run) -> None:
    (found,) = run.explain("u0", k=1)
    model = run.config["model"]
    towers = {"ids", *(["audio", "text"] if model["modalities"] else [])}
    towers |= {"social"} if model["social_tower"] is True else set()
    towers |= {"emotion tower"} if model["emotion"] is True else set()
    towers |= {"item bias"} if model["item_bias"] else set()
    towers |= {"cold bias"} if model["cold_bias"] else set()
    assert set(found.towers.contributions) == towers
    assert {"liked_by"} <= set(found.relations.contributions)
    assert found.towers.base == pytest.approx(0, abs=1e-9)


def test_a_tower_that_lacks_the_item_has_no_part_in_a_late_score(run: Run) -> None:
    if run.config["model"]["head"] != "late" or not run.config["model"]["modalities"]:
        pytest.skip("of late heads with modalities")
    present = run.graph.modality("artist", "text").present
    without = [key for key, here in zip(run.item_keys, present, strict=True) if not here]
    for found in run.explain("u1", items=without):
        assert found.towers.contributions["text"] == 0


def test_one_by_one_is_as_together(run: Run) -> None:
    together = run.explain(["u2", "u23"], k=2)
    for user, found in together.items():
        alone = run.explain(user, k=2)
        for one, other in zip(alone, found, strict=True):
            assert one.towers.contributions == pytest.approx(dict(other.towers.contributions), abs=1e-5)
            assert one.relations.contributions == pytest.approx(dict(other.relations.contributions), abs=1e-5)
            if "Centred" not in run.config["model"]["combine"]:  # which lets every copy count
                assert [r.text for r in one.reasons] == [r.text for r in other.reasons]


def test_a_mood_is_a_part_of_its_own(run: Run) -> None:
    mood = Mood(0.5, -0.5)
    found = run.explain("u4", k=3, mood=mood, strength=2.0)
    assert [(e.item_key, e.score) for e in found] == [
        (r.item_key, r.score) for r in run.recommend("u4", k=3, mood=mood, strength=2.0)
    ]
    for e in found:
        assert "mood" in e.towers.contributions
        assert e.towers.total == pytest.approx(e.score, abs=1e-5)
        assert e.relations.total == pytest.approx(e.score, abs=1e-5)


def test_embeddings_that_are_not_those_of_the_weights_are_refused(graph: MusicGraph, tmp_path: Path) -> None:
    run = fit(graph, load_config(overrides=[*FAST, MODALITIES]), tmp_path / "run")
    path = tmp_path / "run" / "embeddings" / "item.npy"
    np.save(path, 1.01 * np.load(path))
    with pytest.raises(
        RunError, match=r"run: the model scores -?\d+\.\d+ where -?\d+\.\d+ is stored; its weights and"
    ):
        Run.open(run.path).explain("u0")

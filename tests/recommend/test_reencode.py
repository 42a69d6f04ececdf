"""What needs the model again: newcomers, hidden modalities, and runs of before these existed."""

from __future__ import annotations

import dataclasses
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import tomli_w
import torch

from hetmusic.errors import ConfigError, RunError, UnknownKeyError
from hetmusic.evaluation import evaluate
from hetmusic.fitting import fit
from hetmusic.graph import MusicGraph, TrainingView
from hetmusic.graph.types import Modality
from hetmusic.models import MMGNN, final_embeddings
from hetmusic.ranking import EmbeddingScorer
from hetmusic.recommend import Mood, Recommendation, Run
from hetmusic.recommend.reencode import RunModel, typical
from hetmusic.training import load_config
from hetmusic.training.checkpoint import load_weights
from hetmusic.training.load_config import make_config
from hetmusic.training.tensors import GraphTensors, graph_schema
from tests.graphs import make_graph

USERS, ARTISTS = 30, 24
FAST = ("model.dim=8", "training.epochs=4", "training.batch_size=8", "training.lr=0.05")
#: configurations in which users have no learned embedding
INDUCTIVE = {
    "default": (),
    "social tower": ("model.social_tower=true",),
    "emotion": ("model.emotion=true", "model.emotion_beta=0.5"),
    "lightgcn": ("relations.liked_by.encoder=lightgcn",),
    "sums of plays": (
        "relations.liked_by.encoder=sum",
        "relations.liked_by.weight=linear",
        "model.score=inner",
    ),
    "one layer": ("model.num_layers=1",),
    "paper's head": ("model.head=paper", "model.social_tower=true"),
}

#: configurations that hear of friends, or stand their likes in for a newcomer's
FRIENDLY = {
    "friends are heard of": (),
    "no friendships": ("relations.friends.use=false",),
    "one layer": ("model.num_layers=1",),
    "heard of in the emotions alone": ("model.relations=interactions", "model.emotion=true"),
}


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> MusicGraph:
    """Two communities with artists and friends of their own; everybody plays everything alike; u29 plays nothing."""
    rng = np.random.default_rng(0)
    half, likes, friends = ARTISTS // 2, [], []
    for user in range(USERS - 1):
        side = user % 2
        likes += [(user, int(item) + side * half, 3) for item in rng.choice(half, 6, replace=False)]
        friends += [(user, int(other)) for other in rng.choice(USERS // 2 - 1, 2) * 2 + side if other != user]
    folder = tmp_path_factory.mktemp("reencode") / "graph"
    graph = make_graph(folder, likes, users=USERS, artists=ARTISTS, friends=friends)
    sides = np.repeat([[1.0, 0.0], [0.0, 1.0]], half, axis=0)
    for name, share in (("audio", 0.8), ("text", 0.6)):
        chosen = np.flatnonzero(rng.random(ARTISTS) < share)
        values = sides[chosen] + rng.normal(scale=0.3, size=(len(chosen), 2))
        graph.add_modality("artist", name, values.astype(np.float32), indices=chosen)
    graph.add_modality(
        "artist",
        "mood",
        rng.uniform(-1, 1, (ARTISTS, 2)).astype(np.float32),
        info={"columns": ["valence", "arousal"]},
    )
    return graph


def trained(graph: MusicGraph, out: Path, *settings: str) -> Run:
    return fit(graph, load_config(overrides=[*FAST, *settings]), out)


@pytest.fixture(scope="module")
def run(graph: MusicGraph, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Towers of ids, audio and text; the mood is read for steering alone."""
    out = tmp_path_factory.mktemp("reencode") / "run"
    return trained(graph, out, "model.modalities=['audio', 'text']")


def of(found: list[Recommendation]) -> dict[str, float]:
    return {item.item_key: item.score for item in found}


def likes_of(run: Run, user: int) -> list[str]:
    return [run.item_keys[item] for item in run.split.train.dst[run.split.train.src == user]]


def friends_of(run: Run, user: int) -> list[str]:
    edges = run.graph.edges("friends")
    both = np.concatenate([edges.dst[edges.src == user], edges.src[edges.dst == user]])
    return [run.user_keys[friend] for friend in both]


class TestNewcomers:
    @pytest.mark.parametrize("settings", INDUCTIVE.values(), ids=INDUCTIVE)
    def test_whoever_likes_what_a_user_likes_gets_that_users_list(self, graph, tmp_path, settings) -> None:
        run = trained(graph, tmp_path / "run", *settings)
        for user in (3, 8):
            expected = run.recommend(f"u{user}", k=ARTISTS, exclude_seen=False)
            found = run.recommend_for(
                likes_of(run, user), friends_of(run, user), k=ARTISTS, exclude_seen=False
            )
            assert of(found) == pytest.approx(of(expected), abs=1e-4)
            assert [item.rank for item in found] == list(range(1, ARTISTS + 1))

    @pytest.mark.parametrize("settings", FRIENDLY.values(), ids=FRIENDLY)
    def test_friends_alone_tell_the_community(self, graph, tmp_path, settings) -> None:
        run = trained(graph, tmp_path / "run", *settings)
        for side in (0, 1):
            found = run.recommend_for(friends=[f"u{side + 2 * k}" for k in range(4)], k=4)
            assert [int(item.item_key[1:]) >= ARTISTS // 2 for item in found] == [bool(side)] * 4

    def test_learned_user_embeddings_are_zero_for_a_newcomer(self, graph, tmp_path) -> None:
        settings = ("model.inductive_users=false", "relations.likes.encoder=mean", "training.epochs=8")
        run = trained(graph, tmp_path / "run", *settings)
        found = run.recommend_for(["a1", "a2", "a3", "a4"], k=4)
        assert all(int(item.item_key[1:]) < ARTISTS // 2 for item in found)

    def test_what_edges_of_a_newcomer_are_like(self) -> None:
        edge = {
            "time": [3.0, 1, 9],
            "age": [6.0, 8, 0],
            "time_known": [True, False, True],
            "weight": [5.0, 2, 400],
        }
        values = {name: torch.tensor(value) for name, value in edge.items()}
        found = {name: typical(name, value, 2).tolist() for name, value in values.items()}
        assert found == {"time": [9, 9], "age": [0, 0], "time_known": [True, True], "weight": [5, 5]}

    def test_the_papers_preset(self, graph, tmp_path) -> None:
        config = load_config("paper", overrides=["training.epochs=1", "model.dim=8"])
        run = fit(graph, config, tmp_path / "run")
        for arguments in ((["a1"], []), ([], ["u1"]), (["a1"], ["u1"])):
            assert len(run.recommend_for(*arguments, k=5)) == 5

    def test_nobody_else_changes_and_newcomers_do_not_meet(self, run: Run) -> None:
        before = run.recommend(["u1", "u2"])
        first = run.recommend_for(["a0", "a3"], ["u2"])
        run.recommend_for(["a20", "a21"], ["u1"])
        assert run.recommend_for(["a0", "a3"], ["u2"]) == first
        assert Run.open(run.path).recommend_for(["a3", "a0", "a0"], ["u2"]) == first
        assert run.recommend(["u1", "u2"]) == before

    def test_likes_are_left_out_unless_asked_for(self, run: Run) -> None:
        found = run.recommend_for(["a0", "a3"], k=ARTISTS)
        assert len(found) == ARTISTS - 2
        assert not {"a0", "a3"} & set(of(found))
        assert {"a0", "a3"} < set(of(run.recommend_for(["a0", "a3"], k=ARTISTS, exclude_seen=False)))

    def test_steered(self, run: Run) -> None:
        mood = Mood(0.5, -0.5)
        closeness = dict(zip(run.item_keys, mood.closeness(run.item_emotions[0]), strict=True))
        plain, steered = (
            np.mean(
                [closeness[item.item_key] for item in run.recommend_for(["a0"], k=5, mood=mood, strength=s)]
            )
            for s in (0.0, 5.0)
        )
        assert steered > plain

    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            (([], []), ConfigError, "name something that the newcomer likes, or a friend"),
            ((["a00"], []), UnknownKeyError, r"artist 'a00' is not among .*did you mean 'a0'"),
            ((["a0", "x", "y"], []), UnknownKeyError, "2 of 3 artists are unknown; first: artist 'x'"),
            (([], ["u111"]), UnknownKeyError, r"user 'u111' is not among .*did you mean 'u11'"),
        ],
    )
    def test_mistakes(self, run: Run, arguments, error, message) -> None:
        with pytest.raises(error, match=message):
            run.recommend_for(*arguments)

    def test_the_graph_is_needed_and_its_features(self, graph, run, tmp_path) -> None:
        shutil.copytree(graph.path, tmp_path / "graph")
        shutil.copytree(run.path, tmp_path / "run")
        text = (tmp_path / "run" / "run.json").read_text().replace(str(graph.path), str(tmp_path / "graph"))
        text = re.sub(r'"relative": "[^"]*"', '"relative": null', text)
        (tmp_path / "run" / "run.json").write_text(text)
        assert Run.open(tmp_path / "run").recommend_for(["a0"]) == run.recommend_for(["a0"])
        changed = MusicGraph.open(tmp_path / "graph")
        changed.add_modality("artist", "text", np.ones((ARTISTS, 2), np.float32), overwrite=True)
        with pytest.raises(RunError, match=r"text\.npy is not what the run was fitted on"):
            Run.open(tmp_path / "run").recommend_for(["a0"])
        shutil.rmtree(tmp_path / "graph")
        with pytest.raises(RunError, match="is gone"):
            Run.open(tmp_path / "run").recommend_for(["a0"])
        assert Run.open(tmp_path / "run").recommend("u0")


class TestHiding:
    def encoded_without(self, run: Run, *names: str) -> EmbeddingScorer:
        """The run's weights in the model of a graph in which no item has these modalities."""
        config = make_config(run.config)
        view = TrainingView(run.graph, run.split)
        schema = graph_schema(view)
        bare = {
            name: Modality(m.values, m.present & (name not in names), m.info)
            for name, m in schema.modalities.items()
        }
        model = MMGNN(dataclasses.replace(schema, modalities=bare), config.model, config.relations)
        load_weights(run.path / "weights" / "best.safetensors", model)
        blocks = GraphTensors.from_view(view, model.edge_types).full(config.model.num_layers)
        users, items = final_embeddings(model, blocks)
        return EmbeddingScorer(users.numpy(), items.numpy())

    def test_nothing_hidden_is_what_was_stored(self, run: Run) -> None:
        found = RunModel(run.path, run.info, run.graph).scorer()
        np.testing.assert_allclose(found.item_embeddings, run.item_embeddings, atol=1e-6)
        np.testing.assert_allclose(found.user_embeddings, run.user_embeddings, atol=1e-6)

    @pytest.mark.parametrize("hide", [["audio"], ["text", "audio"]])
    def test_hidden_is_absent_everywhere(self, run: Run, hide: list[str]) -> None:
        expected = self.encoded_without(run, *hide)
        found = RunModel(run.path, run.info, run.graph, hide).scorer()
        np.testing.assert_allclose(found.item_embeddings, expected.item_embeddings, atol=1e-6)
        np.testing.assert_allclose(found.user_embeddings, expected.user_embeddings, atol=1e-6)
        assert np.abs(found.item_embeddings - run.item_embeddings).max() > 0.01
        values = run.evaluate(hide=hide, ks=(5,)).per_user["ndcg@5"]
        np.testing.assert_array_equal(values, evaluate(expected, run.split, ks=(5,)).per_user["ndcg@5"])

    def test_the_emotions_modality_can_be_hidden_too(self, graph, tmp_path) -> None:
        settings = ("model.modalities=['audio']", "model.emotion=true", "model.emotion_beta=0.5")
        run = trained(graph, tmp_path / "run", *settings)
        found = RunModel(run.path, run.info, run.graph, ["mood"]).scorer()
        emotion = slice(-run.config["model"]["emotion_dim"], None)
        assert (found.item_embeddings[:, emotion] == 0).all()
        assert np.abs(run.item_embeddings[:, emotion]).max() > 0
        np.testing.assert_allclose(found.item_embeddings[:, :-16], run.item_embeddings[:, :-16], atol=1e-6)

    @pytest.mark.parametrize(
        ("hide", "message"),
        [
            (["audoi"], r"does not use a modality 'audoi' \(did you mean 'audio'\?\); it uses audio, text"),
            (["mood"], "does not use a modality 'mood'; it uses audio, text"),
            (["ids"], "does not use a modality 'ids'"),
        ],
    )
    def test_mistakes(self, run: Run, hide, message) -> None:
        with pytest.raises(ConfigError, match=message):
            run.evaluate(hide=hide)

    def test_something_must_be_left(self, graph, tmp_path) -> None:
        run = trained(graph, tmp_path / "run", "model.modalities=['audio']", "model.id_tower=false")
        with pytest.raises(ConfigError, match="no towers but those of audio: nothing would be left"):
            run.evaluate(hide=["audio"])


class TestOldRuns:
    NEW = (
        "modality_dropout", "id_dropout", "emotion", "emotion_dim", "emotion_beta", "emotion_community",
        "relations", "tower_relations",
    )  # fmt: skip

    @pytest.fixture
    def old(self, graph: MusicGraph, run: Run, tmp_path: Path) -> Run:
        """The run as a version without emotions wrote it."""
        shutil.copytree(run.path, tmp_path / "run")
        shutil.rmtree(tmp_path / "run" / "emotion")
        values = run.config
        values["model"] = {key: value for key, value in values["model"].items() if key not in self.NEW}
        (tmp_path / "run" / "config.toml").write_text(tomli_w.dumps(values))
        text = (run.path / "run.json").read_text()
        (tmp_path / "run" / "run.json").write_text(re.sub(r'"relative": "[^"]*"', '"relative": null', text))
        return Run.open(tmp_path / "run")

    def test_it_does_what_it_did_and_more(self, old: Run, run: Run) -> None:
        assert old.recommend("u0") == run.recommend("u0")
        assert old.evaluate().values == run.evaluate().values
        assert old.evaluate(hide=["audio"]).values == run.evaluate(hide=["audio"]).values
        assert old.recommend_for(["a0"], ["u1"]) == run.recommend_for(["a0"], ["u1"])

    def test_but_cannot_be_steered(self, old: Run) -> None:
        with pytest.raises(RunError, match="knows no emotions"):
            old.recommend("u0", mood=Mood(1, 1))

"""The emotion tower in training: sampled neighbourhoods, left-out edges, runs that are reopened."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hetmusic.errors import ConfigError, RunError
from hetmusic.fitting import fit, resume
from hetmusic.graph.splits import random_split
from hetmusic.graph.view import TrainingView
from hetmusic.models import MMGNN, ModelConfig, RelationConfig
from hetmusic.models.mmgnn import EMOTION
from hetmusic.recommend import Run
from hetmusic.run_layout import ITEM_EMOTIONS_FILE
from hetmusic.training import load_config
from hetmusic.training.left_out import LeftOutMask
from hetmusic.training.sampling import NeighborSampler
from hetmusic.training.tensors import GraphTensors, graph_schema
from tests.graphs import make_graph
from tests.training.worlds import community_graph

FAST = ("model.dim=8", "model.emotion_dim=4", "training.batch_size=16", "training.epochs=2")
AXES = {"columns": ["valence", "arousal"]}


def add_mood(graph, name="mood", seed=0, share=0.7):
    rng = np.random.default_rng(seed)
    chosen = np.flatnonzero(rng.random(graph.num_nodes("artist")) < share)
    values = rng.uniform(-1, 1, (len(chosen), 2)).astype(np.float32)
    graph.add_modality("artist", name, values, indices=chosen, info=AXES)
    return graph


def config(*overrides):
    return load_config(overrides=[*FAST, *overrides])


@pytest.fixture
def graph(tmp_path):
    return add_mood(community_graph(tmp_path / "g"))


@pytest.fixture(scope="module")
def view(tmp_path_factory):
    """22 users, of whom the last two play nothing, and artists with points, words, both or neither."""
    rng = np.random.default_rng(1)
    chosen = [(user, int(item)) for user in range(20) for item in rng.choice(30, 6, replace=False)]
    likes = [(user, item, int(rng.integers(1, 9))) for user, item in chosen]
    tags = [(user, item, "emotion", int(rng.integers(3))) for user, item in chosen[::4]]
    friends = [(user, (user + k) % 20) for user in range(0, 20, 2) for k in (1, 5)] + [(20, 3)]
    folder = tmp_path_factory.mktemp("graph") / "g"
    graph = make_graph(folder, likes, users=22, artists=30, friends=friends, tags=tags)
    return TrainingView(add_mood(graph, share=0.4), random_split(graph, seed=1))


class TestSampling:
    @pytest.mark.parametrize("layers", [2, 3])
    @pytest.mark.parametrize("share", [0.0, 0.5])
    def test_all_neighbours_equal_the_whole_graph(self, view, layers, share):
        torch.manual_seed(0)
        relations = {name: RelationConfig() for name in ("liked_by", "friends")}
        net = MMGNN(graph_schema(view), ModelConfig(dim=4, emotion=True, num_layers=layers), relations)
        tensors = GraphTensors.from_view(view, net.edge_types)
        rng = np.random.default_rng(0)
        dropped = rng.random(len(view.split.train)) < share
        sampler = NeighborSampler(tensors, [-1] * layers)
        whole = tensors.without(LeftOutMask(dropped), layers)
        users, items = np.array([7, 0, 20, 21]), np.array([3, 29, 0])
        found = net.encode_users(sampler.sample({"user": users}, rng, LeftOutMask(dropped)))[EMOTION]
        expected = net.encode_users(whole)[EMOTION][users]
        assert expected[:3].abs().sum(dim=1).min() > 0
        assert torch.allclose(found, expected, atol=1e-6)
        found = net.encode_items(sampler.sample({"artist": items}, rng, LeftOutMask(dropped)))[EMOTION]
        assert torch.allclose(found, net.encode_items(whole)[EMOTION][items], atol=1e-6)

    def test_left_out_plays_do_not_reach_their_user(self, view):
        """What a step predicts may not be heard, neither directly nor by way of the emotion."""
        relations = {name: RelationConfig() for name in ("liked_by", "friends")}
        net = MMGNN(graph_schema(view), ModelConfig(dim=4, emotion=True), relations)
        tensors = GraphTensors.from_view(view, net.edge_types)
        everything = np.ones(len(view.split.train), dtype=bool)
        assert (net.encode_users(tensors.without(LeftOutMask(everything), 2))[EMOTION] == 0).all()


class TestRuns:
    def test_auto_is_settled_when_the_run_starts(self, graph, tmp_path):
        run = fit(graph, config("model.emotion=auto"), tmp_path / "with")
        assert run.config["model"]["emotion"] is True
        assert (run.path / ITEM_EMOTIONS_FILE).is_file()
        bare = community_graph(tmp_path / "bare")
        run = fit(bare, config("model.emotion=auto"), tmp_path / "without")
        assert run.config["model"]["emotion"] is False
        assert not (run.path / ITEM_EMOTIONS_FILE).exists()
        # emotions that come later change nothing
        add_mood(bare)
        again = resume(run.path, epochs=3)
        assert again.config["model"]["emotion"] is False

    def test_the_final_embeddings_hold_the_emotion_score(self, graph, tmp_path):
        run = fit(graph, config("model.emotion=true", "model.modalities=[]"), tmp_path / "run")
        assert run.item_embeddings.shape == (30, 8 + 4)
        without = np.flatnonzero(~graph.modality("artist", "mood").present)
        assert (run.item_embeddings[without, 8:] == 0).all()
        assert np.abs(run.item_embeddings[:, 8:]).sum() > 0

    def test_emotions_added_later_change_nothing(self, graph, tmp_path):
        """A second modality with valence and arousal would be found first, its name being earlier."""
        settings = ("model.emotion=true", "model.modalities=[]")
        run = fit(graph, config(*settings), tmp_path / "run")
        straight = fit(graph, config(*settings, "training.epochs=4"), tmp_path / "straight")
        newcomer = run.recommend_for(["a0", "a2"])
        add_mood(graph, "earlier", seed=5)
        assert Run.open(run.path).recommend_for(["a0", "a2"]) == newcomer
        resumed = resume(run.path, epochs=4)
        assert np.array_equal(resumed.item_embeddings, straight.item_embeddings)
        assert np.array_equal(resumed.item_emotions[0], straight.item_emotions[0])

    def test_a_modality_that_only_the_emotions_read_may_not_be_replaced(self, graph, tmp_path):
        run = fit(graph, config("model.emotion=true", "model.modalities=[]"), tmp_path / "run")
        values = np.zeros((30, 2), np.float32)
        graph.add_modality("artist", "mood", values, info=AXES, overwrite=True)
        with pytest.raises(RunError, match=r"mood.*is not what the run was fitted on"):
            resume(run.path, epochs=3)

    def test_no_emotions_in_the_graph(self, tmp_path):
        bare = community_graph(tmp_path / "bare")
        with pytest.raises(ConfigError, match="emotion = true, but the graph knows no emotion of any artist"):
            fit(bare, config("model.emotion=true"), tmp_path / "run")
        assert not (tmp_path / "run").exists()

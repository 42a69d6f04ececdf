"""``preset = "paper"``: the paper's values, its structure whatever the graph has, and that it trains."""

from __future__ import annotations

import numpy as np
import pytest

from hetmusic.fitting import build_model, fit
from hetmusic.graph.splits import random_split
from hetmusic.models.inputs import FeatureInput
from hetmusic.training import load_config
from hetmusic.training.tensors import GraphTensors
from hetmusic.training.trainer import Trainer
from tests.graphs import make_graph
from tests.training.worlds import community_graph


def with_everything(graph):
    """Lyrics of two artists in three, sound of all, moods of half."""
    rng = np.random.default_rng(0)
    for name, share in (("audio", 1.0), ("lyrics", 0.67), ("mood", 0.5)):
        chosen = np.flatnonzero(rng.random(30) < share)
        info = {"columns": ["valence", "arousal"]} if name == "mood" else {}
        values = rng.uniform(-1, 1, (len(chosen), 2)).astype(np.float32)
        graph.add_modality("artist", name, values, indices=chosen, info=info)
    return graph


def built(graph):
    return build_model(graph, random_split(graph), load_config("paper"))[0]


def test_the_values_of_section_5_3():
    config = load_config("paper")
    training = config.training
    assert training.loss == "bpr"
    assert (training.lr, training.batch_size, training.negatives) == (1e-3, 1024, 1)
    assert config.model.dim == 64
    assert training.mutual_weight == 0.5
    assert training.mutual_teacher == "symmetric"
    assert training.weight_decay == 1e-5
    assert (training.tower_loss, training.averaging, training.edge_dropout) == (0, 0, 0)


def test_a_tower_a_modality_one_over_friendships_and_one_of_emotions(tmp_path):
    net = built(with_everything(community_graph(tmp_path / "g")))
    assert net.item_towers == ["audio", "lyrics", "mood"]  # songs have no embeddings of their own
    assert not any(part.ids for part in net.modules() if isinstance(part, FeatureInput))
    assert net.user_towers == ["social"]
    for name in net.item_towers:
        relations = {t.relation for conv in net.towers[name].layers for t in conv.edge_types}
        assert relations == {"likes", "liked_by"}  # eq. 2
        assert set(net.towers[name].inputs) == {"user", "artist"}
        assert net.towers[name].outputs is None
    social = net.towers["social"]
    assert {t.relation for conv in social.layers for t in conv.edge_types} == {"friends"}  # eq. 3
    assert net.emotion is not None
    assert net.head.fuse.weight.shape == (64, 4 * 64)  # eq. 4
    assert net.head.bias is None


@pytest.mark.parametrize("friends", [(), [(0, 1), (1, 2)]])
def test_a_graph_without_modalities_or_friends(tmp_path, friends):
    likes = [(u, i) for u in range(6) for i in range(6) if (u + i) % 3]
    net = built(make_graph(tmp_path / "g", likes, friends=friends))
    assert net.item_towers == ["ids"]
    assert net.user_towers == (["social"] if friends else [])
    assert net.emotion is None


def test_it_trains(tmp_path):
    graph = with_everything(community_graph(tmp_path / "g"))
    config = load_config("paper", overrides=["training.epochs=2", "training.batch_size=64"])
    run = fit(graph, config, tmp_path / "run")
    assert run.config["preset"] == "paper"
    history = (run.path / "history.jsonl").read_text().splitlines()
    assert len(history) == 2
    # eq. 4's vector of the user beside the emotion's, whose score is added
    assert run.user_embeddings.shape == (40, 64 + 16)
    fused = np.asarray(run.user_embeddings[:, :64])
    assert 0 < fused.min() < fused.max() < 1
    assert len(run.recommend("u0")) == 10
    assert run.evaluate(hide=["audio"])["recall@50"] > 0


def test_every_parameter_learns(tmp_path):
    graph = with_everything(community_graph(tmp_path / "g"))
    config = load_config("paper", overrides=["training.batch_size=64"])
    split = random_split(graph)
    model, view = build_model(graph, split, config)
    trainer = Trainer(model, GraphTensors.from_view(view, model.edge_types), split, config, tmp_path)
    trainer.loss_of(next(trainer.batches.epoch(np.random.default_rng(0)))).backward()
    silent = {name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().any()}
    # every artist has a sound, and nobody has put an emotion into words
    assert silent == {"towers.audio.inputs.artist.absent", "emotion.inputs.words"}

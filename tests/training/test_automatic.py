"""Settings that follow from the graph's size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hetmusic import MusicGraph
from hetmusic.training import automatic, load_config
from hetmusic.training.automatic import as_settings, choose
from tests.training.worlds import community_graph


@pytest.fixture
def graph(tmp_path: Path) -> MusicGraph:
    found = community_graph(tmp_path / "g")
    found.add_modality("artist", "wide", np.ones((30, 200), np.float32))
    found.add_modality("artist", "narrow", np.ones((30, 8), np.float32))
    return found


def test_a_small_graph_gets_the_threads_alone(graph: MusicGraph, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert [choice.setting.partition("=")[0] for choice in choose(graph)] == ["training.threads"]
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert choose(graph) == []


def test_a_large_graph_is_sampled(graph: MusicGraph, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(automatic, "FULL_SOFTMAX_ITEMS", 20)
    choices = choose(graph)
    config = load_config(automatic=as_settings(choices))
    assert config.training.propagation == "sampled"
    assert config.training.sampled_candidates == 2048
    assert config.training.fanout == [5, 100]
    assert config.model.feature_components == 128
    assert (config.model.dim, config.model.initialisation, config.training.lr) == (128, "spectral", 0.001)
    (features,) = [choice for choice in choices if "feature_components" in choice.setting]
    assert "wide 200" in str(features)
    assert "narrow" not in str(features)


@pytest.mark.parametrize(
    ("likes_a_user", "expected"),
    [(0, 512), (1, 512), (20.8, 304), (41.6, 192), (104, 96), (208, 64), (10**5, 16)],
)
def test_users_a_step_by_what_they_like(likes_a_user: float, expected: int) -> None:
    assert automatic.users_a_step(25_000, int(25_000 * likes_a_user)) == expected


def test_a_step_of_users_who_like_less_has_more_of_them(
    graph: MusicGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(automatic, "FULL_SOFTMAX_ITEMS", 20)
    monkeypatch.setattr(automatic, "_LIKES", 2 * graph.num_edges(graph.interaction) / graph.num_nodes("user"))
    (batch,) = [choice for choice in choose(graph) if "batch_size" in choice.setting]
    assert batch.setting == "training.batch_size=96"  # 64 · 2^(2/3) = 101.6
    likes = 96 * graph.num_edges(graph.interaction) // graph.num_nodes("user")
    assert f"about {likes:,} likes a step" in batch.reason


def test_what_is_said_counts_before_what_is_chosen(
    graph: MusicGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(automatic, "FULL_SOFTMAX_ITEMS", 20)
    config = load_config(overrides=["training.batch_size=7"], automatic=as_settings(choose(graph)))
    assert config.training.batch_size == 7
    assert config.training.epochs == 10

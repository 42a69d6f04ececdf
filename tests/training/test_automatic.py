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
    (features,) = [choice for choice in choices if "feature_components" in choice.setting]
    assert "wide 200" in str(features)
    assert "narrow" not in str(features)


def test_what_is_said_counts_before_what_is_chosen(
    graph: MusicGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(automatic, "FULL_SOFTMAX_ITEMS", 20)
    config = load_config(overrides=["training.batch_size=7"], automatic=as_settings(choose(graph)))
    assert config.training.batch_size == 7
    assert config.training.epochs == 10

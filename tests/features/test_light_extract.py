"""From a graph's attributes to modalities, and whether they tell what is planted."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from hetmusic.errors import FeatureError
from hetmusic.features.extract_light import LIGHT_MODALITIES, add_light_features
from hetmusic.features.extraction.paths import OUTSIDE
from hetmusic.graph import MusicGraph
from hetmusic.models.scaling import scaled_features
from hetmusic.synth import World, WorldSettings, make_world, write_dump
from tests.features.extraction.songs import song_graph


def centroid_accuracy(values: np.ndarray, labels: np.ndarray) -> float:
    """Share of every second row whose nearest class centroid, of the other rows, is its own."""
    train = np.arange(len(values)) % 2 == 0
    classes = np.unique(labels)
    centroids = np.stack([values[train & (labels == label)].mean(axis=0) for label in classes])
    distance = ((values[~train][:, None] - centroids) ** 2).sum(axis=2)
    return float(np.mean(classes[distance.argmin(axis=1)] == labels[~train]))


@pytest.fixture(scope="module")
def telling(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, MusicGraph]:
    return _extracted(WorldSettings(), tmp_path_factory.mktemp("telling"))


@pytest.fixture(scope="module")
def silent(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, MusicGraph]:
    return _extracted(WorldSettings.only("listening"), tmp_path_factory.mktemp("silent"))


def _extracted(settings: WorldSettings, folder: Path) -> tuple[World, MusicGraph]:
    world = make_world(settings, seed=4)
    raw = write_dump(world, folder / "raw")
    graph = MusicGraph.build(raw / "spec.yaml", raw=raw, out=folder / "graph")
    coverage = add_light_features(graph, raw)
    for name, mask in world.present.items():
        assert (coverage[name].present, coverage[name].total) == (mask.sum(), 600)
        assert coverage[name].reasons == {"none given": (~mask).sum()}
    return world, graph


def standardised(graph: MusicGraph, modality: str) -> tuple[np.ndarray, np.ndarray]:
    """Which songs have a modality, and its features as a model reads them."""
    found = graph.modality("song", modality)
    features, _ = scaled_features(found, "standard")
    return np.flatnonzero(found.present), features.numpy()[found.present]


@pytest.mark.parametrize("modality", LIGHT_MODALITIES)
def test_features_tell_the_style_where_the_signal_is_strong(
    telling: tuple[World, MusicGraph], modality: str
) -> None:
    world, graph = telling
    rows, values = standardised(graph, modality)
    np.testing.assert_array_equal(rows, np.flatnonzero(world.present[modality]))
    assert centroid_accuracy(values, world.taste.song_style[rows]) > 0.8


@pytest.mark.parametrize("modality", LIGHT_MODALITIES)
def test_features_tell_nothing_where_the_signal_is_none(
    silent: tuple[World, MusicGraph], modality: str
) -> None:
    world, graph = silent
    rows, values = standardised(graph, modality)
    chance = np.bincount(world.taste.song_style).max() / 600
    assert centroid_accuracy(values, world.taste.song_style[rows]) < chance + 0.09


def test_the_graph_gets_its_modalities(tmp_path: Path) -> None:
    settings = WorldSettings(users=30, songs=60, artists=10, listens_per_user=8, audio_seconds=0.2)
    world = make_world(settings)
    raw = write_dump(world, tmp_path / "raw")
    graph = MusicGraph.build(raw / "spec.yaml", raw=raw, out=tmp_path / "graph")
    coverage = add_light_features(graph, raw)
    assert list(coverage) == ["lyrics", "audio", "cover"]
    again = MusicGraph.open(tmp_path / "graph")
    assert again.modalities("song") == ["audio", "cover", "lyrics"]
    for name, mask in world.present.items():
        modality = again.modality("song", name)
        np.testing.assert_array_equal(modality.present, mask)
        assert modality.coverage == coverage[name].share
    again.add_modality("song", "audio", np.ones((60, 2)), overwrite=True)
    with pytest.raises(FeatureError, match="made by something else"):
        add_light_features(again, raw, ["audio"])
    add_light_features(again, raw, ["audio"], overwrite=True)


def test_broken_and_refused_files_are_counted(tmp_path: Path) -> None:
    (tmp_path / "bad.wav").write_text("noise")
    graph = song_graph(tmp_path / "graph", audio=["bad.wav", "../x.wav", None, "nowhere.wav"])
    coverage = add_light_features(graph, tmp_path)["audio"]
    assert coverage.present == coverage.share == 0
    assert coverage.reasons == {
        "not a readable sound file": 1,
        OUTSIDE: 1,
        "none given": 1,
        "no such file": 1,
    }
    assert not graph.modalities("song"), "a modality that nobody has is not added"


def test_mistakes_are_named(tmp_path: Path) -> None:
    graph = song_graph(tmp_path / "graph", lyrics=["la la"])
    with pytest.raises(FeatureError, match="did you mean 'lyrics'"):
        add_light_features(graph, tmp_path, ["lyric"])
    with pytest.raises(
        FeatureError,
        match=r"no attribute 'audio' to make modality 'audio' from.*--from audio=key.*they have key",
    ):
        add_light_features(graph, tmp_path, ["audio"])
    with pytest.raises(FeatureError, match="does not exist"):
        add_light_features(graph, tmp_path / "nowhere")
    with pytest.raises(FeatureError, match="nothing to extract"):
        add_light_features(song_graph(tmp_path / "bare", words=["la"]), tmp_path)


def test_unreadable_files_are_counted(tmp_path: Path) -> None:
    (tmp_path / "locked.wav").write_bytes(b"RIFF")
    (tmp_path / "locked.wav").chmod(0)
    if os.access(tmp_path / "locked.wav", os.R_OK):
        pytest.skip("runs as root, who may read everything")
    graph = song_graph(tmp_path / "graph", audio=["locked.wav"])
    assert add_light_features(graph, tmp_path)["audio"].present == 0

"""From a graph's attributes to modalities, and whether they tell what is planted."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from hetmusic.errors import FeatureError
from hetmusic.features import Absent
from hetmusic.features.extract_light import LIGHT_EXTRACTORS, OUTSIDE, add_light_features, file_inside
from hetmusic.graph import MusicGraph
from hetmusic.synth import World, WorldSettings, make_world, write_dump


class Songs:
    """As much of a graph as the extraction needs."""

    item_type = "song"

    def __init__(self, table: pl.DataFrame) -> None:
        self.table = table
        self.added: dict[str, dict[str, Any]] = {}

    def nodes(self, node_type: str) -> pl.DataFrame:
        assert node_type == "song"
        return self.table

    def add_modality(self, node_type: str, name: str, values: np.ndarray, **options: Any) -> None:
        assert node_type == "song"
        self.added[name] = {"values": values, **options}


def songs_of(world: World, raw: Path) -> Songs:
    lyrics = [
        text if present else None for text, present in zip(world.lyrics, world.present["lyrics"], strict=True)
    ]
    table = pl.read_csv(raw / "songs.csv").with_columns(lyrics=pl.Series(lyrics, dtype=pl.String))
    return Songs(table.rename({"song_id": "key", "title": "name"}))


def centroid_accuracy(values: np.ndarray, labels: np.ndarray) -> float:
    """Share of every second row whose nearest class centroid, of the other rows, is its own."""
    train = np.arange(len(values)) % 2 == 0
    classes = np.unique(labels)
    centroids = np.stack([values[train & (labels == label)].mean(axis=0) for label in classes])
    distance = ((values[~train][:, None] - centroids) ** 2).sum(axis=2)
    return float(np.mean(classes[distance.argmin(axis=1)] == labels[~train]))


@pytest.fixture(scope="module")
def telling(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, Songs]:
    return _extracted(WorldSettings(), tmp_path_factory.mktemp("telling"))


@pytest.fixture(scope="module")
def silent(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, Songs]:
    return _extracted(WorldSettings.only("listening"), tmp_path_factory.mktemp("silent"))


def _extracted(settings: WorldSettings, folder: Path) -> tuple[World, Songs]:
    world = make_world(settings, seed=4)
    raw = write_dump(world, folder / "raw")
    songs = songs_of(world, raw)
    coverage = add_light_features(songs, raw)  # type: ignore[arg-type]
    for name, mask in world.present.items():
        assert (coverage[name].present, coverage[name].total) == (mask.sum(), 600)
        assert coverage[name].reasons == {"none given": (~mask).sum()}
    return world, songs


@pytest.mark.parametrize("modality", LIGHT_EXTRACTORS)
def test_features_tell_the_style_where_the_signal_is_strong(
    telling: tuple[World, Songs], modality: str
) -> None:
    world, songs = telling
    added = songs.added[modality]
    np.testing.assert_array_equal(added["indices"], np.flatnonzero(world.present[modality]))
    assert centroid_accuracy(added["values"], world.taste.song_style[added["indices"]]) > 0.8


@pytest.mark.parametrize("modality", LIGHT_EXTRACTORS)
def test_features_tell_nothing_where_the_signal_is_none(silent: tuple[World, Songs], modality: str) -> None:
    world, songs = silent
    added = songs.added[modality]
    chance = np.bincount(world.taste.song_style).max() / 600
    assert centroid_accuracy(added["values"], world.taste.song_style[added["indices"]]) < chance + 0.09


def test_sound_and_covers_are_standardised(telling: tuple[World, Songs]) -> None:
    for name in ("audio", "cover"):
        values = telling[1].added[name]["values"]
        np.testing.assert_allclose(values.mean(axis=0), 0.0, atol=1e-4)
        spread = values.std(axis=0)
        assert np.logical_or(np.abs(spread - 1.0) < 1e-3, spread == 0.0).all()
        assert telling[1].added[name]["info"]["standardised"]


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
    with pytest.raises(FeatureError):
        add_light_features(again, raw, ["audio"])
    add_light_features(again, raw, ["audio"], overwrite=True)


def test_paths_out_of_the_raw_folder_are_refused(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    (raw / "sub").mkdir(parents=True)
    (tmp_path / "secret.wav").write_bytes(b"secret")
    (raw / "link.wav").symlink_to(tmp_path / "secret.wav")
    (raw / "inner.wav").symlink_to(raw / "sub")
    for path in (
        "../secret.wav",
        "sub/../../secret.wav",
        str(tmp_path / "secret.wav"),
        "link.wav",
        "/etc/passwd",
    ):
        with pytest.raises(Absent, match=OUTSIDE):
            file_inside(raw, path)
    with pytest.raises(Absent, match="outside"):
        file_inside(raw, str(raw / "sub"))
    assert file_inside(raw, "sub/a.wav") == (raw / "sub" / "a.wav").resolve()
    assert file_inside(raw, "inner.wav") == (raw / "sub").resolve()
    assert file_inside(raw, None) is file_inside(raw, " ") is None


def test_broken_and_refused_files_are_counted(tmp_path: Path) -> None:
    (tmp_path / "bad.wav").write_text("noise")
    songs = Songs(pl.DataFrame({"key": list("abcd"), "audio": ["bad.wav", "../x.wav", None, "nowhere.wav"]}))
    coverage = add_light_features(songs, tmp_path)["audio"]  # type: ignore[arg-type]
    assert coverage.present == coverage.share == 0
    assert coverage.reasons == {
        "not a readable sound file": 1,
        OUTSIDE: 1,
        "none given": 1,
        "no such file": 1,
    }
    assert not songs.added, "a modality that nobody has is not added"


def test_mistakes_are_named(tmp_path: Path) -> None:
    songs = Songs(pl.DataFrame({"key": ["a"], "lyrics": ["la la"]}))
    with pytest.raises(FeatureError, match="did you mean 'lyrics'"):
        add_light_features(songs, tmp_path, ["lyric"])  # type: ignore[arg-type]
    with pytest.raises(FeatureError, match="no attribute 'audio'; they have key, lyrics"):
        add_light_features(songs, tmp_path, ["audio"])  # type: ignore[arg-type]
    with pytest.raises(FeatureError, match="does not exist"):
        add_light_features(songs, tmp_path / "nowhere")  # type: ignore[arg-type]
    with pytest.raises(FeatureError, match="nothing to extract"):
        add_light_features(Songs(pl.DataFrame({"key": ["a"]})), tmp_path)  # type: ignore[arg-type]


def test_unreadable_files_are_counted(tmp_path: Path) -> None:
    (tmp_path / "locked.wav").write_bytes(b"RIFF")
    (tmp_path / "locked.wav").chmod(0)
    if os.access(tmp_path / "locked.wav", os.R_OK):
        pytest.skip("runs as root, who may read everything")
    songs = Songs(pl.DataFrame({"key": ["a"], "audio": ["locked.wav"]}))
    assert add_light_features(songs, tmp_path)["audio"].present == 0  # type: ignore[arg-type]

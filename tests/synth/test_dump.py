"""The dump on disk: the same bytes every time, readable by the builder, never half-written."""

from __future__ import annotations

import json
import time
import wave
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from hetmusic._io import sha256
from hetmusic.errors import UserError
from hetmusic.graph import MusicGraph
from hetmusic.synth import World, WorldSettings, make_world, write_dump
from kg_schema.dump import DumpSpec

SMALL = WorldSettings(users=30, songs=60, artists=10, listens_per_user=8, tags_per_user=6, audio_seconds=0.2)


@pytest.fixture(scope="module")
def small() -> World:
    return make_world(SMALL, seed=5)


@pytest.fixture(scope="module")
def dump(small: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dump(small, tmp_path_factory.mktemp("synth") / "raw")


def digests(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): sha256(p) for p in sorted(folder.rglob("*")) if p.is_file()}


def test_same_seed_same_bytes(dump: Path, tmp_path: Path) -> None:
    again = write_dump(make_world(SMALL, seed=5), tmp_path / "again")
    assert digests(again) == digests(dump)
    other = write_dump(make_world(SMALL, seed=6), tmp_path / "other")
    changed = {name for name, digest in digests(other).items() if digests(dump).get(name) != digest}
    assert {"listens.tsv", "friends.csv", "lyrics.jsonl", "truth/user.npy"} <= changed
    assert "spec.yaml" not in changed


def test_the_demo_world_is_written_fast(tmp_path: Path) -> None:
    start = time.process_time()
    write_dump(make_world(), tmp_path / "raw")
    assert time.process_time() - start < 5.0


def test_media_files_are_there_for_the_songs_that_have_them(small: World, dump: Path) -> None:
    songs = pl.read_csv(dump / "songs.csv")
    for column, folder, mask in (("audio", "audio", "audio"), ("cover", "covers", "cover")):
        named = songs[column].drop_nulls().to_list()
        assert len(named) == small.present[mask].sum() == len(list((dump / folder).iterdir()))
        assert all((dump / path).is_file() for path in named)
    with wave.open(str(dump / songs["audio"].drop_nulls()[0])) as sound:
        assert sound.getparams()[:4] == (1, 2, 16_000, 3_200)
    with Image.open(dump / songs["cover"].drop_nulls()[0]) as cover:
        assert (cover.size, cover.mode) == ((32, 32), "RGB")


def test_lyrics_are_one_json_object_a_line(small: World, dump: Path) -> None:
    rows = [json.loads(line) for line in (dump / "lyrics.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(rows) == small.present["lyrics"].sum() == 45
    assert all(len(row["lyrics"].split()) == 48 for row in rows)


def test_truth_lies_beside_its_keys(small: World, dump: Path) -> None:
    users, items = np.load(dump / "truth" / "user.npy"), np.load(dump / "truth" / "item.npy")
    assert (
        pl.read_csv(dump / "truth" / "user.tsv", separator="\t")["key"].to_list()
        == small.users["key"].to_list()
    )
    assert (
        pl.read_csv(dump / "truth" / "item.tsv", separator="\t")["key"].to_list()
        == small.songs["key"].to_list()
    )
    np.testing.assert_array_equal(users @ items.T, small.best_ranking_scores())
    made = json.loads((dump / "truth" / "world.json").read_text())
    assert made["seed"] == 5
    assert WorldSettings.parse(made["settings"]) == small.settings


def test_an_existing_folder_is_kept_unless_told_otherwise(small: World, tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "mine.txt").write_text("precious")
    with pytest.raises(UserError, match="already exists"):
        write_dump(small, tmp_path / "raw")
    with pytest.raises(UserError, match="is not replaced, since it is something else"):
        write_dump(small, tmp_path / "raw", overwrite=True)
    assert (tmp_path / "raw" / "mine.txt").read_text() == "precious"
    world = write_dump(small, tmp_path / "world")
    (world / "extra.txt").write_text("old")
    write_dump(small, world, overwrite=True)
    assert not (world / "extra.txt").exists()


def test_specification_names_no_truth(dump: Path) -> None:
    spec = DumpSpec.load(dump / "spec.yaml")
    assert spec.item == "song"
    assert not any("truth" in file.path for file in spec.files.values())


def test_the_dump_builds(small: World, dump: Path, tmp_path: Path) -> None:
    graph = MusicGraph.build(dump / "spec.yaml", raw=dump, out=tmp_path / "graph")
    assert graph.item_type == "song"
    sizes = {"user": 30, "song": 60, "artist": 10, "album": len(small.albums)}
    assert {node_type: graph.num_nodes(node_type) for node_type in sizes} == sizes
    assert graph.keys("song") == small.songs["key"].to_list(), "graph order is the world's order"
    likes = graph.interactions
    np.testing.assert_array_equal(likes.src, small.listens["user"])
    np.testing.assert_array_equal(likes.dst, small.listens["song"])
    np.testing.assert_array_equal(likes.weight, small.listens["plays"])
    np.testing.assert_array_equal(likes.time, small.listens["time"])
    np.testing.assert_array_equal(graph.edges("sung_by").dst, small.songs["artist"])
    np.testing.assert_array_equal(graph.edges("on_album").dst, small.songs["album"])
    assert len(graph.edges("friends")) == 2 * len(small.friends)
    assert graph.tag_assignments is not None
    assert len(graph.tag_assignments) == len(small.tags)
    songs = graph.nodes("song")
    assert songs["valence"].to_list() == pytest.approx(small.songs["valence"].to_list())
    assert [text is not None for text in songs["lyrics"]] == small.present["lyrics"].tolist()
    assert songs["lyrics"].drop_nulls()[0] in small.lyrics, "line breaks survive"

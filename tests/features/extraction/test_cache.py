"""Results that are kept: damage, other versions, other folders, full disks."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest

from hetmusic.errors import FeatureError, UserError
from hetmusic.features.extraction.cache import FORMAT, ResultCache, identity, open_cache
from hetmusic.features.extraction.run import default_cache
from hetmusic.features.extraction.shards import DamagedShard, read_index, read_values, write_shard
from hetmusic.graph import MusicGraph
from tests.features.extraction.songs import Letters, TextLetters, extract, song_graph

LYRICS = ["hello", "sky", None, "silent", "moon"]


@pytest.fixture
def graph(tmp_path: Path) -> MusicGraph:
    return song_graph(tmp_path / "graph", lyrics=LYRICS)


def shards(graph: MusicGraph) -> list[Path]:
    return sorted(default_cache(graph).glob("results/*/float32/*.npz"))


def test_a_shard_gives_back_what_was_put_in(tmp_path: Path) -> None:
    digests = [bytes([n]) * 31 + b"\0" for n in (3, 1, 2)]
    write_shard(
        tmp_path / "a.npz", digests, [np.array([1.5, 2.0]), "silent", np.array([0.0, -1.0])], "float32"
    )
    index = read_index(tmp_path / "a.npz")
    assert [bytes(d).ljust(32, b"\0") for d in index.digests] == digests
    assert index.row.tolist() == [0, -1, 1]
    assert index.reasons == ("", "silent", "")
    assert index.dim == 2
    assert read_values(tmp_path / "a.npz").tolist() == [[1.5, 2.0], [0.0, -1.0]]


@pytest.mark.parametrize("seed", range(40))
def test_damaged_shards_are_computed_again(
    graph: MusicGraph, seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    extract(graph, TextLetters())
    (path,) = shards(graph)
    content = bytearray(path.read_bytes())
    rng = random.Random(seed)
    if seed % 4 == 0:
        path.write_bytes(content[: rng.randrange(len(content))])
    else:
        for _ in range(1 + 20 * (seed % 4 - 1)):
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        path.write_bytes(content)
    made = extract(graph, TextLetters(), overwrite=True, modality="again")
    values = graph.modality("song", "again").values
    np.testing.assert_array_equal(values[:, 0], [5, 3, 0, 0, 4])
    assert made.coverage.reasons == {"none given": 1, "silent": 1}
    assert bool(made.computed) == ("are damaged and computed again" in caplog.text)


def test_damage_in_the_vectors_is_found_by_their_checksum(
    graph: MusicGraph, caplog: pytest.LogCaptureFixture
) -> None:
    extract(graph, TextLetters())
    (path,) = shards(graph)
    content = bytearray(path.read_bytes())
    place = content.index(np.array([5, 2, 1], np.float32).tobytes())
    content[place] ^= 1
    path.write_bytes(content)
    read_index(path)
    with pytest.raises(DamagedShard):
        read_values(path)
    assert extract(graph, TextLetters(), modality="again").computed == 4
    assert "damaged" in caplog.text
    assert graph.modality("song", "again").values[0].tolist() == [5, 2, 1]


def test_shards_of_another_length_are_refused(graph: MusicGraph, tmp_path: Path) -> None:
    cache = ResultCache(tmp_path / "c", identity(Letters(), None), "float32")
    cache.store([b"a" * 32], [np.ones(2)])
    cache.store([b"b" * 32], [np.ones(3)])
    with pytest.raises(FeatureError, match=r"vectors of \[2, 3\] dimensions: remove the folder"):
        cache.known()


def test_two_programs_may_have_computed_the_same(tmp_path: Path) -> None:
    cache = ResultCache(tmp_path / "c", identity(Letters(), None), "float32")
    for _ in range(2):
        cache.store([b"a" * 32, b"b" * 32], [np.ones(2), "silent"])
    known = cache.known()
    found = known.find(np.array([b"b" * 32, b"c" * 32, b"a" * 32], "S32"))
    assert (found >= 0).tolist() == [True, False, True]
    assert known.reasons[found[0]] == "silent"
    assert known.row[found[2]] == 0


def test_other_folders_are_left_alone(graph: MusicGraph, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "me.jpg").touch()
    with pytest.raises(FeatureError, match="is not used as a cache, since it is something else"):
        extract(graph, TextLetters(), cache=tmp_path / "photos")
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="file"):
        extract(graph, TextLetters(), cache=tmp_path / "file")
    (tmp_path / "empty").mkdir()
    extract(graph, TextLetters(), cache=tmp_path / "empty")
    assert json.loads((tmp_path / "empty" / "cache.json").read_text())["format"] == FORMAT


@pytest.mark.parametrize(
    "content", ['{"format": 2, "hetmusic_version": "9.0"}', "[]", "{", '{"format": "1"}', "\udcff"]
)
def test_caches_of_other_versions_are_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "cache.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(FeatureError, match="cache") as caught:
        open_cache(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_cache_that_cannot_be_written_leaves_the_graph_as_it_was(
    graph: MusicGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    extract(graph, TextLetters())
    before = {path: path.stat().st_mtime_ns for path in graph.path.rglob("*")}

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", full)
        with pytest.raises(UserError, match=r"cannot write .*npz: No space left on device"):
            extract(graph, TextLetters(2.0), overwrite=True)
    assert {path: path.stat().st_mtime_ns for path in graph.path.rglob("*")} == before
    assert not list(default_cache(graph).rglob("*.tmp"))
    assert extract(graph, TextLetters(2.0), overwrite=True).state == "replaced"


def test_an_unreadable_index_of_files_is_as_none(graph: MusicGraph, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "a").write_text("hello")
    files = song_graph(tmp_path / "files", cover=["a"])
    extract(files, Letters(), raw)
    folder = default_cache(files) / "files"
    folder.mkdir(exist_ok=True)
    for path in [*folder.iterdir(), folder / "x.parquet"]:
        path.write_bytes(b"PAR1 no longer")
    assert extract(files, Letters(), raw).computed == 0

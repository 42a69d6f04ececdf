"""What a run computes, writes and leaves alone."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hetmusic.errors import FeatureError, GraphFormatError, PluginError, UserError
from hetmusic.features import Extractor
from hetmusic.features.extraction import file_index
from hetmusic.features.extraction.request import Request
from hetmusic.features.extraction.run import default_cache, extract_features
from hetmusic.graph import MusicGraph
from tests.features.extraction.songs import Letters, TextLetters, extract, song_graph, write_files

CONTENTS = {
    "a/0.txt": "hello",
    "a/1.txt": "silent night",
    "2.txt": "hello",
    "3.txt": "broken",
    "4.txt": "sky",
}
COVERS = ["a/0.txt", "a/1.txt", "2.txt", None, "3.txt", "  ", "4.txt", "nowhere.txt", "2.txt"]


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    write_files(tmp_path / "raw", CONTENTS)
    return tmp_path / "raw"


@pytest.fixture
def graph(tmp_path: Path) -> MusicGraph:
    return song_graph(tmp_path / "graph", cover=COVERS)


def test_vectors_masks_and_reasons_by_hand(graph: MusicGraph, raw: Path) -> None:
    made = extract(graph, Letters(), raw)
    modality = MusicGraph.open(graph.path).modality("song", "cover")
    hello, sky, nothing = [5, 2, 1], [3, 0, 1], [0, 0, 0]
    expected = [hello, nothing, hello, nothing, nothing, nothing, sky, nothing, hello]
    np.testing.assert_array_equal(modality.values, np.array(expected, np.float32))
    assert modality.values.dtype == np.float32
    assert modality.present.tolist() == [True, False, True, False, False, False, True, False, True]
    reasons = {"none given": 2, "silent": 1, "RuntimeError: cannot be decoded at all": 1, "no such file": 1}
    assert made.coverage.reasons == reasons
    assert (made.coverage.present, made.coverage.total, made.dim, made.state) == (4, 9, 3, "added")
    info = modality.info
    assert info["absent"] == reasons
    assert info["absent_nodes"] == {
        "RuntimeError: cannot be decoded at all": [4],
        "no such file": [7],
        "silent": [1],
    }
    assert info["extractor"] == "letters"
    assert info["settings"] == {"factor": 1.0}


def test_the_same_content_is_computed_once(graph: MusicGraph, raw: Path) -> None:
    extractor = Letters()
    made = extract(graph, extractor, raw)
    assert made.computed == 4
    assert sorted(path.name for path in extractor.prepared) == ["0.txt", "1.txt", "3.txt", "4.txt"]


def test_a_second_run_computes_nothing_and_writes_nothing(graph: MusicGraph, raw: Path) -> None:
    (raw / "3.txt").write_text("fine")
    extract(graph, Letters(), raw)
    before = {path: path.stat().st_mtime_ns for path in graph.path.rglob("*")}
    again = Letters()
    made = extract(MusicGraph.open(graph.path), again, raw)
    assert (made.computed, made.state) == (0, "unchanged")
    assert (again.loaded, again.prepared, again.batches) == (0, [], [])
    assert {path: path.stat().st_mtime_ns for path in graph.path.rglob("*")} == before


def test_what_failed_without_a_reason_of_its_own_is_tried_again(graph: MusicGraph, raw: Path) -> None:
    extract(graph, Letters(), raw)
    again = Letters()
    assert extract(graph, again, raw).computed == 1
    assert [path.name for path in again.prepared] == ["3.txt"], "a silent one stays silent"


def test_a_changed_file_is_computed_alone(graph: MusicGraph, raw: Path) -> None:
    (raw / "3.txt").write_text("fine")
    extract(graph, Letters(), raw)
    (raw / "4.txt").write_text("moon")
    again = Letters()
    made = extract(MusicGraph.open(graph.path), again, raw)
    assert [path.name for path in again.prepared] == ["4.txt"]
    assert made.state == "replaced", "no --overwrite is needed for what the same extractor made"
    np.testing.assert_array_equal(graph.modality("song", "cover").values[6], [4, 2, 1])


def test_unchanged_files_are_not_read(graph: MusicGraph, raw: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_index, "SETTLED", -1)  # files of tests have just been written
    extract(graph, Letters(), raw)
    monkeypatch.setattr(
        "hetmusic.features.extraction.file_items.sha256", lambda path: pytest.fail(f"{path} is read")
    )
    extract(graph, Letters(), raw)


def test_a_file_replaced_by_one_of_the_same_size_and_time_is_noticed(graph: MusicGraph, raw: Path) -> None:
    """Programs that copy files keep their times; the time of the change of properties cannot be set."""
    old = time.time() - 1000
    os.utime(raw / "4.txt", (old, old))
    extract(graph, Letters(), raw)
    (raw / "4.txt").write_text("sea")
    os.utime(raw / "4.txt", (old, old))
    extract(graph, Letters(), raw)
    np.testing.assert_array_equal(graph.modality("song", "cover").values[6], [3, 2, 1])


def test_a_file_that_has_just_been_changed_is_read_again(graph: MusicGraph, raw: Path) -> None:
    """Within the resolution of times two changes look like one."""
    extract(graph, Letters(), raw)
    index = file_index.FileIndex(default_cache(graph), raw)
    assert not index.path.exists()


def test_a_moved_catalogue_is_not_computed_again(graph: MusicGraph, raw: Path, tmp_path: Path) -> None:
    extract(graph, Letters(), raw)
    raw.rename(tmp_path / "moved")
    (tmp_path / "moved" / "3.txt").write_text("hello")
    other = song_graph(tmp_path / "other", cover=COVERS[::-1])
    again = Letters()
    assert extract(other, again, tmp_path / "moved", cache=default_cache(graph)).computed == 0


def test_other_settings_are_other_results(graph: MusicGraph, raw: Path) -> None:
    extract(graph, Letters(), raw)
    with pytest.raises(FeatureError, match="made by letters with other settings; pass --overwrite"):
        extract(graph, Letters(2.0), raw)
    assert extract(graph, Letters(2.0), raw, overwrite=True).computed == 4
    assert graph.modality("song", "cover").values[0].tolist() == [10, 4, 2]
    assert extract(graph, Letters(), raw, overwrite=True).computed == 1, "the first results are still there"


def test_imported_vectors_are_not_replaced_unasked(graph: MusicGraph, raw: Path) -> None:
    graph.add_modality("song", "cover", np.ones((9, 2), np.float32), info={"source": "import"})
    extractor = Letters()
    with pytest.raises(FeatureError, match="made by import"):
        extract(graph, extractor, raw)
    assert not extractor.prepared, "said before anything is computed"
    assert extract(graph, extractor, raw, modality="letters").state == "added"
    assert extract(graph, Letters(), raw, overwrite=True).state == "replaced"


def test_a_version_or_code_that_changed_makes_new_results(graph: MusicGraph, raw: Path) -> None:
    extract(graph, Letters(), raw)

    class Newer(Letters):
        name = "letters"
        version = "2"

    assert extract(graph, Newer(), raw).computed == 4


def test_recompute_uses_nothing_that_is_there(graph: MusicGraph, raw: Path) -> None:
    extract(graph, Letters(), raw)
    assert extract(graph, Letters(), raw, recompute=True).computed == 4


def test_half_the_bytes(graph: MusicGraph, raw: Path) -> None:
    made = extract(graph, Letters(1e4), raw, float16=True)
    modality = graph.modality("song", "cover")
    assert modality.values.dtype == np.float16
    assert modality.values[0].tolist() == np.float16([50000, 20000, 10000]).tolist()
    assert extract(graph, Letters(1e5), raw, float16=True, overwrite=True).coverage.reasons == {
        **made.coverage.reasons,
        "numbers too large to be stored": 4,
    }


def test_half_the_bytes_of_what_is_known_in_full(graph: MusicGraph, raw: Path) -> None:
    (raw / "4.txt").write_text("a" * 100)
    extract(graph, Letters(1e3), raw)
    made = extract(graph, Letters(1e3), raw, float16=True, overwrite=True)
    assert made.computed == 1, "that which failed"
    assert made.coverage.reasons["numbers too large to be stored"] == 1
    modality = graph.modality("song", "cover")
    assert modality.present.tolist() == [True, False, True, False, False, False, False, False, True]
    assert modality.values[2].tolist() == [5000, 2000, 1000]


def test_texts_need_no_raw_folder_and_any_node_type_will_do(tmp_path: Path) -> None:
    graph = song_graph(tmp_path / "graph", words=["hello", None, "silent", "", "Привет", "hello"])
    extractor = TextLetters()
    (made,) = extract_features(graph, [Request(extractor, "lyrics", "words")], node="song")
    assert made.coverage.reasons == {"none given": 1, "silent": 1}
    assert graph.modality("song", "lyrics").values[:, 0].tolist() == [5, 0, 0, 0, 6, 5]
    assert extractor.prepared[0] in {"silent", "Привет"}, "the longest first"
    assert sorted(extractor.prepared) == ["", "hello", "silent", "Привет"]


def test_nothing_is_added_where_no_node_has_it(tmp_path: Path) -> None:
    graph = song_graph(tmp_path / "graph", lyrics=["silent", None])
    assert extract(graph, TextLetters()).state == "empty"
    assert graph.modalities("song") == []
    assert extract(graph, TextLetters()).computed == 0


class Rank(Extractor):
    """The share of all texts that are not longer: depends on all."""

    kind = "text"
    learns = True

    def __init__(self) -> None:
        self.lengths = np.empty(0)

    def fit(self, items: Iterable[str]) -> None:
        self.lengths = np.array([len(item) for item in items])

    def extract(self, batch: Sequence[Any]) -> np.ndarray:
        return np.array([[np.mean(self.lengths <= len(item))] for item in batch])


def test_an_extractor_that_learns_does_so_from_all_items_whenever_one_changes(tmp_path: Path) -> None:
    graph = song_graph(tmp_path / "graph", lyrics=["a", "abc", None, "ab", "a"])
    assert extract(graph, Rank()).computed == 3
    np.testing.assert_allclose(graph.modality("song", "lyrics").values[:, 0], [0.5, 1, 0, 0.75, 0.5])
    assert extract(graph, Rank()).computed == 0
    graph = song_graph(tmp_path / "graph", lyrics=["a", "abc", None, "ab", "abcd"])
    assert extract(graph, Rank()).computed == 4
    np.testing.assert_allclose(graph.modality("song", "lyrics").values[:, 0], [0.25, 0.75, 0, 0.5, 1])


def test_mistakes_are_said_before_anything_is_computed(graph: MusicGraph, raw: Path, tmp_path: Path) -> None:
    numbers = song_graph(tmp_path / "numbers", cover=[1, 2])
    extractor = Letters()
    for wrong, message in (
        (lambda: extract(graph, extractor), "needs the raw folder"),
        (lambda: extract(graph, extractor, raw / "x"), "does not exist"),
        (lambda: extract(graph, extractor, raw / "2.txt"), "is no folder"),
        (lambda: extract(graph, TextLetters()), "no attribute 'lyrics' to make modality 'lyrics' from"),
        (lambda: extract(graph, extractor, raw, modality="a b"), "may hold letters"),
        (lambda: extract(graph, extractor, raw, node="sing"), "did you mean 'song'"),
        (lambda: extract(numbers, extractor, raw), "holds Int64, not the text"),
        (
            lambda: extract_features(graph, [Request(extractor), Request(Letters())], raw=raw),
            "'cover' is asked for twice",
        ),
    ):
        with pytest.raises(UserError, match=message):
            wrong()
    assert not extractor.prepared
    assert not default_cache(graph).exists()


def test_a_file_that_changes_while_it_is_read_is_absent_this_time(graph: MusicGraph, raw: Path) -> None:
    class Slow(Letters):
        name = "letters"

        def prepare(self, item: Path) -> str:
            text = super().prepare(item)
            if item.name == "4.txt":
                item.write_text("another")
            return text

    made = extract(graph, Slow(), raw)
    assert made.coverage.reasons["changed while it was read"] == 1
    assert extract(graph, Letters(), raw).coverage.present == 4
    np.testing.assert_array_equal(graph.modality("song", "cover").values[6], [7, 3, 1])


def test_a_damaged_modality_can_be_replaced(graph: MusicGraph, raw: Path) -> None:
    extract(graph, Letters(), raw)
    for suffix in ("npy", "json"):
        (graph.path / "features" / "song" / f"cover.{suffix}").write_bytes(b"{")
        with pytest.raises(GraphFormatError, match=f"cover.{suffix}"):
            extract(MusicGraph.open(graph.path), Letters(), raw)
        assert extract(MusicGraph.open(graph.path), Letters(), raw, overwrite=True).state == "replaced"
        np.testing.assert_array_equal(
            MusicGraph.open(graph.path).modality("song", "cover").values[6], [3, 0, 1]
        )


def test_what_fails_in_an_own_extractor_is_named(graph: MusicGraph, raw: Path) -> None:
    class Unloadable(Letters):
        def load(self, device: str = "auto") -> None:
            raise RuntimeError("no model\nhere")

    class Slow(Letters):
        learns = True

        def fit(self, items: Iterable[Any]) -> None:
            raise ZeroDivisionError

    for extractor, said in (
        (
            Unloadable(),
            r"Unloadable cannot be loaded: RuntimeError: no model here \(.*test_run.py, line \d+\)",
        ),
        (Slow(), r"Slow cannot learn from the catalogue: ZeroDivisionError"),
    ):
        with pytest.raises(PluginError, match=said) as problem:
            extract(graph, extractor, raw)
        assert "test_run.py" in problem.value.trace
    assert graph.modalities("song") == []


class Meanwhile(Letters):
    """Something else happens while it computes."""

    name = "letters"

    def __init__(self, happens: Callable[[], object]) -> None:
        super().__init__()
        self.happens = happens

    def settings(self) -> dict[str, Any]:
        return Letters().settings()

    def extract(self, batch: Sequence[str]) -> np.ndarray:
        if not self.batches:
            self.happens()
        return super().extract(batch)


def test_another_process_that_makes_the_same_meanwhile_is_no_mistake(graph: MusicGraph, raw: Path) -> None:
    (raw / "3.txt").write_text("fine")

    def other() -> None:
        assert extract(MusicGraph.open(graph.path), Letters(), raw).state == "added"

    assert extract(graph, Meanwhile(other), raw).state == "unchanged"

    def with_other_settings() -> None:
        extract(MusicGraph.open(graph.path), Letters(2.0), raw, modality="new")

    with pytest.raises(FeatureError, match="already has modality 'new' of song; pass --overwrite"):
        extract(graph, Meanwhile(with_other_settings), raw, modality="new", recompute=True)


def test_vectors_are_not_given_to_the_nodes_of_a_graph_built_meanwhile(graph: MusicGraph, raw: Path) -> None:
    (raw / "3.txt").write_text("fine")

    def build_again() -> None:
        song_graph(graph.path, cover=COVERS[::-1])

    with pytest.raises(FeatureError, match="was built again while modality 'cover' was computed"):
        extract(graph, Meanwhile(build_again), raw)
    opened = MusicGraph.open(graph.path)
    assert opened.modalities("song") == []
    assert extract(opened, Meanwhile(build_again), raw).computed == 0
    np.testing.assert_array_equal(opened.modality("song", "cover").values[2], [3, 0, 1])


def test_settings_have_to_be_json(graph: MusicGraph, raw: Path) -> None:
    class Odd(Letters):
        def settings(self) -> dict[str, Any]:
            return {"model": object()}

    with pytest.raises(FeatureError, match=r"settings of extractor .*Odd are no JSON"):
        extract(graph, Odd(), raw)


def test_all_modalities_in_one_run(graph: MusicGraph, raw: Path, tmp_path: Path) -> None:
    both = song_graph(tmp_path / "both", cover=["2.txt", None], lyrics=[None, "la"])
    made = extract_features(both, [Request(TextLetters()), Request(Letters())], raw=raw)
    assert [(outcome.modality, outcome.coverage.present) for outcome in made] == [("lyrics", 1), ("cover", 1)]
    assert both.modalities("song") == ["cover", "lyrics"]

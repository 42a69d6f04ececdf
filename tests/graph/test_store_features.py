"""Modalities inside a graph folder."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hetmusic.errors import FeatureError, GraphFormatError, UnknownKeyError
from hetmusic.graph import MusicGraph
from tests.graphs import make_graph

VALUES = np.arange(6, dtype=np.float32).reshape(2, 3)


@pytest.fixture
def graph(tmp_path: Path) -> MusicGraph:
    return make_graph(tmp_path / "g", [(0, 0), (1, 3)])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_round_trip(graph: MusicGraph, dtype: type) -> None:
    graph.add_modality(
        "artist", "text", VALUES.astype(dtype), keys=["a3", "a1"], info={"model": "bag of words"}
    )
    modality = MusicGraph.open(graph.path, verify=True).modality("artist", "text")
    assert isinstance(modality.values, np.memmap)
    assert modality.values.dtype == dtype
    assert modality.values.tolist() == [[0, 0, 0], [3, 4, 5], [0, 0, 0], [0, 1, 2]]
    assert modality.present.tolist() == [False, True, False, True]
    assert (modality.info, modality.dim, modality.coverage) == ({"model": "bag of words"}, 3, 0.5)
    assert graph.modalities("artist") == ["text"]
    assert graph.modalities("user") == []


def test_by_index_and_for_all(graph: MusicGraph) -> None:
    graph.add_modality("artist", "some", VALUES, indices=np.array([2, 0]))
    assert graph.modality("artist", "some").present.tolist() == [True, False, True, False]
    graph.add_modality("artist", "all", np.eye(4))
    assert graph.modality("artist", "all").coverage == 1.0


def test_reading_is_not_writing(graph: MusicGraph) -> None:
    graph.add_modality("artist", "text", VALUES, keys=["a0", "a1"])
    with pytest.raises(ValueError, match="read-only"):
        graph.modality("artist", "text").values[0, 0] = 1


def test_checksum_of_the_graph_does_not_depend_on_features(graph: MusicGraph, tmp_path: Path) -> None:
    before = graph.checksum
    graph.add_modality("artist", "text", VALUES, keys=["a0", "a1"])
    assert graph.checksum == before
    assert make_graph(tmp_path / "other", [(0, 0), (1, 2)], artists=4).checksum != before


def test_overwriting_must_be_asked_for(graph: MusicGraph) -> None:
    graph.add_modality("artist", "text", VALUES, keys=["a0", "a1"])
    with pytest.raises(FeatureError, match="already has modality 'text' of artist"):
        graph.add_modality("artist", "text", VALUES, keys=["a2", "a3"])
    graph.add_modality("artist", "text", VALUES[:1, :2], keys=["a2"], overwrite=True)
    modality = MusicGraph.open(graph.path, verify=True).modality("artist", "text")
    assert (modality.dim, modality.present.tolist()) == (2, [False, False, True, False])


def test_two_handles_do_not_lose_each_others_modality(graph: MusicGraph) -> None:
    other = MusicGraph.open(graph.path)
    graph.add_modality("artist", "text", VALUES, keys=["a0", "a1"])
    other.add_modality("artist", "audio", VALUES, keys=["a0", "a1"])
    assert MusicGraph.open(graph.path).modalities("artist") == ["audio", "text"]


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        (VALUES, {"keys": ["a0"]}, "2 rows of values, but 1 keys"),
        (VALUES, {}, "2 rows of values, but 4 keys"),
        (VALUES, {"keys": ["a0", "a0"]}, "1 rows name a node that has one already"),
        (VALUES, {"indices": np.array([0, 4])}, r"node indices must be in 0\.\.3"),
        (VALUES, {"indices": np.array([-1, 0])}, "node indices must be"),
        (VALUES.astype(np.int64), {"keys": ["a0", "a1"]}, "values are int64"),
        (VALUES[0], {"keys": ["a0", "a1", "a2"]}, r"shape \(3,\)"),
        (VALUES[:, :0], {"keys": ["a0", "a1"]}, r"shape \(2, 0\)"),
        (
            np.array([[1.0], [np.nan]]),
            {"keys": ["a0", "a1"]},
            "1 of 2 rows hold NaN or infinity; first: row 1",
        ),
        (np.array([[-np.inf], [1.0]]), {"keys": ["a0", "a1"]}, "first: row 0"),
    ],
)
def test_refuses(graph: MusicGraph, values: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(FeatureError, match=message):
        graph.add_modality("artist", "text", values, **options)
    assert MusicGraph.open(graph.path, verify=True).modalities("artist") == []
    assert not (graph.path / "features").exists()


@pytest.mark.parametrize("name", ["", "a/b", "text.present", "..", "Größe"])
def test_refuses_names_that_are_no_file_names(graph: MusicGraph, name: str) -> None:
    with pytest.raises(FeatureError, match="a name may hold letters"):
        graph.add_modality("artist", name, VALUES, keys=["a0", "a1"])


def test_unknown_names(graph: MusicGraph) -> None:
    with pytest.raises(UnknownKeyError, match="1 of 2 artist keys"):
        graph.add_modality("artist", "text", VALUES, keys=["a0", "b"])
    graph.add_modality("artist", "text", VALUES, keys=["a0", "a1"])
    with pytest.raises(
        UnknownKeyError, match=r"no modality 'txt' \(did you mean 'text'\?\); there are: text"
    ):
        graph.modality("artist", "txt")


def test_a_crash_while_replacing_never_mixes_old_and_new(
    graph: MusicGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Break off after every single rename and look at what is left."""
    graph.add_modality("artist", "text", VALUES, keys=["a0", "a1"])
    backup = {path: path.read_bytes() for path in graph.path.rglob("*") if path.is_file()}
    real = Path.replace
    states = set()
    for allowed in range(6):
        renames: list[Path] = []

        def crash(self: Path, target: Path, renames: list[Path] = renames, allowed: int = allowed) -> Path:
            if ".tmp" in Path(target).name:  # a rename among temporary files changes nothing
                return real(self, target)
            if len(renames) == allowed:
                raise KeyboardInterrupt
            renames.append(target)
            return real(self, target)

        monkeypatch.setattr(Path, "replace", crash)
        with contextlib.suppress(KeyboardInterrupt):
            MusicGraph.open(graph.path).add_modality(
                "artist", "text", VALUES + 1, keys=["a2", "a3"], overwrite=True
            )
        monkeypatch.setattr(Path, "replace", real)
        after = MusicGraph.open(graph.path, verify=True)
        present = tuple(after.modality("artist", "text").present) if after.modalities("artist") else None
        states.add(present)
        for path, content in backup.items():
            path.write_bytes(content)
    old, new = (True, True, False, False), (False, False, True, True)
    assert states == {old, None, new}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("text.npy", b"\x93NUMPY", "damaged"),
        ("text.npy", b"", "damaged"),
        ("text.present.npy", b"no npy", "damaged"),
        ("text.json", b"{", "cannot be read"),
    ],
)
def test_damaged_files(graph: MusicGraph, name: str, content: bytes, message: str) -> None:
    graph.add_modality("artist", "text", VALUES, keys=["a0", "a1"])
    (graph.path / "features/artist" / name).write_bytes(content)
    with pytest.raises(GraphFormatError, match=message) as caught:
        MusicGraph.open(graph.path).modality("artist", "text")
    assert name in str(caught.value)


def test_another_shape_than_announced(graph: MusicGraph) -> None:
    graph.add_modality("artist", "text", VALUES, keys=["a0", "a1"])
    np.save(graph.path / "features/artist/text.npy", VALUES)
    with pytest.raises(GraphFormatError, match=r"float32\(2, 3\), but graph.json says float32\(4, 3\)"):
        graph.modality("artist", "text")


def test_pickles_are_not_loaded(graph: MusicGraph) -> None:
    graph.add_modality("artist", "text", VALUES, keys=["a0", "a1"])
    np.save(graph.path / "features/artist/text.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(GraphFormatError, match="damaged"):
        graph.modality("artist", "text")


def test_graph_json_lists_shape_and_files(graph: MusicGraph) -> None:
    graph.add_modality("artist", "text", VALUES, keys=["a0", "a1"])
    meta = json.loads((graph.path / "graph.json").read_text())
    assert meta["modalities"] == {"artist": {"text": {"dim": 3, "dtype": "float32", "present": 2}}}
    assert {name for name in meta["files"] if name.startswith("features/")} == {
        "features/artist/text.npy",
        "features/artist/text.present.npy",
        "features/artist/text.json",
    }

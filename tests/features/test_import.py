"""``hetmusic features import``: vectors and keys from files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hetmusic._io import locked
from hetmusic.errors import FeatureError, UserError
from hetmusic.features.importing import import_features
from hetmusic.graph import MusicGraph
from tests.graphs import make_graph

VALUES = np.arange(6, dtype=np.float32).reshape(3, 2)
KEYS = "a2\na0\na4\n"


@pytest.fixture
def graph(tmp_path: Path) -> MusicGraph:
    return make_graph(tmp_path / "g", [(0, 0)], artists=6)


def _files(tmp_path: Path, values: Any = VALUES, keys: str | bytes = KEYS) -> tuple[Path, Path]:
    np.save(tmp_path / "x.npy", values)
    (tmp_path / "keys.tsv").write_bytes(keys.encode() if isinstance(keys, str) else keys)
    return tmp_path / "x.npy", tmp_path / "keys.tsv"


@pytest.mark.parametrize(
    ("keys", "column"),
    [
        (KEYS, None),
        (KEYS.rstrip("\n"), None),
        (KEYS.replace("\n", "\r\n"), None),
        ("\ufeff" + KEYS, None),
        ("row\tartist\n0\ta2\n1\ta0\n2\ta4\n", "artist"),
        ("artist,name\r\na2,x\r\na0,y\r\na4,z\r\n", "artist"),
        ('artist,name\na2,"x, y"\na0,y\na4,z\n', "artist"),
        ("artist\na2\na0\na4\n", "artist"),
        ("\ufeffartist\na2\na0\na4\n", "artist"),
    ],
)
def test_imports(graph: MusicGraph, tmp_path: Path, keys: str, column: str | None) -> None:
    files = _files(tmp_path, keys=keys)
    report = import_features(graph, "artist", "text", *files, key_column=column)
    assert (report.imported, report.unknown, report.dim, report.coverage) == (3, 0, 2, 0.5)
    modality = MusicGraph.open(graph.path, verify=True).modality("artist", "text")
    assert modality.present.tolist() == [True, False, True, False, True, False]
    assert modality.values[[2, 0, 4]].tolist() == VALUES.tolist()
    assert modality.info["values"] == "x.npy"
    assert str(tmp_path) not in str(modality.info)


@pytest.mark.parametrize("dtype", ["<f2", "<f4", "<f8", ">f4"])
def test_any_float(graph: MusicGraph, tmp_path: Path, dtype: str) -> None:
    import_features(graph, "artist", "text", *_files(tmp_path, VALUES.astype(dtype)))
    values = graph.modality("artist", "text").values
    assert values[4].tolist() == [4.0, 5.0]
    assert values.dtype.itemsize == int(dtype[2])


def test_unknown_keys(graph: MusicGraph, tmp_path: Path) -> None:
    files = _files(tmp_path, keys="x\na2\ny\n")
    with pytest.raises(
        FeatureError, match=r"2 of 3 keys are no artist of graph tiny; first: 'x', 'y'; pass --unknown skip"
    ):
        import_features(graph, "artist", "text", *files)
    report = import_features(graph, "artist", "text", *files, unknown="skip")
    assert (report.imported, report.unknown) == (1, 2)
    assert str(report).endswith("16.7% of the nodes; left out 2 rows with unknown keys")
    assert graph.modality("artist", "text").values[2].tolist() == [2.0, 3.0]


def test_no_known_key_at_all(graph: MusicGraph, tmp_path: Path) -> None:
    with pytest.raises(FeatureError, match="3 of 3 keys are no artist"):
        import_features(graph, "artist", "text", *_files(tmp_path, keys="x\ny\nz\n"), unknown="skip")


@pytest.mark.parametrize(
    ("values", "keys", "column", "message"),
    [
        (VALUES, "a0\na1\n", None, r"x\.npy has 3 rows, but .*keys\.tsv has 2 keys"),
        (VALUES, "", None, "has 0 keys"),
        (VALUES, "a0\na1\na0\n", None, r"1 repeated keys, the first in line 3: 'a0'"),
        (VALUES, "a0\n\na1\n", None, "1 empty keys, the first in line 2"),
        (VALUES, "a0\tx\na1\ty\na2\tz\n", None, "--key-column"),
        (VALUES, "id\tx\na0\t1\n\t2\na1\t3\n", "id", "1 empty keys, the first in line 3"),
        (VALUES, "id\tx\na0\t1\na1\t2\na0\t3\n", "id", r"1 repeated keys, the first in line 4: 'a0'"),
        (VALUES, "artist\tx\na0\t1\n", "artst", r"no column 'artst' \(did you mean 'artist'\?\)"),
        (VALUES, "id\tx\na0\t1\t2\t3\n", "id", "cannot be read as a table"),
        (VALUES, b"\xff\xfe\n", None, "cannot be read as UTF-8"),
        (VALUES[0], KEYS, None, r"has shape \(2,\)"),
        (VALUES[None], KEYS, None, r"has shape \(1, 3, 2\)"),
        (VALUES[:, :0], KEYS, None, r"has shape \(3, 0\)"),
        (VALUES.astype(int), KEYS, None, "holds int64, not float16"),
        (VALUES.astype(str), KEYS, None, "holds <U"),
        (
            np.array([[1, 2], [np.nan, 1], [1, np.inf]]),
            KEYS,
            None,
            r"2 of 3 rows hold NaN or infinity; first: row 1 \(key 'a0'\), row 2 \(key 'a4'\)",
        ),
        (np.array([[np.inf, -np.inf]] * 3), KEYS, None, "3 of 3 rows hold NaN or infinity"),
    ],
)
def test_refuses(
    graph: MusicGraph, tmp_path: Path, values: Any, keys: str | bytes, column: str | None, message: str
) -> None:
    with pytest.raises(FeatureError, match=message) as caught:
        import_features(graph, "artist", "text", *_files(tmp_path, values, keys), key_column=column)
    assert "\n" not in str(caught.value)
    assert MusicGraph.open(graph.path).modalities("artist") == []


def test_large_values_are_finite(graph: MusicGraph, tmp_path: Path) -> None:
    """Adding them up would overflow, but every one of them is fine."""
    values = np.full((3, 2), np.finfo(np.float64).max)
    assert import_features(graph, "artist", "text", *_files(tmp_path, values)).imported == 3


def test_missing_and_damaged_files(graph: MusicGraph, tmp_path: Path) -> None:
    values, keys = _files(tmp_path)
    for bad in ((tmp_path / "no.npy", keys), (values, tmp_path / "no.tsv")):
        with pytest.raises(FeatureError, match=r"no\.\w+ does not exist"):
            import_features(graph, "artist", "text", *bad)
    values.write_bytes(values.read_bytes()[:-5])
    with pytest.raises(FeatureError, match="cannot be read as npy"):
        import_features(graph, "artist", "text", values, keys)
    np.savez(tmp_path / "x.npz", VALUES)
    with pytest.raises(FeatureError, match=r"npz archive|cannot be read"):
        import_features(graph, "artist", "text", tmp_path / "x.npz", keys)
    np.save(values, np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(FeatureError, match="cannot be read as npy"):
        import_features(graph, "artist", "text", values, keys)


def test_unknown_node_type_and_existing_modality(graph: MusicGraph, tmp_path: Path) -> None:
    files = _files(tmp_path)
    with pytest.raises(UserError, match="no node type 'song'"):
        import_features(graph, "song", "text", *files)
    import_features(graph, "artist", "text", *files)
    with pytest.raises(FeatureError, match="already has modality"):
        import_features(graph, "artist", "text", *files)
    import_features(graph, "artist", "text", *files, overwrite=True)


def test_two_imports_at_once_do_not_lose_one(tmp_path: Path) -> None:
    graph = make_graph(tmp_path / "g", [(0, 0), (0, 1)])
    with locked(graph.path), pytest.raises(UserError, match="in use by another process"):
        graph.add_modality("artist", "text", np.ones((2, 3), np.float32), keys=graph.keys("artist"))
    assert MusicGraph.open(graph.path).modalities("artist") == []
    graph.add_modality("artist", "text", np.ones((2, 3), np.float32), keys=graph.keys("artist"))
    assert MusicGraph.open(graph.path).modalities("artist") == ["text"]

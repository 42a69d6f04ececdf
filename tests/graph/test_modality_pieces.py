"""Node tables and modalities piece by piece."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hetmusic.errors import FeatureError, GraphFormatError, UnknownKeyError
from hetmusic.graph import MusicGraph
from tests.features.extraction.songs import song_graph


@pytest.fixture
def graph(tmp_path: Path) -> MusicGraph:
    return song_graph(tmp_path / "graph", lyrics=[None if n % 3 == 0 else f"song {n}" for n in range(25)])


@pytest.mark.parametrize("rows", [1, 7, 25, 1000])
def test_a_table_in_pieces_is_the_table(graph: MusicGraph, rows: int) -> None:
    pieces = list(graph.stream_nodes("song", ["lyrics", "key"], rows))
    assert [start for start, _ in pieces] == list(range(0, 25, rows))
    whole = pl.concat([table for _, table in pieces])
    assert whole.equals(graph.nodes("song").select("lyrics", "key"))


def test_tables_that_cannot_be_streamed(graph: MusicGraph) -> None:
    with pytest.raises(UnknownKeyError, match="did you mean 'song'"):
        list(graph.stream_nodes("songs", ["key"]))
    with pytest.raises(GraphFormatError, match="has no column 'audio'"):
        list(graph.stream_nodes("song", ["audio"]))
    path = graph.path / "nodes" / "song.parquet"
    content = path.read_bytes()
    for damaged in (content[:-10], b"", content[:60] + bytes(60) + content[120:]):
        path.write_bytes(damaged)
        with pytest.raises(GraphFormatError, match=r"song\.parquet"):
            list(graph.stream_nodes("song", ["key", "lyrics"]))
    path.write_bytes(content)
    song_graph(graph.path.with_name("other"), lyrics=["a"])
    (graph.path.with_name("other") / "nodes" / "song.parquet").replace(path)
    with pytest.raises(GraphFormatError, match=r"has 1 rows, but graph\.json says 25"):
        list(graph.stream_nodes("song", ["key"]))
    path.unlink()
    with pytest.raises(GraphFormatError, match="is missing"):
        graph.node_schema("song")


def test_columns_are_known_without_reading_the_table(graph: MusicGraph) -> None:
    assert dict(graph.node_schema("song")) == {"key": pl.String, "name": pl.String, "lyrics": pl.String}


def test_pieces_in_any_order_are_one_modality(graph: MusicGraph) -> None:
    rng = np.random.default_rng(0)
    values = rng.standard_normal((25, 4)).astype(np.float32)
    order = rng.permutation(25)[:19]
    pieces = [(part, values[part]) for part in np.split(order, [3, 3, 10])]
    graph.add_modality_pieces("song", "audio", pieces, dim=4, dtype=np.dtype(np.float32), info={"a": 1})
    modality = MusicGraph.open(graph.path, verify=True).modality("song", "audio")
    present = np.isin(np.arange(25), order)
    np.testing.assert_array_equal(modality.values, values * present[:, None])
    np.testing.assert_array_equal(modality.present, present)
    assert modality.info == {"a": 1}


@pytest.mark.parametrize(
    ("pieces", "message"),
    [
        ([([0, 1], np.ones((2, 3)))], r"a piece has shape \(2, 3\), not \(2, 4\)"),
        ([([0, 25], np.ones((2, 4)))], "must be in 0..24"),
        ([([-1], np.ones((1, 4)))], "must be in 0..24"),
        ([([3, 3], np.ones((2, 4)))], "given two vectors"),
        ([([3], np.ones((1, 4))), ([3], np.ones((1, 4)))], "given two vectors"),
        ([([3], np.ones((1, 4))), ([5], np.full((1, 4), np.nan))], "node 5 holds NaN or infinity"),
    ],
)
def test_pieces_that_do_not_fit_leave_the_graph_as_it_was(graph: MusicGraph, pieces, message: str) -> None:
    graph.add_modality("song", "audio", np.zeros((25, 2), np.float32))
    before = {path: path.read_bytes() for path in graph.path.rglob("*") if path.is_file()}
    given = ((np.array(rows), values) for rows, values in pieces)
    with pytest.raises(FeatureError, match=message):
        graph.add_modality_pieces("song", "audio", given, dim=4, dtype=np.dtype("f4"), overwrite=True)
    assert {path: path.read_bytes() for path in graph.path.rglob("*") if path.is_file()} == before

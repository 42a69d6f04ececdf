"""A folder for raw files; a graph of the real HetRec listens and tags without the vocabularies: all tags are plain ones."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from hetmusic.graph import GraphWriter, MusicGraph
from hetmusic.graph.writer import sort_nodes
from tests.graphs import LIKES


def _read(path: Path) -> pl.DataFrame:
    return pl.read_csv(path, separator="\t", infer_schema=False, quote_char=None)


def _nodes(keys: pl.Series) -> pl.DataFrame:
    return sort_nodes(pl.DataFrame({"key": keys.unique()}))


@pytest.fixture(scope="session")
def hetrec(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> MusicGraph:
    raw = shared_data / "hetrec-lastfm-2k"
    listens = _read(raw / "user_artists.dat")
    tags = _read(raw / "user_taggedartists.dat")
    nodes = {
        "user": _nodes(listens["userID"]),
        "artist": _nodes(listens["artistID"]),
        "tag": _nodes(tags["tagID"]),
    }
    index = {kind: dict(zip(table["key"], range(table.height), strict=True)) for kind, table in nodes.items()}

    def at(column: str, kind: str) -> pl.Expr:
        return pl.col(column).replace_strict(index[kind], default=None, return_dtype=pl.Int32)

    folder = tmp_path_factory.mktemp("hetrec") / "graph"
    with GraphWriter(folder) as writer:
        for kind, table in nodes.items():
            writer.nodes(kind, table)
        edges = listens.select(
            src=at("userID", "user"), dst=at("artistID", "artist"), weight=pl.col("weight").cast(pl.Float32)
        )
        writer.edges(LIKES, edges)
        rows = tags.select(
            user=at("userID", "user"),
            item=at("artistID", "artist"),
            kind=pl.lit("tag"),
            tag=at("tagID", "tag"),
        )
        writer.assignments(rows.drop_nulls())
        writer.finish(name="hetrec", item="artist", interaction="likes")
    return MusicGraph.open(folder)


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """An empty folder for raw files."""
    folder = tmp_path / "raw"
    folder.mkdir()
    return folder

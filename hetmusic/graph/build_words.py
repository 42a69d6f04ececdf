"""Words that are counted for nodes, such as the words of lyrics, as one vector a node (tf-idf; Salton 1988)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hetmusic.graph.build_nodes import NodeTable
from hetmusic.graph.build_report import LINE, Notes
from hetmusic.graph.raw import RawFiles
from hetmusic.graph.raw.values import weights
from kg_schema.dump import FeatureSource

_CHUNK_ROWS = 65_536


@dataclass(frozen=True)
class Words:
    """What the words of nodes become."""

    #: unit vectors, float32, shape ``(n, words)``
    values: NDArray[np.float32]
    #: node index of each row, shape ``(n,)``
    indices: NDArray[np.int32]
    #: the words that the dimensions stand for, and how they are weighted
    info: Mapping[str, Any]
    #: attribute -> per node all its words, null where it has none; as far as they are wanted
    texts: Mapping[str, pl.Series]


def build_words(
    source: FeatureSource, there: list[str], table: NodeTable, files: RawFiles, notes: Notes, part: str
) -> Words:
    """Count words by node, weight them and keep those that most nodes have.

    The value of a word is log(1 + count) * (1 + log((1 + nodes) / (1 + nodes that have it))); a vector has length 1.

    :param there: the files that exist.
    """
    rows = _count(source, there, table, files, notes, part)
    by_word = (
        rows.group_by("word")
        .agg(pl.len().alias("nodes"))
        .with_columns(pl.col("word").cast(pl.String).alias("text"))
    )
    by_word = by_word.sort(["nodes", "text"], descending=[True, False]).with_row_index("column")
    rarity = ((1.0 + rows["node"].n_unique()) / (1.0 + pl.col("nodes"))).log() + 1.0
    values = ((1.0 + pl.col("count")).log() * rarity).alias("value")
    rows = rows.join(by_word, on="word").select("node", "column", "count", values).sort("node", "column")
    words = by_word["text"]
    texts = {}
    if source.text is not None:
        texts[source.text] = _texts(rows, "value", words, table.table.height)
    if source.counts is not None:
        texts[source.counts] = _texts(rows, "count", words, table.table.height)
    rows = rows.filter(pl.col("column") < source.words)
    length = pl.col("value").pow(2).sum().sqrt().over("node")
    rows = rows.with_columns((pl.col("value") / length).cast(pl.Float32).alias("value"))
    indices = rows["node"].unique(maintain_order=True)
    dimensions = words.head(source.words).to_list()
    info = {"weighting": "tf-idf", "dimensions": dimensions, "words_in_the_data": words.len()}
    return Words(_dense(rows, indices, max(len(dimensions), 1)), indices.to_numpy(), info, texts)


def _count(
    source: FeatureSource, there: list[str], table: NodeTable, files: RawFiles, notes: Notes, part: str
) -> pl.DataFrame:
    """Columns ``node``, ``word`` (a category), ``count`` (above 0), a row per pair in any order."""
    categories = pl.Categorical()
    parts = [pl.DataFrame(schema={"node": pl.Int32(), "word": categories, "count": pl.Float64()})]
    kind = table.node_type
    for file in there:
        raw = files.source(file)
        notes.reads(raw.label, part)
        for batch in files.batches(file):
            count = (
                weights(raw, batch, source.weight)
                if source.weight
                else pl.repeat(1.0, batch.height, eager=True)
            )
            rows = pl.DataFrame(
                {LINE: batch[LINE], "key": batch[source.key], "word": batch[source.word or ""]}
            )
            rows = rows.with_columns(count.alias("count"), table.index_of(rows["key"]).alias("node"))
            for reason, test, value in (
                (f"blank {kind}", pl.col("key").is_null(), ""),
                (f"unknown {kind}", pl.col("node").is_null(), "key"),
                ("blank word", pl.col("word").is_null(), ""),
                ("count not above 0", pl.col("count") <= 0, ""),
            ):
                notes.add("dropped", reason, rows.filter(test), file=raw.label, part=part, value=value)
                rows = rows.filter(~test)
            parts.append(rows.select("node", pl.col("word").cast(categories), "count"))
    return pl.concat(parts).group_by("node", "word").agg(pl.col("count").sum())


def _dense(rows: pl.DataFrame, indices: pl.Series, width: int) -> NDArray[np.float32]:
    """Rows of ``node``, ``column``, ``value`` as a matrix with a row per node of ``indices`` (ascending)."""
    values = np.zeros((len(indices), width), np.float32)
    row = np.searchsorted(indices.to_numpy(), rows["node"].to_numpy())
    for start in range(0, rows.height, _CHUNK_ROWS):
        piece = slice(start, start + _CHUNK_ROWS)
        values[row[piece], rows["column"].to_numpy()[piece]] = rows["value"].to_numpy()[piece]
    return values


def _texts(rows: pl.DataFrame, order: str, words: pl.Series, height: int) -> pl.Series:
    """All words of every node.

    :param order: ``value``, for the words with the largest values first; or ``count``, for the most frequent ones first,
        each with its count: ``love:7``.
    :param words: the word of each ``column``.
    """
    rows = rows.sort(["node", order, "column"], descending=[False, True, False])
    if order == "count":
        # a word with a blank in it would be taken for two
        words = words.str.replace_all(r"\s", "_")
        whole = pl.col("count") == pl.col("count").floor()
        number = pl.when(whole).then(pl.col("count").cast(pl.Int64).cast(pl.String))
        count = pl.format(":{}", number.otherwise(pl.col("count").cast(pl.String)))
    else:
        count = pl.lit("")
    pieces = rows.select("node", (pl.lit(words.gather(rows["column"])) + count).alias("word"))
    texts = pieces.group_by("node", maintain_order=True).agg(pl.col("word").str.join(" "))
    nodes = pl.int_range(height, dtype=pl.Int32, eager=True).alias("node").to_frame()
    return nodes.join(texts, on="node", how="left", maintain_order="left")["word"]

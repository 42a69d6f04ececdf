"""Vectors that a dump has for its nodes: columns of numbers, or words that are counted for a node."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hetmusic.graph.build_nodes import NodeTable
from hetmusic.graph.build_report import LINE, Notes
from hetmusic.graph.build_words import build_words
from hetmusic.graph.raw import RawFiles
from hetmusic.graph.raw.values import components
from kg_schema.dump import DumpSpec, FeatureSource


@dataclass(frozen=True)
class Vectors:
    """The vectors of some nodes of one type."""

    #: float32, shape ``(n, dim)``
    values: NDArray[np.float32]
    #: node index of each row, shape ``(n,)``
    indices: NDArray[np.int32]
    #: where they come from, and the names of the dimensions
    info: Mapping[str, Any] = field(default_factory=dict)


def build_features(
    spec: DumpSpec, nodes: Mapping[str, NodeTable], files: RawFiles, notes: Notes
) -> Iterator[tuple[str, str, Vectors]]:
    """Read the modalities of a dump: node type, name, vectors. A modality without any vector is left out.

    Words are also added to the node tables as attributes, where the specification says so.
    """
    for node_type, modalities in spec.features.items():
        for name, source in modalities.items():
            there = [file for file in source.file if file in files]
            if not there:
                continue
            part = f"features {node_type} {name}"
            if source.word is not None:
                words = build_words(source, there, nodes[node_type], files, notes, part)
                vectors = Vectors(words.values, words.indices, words.info)
                for attribute, texts in words.texts.items():
                    nodes[node_type].add_attribute(attribute, texts)
            else:
                vectors = _numbers(source, there, nodes[node_type], files, notes, part)
            if len(vectors.indices):
                info = {"extractor": "dump", "dump": spec.name, **vectors.info}
                yield node_type, name, Vectors(vectors.values, vectors.indices, info)
            else:
                notes.warn(f"no {node_type} has {name}")


def _numbers(
    source: FeatureSource, there: list[str], table: NodeTable, files: RawFiles, notes: Notes, part: str
) -> Vectors:
    """Vectors that stand in columns; a row with a blank is no vector, and of several the first counts."""
    columns = source.columns or []
    values: list[NDArray[np.float32]] = []
    indices: list[NDArray[np.int32]] = []
    seen = np.zeros(table.table.height, np.bool_)
    names: list[str] = []
    for file in there:
        raw, reader = files.source(file), files.reader(file)
        notes.reads(raw.label, part)
        vectors = reader.vectors if reader is not None else {}
        names = [name for column in columns for name in vectors.get(column, [column])]
        for batch in files.batches(file):
            rows = pl.DataFrame({LINE: batch[LINE], "key": batch[source.key]})
            rows = rows.with_columns(table.index_of(rows["key"]).alias("node"))
            for column in columns:
                of_numbers = batch[column].dtype != pl.String
                rows = rows.with_columns(
                    (batch[column] if of_numbers else components(raw, batch, column)).alias(f"v:{column}")
                )
            rows = _usable(rows, table, seen, raw.label, part, notes)
            if rows.height:
                values.append(np.hstack([_matrix(rows[f"v:{column}"]) for column in columns]))
                indices.append(rows["node"].to_numpy())
    none = np.zeros((0, max(len(names), 1)), np.float32)
    return Vectors(
        np.vstack([none, *values]) if not values else np.vstack(values),
        np.concatenate([np.zeros(0, np.int32), *indices]),
        {"dimensions": names},
    )


def _usable(
    rows: pl.DataFrame, table: NodeTable, seen: NDArray[np.bool_], file: str, part: str, notes: Notes
) -> pl.DataFrame:
    """Rows of known nodes that have a vector for the first time; the others are counted."""
    kind = table.node_type
    values = pl.any_horizontal(pl.selectors.starts_with("v:").is_null())
    checks = [
        ("dropped", f"blank {kind}", pl.col("key").is_null(), ""),
        ("dropped", f"unknown {kind}", pl.col("node").is_null(), "key"),
        ("left out", "blank value", values, ""),
    ]
    for action, reason, test, value in checks:
        notes.add(action, reason, rows.filter(test), file=file, part=part, value=value)  # type: ignore[arg-type]
        rows = rows.filter(~test)
    again = pl.Series(seen[rows["node"].to_numpy()]) | ~rows["node"].is_first_distinct()
    notes.add("merged", f"repeated {kind}", rows.filter(again), file=file, part=part, value="key")
    rows = rows.filter(~again)
    seen[rows["node"].to_numpy()] = True
    return rows


def _matrix(values: pl.Series) -> NDArray[np.float32]:
    """A column of numbers or vectors as a matrix, shape ``(rows, dim)``."""
    array = values.to_numpy().astype(np.float32, copy=False)
    return array if array.ndim == 2 else array[:, None]

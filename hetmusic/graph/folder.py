"""The tables of a graph folder, each checked against ``graph.json`` when it is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from hetmusic._io import sha256
from hetmusic.errors import GraphFormatError
from hetmusic.graph import tables
from hetmusic.graph.format import ASSIGNMENTS_FILE, GraphMeta, edges_file, nodes_file
from hetmusic.graph.pair_order import increase
from hetmusic.graph.types import EdgeType


def check_files(folder: Path, meta: GraphMeta, verify: bool) -> None:
    """Check that every file of the table of contents is there.

    :param verify: also read each and compare its SHA-256.
    :raises GraphFormatError: naming the first file that is missing or has changed.
    """
    for name, digest in meta.files.items():
        if not (folder / name).is_file():
            raise GraphFormatError(f"{folder / name} is missing although graph.json lists it")
        if verify and sha256(folder / name) != digest:
            raise GraphFormatError(f"{folder / name} has changed: its SHA-256 is not the one in graph.json")


def read_nodes(folder: Path, meta: GraphMeta, node_type: str) -> pl.DataFrame:
    """Read a node table: ``key``, ``name``, attributes.

    :raises GraphFormatError: if it is damaged or does not agree with ``graph.json``.
    """
    path = folder / nodes_file(node_type)
    table = tables.read_table(path, meta.counts.nodes[node_type])
    tables.check_columns(path, table, tables.NODE_COLUMNS)
    _check_no_nulls(path, table, "key")
    return table


def read_node_schema(folder: Path, node_type: str) -> pl.Schema:
    """Names and types of a node table's columns.

    :raises GraphFormatError: if the table is missing or damaged.
    """
    return tables.read_schema(folder / nodes_file(node_type))


def stream_nodes(
    folder: Path, meta: GraphMeta, node_type: str, columns: Sequence[str], rows: int
) -> Iterator[tuple[int, pl.DataFrame]]:
    """Read some columns of a node table piece by piece, each with the index of its first node.

    :raises GraphFormatError: as :func:`read_nodes`.
    """
    path = folder / nodes_file(node_type)
    yield from tables.stream_table(path, meta.counts.nodes[node_type], columns, rows)


def read_edges(folder: Path, meta: GraphMeta, edge_type: EdgeType) -> pl.DataFrame:
    """Read a stored edge table: ``src``, ``dst``, perhaps ``weight`` and ``time``; sorted by (src, dst).

    :raises GraphFormatError: if it is damaged, does not agree with ``graph.json`` or names nodes that do not
        exist.
    """
    path = folder / edges_file(edge_type)
    table = tables.read_table(path, meta.counts.edges[str(edge_type)])
    extras = {column: dtype for column, dtype in tables.EDGE_EXTRAS.items() if column in table.columns}
    tables.check_columns(path, table, {**tables.EDGE_COLUMNS, **extras})
    _check_no_nulls(path, table, *(column for column in table.columns if column != "time"))
    _check_indices(path, table["src"], edge_type.src, meta)
    _check_indices(path, table["dst"], edge_type.dst, meta)
    if not increase(table["src"], table["dst"]):
        raise GraphFormatError(f"{path}: rows are not sorted by (src, dst), or a pair is repeated")
    return table


def read_assignments(folder: Path, meta: GraphMeta) -> pl.DataFrame | None:
    """Read who assigned which tag: ``user``, ``item``, ``kind``, ``tag``, ``time``; None if unknown.

    :raises GraphFormatError: if the table is damaged, does not agree with ``graph.json`` or names nodes that
        do not exist.
    """
    counts = meta.counts.assignments
    if not counts:
        return None
    path = folder / ASSIGNMENTS_FILE
    table = tables.read_table(path, sum(counts.values()))
    tables.check_columns(path, table, tables.ASSIGNMENT_COLUMNS)
    _check_no_nulls(path, table, "user", "item", "kind", "tag")
    found = dict(table.group_by("kind").len().iter_rows())
    if found != counts:
        raise GraphFormatError(f"{path} has {found} rows by kind, but graph.json says {counts}")
    _check_indices(path, table["item"], meta.item, meta)
    _check_indices(path, table["user"], meta.user, meta)
    for kind in counts:
        _check_indices(path, table.filter(pl.col("kind") == kind)["tag"], kind, meta)
    return table


def _check_no_nulls(path: Path, table: pl.DataFrame, *columns: str) -> None:
    for column in columns:
        if nulls := table[column].null_count():
            raise GraphFormatError(f"{path}: column {column!r} has {nulls:,} empty values")


def _check_indices(path: Path, indices: pl.Series, node_type: str, meta: GraphMeta) -> None:
    size = meta.counts.nodes[node_type]
    low, high = indices.min(), indices.max()
    if isinstance(low, int) and isinstance(high, int) and (low < 0 or high >= size):
        bad = indices.filter((indices < 0) | (indices >= size))
        raise GraphFormatError(
            f"{path}: {len(bad):,} values of column {indices.name!r} name no {node_type}; "
            f"the first is {bad[0]}, and there are {size:,} nodes"
        )

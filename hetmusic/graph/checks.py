"""What a :class:`~hetmusic.graph.writer.GraphWriter` refuses to write."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from hetmusic.errors import DataError
from hetmusic.graph.format import META_FILE, RelationInfo
from hetmusic.graph.pair_order import increase, pair_codes
from hetmusic.graph.types import EdgeType


def check_target(path: Path, overwrite: bool) -> None:
    """Check that what would be overwritten is a graph or an empty folder, not somebody's music collection.

    :raises DataError: if it is something else.
    """
    replaceable = (path / META_FILE).is_file() or (path.is_dir() and not any(path.iterdir()))
    if overwrite and path.exists() and not replaceable:
        raise DataError(f"{path} exists and is not a graph folder, so it will not be overwritten")


def check_nodes(node_type: str, keys: pl.Series) -> None:
    """Check the keys of a node table.

    :raises DataError: if a key is null or occurs twice.
    """
    if keys.null_count():
        raise DataError(f"node type {node_type}: {keys.null_count():,} of {len(keys):,} nodes have no key")
    if keys.n_unique() != len(keys):
        twice = keys.filter(keys.is_duplicated())
        raise DataError(f"node type {node_type}: {len(twice):,} rows share a key, the first is {twice[0]!r}")


def check_edges(edge_type: EdgeType, table: pl.DataFrame) -> pl.DataFrame:
    """Check an edge table.

    :return: the table, sorted by (src, dst).
    :raises DataError: if an end or weight is null, a weight is not finite, or a pair occurs twice.
    """
    for column in set(table.columns) - {"time"}:
        if nulls := table[column].null_count():
            raise DataError(f"edges {edge_type}: {nulls:,} of {table.height:,} rows have no {column}")
    repeated = 0
    if not increase(table["src"], table["dst"]):
        table = table.sort("src", "dst")
        codes = pair_codes(table["src"], table["dst"])
        repeated = int((codes[1:] == codes[:-1]).sum())
    if repeated:
        raise DataError(
            f"edges {edge_type}: {repeated:,} of {table.height:,} rows repeat a pair; merge them first"
        )
    if "weight" in table.columns and (bad := int((~table["weight"].is_finite()).sum())):
        raise DataError(f"edges {edge_type}: {bad:,} of {table.height:,} weights are NaN or infinite")
    return table


def check_symmetric(unordered: Mapping[EdgeType, int], relations: Mapping[str, RelationInfo]) -> None:
    """Check that symmetric relations are stored once per pair and without self loops.

    :param unordered: number of edges with src >= dst by edge type.
    :raises DataError: if there are such edges of a symmetric relation.
    """
    for edge_type, count in unordered.items():
        if relations[edge_type.relation].symmetric and count:
            raise DataError(
                f"edges {edge_type}: {count:,} rows of a symmetric relation do not have src < dst"
            )


class IndexRanges:
    """Smallest and largest index by place and node type, so that tables can be written in any order."""

    def __init__(self) -> None:
        self._seen: list[tuple[str, str, int, int]] = []

    def note(self, where: str, node_type: str, indices: pl.Series) -> None:
        """Remember which indices of a node type a table uses."""
        low, high = indices.min(), indices.max()
        if isinstance(low, int) and isinstance(high, int):
            self._seen.append((where, node_type, low, high))

    def check(self, counts: Mapping[str, int]) -> None:
        """Compare with the numbers of nodes, now that all are known.

        :raises DataError: naming the table and the first index that is no node.
        """
        for where, node_type, low, high in self._seen:
            if node_type not in counts:
                raise DataError(f"{where}: there is no node type {node_type!r}")
            if low < 0 or high >= counts[node_type]:
                raise DataError(
                    f"{where}: {node_type} {low if low < 0 else high} does not exist, "
                    f"there are {counts[node_type]:,} nodes"
                )

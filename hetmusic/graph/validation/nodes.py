"""Checks of node tables, and the names under which nodes appear in examples."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hetmusic.errors import GraphFormatError
from hetmusic.graph import tables
from hetmusic.graph.format import GraphMeta, nodes_file
from hetmusic.graph.validation.report import Collector

#: how many keys, pairs or files a finding quotes
EXAMPLES = 3


class NodeKeys:
    """The original keys of every node type whose table can be read."""

    def __init__(self, keys: dict[str, pl.Series]) -> None:
        self._keys = keys

    def show(self, node_type: str, index: int) -> str:
        """A node for people: its key, or its index if there is no such node or no key."""
        keys = self._keys.get(node_type)
        if keys is None or not 0 <= index < len(keys) or keys[index] is None:
            return f"{node_type} number {index}"
        return f"{node_type} {keys[index]!r}"

    def show_all(self, node_type: str, indices: Iterable[int]) -> list[str]:
        """The first few nodes for people."""
        return [self.show(node_type, int(index)) for index in list(indices)[:EXAMPLES]]


def check_nodes(folder: Path, meta: GraphMeta, out: Collector) -> NodeKeys:
    """Check every node table: readable, with keys that are there and unique."""
    found = {}
    for node_type, count in sorted(meta.counts.nodes.items()):
        where = f"nodes {node_type}"
        path = folder / nodes_file(node_type)
        if not path.is_file():
            continue  # said by the check of the files
        try:
            table = tables.read_table(path, count)
            tables.check_columns(path, table, tables.NODE_COLUMNS)
        except GraphFormatError as problem:
            out.add("damaged", where, str(problem))
            continue
        out.looked_at(where, count)
        found[node_type] = keys = table["key"]
        if not count:
            out.add("no-nodes", where, "there are no nodes of this type")
        _check_keys(keys, where, out)
    return NodeKeys(found)


def _check_keys(keys: pl.Series, where: str, out: Collector) -> None:
    blank = keys.is_null() | (keys == "")
    rows = blank.fill_null(True).arg_true()
    out.add(
        "blank-key",
        where,
        f"{len(rows):,} of {len(keys):,} nodes have no key",
        len(rows),
        [f"row {row}" for row in rows.head(EXAMPLES)],
    )
    there = keys.filter(~blank.fill_null(True))
    if there.n_unique() != len(there):
        twice = there.filter(there.is_duplicated())
        out.add(
            "repeated-key",
            where,
            f"{len(twice):,} of {len(keys):,} nodes share a key with another",
            len(twice),
            [repr(key) for key in twice.unique(maintain_order=True).head(EXAMPLES)],
        )


class Touched:
    """Which nodes have an edge, and which users and items an interaction."""

    def __init__(self, meta: GraphMeta) -> None:
        self._meta = meta
        self._any = {name: np.zeros(count, bool) for name, count in meta.counts.nodes.items()}
        ends = () if meta.interaction is None else (meta.user, meta.item)
        self._liked = {name: np.zeros(meta.counts.nodes[name], bool) for name in ends}
        #: node types that a table which could not be read may touch
        self.unknown: set[str] = set()

    def note(self, node_type: str, indices: NDArray[np.integer]) -> None:
        """Mark nodes that have an edge; the indices are valid."""
        self._any[node_type][indices] = True

    def note_interaction(self, node_type: str, indices: NDArray[np.integer]) -> None:
        """Mark users or items that have an interaction."""
        self._liked[node_type][indices] = True

    def report(self, keys: NodeKeys, out: Collector) -> dict[str, int]:
        """Add what is isolated.

        :return: number of isolated nodes by type.
        """
        isolated = {}
        for node_type, touched in sorted(self._any.items()):
            if node_type in self.unknown:
                continue
            alone = np.flatnonzero(~touched)
            isolated[node_type] = len(alone)
            text = f"{len(alone):,} of {len(touched):,} nodes have no edge at all"
            examples = keys.show_all(node_type, alone[:EXAMPLES])
            out.add("isolated", f"nodes {node_type}", text, len(alone), examples)
        for node_type, liked in self._liked.items():
            if node_type not in self.unknown:
                alone = np.flatnonzero(~liked & self._any[node_type])
                text = f"{len(alone):,} of {len(liked):,} nodes have edges, but no interaction"
                examples = keys.show_all(node_type, alone[:EXAMPLES])
                out.add("no-interaction", f"nodes {node_type}", text, len(alone), examples)
        return isolated

"""Checks of edge tables: ends, order, repetitions, loops, directions, weights and times."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hetmusic.errors import GraphFormatError
from hetmusic.graph import tables
from hetmusic.graph.format import GraphMeta, edges_file
from hetmusic.graph.types import EdgeType
from hetmusic.graph.validation import pairs
from hetmusic.graph.validation.nodes import EXAMPLES, NodeKeys, Touched
from hetmusic.graph.validation.report import Collector
from kg_schema.ontology import Ontology, Relation

_LATE = int(datetime.datetime(2100, 1, 1, tzinfo=datetime.timezone.utc).timestamp())
_Rows = NDArray[np.int64]


def check_all_edges(
    folder: Path, meta: GraphMeta, ontology: Ontology, keys: NodeKeys, touched: Touched, out: Collector
) -> None:
    """Check every stored relation."""
    for text, count in sorted(meta.counts.edges.items()):
        edge_type = EdgeType.parse(text)
        table = _read(folder, edge_type, count, out)
        if table is None:
            touched.unknown |= {edge_type.src, edge_type.dst}
            continue
        EdgeCheck(edge_type, meta, ontology, keys, out).check(table, touched)
        _check_inverse(folder, edge_type, meta, ontology, keys, table, out)


def _read(folder: Path, edge_type: EdgeType, count: int, out: Collector) -> pl.DataFrame | None:
    path = folder / edges_file(edge_type)
    if not path.is_file():
        return None  # said by the check of the files
    try:
        table = tables.read_table(path, count)
        extras = {c: dtype for c, dtype in tables.EDGE_EXTRAS.items() if c in table.columns}
        tables.check_columns(path, table, {**tables.EDGE_COLUMNS, **extras})
    except GraphFormatError as problem:
        out.add("damaged", f"edges {edge_type}", str(problem))
        return None
    return table


def _check_inverse(
    folder: Path,
    edge_type: EdgeType,
    meta: GraphMeta,
    ontology: Ontology,
    keys: NodeKeys,
    table: pl.DataFrame,
    out: Collector,
) -> None:
    """Compare with the inverse, if that is stored as well, which it should not be."""
    relation = ontology.relations.get(edge_type.relation)
    if relation is None or relation.inverse is None:
        return
    inverse = EdgeType(edge_type.dst, relation.inverse, edge_type.src)
    count = meta.counts.edges.get(str(inverse))
    back = None if count is None else _read(folder, inverse, count, Collector())
    if back is None:
        return
    here, there = (t.drop_nulls(["src", "dst"]) for t in (table, back))
    differ = pairs.only_in_one(
        pairs.codes(here["src"].to_numpy(), here["dst"].to_numpy()),
        pairs.codes(there["dst"].to_numpy(), there["src"].to_numpy()),
    )
    message = f"{len(differ):,} pairs are in only one of {edge_type} and its inverse {inverse}"
    shown = _shown(edge_type, keys, pairs.decode(differ[:EXAMPLES]))
    out.add("inverse-differs", f"edges {edge_type}", message, len(differ), shown)


class EdgeCheck:
    """The checks of one relation."""

    def __init__(
        self, edge_type: EdgeType, meta: GraphMeta, ontology: Ontology, keys: NodeKeys, out: Collector
    ) -> None:
        self.edge_type = edge_type
        self.meta = meta
        self.keys = keys
        self.out = out
        self.where = f"edges {edge_type}"
        #: None if the ontology does not know it, which is reported elsewhere
        self.relation: Relation | None = ontology.relations.get(edge_type.relation)

    def check(self, table: pl.DataFrame, touched: Touched) -> None:
        """Check a table whose columns have the right types."""
        total = table.height
        self.out.looked_at(self.where, total)
        if not total:
            self.out.add("no-edges", self.where, "the relation has no edges")
        self._weights(table)
        self._times(table)
        whole = table.drop_nulls(["src", "dst"])
        blank = total - whole.height
        self.out.add("blank-end", self.where, f"{blank:,} of {total:,} edges lack an end", blank)
        src, dst = whole["src"].to_numpy(), whole["dst"].to_numpy()
        for end, node_type, indices in (
            ("src", self.edge_type.src, src),
            ("dst", self.edge_type.dst, dst),
        ):
            self._range(end, node_type, indices, touched)
        self._order(src, dst)
        if self.edge_type.src == self.edge_type.dst:
            self._directions(src, dst)

    def _range(self, end: str, node_type: str, indices: NDArray[np.int32], touched: Touched) -> None:
        size = self.meta.counts.nodes[node_type]
        valid = indices
        if len(indices) and not 0 <= indices.min() <= indices.max() < size:
            fits = (indices >= 0) & (indices < size)
            valid, bad = indices[fits], indices[~fits]
            message = f"{len(bad):,} of {len(indices):,} values of {end} are no {node_type}, of which there are {size:,}"
            self.out.add(
                "out-of-range", self.where, message, len(bad), [str(i) for i in np.unique(bad)[:EXAMPLES]]
            )
        touched.note(node_type, valid)
        if (self.edge_type.relation, self.edge_type.dst) == (self.meta.interaction, self.meta.item):
            touched.note_interaction(node_type, valid)

    def _order(self, src: NDArray[np.int32], dst: NDArray[np.int32]) -> None:
        order = pairs.check_order(src, dst, EXAMPLES)
        self.out.add(
            "unsorted",
            self.where,
            f"rows are not sorted by (src, dst): {order.descents:,} of {len(src):,} are smaller than the one before",
            order.descents,
        )
        self.out.add(
            "repeated-pair",
            self.where,
            f"{order.repeated:,} of {len(src):,} rows repeat a pair",
            order.repeated,
            _shown(self.edge_type, self.keys, pairs.decode(order.examples)),
        )

    def _directions(self, src: NDArray[np.int32], dst: NDArray[np.int32]) -> None:
        self._rows("self-loop", np.flatnonzero(src == dst), src, dst, "edges lead from a node to itself")
        if self.relation is None or not self.relation.symmetric:
            return
        back = np.flatnonzero(src > dst)
        if not len(back):
            return
        text = "rows of a symmetric relation do not have src < dst"
        self._rows("reversed-pair", back, src, dst, text)
        twice = pairs.both_directions(src, dst)
        message = f"{len(twice):,} pairs of a symmetric relation are stored in both directions"
        shown = _shown(self.edge_type, self.keys, pairs.decode(twice[:EXAMPLES]))
        self.out.add("both-directions", self.where, message, len(twice), shown)

    def _weights(self, table: pl.DataFrame) -> None:
        if "weight" not in table.columns:
            return
        if self.relation is not None and self.relation.weight is None:
            text = "the edges have weights, but the relation has none in the ontology"
            self.out.add("unexpected-weight", self.where, text, table.height)
        weight = table["weight"]
        self._values("blank-weight", table, weight.is_null(), "edges have no weight")
        self._values("weight-not-finite", table, ~weight.is_finite(), "weights are NaN or infinite")
        counts = self.relation is None or self.relation.counts or self.relation.weight is None
        negative = "negative-count" if counts else "negative-weight"
        self._values(negative, table, (weight < 0) & weight.is_finite(), "weights are negative")
        self._values("zero-weight", table, weight == 0, "weights are 0")

    def _times(self, table: pl.DataFrame) -> None:
        if "time" not in table.columns:
            return
        if self.relation is not None and not self.relation.time:
            text = "the edges have times, but the relation has none in the ontology"
            self.out.add("unexpected-time", self.where, text, table.height)
        self._values("late-time", table, late(table["time"]), "times are after the year 2100")

    def _values(self, check: str, table: pl.DataFrame, which: pl.Series, text: str) -> None:
        rows = which.fill_null(False).arg_true().head(EXAMPLES)
        first = table[rows.to_list()]
        value = "time" if check == "late-time" else "weight"
        shown = [
            f"{self._end(self.edge_type.src, a)} -> {self._end(self.edge_type.dst, b)} ({v})"
            for a, b, v in first.select("src", "dst", value).iter_rows()
        ]
        count = int(which.sum())
        self.out.add(check, self.where, f"{count:,} of {table.height:,} {text}", count, shown)

    def _end(self, node_type: str, index: int | None) -> str:
        return f"no {node_type}" if index is None else self.keys.show(node_type, index)

    def _rows(
        self, check: str, rows: _Rows, src: NDArray[np.int32], dst: NDArray[np.int32], text: str
    ) -> None:
        first = rows[:EXAMPLES]
        shown = _shown(self.edge_type, self.keys, zip(src[first].tolist(), dst[first].tolist(), strict=True))
        self.out.add(check, self.where, f"{len(rows):,} of {len(src):,} {text}", len(rows), shown)


def late(times: pl.Series) -> pl.Series:
    """Which times are after the year 2100; shape of ``times``, null where unknown."""
    return times >= _LATE


def _shown(edge_type: EdgeType, keys: NodeKeys, found: Iterable[tuple[int, int]]) -> list[str]:
    return [f"{keys.show(edge_type.src, a)} -> {keys.show(edge_type.dst, b)}" for a, b in found]

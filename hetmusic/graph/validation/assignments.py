"""Checks of the tag assignments."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from hetmusic.errors import GraphFormatError
from hetmusic.graph import tables
from hetmusic.graph.format import ASSIGNMENTS_FILE, GraphMeta
from hetmusic.graph.validation.edges import late
from hetmusic.graph.validation.nodes import EXAMPLES, NodeKeys, Touched
from hetmusic.graph.validation.report import Collector

_WHERE = "tag assignments"
_ROW = ["user", "item", "kind", "tag"]
_USER = "user"


def check_assignments(
    folder: Path, meta: GraphMeta, keys: NodeKeys, touched: Touched, out: Collector
) -> None:
    """Check who assigned which tag: ends, kinds, repetitions, times."""
    counts = meta.counts.assignments
    if not counts:
        return
    path = folder / ASSIGNMENTS_FILE
    table = None
    if path.is_file():
        try:
            table = tables.read_table(path, sum(counts.values()))
            tables.check_columns(path, table, tables.ASSIGNMENT_COLUMNS)
        except GraphFormatError as problem:
            table = None
            out.add("damaged", _WHERE, str(problem))
    if table is None:
        touched.unknown |= {meta.item, *counts}
        return
    out.looked_at(_WHERE, table.height)
    whole = table.drop_nulls(_ROW)
    blank = table.height - whole.height
    text = f"{blank:,} of {table.height:,} rows lack user, item, kind or tag"
    out.add("blank-end", _WHERE, text, blank)
    _check_ends(whole, meta, touched, out)
    _check_kinds(whole, meta, out)
    _check_repeats(whole, meta, keys, out)
    late_rows = int(late(table["time"]).sum())
    out.add(
        "late-time", _WHERE, f"{late_rows:,} of {table.height:,} times are after the year 2100", late_rows
    )


def _check_ends(rows: pl.DataFrame, meta: GraphMeta, touched: Touched, out: Collector) -> None:
    ends = [("user", _USER, rows), ("item", meta.item, rows)]
    of_kind = {kind: rows.filter(pl.col("kind") == kind) for kind in meta.counts.assignments}
    ends += [("tag", kind, part) for kind, part in of_kind.items()]
    for column, node_type, part in ends:
        size = meta.counts.nodes.get(node_type, 0)
        indices = part[column]
        bad = indices.filter((indices < 0) | (indices >= size))
        message = f"{len(bad):,} of {len(indices):,} values of {column} are no {node_type}, of which there are {size:,}"
        shown = [str(index) for index in bad.unique().sort().head(EXAMPLES)]
        out.add("out-of-range", _WHERE, message, len(bad), shown)
        if column != "user":  # only items and tags get an edge from an assignment
            touched.note(node_type, indices.filter((indices >= 0) & (indices < size)).to_numpy())


def _check_kinds(rows: pl.DataFrame, meta: GraphMeta, out: Collector) -> None:
    found = dict(rows.group_by("kind").len().iter_rows())
    for kind in sorted(found.keys() - meta.counts.assignments.keys()):
        out.add("unknown-kind", _WHERE, f"{found[kind]:,} rows are of kind {kind!r}", found[kind])
    for kind, count in meta.counts.assignments.items():
        if found.get(kind, 0) != count:
            message = f"{found.get(kind, 0):,} rows are of kind {kind!r}, but graph.json says {count:,}"
            out.add("damaged", _WHERE, message)


def _check_repeats(rows: pl.DataFrame, meta: GraphMeta, keys: NodeKeys, out: Collector) -> None:
    distinct = rows.select(_ROW).n_unique()
    if distinct == rows.height:
        return
    again = rows.filter(~pl.struct(_ROW).is_first_distinct()).select(_ROW)
    shown = [
        f"{keys.show(_USER, user)} gave {keys.show(kind, tag)} to {keys.show(meta.item, item)}"
        for user, item, kind, tag in again.head(EXAMPLES).iter_rows()
    ]
    text = f"{again.height:,} of {rows.height:,} rows repeat an assignment"
    out.add("repeated-pair", _WHERE, text, again.height, shown)

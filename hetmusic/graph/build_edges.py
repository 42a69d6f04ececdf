"""Edge tables: rows mapped to node indices, with unknown ends counted and repeated pairs merged."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import NamedTuple

import polars as pl

from hetmusic.errors import DataError
from hetmusic.graph.build_nodes import NodeTable
from hetmusic.graph.build_report import LINE, Action, Notes
from hetmusic.graph.merging import PAIR, PairRows, Rule, merge_frame
from hetmusic.graph.raw import RawFiles
from hetmusic.graph.raw.ahead import one_ahead
from hetmusic.graph.raw.codes import Codes
from hetmusic.graph.raw.source import Source
from hetmusic.graph.raw.values import known_weights, times, weights
from hetmusic.graph.types import EdgeType
from kg_schema.dump import EdgeSource, OnUnknown
from kg_schema.ontology import Relation


class End(NamedTuple):
    """One end of the rows of a file."""

    #: the column that is added
    new: str
    #: the column with keys
    column: str
    nodes: NodeTable
    #: what the keys are if they are numbers
    codes: Codes | None = None


class EndMapper:
    """Maps key columns of one file to node indices, counting rows whose ends are blank or unknown."""

    def __init__(self, file: str, part: str, on_unknown: OnUnknown, notes: Notes) -> None:
        self._file = file
        self._part = part
        self._on_unknown = on_unknown
        self._notes = notes
        self._rows = 0
        notes.reads(file, part)

    def map(self, batch: pl.DataFrame, ends: Sequence[End]) -> pl.DataFrame:
        """Add an index column per end and drop rows in which one is missing.

        :param ends: a row with two bad ends counts for the first.
        """
        self._rows += batch.height
        for end in ends:
            batch = self._without_nulls(batch, end.column, f"blank {end.nodes.node_type}")
            index = end.nodes.index_of(batch[end.column], end.codes)
            batch = batch.with_columns(index.alias(end.new))
            batch = self._without_nulls(batch, end.new, f"unknown {end.nodes.node_type}", end)
        return batch

    def finish(self) -> None:
        """Check that there were no unknown ends, if they are errors.

        :raises DataError: if unknown ends are errors and there were any.
        """
        if self._on_unknown == "error":
            for finding in self._notes.report.findings:
                if (finding.file, finding.part) == (self._file, self._part) and finding.is_unknown:
                    raise DataError(
                        f"{self._file}: {finding.rows:,} of {self._rows:,} rows ({self._part}) have an "
                        f"{finding.reason}; first: {finding.examples[0]!r}, {finding.first_place}"
                    )

    def _without_nulls(
        self, batch: pl.DataFrame, column: str, reason: str, shown: End | None = None
    ) -> pl.DataFrame:
        """Drop the rows in which a column is null, quoting the keys of ``shown``."""
        if not batch[column].null_count():
            return batch
        rows = batch.filter(pl.col(column).is_null())
        if shown is not None and shown.codes is not None:
            rows = rows.with_columns(shown.codes.decode(rows[shown.column]))
        expected = self._on_unknown == "ignore"
        action: Action = "left out" if expected else "dropped"
        value = "" if shown is None else shown.column
        self._notes.add(action, reason, rows, file=self._file, part=self._part, value=value)
        return batch.drop_nulls(column)


def build_edges(
    edges: Sequence[EdgeSource],
    edge_type: EdgeType,
    relation: Relation,
    nodes: Mapping[str, NodeTable],
    files: RawFiles,
    notes: Notes,
) -> pl.DataFrame:
    """Read the edges of one relation from one source or, where several files have some, from all.

    :return: columns ``src``, ``dst`` (unique pairs, sorted; src < dst if the relation is symmetric) and, where the
        data has them, ``weight`` and ``time``.
    """
    found: pl.DataFrame | None = None
    for edge in edges:
        more = _read(edge, edge_type, relation, nodes, files, notes, lines=len(edges) > 1)
        file = files.source(edge.file).label
        if edge.fill and found is not None:
            known = more["src"].is_in(found["src"].unique().implode())
            reason = f"{edge_type.src} with an edge from another file"
            notes.add("merged", reason, more.filter(known).sort(LINE), file=file, part=f"edges {edge_type}")
            more = more.filter(~known)
        found = more if found is None else _unite(found, more, relation, file, f"edges {edge_type}", notes)
    assert found is not None
    return found.drop(LINE, strict=False)


def _read(
    edge: EdgeSource,
    edge_type: EdgeType,
    relation: Relation,
    nodes: Mapping[str, NodeTable],
    files: RawFiles,
    notes: Notes,
    lines: bool,
) -> pl.DataFrame:
    """The edges of one source, a row per pair, with the first ``LINE`` of each if asked for."""
    raw = files.source(edge.file)
    part = f"edges {edge_type}"
    mapper = EndMapper(raw.label, part, edge.on_unknown, notes)
    codes = files.codes(edge.file)
    ends = [
        End("src", "src_key", nodes[edge_type.src], codes.get(edge.src)),
        End("dst", "dst_key", nodes[edge_type.dst], codes.get(edge.dst)),
    ]
    values = (*(["weight"] if edge.weight else []), *(["time"] if edge.time else []))
    size = files.height(edge.file)
    rows = PairRows(size, ends[0].nodes.table.height, ends[1].nodes.table.height, values)

    def mapped() -> Generator[pl.DataFrame]:
        for batch in files.coded_batches(edge.file):
            found = mapper.map(_columns(edge, relation, raw, batch, codes, part), ends)
            if relation.symmetric:
                loop = pl.col("src") == pl.col("dst")
                notes.add("dropped", "self loop", found.filter(loop), file=raw.label, part=part)
                found = found.filter(~loop)
            yield found

    for batch in one_ahead(mapped()):
        rows.add(batch)
    mapper.finish()
    rule: Rule = "count" if edge.count_rows else relation.merge
    merged = rows.merge(rule, lines or relation.symmetric)
    if not raw.is_log:
        notes.add("merged", "repeated pair", merged.again, file=raw.label, part=part)
    if relation.symmetric:
        # Both directions say the same thing once, so even weights that are summed are not summed over them.
        low, high = pl.min_horizontal(PAIR), pl.max_horizontal(PAIR)
        merged = merge_frame(merged.pairs.with_columns(low.alias("src"), high.alias("dst")), "max")
        notes.add("merged", "pair given in both directions", merged.again, file=raw.label, part=part)
    return merged.pairs


def _columns(
    edge: EdgeSource,
    relation: Relation,
    raw: Source,
    batch: pl.DataFrame,
    codes: Mapping[str, Codes],
    part: str,
) -> pl.DataFrame:
    """The keys of both ends, weight and time of a batch."""
    columns = {LINE: batch[LINE], "src_key": batch[edge.src], "dst_key": batch[edge.dst]}
    if edge.weight:
        columns["weight"] = _weights(raw, batch, edge.weight, codes.get(edge.weight), relation.counts)
    if edge.time:
        texts = (codes[name].decode(batch[name]) for name in edge.time.columns if name in codes)
        columns["time"] = times(raw, batch.with_columns(texts), edge.time, part)
    return pl.DataFrame(columns)


def _weights(raw: Source, batch: pl.DataFrame, column: str, codes: Codes | None, counts: bool) -> pl.Series:
    """A column of weights, converting each different text only once if there are numbers for them."""
    if codes is None:
        return weights(raw, batch, column, counts)
    values = codes.mapped(known_weights).gather(batch[column])
    if not values.null_count() and not (counts and bool((values < 0).any())):
        return values
    return weights(raw, batch.with_columns(codes.decode(batch[column])), column, counts)


def _unite(
    first: pl.DataFrame, second: pl.DataFrame, relation: Relation, file: str, part: str, notes: Notes
) -> pl.DataFrame:
    """The edges of two sources; a pair that both have is merged as rows of one source are."""
    again = second.join(first.select(PAIR), on=PAIR, how="semi").sort(LINE)
    notes.add("merged", "pair given by another file", again, file=file, part=part)
    rows = pl.concat([first, second], how="diagonal").drop(LINE)
    return merge_frame(rows.with_row_index(LINE), relation.merge).pairs

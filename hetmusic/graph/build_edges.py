"""Edge tables: rows mapped to node indices, with unknown ends counted and repeated pairs merged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from hetmusic.errors import DataError
from hetmusic.graph.build_nodes import NodeTable
from hetmusic.graph.build_report import LINE, Notes
from hetmusic.graph.raw import RawFiles
from hetmusic.graph.raw.source import Source
from hetmusic.graph.raw.values import times, weights
from hetmusic.graph.types import EdgeType
from kg_schema.dump import EdgeSource, OnUnknown
from kg_schema.ontology import Relation

# A share of dropped rows from which on the dump or its specification looks wrong.
_ODD_SHARE = 0.1


class EndMapper:
    """Maps key columns of one file to node indices, counting rows whose ends are blank or unknown."""

    def __init__(self, file: str, part: str, on_unknown: OnUnknown, notes: Notes) -> None:
        self._file = file
        self._part = part
        self._on_unknown = on_unknown
        self._notes = notes
        self._rows = 0
        self._dropped = 0

    def map(self, batch: pl.DataFrame, ends: Sequence[tuple[str, str, NodeTable]]) -> pl.DataFrame:
        """Add an index column per end and drop rows in which one is missing.

        :param ends: (new column, column with keys, nodes) per end; a row with two bad ends counts for the
            first.
        """
        self._rows += batch.height
        for new, column, nodes in ends:
            blank = batch.filter(pl.col(column).is_null())
            self._drop(f"blank {nodes.node_type}", blank, "")
            batch = batch.drop_nulls(column)
            batch = batch.with_columns(nodes.index_of(batch[column]).alias(new))
            self._drop(f"unknown {nodes.node_type}", batch.filter(pl.col(new).is_null()), column)
            batch = batch.drop_nulls(new)
        return batch

    def finish(self) -> None:
        """Warn about a suspicious share of dropped rows.

        :raises DataError: if unknown ends are errors and there were any.
        """
        if self._on_unknown == "error":
            for finding in self._notes.report.findings:
                if (finding.file, finding.part) == (self._file, self._part) and finding.is_unknown:
                    raise DataError(
                        f"{self._file}: {finding.rows:,} of {self._rows:,} rows ({self._part}) have an "
                        f"{finding.reason}; first: {finding.examples[0]!r}, {finding.first_place}"
                    )
        if self._dropped > _ODD_SHARE * self._rows:
            self._notes.warn(
                f"{self._dropped:,} of {self._rows:,} rows of {self._file} ({self._part}) were dropped"
            )

    def _drop(self, reason: str, rows: pl.DataFrame, value: str) -> None:
        self._dropped += rows.height
        self._notes.add("dropped", reason, rows, file=self._file, part=self._part, value=value)


def build_edges(
    edges: Sequence[EdgeSource],
    edge_type: EdgeType,
    relation: Relation,
    nodes: Mapping[str, NodeTable],
    files: RawFiles,
    notes: Notes,
) -> pl.DataFrame:
    """Read the edges of one relation from one source or, where several files have some, from all.

    :return: columns ``src``, ``dst`` (unique pairs; src < dst if the relation is symmetric) and, where the
        data has them, ``weight`` and ``time``.
    """
    found: pl.DataFrame | None = None
    for edge in edges:
        more = _read(edge, edge_type, relation, nodes, files, notes)
        file = files.source(edge.file).name
        found = more if found is None else _unite(found, more, relation, file, f"edges {edge_type}", notes)
    assert found is not None
    return found.drop(LINE).sort("src", "dst")


def _read(
    edge: EdgeSource,
    edge_type: EdgeType,
    relation: Relation,
    nodes: Mapping[str, NodeTable],
    files: RawFiles,
    notes: Notes,
) -> pl.DataFrame:
    """The edges of one source, a row per pair, with the first ``LINE`` of each."""
    raw = files.source(edge.file)
    part = f"edges {edge_type}"
    mapper = EndMapper(raw.name, part, edge.on_unknown, notes)
    ends = [("src", "src_key", nodes[edge_type.src]), ("dst", "dst_key", nodes[edge_type.dst])]
    parts = [_empty(edge)]
    for batch in files.batches(edge.file):
        mapped = mapper.map(_columns(edge, raw, batch, part), ends)
        if relation.symmetric:
            loop = pl.col("src") == pl.col("dst")
            notes.add("dropped", "self loop", mapped.filter(loop), file=raw.name, part=part)
            mapped = mapped.filter(~loop)
        parts.append(mapped.select(parts[0].columns))
    mapper.finish()
    return _merge(pl.concat(parts), relation, raw, part, notes)


def _columns(edge: EdgeSource, raw: Source, batch: pl.DataFrame, part: str) -> pl.DataFrame:
    """The keys of both ends, weight and time of a batch."""
    columns = {LINE: batch[LINE], "src_key": batch[edge.src], "dst_key": batch[edge.dst]}
    if edge.weight:
        columns["weight"] = weights(raw, batch, edge.weight)
    if edge.count_rows:
        columns["weight"] = pl.repeat(1.0, batch.height, eager=True)
    if edge.time:
        columns["time"] = times(raw, batch, edge.time, part)
    return pl.DataFrame(columns)


def _empty(edge: EdgeSource) -> pl.DataFrame:
    schema: dict[str, pl.DataType] = {LINE: pl.Int64(), "src": pl.Int32(), "dst": pl.Int32()}
    if edge.weight or edge.count_rows:
        schema["weight"] = pl.Float64()
    if edge.time:
        schema["time"] = pl.Int64()
    return pl.DataFrame(schema=schema)


def _merge(rows: pl.DataFrame, relation: Relation, raw: Source, part: str, notes: Notes) -> pl.DataFrame:
    """One row per pair: weights summed (or their maximum, if the ontology says so), the latest time."""
    pair = ["src", "dst"]
    weight = pl.col("weight").sum() if relation.merge == "sum" else pl.col("weight").max()
    rules = {"weight": weight, "time": pl.col("time").max()}
    merged = rows.group_by(pair, maintain_order=True).agg(
        pl.col(LINE).first(), *(rule for column, rule in rules.items() if column in rows.columns)
    )
    if merged.height < rows.height and not raw.is_log:
        again = rows.filter(~pl.struct(pair).is_first_distinct())
        notes.add("merged", "repeated pair", again, file=raw.name, part=part)
    if relation.symmetric:
        # Both directions say the same thing once, so even weights that are summed are not summed over them.
        low, high = pl.min_horizontal(pair), pl.max_horizontal(pair)
        merged = merged.with_columns(low.alias("src"), high.alias("dst"))
        again = merged.filter(~pl.struct(pair).is_first_distinct())
        notes.add("merged", "pair given in both directions", again, file=raw.name, part=part)
        merged = merged.group_by(pair, maintain_order=True).agg(pl.col(LINE).first(), pl.exclude(LINE).max())
    return merged


def _unite(
    first: pl.DataFrame, second: pl.DataFrame, relation: Relation, file: str, part: str, notes: Notes
) -> pl.DataFrame:
    """The edges of two sources; a pair that both have is merged as rows of one source are."""
    pair = ["src", "dst"]
    again = second.join(first.select(pair), on=pair, how="semi", maintain_order="left")
    notes.add("merged", "pair given by another file", again, file=file, part=part)
    rows = pl.concat([first, second], how="diagonal")
    weight = pl.col("weight").max() if relation.merge == "max" else pl.col("weight").sum()
    rules = {LINE: pl.col(LINE).first(), "weight": weight, "time": pl.col("time").max()}
    wanted = [rule for column, rule in rules.items() if column in rows.columns]
    return rows.group_by(pair, maintain_order=True).agg(wanted)

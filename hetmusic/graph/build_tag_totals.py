"""Tags of which only the totals are known: edges to genres, emotions and tags without the people who gave them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from hetmusic.graph.build_edges import End, EndMapper
from hetmusic.graph.build_nodes import NodeTable
from hetmusic.graph.build_report import LINE, Notes
from hetmusic.graph.build_tags import TagSplitter
from hetmusic.graph.raw import RawFiles
from hetmusic.graph.raw.values import weights
from hetmusic.graph.types import EdgeType
from kg_schema.dump import DumpSpec, TagSource
from kg_schema.dump_uses import ASSIGNED_RELATIONS

_WORDS = {"key": pl.String(), "text": pl.String(), "kind": pl.String(), "node": pl.String()}


@dataclass(frozen=True)
class TagTotals:
    """What the tags without people become, before their nodes have numbers."""

    #: columns ``key``, ``text``, ``kind``, ``node`` (key of the node that the tag becomes), a row per tag and kind
    words: pl.DataFrame
    #: by node type of what has the tags: columns ``src`` (its index), ``kind``, ``node``, ``weight``, unique
    edges: Mapping[str, pl.DataFrame]

    def tables(self, nodes: Mapping[str, NodeTable]) -> Iterator[tuple[EdgeType, pl.DataFrame]]:
        """The edges of each relation as columns ``src``, ``dst``, ``weight``.

        :param nodes: with the genres, emotions and tags of ``words`` among them.
        """
        for node_type, rows in self.edges.items():
            for kind, relation in ASSIGNED_RELATIONS.items():
                of_kind = rows.filter(pl.col("kind") == kind)
                if of_kind.height:
                    edges = of_kind.select(
                        "src", nodes[kind].index_of(of_kind["node"]).alias("dst"), "weight"
                    )
                    yield EdgeType(node_type, relation, kind), edges.sort("src", "dst")


def read_tag_totals(
    spec: DumpSpec, nodes: Mapping[str, NodeTable], files: RawFiles, notes: Notes
) -> TagTotals:
    """Read the tags that nodes have in total; tags of one node that mean the same are one edge, weights summed."""
    words = [pl.DataFrame(schema=_WORDS)]
    edges: dict[str, list[pl.DataFrame]] = {}
    for source in spec.tags:
        if source.file not in files:
            continue
        node_type = source.type or spec.item
        rows = _read(source, nodes[node_type], files, notes)
        splitter = TagSplitter(source.kinds)
        split = splitter.split(
            rows.select(pl.col("key").unique()).sort("key").with_columns(text=pl.col("key"))
        )
        nodes_of = split.select("key", "kind", "node")
        rows = rows.join(nodes_of, on="key", how="left", maintain_order="left")
        edges.setdefault(node_type, []).append(rows.select("src", "kind", "node", "weight"))
        words.append(split)
    return TagTotals(
        pl.concat(words).unique(["key", "kind"]).sort("key", "kind"),
        {node_type: _merged(parts) for node_type, parts in edges.items()},
    )


def _merged(parts: list[pl.DataFrame]) -> pl.DataFrame:
    """One row per pair; sums in the order of the rows, so that they do not depend on threads."""
    rows = pl.concat(parts).sort("src", "kind", "node", maintain_order=True)
    return rows.group_by("src", "kind", "node", maintain_order=True).agg(pl.col("weight").sum())


def _read(source: TagSource, table: NodeTable, files: RawFiles, notes: Notes) -> pl.DataFrame:
    """Columns ``src``, ``key`` (the tag as it is written) and ``weight``, with repeated rows added up."""
    raw = files.source(source.file)
    part = f"tags {table.node_type} {source.tag}"
    mapper = EndMapper(raw.label, part, source.on_unknown, notes)
    categories = pl.Categorical()
    parts = [pl.DataFrame(schema={"src": pl.Int32(), "key": categories, "weight": pl.Float64()})]
    for batch in files.batches(source.file):
        weight = pl.repeat(1.0, batch.height, eager=True)
        if source.weight:
            weight = weights(raw, batch, source.weight)
        columns = {LINE: batch[LINE], "item": batch[source.item], "key": batch[source.tag], "weight": weight}
        rows = mapper.map(pl.DataFrame(columns), [End("src", "item", table)])
        # a thing without a second genre is no mistake
        tests = (("blank tag", pl.col("key").is_null()), ("weight not above 0", pl.col("weight") <= 0))
        for reason, test in tests:
            notes.add("left out", reason, rows.filter(test), file=raw.label, part=part)
            rows = rows.filter(~test)
        parts.append(rows.select("src", pl.col("key").cast(categories), "weight"))
    mapper.finish()
    rows = pl.concat(parts).with_columns(pl.col("key").cast(pl.String))
    return rows.group_by("src", "key", maintain_order=True).agg(pl.col("weight").sum())

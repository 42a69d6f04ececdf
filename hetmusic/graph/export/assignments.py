"""Tag assignments as a table from which a build makes the same tag nodes again."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from hetmusic.graph.build_tags import TagSplitter
from hetmusic.graph.format import TAG_RELATIONS
from hetmusic.graph.music_graph import MusicGraph
from hetmusic.graph.types import EdgeType
from kg_schema.dump import TagKind


@dataclass(frozen=True)
class Tags:
    """Assignments with keys instead of indices."""

    kinds: tuple[TagKind, ...]
    #: columns tag (id) and text
    names: pl.DataFrame
    #: columns user, item, tag (id), time
    rows: pl.DataFrame


def restorable_tags(graph: MusicGraph) -> Tags | None:
    """The assignments, or None if there are none or a build would not make the same nodes of them.

    A build splits tags by the vocabularies, keeps those that occur, and takes what else it says about genres
    and emotions from there. Nodes that were made in another way are not restored like that.
    """
    assignments = graph.tag_assignments
    kinds: tuple[TagKind, ...] = ("genre", "emotion", "tag")
    kinds = tuple(kind for kind in kinds if kind in graph.node_types)
    stored = {EdgeType.parse(text).relation for text in graph.meta.counts.edges}
    if assignments is None or "tag" not in kinds or stored & {TAG_RELATIONS[kind] for kind in kinds}:
        return None
    splitter = TagSplitter(kinds)
    parts = []
    for kind in kinds:
        table = graph.nodes(kind)
        text = pl.col("name") if kind == "tag" else pl.col("key")
        tag = pl.col("key") if kind == "tag" else pl.lit(f"{kind}:") + pl.col("key")
        part = table.select(
            tag.alias("tag"), text.alias("text"), pl.int_range(pl.len(), dtype=pl.Int32).alias("index")
        )
        if part["text"].null_count() or (part["text"] == "").any():
            return None
        split = splitter.split(part.select(pl.col("tag").alias("key"), "text"))
        if not splitter.nodes(kind, split).table.equals(table):
            return None
        parts.append(part.with_columns(pl.lit(kind).alias("kind")))
    names = pl.concat(parts)
    used = assignments.select("kind", "tag").unique().height
    if names["tag"].is_duplicated().any() or used != names.height:
        return None
    return Tags(kinds, names.select("tag", "text"), _rows(graph, assignments, names))


def _rows(graph: MusicGraph, assignments: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    ids = names.select("kind", pl.col("index").alias("tag"), pl.col("tag").alias("id"))
    joined = assignments.join(ids, on=["kind", "tag"], how="left", maintain_order="left")
    keys = {
        column: graph.nodes(kind)["key"] for column, kind in (("user", "user"), ("item", graph.item_type))
    }
    return pl.DataFrame(
        {
            **{column: table.gather(assignments[column]) for column, table in keys.items()},
            "tag": joined["id"],
            "time": assignments["time"],
        }
    )

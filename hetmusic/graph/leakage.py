"""Counting what relations tell about held-out pairs, without the code that is meant to hide them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from hetmusic.graph.format import TAG_RELATIONS
from hetmusic.graph.music_graph import MusicGraph
from hetmusic.graph.splits.base import TEST, VALID, Split
from hetmusic.graph.types import Edges, EdgeType
from hetmusic.graph.view import TrainingView


@dataclass(frozen=True)
class LeakageReport:
    """What each relation tells about held-out pairs; training needs zero everywhere."""

    #: number of validation and test pairs that were looked for
    held_out: int
    #: relation between users and items -> held-out pairs among its edges; the interaction towards another node type -> all
    #: its edges, which were made from the same listening
    pairs: dict[EdgeType, int]
    #: tag relation -> weight beyond the number of users who said so without holding the item out
    excess_weight: dict[EdgeType, float]

    @property
    def clean(self) -> bool:
        """Whether nothing leaks."""
        return not any(self.pairs.values()) and not any(self.excess_weight.values())

    @property
    def counts(self) -> dict[str, float]:
        """Every relation that was checked -> what leaks: pairs, or weight."""
        return {str(edge_type): count for edge_type, count in {**self.pairs, **self.excess_weight}.items()}

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable form."""
        return {"clean": self.clean, "held_out": self.held_out, "leaks": self.counts}

    def __str__(self) -> str:
        if self.clean:
            return f"no leakage: {self.held_out:,} held-out pairs looked for in {len(self.counts)} relations"
        found = ", ".join(f"{name}: {count:,g}" for name, count in self.counts.items() if count)
        return f"LEAKAGE of {self.held_out:,} held-out pairs: {found}"


def check_leakage(
    seen: TrainingView | Mapping[EdgeType, Edges], graph: MusicGraph, split: Split
) -> LeakageReport:
    """Look for the validation and test pairs of a split in what training sees.

    In every relation between users and items (either direction, whatever its name) held-out pairs are
    counted. For every tag relation that comes from assignments the weights are recomputed from these without
    the held-out pairs' rows, and what an edge has beyond that is added up.

    :param seen: the view, or the relations that message passing really uses. Of an altered graph (a control experiment,
        which moves edges about at random) what is checked is the view before the alteration.
    """
    graph = graph.original
    if isinstance(seen, TrainingView) and seen.graph is not graph:
        seen = TrainingView(graph, split)
    relations = seen.relations() if isinstance(seen, TrainingView) else seen
    held = split.select(VALID, TEST)
    pairs = pl.DataFrame({"user": held.src, "item": held.dst})
    ends = (graph.user_type, graph.item_type)
    inverse = graph.meta.relations[graph.interaction.relation].inverse
    counts: dict[EdgeType, int] = {}
    excess: dict[EdgeType, float] = {}
    for edge_type, edges in relations.items():
        if (edge_type.src, edge_type.dst) == ends:
            counts[edge_type] = _common(pairs, edges)
        elif (edge_type.dst, edge_type.src) == ends:
            counts[edge_type] = _common(pairs, edges.reversed())
        elif edge_type.relation in (graph.interaction.relation, inverse):
            counts[edge_type] = len(edges)
        elif graph.item_type in (edge_type.src, edge_type.dst):
            kind, from_item = _tag_kind(edge_type, graph)
            if kind is not None:
                excess[edge_type] = _excess(graph, kind, pairs, edges if from_item else edges.reversed())
    return LeakageReport(len(held), counts, excess)


def _common(pairs: pl.DataFrame, edges: Edges) -> int:
    table = pl.DataFrame({"user": edges.src, "item": edges.dst})
    return table.join(pairs, on=["user", "item"], how="semi").height


def _tag_kind(edge_type: EdgeType, graph: MusicGraph) -> tuple[str | None, bool]:
    """Kind of tag that a relation is aggregated from, and whether it starts at the item."""
    for kind, name in TAG_RELATIONS.items():
        if kind in graph.meta.counts.assignments:
            if edge_type == (graph.item_type, name, kind):
                return kind, True
            if edge_type == (kind, graph.meta.relations[name].inverse, graph.item_type):
                return kind, False
    return None, True


def _excess(graph: MusicGraph, kind: str, pairs: pl.DataFrame, edges: Edges) -> float:
    """Weight of item -> tag edges beyond stored weights and the users whose pair is not held out."""
    rows = graph.tag_assignments
    assert rows is not None
    allowed = (
        rows.filter(pl.col("kind") == kind)
        .join(pairs, on=["user", "item"], how="anti")
        .group_by("item", "tag")
        .agg(pl.col("user").n_unique().cast(pl.Float64).alias("weight"))
    )
    stored = graph.stored_edges(EdgeType(graph.item_type, TAG_RELATIONS[kind], kind))
    if stored is not None:
        allowed = pl.concat([allowed, _table(stored)]).group_by("item", "tag").agg(pl.col("weight").sum())
    joined = _table(edges).join(allowed, on=["item", "tag"], how="left", suffix="_allowed")
    beyond = pl.col("weight") - pl.col("weight_allowed").fill_null(0.0)
    # stored weights are float32 sums, so a rounding error is no leak
    tolerance = 1e-5 * pl.col("weight").abs()
    return float(joined.select(beyond.filter(beyond > tolerance).sum()).item())


def _table(edges: Edges) -> pl.DataFrame:
    """Item -> tag edges as a table; an edge without weight counts as one user."""
    weight = pl.lit(1.0) if edges.weight is None else pl.Series("weight", edges.weight)
    table = pl.DataFrame({"item": edges.src, "tag": edges.dst})
    return table.with_columns(weight.cast(pl.Float64).alias("weight"))

"""Edges and tag assignments after users and items were removed, and the nodes that are left behind without them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hetmusic.graph.build_report import FilterStep
from hetmusic.graph.types import EdgeType

Masks = dict[str, NDArray[np.bool_]]


@dataclass(frozen=True)
class Parts:
    """What connects nodes."""

    edges: Mapping[EdgeType, pl.DataFrame]
    #: columns user, item, kind, tag
    assignments: pl.DataFrame | None
    #: node types of users and items
    ends: tuple[str, str]

    def within(self, masks: Masks) -> Parts:
        """Without what has an end that is not kept."""
        edges = {}
        for edge_type, table in self.edges.items():
            keep = (
                masks[edge_type.src][table["src"].to_numpy()] & masks[edge_type.dst][table["dst"].to_numpy()]
            )
            edges[edge_type] = table if keep.all() else table.filter(pl.Series(keep))
        tags = self.assignments
        if tags is not None:
            user, item = self.ends
            keep = masks[user][tags["user"].to_numpy()] & masks[item][tags["item"].to_numpy()]
            tags = tags.filter(pl.Series(keep))
        return Parts(edges, tags, self.ends)

    def less_than(self, before: Parts, name: str) -> FilterStep:
        """What earlier parts have more, as what a filter of that name removed."""
        lost = {str(t): before.edges[t].height - table.height for t, table in self.edges.items()}
        kinds = {} if before.assignments is None else _by_kind(before.assignments)
        left = {} if self.assignments is None else _by_kind(self.assignments)
        tags = {kind: count - left.get(kind, 0) for kind, count in kinds.items()}
        return FilterStep(filter=name, edges=_some(lost), assignments=_some(tags))

    def touched(self, heights: Mapping[str, int], by: tuple[str, ...] | None = None) -> Masks:
        """Which nodes have an edge or a tag assignment; ``by``: one whose other end is of these types."""
        found = {node_type: np.zeros(height, np.bool_) for node_type, height in heights.items()}
        for edge_type, table in self.edges.items():
            if by is None or edge_type.dst in by:
                found[edge_type.src][table["src"].to_numpy()] = True
            if by is None or edge_type.src in by:
                found[edge_type.dst][table["dst"].to_numpy()] = True
        if self.assignments is not None:
            for (kind,), rows in self.assignments.partition_by("kind", as_dict=True).items():
                found[str(kind)][rows["tag"].to_numpy()] = True
            for end, node_type in zip(("user", "item"), self.ends, strict=True):
                found[node_type][self.assignments[end].to_numpy()] = True
        return found


def drop_left_behind(
    before: Parts, after: Parts, masks: Masks, ends: Masks | None = None
) -> tuple[Parts, FilterStep]:
    """Drop nodes that have lost all their edges with users and items, or all edges; then what these leave behind.

    :param masks: which nodes are kept so far; they are changed.
    :param ends: drop users and items without any edge or tag as well, but for those of these masks.
    :return: the parts that are left, and what was dropped.
    """
    heights = {node_type: len(mask) for node_type, mask in masks.items()}
    had, had_ends = before.touched(heights), before.touched(heights, before.ends)
    parts, gone = after, dict.fromkeys(heights, 0)
    while True:
        has, has_ends = parts.touched(heights), parts.touched(heights, parts.ends)
        some = False
        for node_type, mask in masks.items():
            if node_type not in parts.ends:
                bare = mask & (
                    (had[node_type] & ~has[node_type]) | (had_ends[node_type] & ~has_ends[node_type])
                )
            elif ends is not None:
                bare = mask & ~has[node_type] & ~ends[node_type]
            else:
                continue
            gone[node_type] += int(bare.sum())
            some |= bool(bare.any())
            mask &= ~bare
        if not some:
            step = parts.less_than(after, "left behind")
            return parts, step.model_copy(update={"nodes": _some(gone)})
        parts = parts.within(masks)


def _by_kind(assignments: pl.DataFrame) -> dict[str, int]:
    return dict(assignments.group_by("kind").len().sort("kind").iter_rows())


def _some(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: count for name, count in counts.items() if count}

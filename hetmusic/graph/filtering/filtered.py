"""The part of a graph that filters leave: nodes numbered again, and of everything else what has both ends."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hetmusic.errors import ConfigError
from hetmusic.graph.build_features import Vectors
from hetmusic.graph.build_report import Notes
from hetmusic.graph.filtering.remainder import Masks, Parts, drop_left_behind
from hetmusic.graph.filtering.select import select
from hetmusic.graph.filtering.settings import FilterSettings
from hetmusic.graph.joining import Content, Target
from hetmusic.graph.types import EdgeType
from hetmusic.graph.writer import sort_nodes


class Filtered:
    """The content of a graph without what filters removed."""

    def __init__(self, content: Content, parts: Parts, masks: Masks) -> None:
        """Number the nodes that are left.

        :param masks: node type -> which of the content's nodes are kept.
        """
        self._parts = parts
        kept = {kind: _Kept(content.tables[kind], mask) for kind, mask in masks.items()}
        self._kept = kept
        #: node type -> node table
        self.tables = {kind: nodes.table for kind, nodes in kept.items()}
        #: who gave which tag to which item
        self.assignments = None if parts.assignments is None else self._renumbered(parts.assignments)
        #: node type, modality -> vectors; a modality that no node has any more is left out
        self.vectors: dict[tuple[str, str], Vectors] = {}
        for (node_type, name), vectors in content.vectors.items():
            index = kept[node_type].new[vectors.indices]
            if (index >= 0).any():
                self.vectors[node_type, name] = Vectors(
                    vectors.values[index >= 0], index[index >= 0], vectors.info
                )

    def edge_types(self) -> Sequence[EdgeType]:
        """The relations."""
        return list(self._parts.edges)

    def edges(self, edge_type: EdgeType) -> pl.DataFrame:
        """The edges of one relation."""
        table = self._parts.edges[edge_type]
        src, dst = self._kept[edge_type.src], self._kept[edge_type.dst]
        return table.with_columns(src.of(table["src"]), dst.of(table["dst"]))

    def _renumbered(self, assignments: pl.DataFrame) -> pl.DataFrame:
        ends = [
            self._kept[node_type].of(assignments[end])
            for end, node_type in zip(("user", "item"), self._parts.ends, strict=True)
        ]
        rows = assignments.with_columns(ends)
        kinds = rows.partition_by("kind", as_dict=True)
        parts = [part.with_columns(self._kept[str(kind)].of(part["tag"])) for (kind,), part in kinds.items()]
        return pl.concat([rows.clear(), *parts])


class _Kept:
    """The nodes of one type that are kept, and their new numbers."""

    def __init__(self, table: pl.DataFrame, mask: NDArray[np.bool_]) -> None:
        # Sorted again, since keys that are numbers have another order once no other key is left.
        numbered = sort_nodes(table.with_row_index("__old__").filter(pl.Series(mask)))
        self.table = numbered.drop("__old__")
        #: new index of each old one, -1 for nodes that are gone, int32
        self.new = np.full(len(mask), -1, np.int32)
        self.new[numbered["__old__"].to_numpy()] = np.arange(numbered.height, dtype=np.int32)

    def of(self, old: pl.Series) -> pl.Series:
        return pl.Series(old.name, self.new[old.to_numpy()])


def filtered(content: Content, wanted: Target, settings: FilterSettings, notes: Notes) -> Filtered:
    """Apply the filters to a graph, noting what each of them removes.

    :raises ConfigError: if the graph has no listeners.
    :raises DataError: if nothing is left.
    """
    if wanted.interaction is None:
        raise ConfigError(f"filters ({', '.join(settings.filters.given)}) are for graphs with listeners")
    edge_type = EdgeType("user", wanted.interaction, wanted.item)
    edges = {edge_type: content.edges(edge_type)}
    selection = select(content, edge_type, edges[edge_type], settings, notes)
    edges |= {other: content.edges(other) for other in content.edge_types() if other != edge_type}
    before = Parts(edges, content.assignments, (edge_type.src, edge_type.dst))
    masks = {kind: np.ones(table.height, np.bool_) for kind, table in content.tables.items()}
    masks[edge_type.src], masks[edge_type.dst] = selection.users, selection.items
    listens = edges[edge_type][selection.interactions]
    chosen = Parts({**edges, edge_type: listens}, content.assignments, before.ends)
    parts = chosen.within(masks)
    steps = [*selection.steps, parts.less_than(chosen, "with their nodes")]
    if settings.filters.isolated != "keep":
        ends = {edge_type.src: selection.safe_users, edge_type.dst: selection.safe_items}
        linked = settings.filters.isolated == "linked"
        parts, step = drop_left_behind(before, parts, masks, ends if linked else None)
        steps.append(step)
    notes.report.filters = steps
    return Filtered(content, parts, masks)

"""What training may see of a graph: everything but the held-out pairs and what gives them away."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hetmusic.graph.music_graph import MusicGraph
from hetmusic.graph.relations import add_edges, aggregate_tags, with_inverses
from hetmusic.graph.splits.base import TEST, VALID, Split
from hetmusic.graph.types import Edges, EdgeType

_log = logging.getLogger(__name__)


class TrainingView:
    """A graph without the validation and test pairs of a split.

    The interaction keeps its training pairs alone, and the same relation towards another node type (``likes`` of
    artists where songs are recommended) has no edges: it was made from the same listening, held-out pairs included.
    Every other relation between users and items loses the held-out pairs, and tag relations are aggregated anew without
    the assignments that the held-out user made for that item. Interactions that the split does not use are no edges
    either, but the tags of those users stay.
    """

    def __init__(self, graph: MusicGraph, split: Split) -> None:
        """Nothing is computed before it is asked for."""
        self.graph = graph
        self.split = split
        self._canonical: dict[EdgeType, Edges] | None = None

    def relations(self, include_inverses: bool = True) -> dict[EdgeType, Edges]:
        """Every relation of the graph with the edges that may be seen, even if none are left.

        :param include_inverses: put behind each relation its inverse. A symmetric relation has both
            directions anyway.
        """
        if self._canonical is None:
            visible = {edge_type: self._visible(edge_type) for edge_type in self.graph.edge_types}
            self._canonical = {t: self.graph.shown(t, edges) for t, edges in visible.items()}
        if include_inverses:
            return with_inverses(self._canonical, self.graph.meta.relations)
        return dict(self._canonical)

    def edges(self, relation: EdgeType | str) -> Edges:
        """Visible edges of one relation, in the direction asked for; named as in :meth:`MusicGraph.edges`."""
        edge_type, reverse = self.graph.resolve(relation)
        edges = self.relations(include_inverses=False)[edge_type]
        return edges.reversed() if reverse else edges

    def user_seen(self, parts: Iterable[int | str] = ("train",)) -> Edges:
        """Pairs (user, item) of some parts, e.g. those to leave out of a ranking; sorted."""
        return self.split.select(*parts)

    def _visible(self, edge_type: EdgeType) -> Edges:
        graph = self.graph
        if edge_type == graph.interaction:
            return self.split.train
        if edge_type in graph.tag_edge_types:
            return self._visible_tags(edge_type)
        edges = graph.edges(edge_type)
        if edge_type.relation == graph.interaction.relation:
            _log.warning(
                "%s is left out of training: what users like elsewhere tells what they like among the held-out pairs",
                " ".join(edge_type),
            )
            return edges.select(np.zeros(len(edges), dtype=bool))
        if (edge_type.src, edge_type.dst) == (graph.user_type, graph.item_type):
            return edges.select(~self._is_held_out(edges.src, edges.dst))
        if (edge_type.src, edge_type.dst) == (graph.item_type, graph.user_type):
            return edges.select(~self._is_held_out(edges.dst, edges.src))
        return edges

    @cached_property
    def assignments(self) -> pl.DataFrame | None:
        """Rows of :attr:`MusicGraph.tag_assignments` that may be seen."""
        rows = self.graph.tag_assignments
        if rows is None:
            return None
        hidden = self._is_held_out(rows["user"].to_numpy(), rows["item"].to_numpy())
        return rows.filter(pl.Series(~hidden))

    def _visible_tags(self, edge_type: EdgeType) -> Edges:
        assert self.assignments is not None
        edges = aggregate_tags(self.assignments, self.graph.tag_edge_types[edge_type])
        stored = self.graph.stored_edges(edge_type)
        return edges if stored is None else add_edges(stored, edges)

    def _is_held_out(self, users: NDArray[np.int32], items: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Whether each pair is one of validation or test."""
        return np.isin(self._code(users, items), self._held_codes)

    @cached_property
    def _held_codes(self) -> NDArray[np.int64]:
        held = self.split.select(VALID, TEST)
        return self._code(held.src, held.dst)

    def _code(self, users: NDArray[np.int32], items: NDArray[np.int32]) -> NDArray[np.int64]:
        """One number for each pair."""
        return users.astype(np.int64) * self.graph.num_nodes(self.graph.item_type) + items

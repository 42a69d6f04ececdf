"""What items are said to be: their genres, or the emotion words that listeners gave them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

if TYPE_CHECKING:
    from hetmusic.graph import TrainingView
    from hetmusic.graph.types import Edges, EdgeType


@dataclass(frozen=True)
class Traits:
    """Weights of items in the nodes of another type, e.g. genres."""

    names: list[str]
    #: ``(num_items, len(names))``, not negative, e.g. numbers of people who said so
    weights: sparse.csr_matrix
    #: the type between, e.g. ``artist`` where songs have the genres of their artists
    through: str | None = None

    @property
    def shares(self) -> sparse.csr_matrix:
        """Weights of each item that sum to 1; a row of zeros for an item without any."""
        total = np.asarray(self.weights.sum(axis=1)).ravel()
        inverse = np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)
        return sparse.csr_matrix(sparse.diags(inverse) @ self.weights)

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which items have any, bool ``(num_items,)``."""
        return np.asarray(self.weights.sum(axis=1)).ravel() > 0


def traits_of(view: TrainingView, kind: str) -> Traits | None:
    """The traits that a training graph tells, or None if it tells none.

    Those of the items themselves; where the graph has none, those of what the items belong to, e.g. their artists.

    :param kind: node type, ``genre`` or ``emotion``.
    """
    graph = view.graph
    if kind not in graph.node_types:
        return None
    names, items = graph.names(kind), graph.item_type
    direct = _matrix(view, items, kind)
    if direct is not None and direct.nnz:
        return Traits(names, direct)
    for between in graph.node_types:
        if between in (items, kind, graph.user_type):
            continue
        belongs, has = _matrix(view, items, between, weighted=False), _matrix(view, between, kind)
        if belongs is not None and has is not None and (found := sparse.csr_matrix(belongs @ has)).nnz:
            return Traits(names, found, between)
    return None


def _matrix(view: TrainingView, rows: str, columns: str, weighted: bool = True) -> sparse.csr_matrix | None:
    """All relations between two types, added up, ``(rows, columns)``."""
    graph = view.graph
    found = [t for t in graph.edge_types if (t.src, t.dst) in ((rows, columns), (columns, rows))]
    if not found:
        return None
    shape = (graph.num_nodes(rows), graph.num_nodes(columns))
    return sparse.csr_matrix(sum(_relation(view, t, t.src == rows, shape, weighted) for t in found))


def _relation(
    view: TrainingView, edge_type: EdgeType, forward: bool, shape: tuple[int, int], weighted: bool
) -> sparse.csr_matrix:
    edges: Edges = view.edges(edge_type)
    ends = (edges.src, edges.dst) if forward else (edges.dst, edges.src)
    weight = np.ones(len(edges)) if edges.weight is None or not weighted else np.abs(edges.weight)
    return sparse.csr_matrix((weight.astype(np.float64), ends), shape=shape)

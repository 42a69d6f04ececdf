"""What items belong to: the songs of an artist, of an album, of a genre."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hetmusic.errors import ConfigError

if TYPE_CHECKING:
    from hetmusic.graph import MusicGraph


@dataclass(frozen=True)
class Members:
    """Which items belong to which node of another type: one entry a pair."""

    #: number of nodes of the other type
    count: int
    #: node of every pair, shape ``(pairs,)``
    nodes: NDArray[np.integer[Any]]
    #: its item, shape ``(pairs,)``
    items: NDArray[np.integer[Any]]

    def means(
        self, values: NDArray[Any], present: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Means of the nodes' items.

        :param values: shape ``(num_items, dim)``.
        :param present: which items count, bool ``(num_items,)``.
        :return: shape ``(count, dim)``, zero where no item counts, and where one does, bool ``(count,)``.
        """
        here = present[self.items]
        nodes, items = self.nodes[here], self.items[here]
        number = np.bincount(nodes, minlength=self.count)
        sums = np.stack(
            [np.bincount(nodes, values[items, column], self.count) for column in range(values.shape[1])],
            axis=1,
        )
        return sums / number.clip(min=1)[:, None], number > 0


def members(graph: MusicGraph, node_type: str) -> Members:
    """The items of every node of a type, by all the relations that join the two types.

    :raises ConfigError: if the graph has no such type, or no relation between it and its items.
    """
    item_type = graph.item_type
    known = graph.node_types
    joined = [t for t in graph.edge_types if {t.src, t.dst} == {item_type, node_type} and t.src != t.dst]
    if node_type not in known or not joined:
        raise ConfigError(f"graph {graph.name} recommends {item_type}s, and has no {node_type}s of them")
    pairs = np.concatenate([_node_first(graph, edge_type, node_type) for edge_type in joined])
    nodes, items = np.unique(pairs, axis=0).T
    return Members(graph.num_nodes(node_type), nodes, items)


def _node_first(graph: MusicGraph, edge_type: Any, node_type: str) -> NDArray[np.integer[Any]]:
    edges = graph.edges(edge_type)
    ends = (edges.src, edges.dst) if edge_type.src == node_type else (edges.dst, edges.src)
    return np.stack(ends, axis=1)

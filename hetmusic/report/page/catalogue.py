"""What the page's script knows of items: names, keys, artists, genres; only of those that the page speaks of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from hetmusic.graph import MusicGraph
    from hetmusic.recommend import Run

#: genres shown with an item
_GENRES = 3


@dataclass
class Catalogue:
    """Items by small numbers, given out as they are asked for."""

    run: Run
    #: None if it is gone
    graph: MusicGraph | None
    _numbers: dict[int, int] = field(default_factory=dict)

    def number(self, item: int) -> int:
        """The page's number of an item index."""
        return self._numbers.setdefault(int(item), len(self._numbers))

    def numbers(self, items: Sequence[int] | NDArray[Any]) -> list[int]:
        """The page's numbers of item indices."""
        return [self.number(item) for item in items]

    def to_dict(self) -> dict[str, Any]:
        """Lists by number, for JSON: ``names``; ``keys``, ``genres``, ``by`` where they say more."""
        items = list(self._numbers)
        names = [self.run.item_names[item] for item in items]
        keys = [self.run.item_keys[item] for item in items]
        found: dict[str, Any] = {"names": names, "keys": None if keys == names else keys}
        return {**found, **self._genres(items), **self._by(items)}

    def _genres(self, items: list[int]) -> dict[str, Any]:
        labels = _labels(self.graph, "genre", items, _GENRES)
        if labels is None:
            return {"genres": None, "genre_names": []}
        chosen, names = _renumbered([labels.get(item, []) for item in items], self.graph, "genre")
        return {"genres": chosen, "genre_names": names}

    def _by(self, items: list[int]) -> dict[str, Any]:
        """Artists of items that are none themselves."""
        labels = None if self.run.info.item_type == "artist" else _labels(self.graph, "artist", items, 1)
        if labels is None:
            return {"by": None, "by_names": []}
        chosen, names = _renumbered([labels.get(item, []) for item in items], self.graph, "artist")
        return {"by": [one[0] if one else -1 for one in chosen], "by_names": names}


def _labels(
    graph: MusicGraph | None, node_type: str, items: list[int], most: int
) -> dict[int, list[int]] | None:
    """Item -> the nodes of a type that it is joined with, those of most weight first; None if nothing joins them."""
    if graph is None or node_type not in graph.node_types:
        return None
    ends = (graph.item_type, node_type)
    joined = [t for t in graph.edge_types if (t.src, t.dst) in (ends, ends[::-1]) and t.src != t.dst]
    if not joined:
        return None
    found: dict[int, list[int]] = {}
    for edge_type in joined:
        edges = graph.edges(edge_type)
        edges = edges if edge_type.src == graph.item_type else edges.reversed()
        edges = edges.select(np.isin(edges.src, items))
        weight = np.ones(len(edges)) if edges.weight is None else edges.weight
        order = np.lexsort((edges.dst, -weight, edges.src))
        for item, node in zip(edges.src[order].tolist(), edges.dst[order].tolist(), strict=True):
            mine = found.setdefault(item, [])
            if len(mine) < most and node not in mine:
                mine.append(node)
    return found


def _renumbered(
    lists: list[list[int]], graph: MusicGraph | None, node_type: str
) -> tuple[list[list[int]], list[str]]:
    """The same lists in numbers from 0 on, and the names that these stand for."""
    assert graph is not None
    numbers: dict[int, int] = {}
    chosen = [[numbers.setdefault(node, len(numbers)) for node in nodes] for nodes in lists]
    names = graph.names(node_type)
    return chosen, [names[node] for node in numbers]

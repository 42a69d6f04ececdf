"""The training graph around users and items: names, what two items have in common, who plays what and how often."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hetmusic.errors import RunError
from hetmusic.graph.types import EdgeType
from hetmusic.recommend.explain.copies import edges_into
from hetmusic.recommend.explain.encoding import Encoder
from hetmusic.recommend.explain.explanation import Node
from hetmusic.recommend.explain.words import OWNERS, SIMILAR
from hetmusic.recommend.recommendation import NEWCOMER
from hetmusic.recommend.stored_run import StoredRun

#: items closer than this in the plane of valence and arousal feel alike; its diagonal is 2.83
_NEAR = 0.4


class Surroundings:
    """What is asked of the graph to put evidence into words.

    Everything is of the training graph: held-out pairs are not in it.

    :param run: gives the graph, and emotions if it knows any.
    """

    def __init__(self, run: StoredRun, encoder: Encoder) -> None:
        self._run, self._graph, self._tensors = run, run.graph, encoder.tensors
        self.user_type, self.item_type = encoder.user, encoder.item
        into_items = [t for t in encoder.model.edge_types if t.dst == self.item_type]
        owners = [t for t in into_items if t.relation in OWNERS]
        self._owners = sorted(owners, key=lambda t: OWNERS.index(t.relation))
        self._similar = [t for t in into_items if t.relation == SIMILAR and t.src == self.item_type]
        self._ids: dict[str, tuple[list[str], list[str]]] = {}
        self._about: dict[tuple[int, EdgeType], frozenset[int]] = {}
        self._often: dict[int, frozenset[int]] = {}
        self._listeners: dict[int, frozenset[int]] = {}

    def node(self, node_type: str, index: int) -> Node:
        """A node as people know it."""
        if node_type not in self._ids:
            self._ids[node_type] = self._graph.keys(node_type), self._graph.names(node_type)
        keys, names = self._ids[node_type]
        if node_type == self.user_type and index == len(keys):
            return Node(node_type, NEWCOMER, NEWCOMER)
        return Node(node_type, keys[index], names[index])

    def about(self, item: int, edge_type: EdgeType) -> frozenset[int]:
        """The nodes from which a relation leads to an item."""
        key = (item, edge_type)
        if key not in self._about:
            sources = edges_into(self._tensors, edge_type, np.array([item]))[2]
            self._about[key] = frozenset(sources.tolist())
        return self._about[key]

    def owner_of_both(self, one: int, other: int) -> tuple[EdgeType, int] | None:
        """The artist or album that two items have in common."""
        for edge_type in self._owners:
            if both := self.about(one, edge_type) & self.about(other, edge_type):
                return edge_type, min(both)
        return None

    def are_similar(self, item: int, other: int) -> bool:
        """Whether the data say that an item is similar to another."""
        return any(other in self.about(item, t) for t in self._similar)

    def listeners(self, item: int) -> frozenset[int]:
        """The users who play an item."""
        if item not in self._listeners:
            first, last = np.searchsorted(self._by_item[0], [item, item + 1])
            self._listeners[item] = frozenset(self._by_item[1][first:last].tolist())
        return self._listeners[item]

    def plays_often(self, user: int, item: int) -> bool:
        """Whether an item is in the upper quarter of a user's plays, if they are counted and differ."""
        if user not in self._often:
            self._often[user] = self._find_often(user)
        return item in self._often[user]

    def alike_in_mood(
        self, item: int, plays: Sequence[int] | NDArray[np.int64]
    ) -> tuple[str, list[int]] | None:
        """An emotion word for an item, and up to two of the plays that feel like it; None if none does.

        :param plays: items.
        """
        if self._emotions is None or not len(plays) or not self._emotions[1][item]:
            return None
        points, known = self._emotions
        items = np.asarray(plays)[known[np.asarray(plays)]]
        distance = np.linalg.norm(points[items] - points[item], axis=1)
        near = items[np.argsort(distance, kind="stable")][: min(2, int((distance < _NEAR).sum()))]
        if not len(near):
            return None
        names, places = self._words
        word = names[int(np.linalg.norm(places - points[item], axis=1).argmin())]
        return word, near.tolist()

    def _find_often(self, user: int) -> frozenset[int]:
        found: set[int] = set()
        for edge_type, block in self._tensors.blocks.items():
            if (edge_type.src, edge_type.dst) == (self.item_type, self.user_type) and "weight" in block.edge:
                _, edges, sources = edges_into(self._tensors, edge_type, np.array([user]))
                weight = block.edge["weight"].numpy()[edges]
                if len(weight) >= 4 and weight.min() < weight.max():
                    found |= set(sources[weight >= np.quantile(weight, 0.75)].tolist())
        return frozenset(found)

    @cached_property
    def _by_item(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        train = self._run.split.train
        order = np.argsort(train.dst, kind="stable")
        return train.dst[order], train.src[order]

    @cached_property
    def _emotions(self) -> tuple[NDArray[np.float32], NDArray[np.bool_]] | None:
        try:
            return self._run.item_emotions
        except RunError:
            return None

    @cached_property
    def _words(self) -> tuple[list[str], NDArray[np.float64]]:
        from kg_schema.vocab.emotions import EmotionVocabulary

        emotions = EmotionVocabulary.load().emotions
        return list(emotions), np.array([[e.valence, e.arousal] for e in emotions.values()])

"""Facts: the edges that end at a user or an item, and how much a score falls without one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hetmusic.graph.types import EdgeType
from hetmusic.recommend.explain.copies import Copies, Ints, edges_into
from hetmusic.recommend.explain.encoding import Encoder, Floats


@dataclass(frozen=True)
class Facts:
    """Edges that end at some nodes of one type, grouped by these."""

    node_type: str
    edge_types: Sequence[EdgeType]
    #: position of the node among those asked for, ascending, int64 ``(num_facts,)``
    owner: Ints
    #: position of the relation in ``edge_types``
    relation: Ints
    #: the edge's position in the relation's block
    edge: Ints
    #: the node at its other end
    source: Ints
    #: facts of node n are those from ``start[n]`` to ``start[n + 1]``
    start: Ints

    def of(self, node: int) -> slice:
        """The facts of one node."""
        return slice(int(self.start[node]), int(self.start[node + 1]))

    def without(self, owners: Ints, removed: Sequence[Sequence[int]]) -> Copies:
        """Copies of nodes that lack some facts each.

        :param owners: indices of the nodes.
        :param removed: per copy, numbers of facts.
        """
        which = np.repeat(np.arange(len(removed)), [len(part) for part in removed])
        facts = np.array([fact for part in removed for fact in part], dtype=np.int64)
        return Copies(self.node_type, owners, self._by_relation(which, facts))

    def each_alone(self, nodes: Ints) -> Copies:
        """For every fact a copy of its node that lacks it."""
        every = np.arange(len(self.owner))
        return Copies(self.node_type, nodes[self.owner], self._by_relation(every, every))

    def _by_relation(self, which: Ints, facts: Ints) -> Mapping[EdgeType, tuple[Ints, Ints]]:
        relation = self.relation[facts]
        return {
            t: (which[here], self.edge[facts[here]])
            for number, t in enumerate(self.edge_types)
            if len(here := np.flatnonzero(relation == number))
        }


def facts_about(encoder: Encoder, node_type: str, nodes: Ints) -> Facts:
    """The edges that end at some nodes and that their representations depend on.

    Users who listen are no facts about an item: that somebody else plays it is told by friends alone.
    """
    edge_types = [
        t
        for t in encoder.reaching[node_type]
        if t.dst == node_type and (node_type == encoder.user or t.src != encoder.user)
    ]
    found = [edges_into(encoder.tensors, t, nodes) for t in edge_types]
    none = np.empty(0, np.int64)
    relation = np.concatenate([none, *(np.full(len(part[0]), k) for k, part in enumerate(found))])
    columns = [np.concatenate([none, *(part[k] for part in found)]) for k in range(3)]
    order = np.argsort(columns[0], kind="stable")
    owner, edge, source = (column[order] for column in columns)
    start = np.searchsorted(owner, np.arange(len(nodes) + 1))
    return Facts(node_type, edge_types, owner, relation[order], edge, source, start)


@dataclass(frozen=True)
class Pairs:
    """The users, items and pairs of them that are explained at a time."""

    users: Ints
    items: Ints
    #: position of each pair's user and item in ``users`` and ``items``
    rows: Ints
    columns: Ints


class Deletion:
    """What scores become when facts are taken away.

    :param user_vectors: representations of the pairs' users by tower.
    :param item_vectors: likewise.
    """

    def __init__(
        self,
        encoder: Encoder,
        pairs: Pairs,
        user_vectors: Mapping[str, Tensor],
        item_vectors: Mapping[str, Tensor],
    ) -> None:
        self._encoder, self._pairs = encoder, pairs
        self._user_vectors, self._item_vectors = user_vectors, item_vectors
        self._final = encoder.final(user_vectors, item_vectors, pairs.items)
        self.user_facts = facts_about(encoder, encoder.user, pairs.users)
        self.item_facts = facts_about(encoder, encoder.item, pairs.items)

    def single(self) -> tuple[list[Floats], list[Floats]]:
        """How much every pair's score falls without one fact about its user, and without one about its item.

        :return: per pair, shape ``(facts of the user,)``; and ``(facts of the item,)``.
        """
        users = self._changes(self.user_facts.each_alone(self._pairs.users), users=True)
        items = self._changes(self.item_facts.each_alone(self._pairs.items), users=False)
        of_users, of_items = [], []
        for row, column in zip(self._pairs.rows, self._pairs.columns, strict=True):
            of_users.append(users[self.user_facts.of(row)] @ self._vector(1, column))
            of_items.append(items[self.item_facts.of(column)] @ self._vector(0, row))
        return of_users, of_items

    def joint(
        self, pairs: Ints, user_facts: Sequence[Sequence[int]], item_facts: Sequence[Sequence[int]]
    ) -> Floats:
        """How much scores fall without several facts at once.

        :param pairs: number of the pair, for each question.
        :param user_facts: numbers of the facts about its user that are taken away.
        :param item_facts: and of those about its item.
        :return: shape ``(len(pairs),)``.
        """
        rows, columns = self._pairs.rows[pairs], self._pairs.columns[pairs]
        left = self._final[0][torch.from_numpy(rows)].double().numpy()
        right = self._final[1][torch.from_numpy(columns)].double().numpy()
        less_left = left - self._lost(self.user_facts, self._pairs.users[rows], user_facts, users=True)
        less_right = right - self._lost(self.item_facts, self._pairs.items[columns], item_facts, users=False)
        return np.asarray((left * right).sum(axis=1) - (less_left * less_right).sum(axis=1))

    def _lost(self, facts: Facts, nodes: Ints, removed: Sequence[Sequence[int]], users: bool) -> Floats:
        """Vectors minus those without the facts, shape ``(len(nodes), dim)``; zero where nothing is removed."""
        lost = np.zeros((len(nodes), self._final[0].shape[1]))
        some = [k for k, part in enumerate(removed) if len(part)]
        if len(some):
            chosen = facts.without(nodes[some], [removed[k] for k in some])
            lost[some] = self._changes(chosen, users)
        return lost

    def _changes(self, copies: Copies, users: bool) -> Floats:
        """Final vectors of nodes minus those of the copies, shape ``(num_copies, dim)``."""
        if not len(copies):
            return np.zeros((0, self._final[0].shape[1]))
        without, complete = self._encoder.of_copies(copies)
        if users:
            one = {name: value[:1] for name, value in self._item_vectors.items()}
            less, whole = (
                self._encoder.final(found, one, self._pairs.items[:1])[0] for found in (without, complete)
            )
        else:
            one = {name: value[:1] for name, value in self._user_vectors.items()}
            less, whole = (self._encoder.final(one, found, copies.owners)[1] for found in (without, complete))
        return np.asarray((whole - less).double().numpy())

    def _vector(self, side: int, place: int) -> Floats:
        return np.asarray(self._final[side][int(place)].double().numpy())

"""Triples of a user, an item they like and one that they are not known to like."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from hetmusic.rivals.base import Problem

IntArray = NDArray[np.int64]

#: a user who likes nearly everything could be offered liked items for ever
_ROUNDS = 50


class NegativeSampler:
    """Draws uniform negatives among the candidates of the problem, none of them liked in training.

    Where items are tested on that nobody has played (``cold-items`` splits), those are no negatives: training could only
    push them down.
    """

    def __init__(self, problem: Problem) -> None:
        train, split = problem.split.train, problem.split
        self.num_items = problem.num_items
        self.users, self.items = train.src.astype(np.int64), train.dst.astype(np.int64)
        cold = split.info.get("strategy") == "cold-items"
        candidates = np.unique(train.dst) if cold else split.items
        self.candidates = np.arange(self.num_items) if candidates is None else candidates.astype(np.int64)
        self._liked = np.unique(self.users * self.num_items + self.items)

    def epoch(
        self, batch_size: int, rng: np.random.Generator
    ) -> Iterator[tuple[IntArray, IntArray, IntArray]]:
        """Every training pair once, in random order, each with a negative.

        :return: batches of users, items and negatives, each int64 of shape ``(n,)``.
        """
        order = rng.permutation(len(self.users))
        users, items = self.users[order], self.items[order]
        negatives, valid = self.draw(users, rng)
        users, items, negatives = users[valid], items[valid], negatives[valid]
        for start in range(0, len(users), batch_size):
            part = slice(start, start + batch_size)
            yield users[part], items[part], negatives[part]

    def draw(self, users: IntArray, rng: np.random.Generator) -> tuple[IntArray, NDArray[np.bool_]]:
        """One negative for each user.

        :return: the items, and whether each is one: false for users who like (nearly) every candidate.
        """
        drawn = self.candidates[rng.integers(len(self.candidates), size=len(users))]
        wrong = np.flatnonzero(self._is_liked(users, drawn))
        for _ in range(_ROUNDS):
            if not len(wrong):
                break
            drawn[wrong] = self.candidates[rng.integers(len(self.candidates), size=len(wrong))]
            wrong = wrong[self._is_liked(users[wrong], drawn[wrong])]
        valid = np.ones(len(users), dtype=bool)
        valid[wrong] = False
        return drawn, valid

    def _is_liked(self, users: IntArray, items: IntArray) -> NDArray[np.bool_]:
        codes = users * self.num_items + items
        position = np.minimum(np.searchsorted(self._liked, codes), len(self._liked) - 1)
        return np.asarray(self._liked[position] == codes)

"""Scorers and references that the ranking and evaluation tests share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hetmusic.ranking import UserItems


class TableScorer:
    """Scores read from a table, which remembers the tiles it was asked for."""

    def __init__(self, table: Any) -> None:
        self.table = np.asarray(table, dtype=np.float32)
        self.tiles: list[tuple[int, int]] = []

    @property
    def num_users(self) -> int:
        return len(self.table)

    @property
    def num_items(self) -> int:
        return self.table.shape[1]

    def scores(self, users: NDArray[Any], start: int, stop: int) -> NDArray[np.float32]:
        self.tiles.append((len(users), stop - start))
        return self.table[users, start:stop]


def user_items(rows: list[list[int]], num_items: int) -> UserItems:
    """One list of items for each user."""
    users = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
    items = np.array([item for row in rows for item in row], dtype=np.int64)
    return UserItems.from_pairs(users, items, num_users=len(rows), num_items=num_items)


def sorted_lists(
    table: NDArray[np.float32], k: int, exclude: UserItems | None = None, subset: NDArray[Any] | None = None
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The best k of every row by sorting all of it in plain Python: the meaning of ``top_k``."""
    items = np.full((len(table), k), -1, dtype=np.int32)
    scores = np.full((len(table), k), -np.inf, dtype=np.float32)
    allowed = set(range(table.shape[1])) if subset is None else {int(item) for item in subset}
    for user, row in enumerate(table):
        seen = set() if exclude is None else {int(item) for item in exclude.of(user)}
        candidates = [item for item in allowed - seen if row[item] > -np.inf]
        best = sorted(candidates, key=lambda item: (-float(row[item]), item))[:k]
        items[user, : len(best)] = best
        scores[user, : len(best)] = row[best]
    return items, scores

"""Which items belong to which user, as compressed sparse rows: what was seen, or what is held out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hetmusic._arrays import entries_of_rows, expand_rows


class UserItemPairs(Protocol):
    """An edge list from users to items (:class:`hetmusic.graph.types.Edges` is one)."""

    @property
    def src(self) -> NDArray[Any]:
        """User indices."""
        ...

    @property
    def dst(self) -> NDArray[Any]:
        """Item indices."""
        ...


@dataclass(frozen=True)
class UserItems:
    """A set of items for every user, in compressed sparse rows."""

    #: int64, shape ``(num_users + 1,)``: the items of user u are ``items[indptr[u]:indptr[u + 1]]``
    indptr: NDArray[np.int64]
    #: int32, each user's items ascending and distinct
    items: NDArray[np.int32]
    #: size of the catalogue
    num_items: int

    @classmethod
    def from_pairs(
        cls, users: NDArray[Any], items: NDArray[Any], *, num_users: int, num_items: int
    ) -> UserItems:
        """Build the rows from parallel arrays in any order; a pair named twice counts once.

        :raises ValueError: if the arrays differ in length or an index is out of range.
        """
        if len(users) != len(items):
            raise ValueError(f"{len(users)} users but {len(items)} items")
        for what, values, size in (("user", users, num_users), ("item", items, num_items)):
            if len(values) and not (values.min() >= 0 and values.max() < size):
                raise ValueError(f"{what} indices {values.min()} to {values.max()} are not all below {size}")
        keys = np.unique(np.asarray(users, dtype=np.int64) * num_items + np.asarray(items, dtype=np.int64))
        rows, columns = np.divmod(keys, max(num_items, 1))
        indptr = np.zeros(num_users + 1, dtype=np.int64)
        np.cumsum(np.bincount(rows, minlength=num_users), out=indptr[1:])
        return cls(indptr, columns.astype(np.int32), num_items)

    @classmethod
    def from_edges(cls, edges: Iterable[UserItemPairs], *, num_users: int, num_items: int) -> UserItems:
        """Build the rows from the union of several edge lists, e.g. those of training and validation."""
        lists = list(edges)
        users = [np.asarray(part.src) for part in lists] or [np.empty(0, np.int32)]
        items = [np.asarray(part.dst) for part in lists] or [np.empty(0, np.int32)]
        return cls.from_pairs(
            np.concatenate(users), np.concatenate(items), num_users=num_users, num_items=num_items
        )

    def __len__(self) -> int:
        return len(self.items)

    @property
    def num_users(self) -> int:
        """Number of rows, users without items included."""
        return len(self.indptr) - 1

    def of(self, user: int) -> NDArray[np.int32]:
        """The items of one user, ascending."""
        return self.items[self.indptr[user] : self.indptr[user + 1]]

    def counts(self, users: NDArray[Any]) -> NDArray[np.int64]:
        """How many items each of the users has, shape ``(len(users),)``."""
        return np.asarray(self.indptr[users + 1] - self.indptr[users])

    def pairs(
        self, users: NDArray[Any], start: int = 0, stop: int | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The pairs of a batch of users within a tile of items.

        :param users: user indices in any order; a user may be named several times.
        :param start: first item of the tile.
        :param stop: end of the tile, exclusive; all items if None.
        :return: ``(rows, columns)`` with row = position in ``users``, column = item - ``start``;
            sorted by row, then by column.
        """
        rows, positions = expand_rows(self.indptr[users], self.counts(users))
        columns = self.items[positions].astype(np.int64)
        if start > 0 or stop is not None:
            inside = (columns >= start) & (columns < (self.num_items if stop is None else stop))
            rows, columns = rows[inside], columns[inside]
        return rows, columns - start

    def pairs_among(
        self, users: NDArray[Any], wanted: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The pairs of a batch of users whose items are wanted; what :meth:`pairs` would give, without making all.

        :param users: user indices in any order; a user may be named several times.
        :param wanted: bool, shape ``(num_items,)``.
        :return: ``(rows, items)`` with row = position in ``users``; sorted by row, then by item.
        """
        counts = self.counts(users)
        items = self.items.take(entries_of_rows(self.indptr[users], counts))
        places = np.flatnonzero(wanted.take(items))
        return np.searchsorted(np.cumsum(counts), places, side="right"), items[places].astype(np.int64)

    def contains(self, users: NDArray[Any], items: NDArray[Any]) -> NDArray[np.bool_]:
        """Whether each listed item belongs to the user of its row.

        :param users: shape ``(n,)``.
        :param items: shape ``(n, k)``; a negative index belongs to nobody.
        :return: bool, shape ``(n, k)``.
        """
        if not len(self.items):
            return np.zeros(items.shape, dtype=bool)
        last = len(self.items) - 1
        low, high = (np.broadcast_to(self.indptr[users + k][:, None], items.shape).copy() for k in range(2))
        end = high
        # bisection within the users' own rows, for all at once, reads little of users with many items
        for _ in range(int((high - low).max(initial=0)).bit_length()):
            middle = (low + high) >> 1
            before = (low < high) & (self.items[np.minimum(middle, last)] < items)
            low, high = np.where(before, middle + 1, low), np.where(before, high, middle)
        return np.asarray((low < end) & (self.items[np.minimum(low, last)] == items))


#: the role that :class:`UserItems` plays in :func:`~hetmusic.ranking.topk.top_k`: items not to be recommended
SeenItems = UserItems

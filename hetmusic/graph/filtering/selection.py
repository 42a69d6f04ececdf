"""Users, items and the interactions between them, cut down filter by filter."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hetmusic.graph.build_report import FilterStep
from hetmusic.graph.types import EdgeType

#: hashes of keys are numbers below this
_HASHES = 1 << 64


class Selection:
    """What is left of the interactions and their ends. Every filter notes what it removes."""

    def __init__(
        self,
        edge_type: EdgeType,
        users: int,
        items: int,
        src: NDArray[np.int32],
        dst: NDArray[np.int32],
        weight: NDArray[np.float64] | None = None,
    ) -> None:
        """Begin with everything.

        :param src: user of each interaction, shape ``(n,)``; likewise ``dst`` items and ``weight`` plays.
        """
        self._edge_type = edge_type
        #: bool, shape ``(users,)``: which are kept
        self.users = np.ones(users, np.bool_)
        #: bool, shape ``(items,)``
        self.items = np.ones(items, np.bool_)
        # positions of the interactions that are kept, and their ends
        self._kept = np.arange(len(src))
        self._src, self._dst, self._weight = src, dst, weight
        #: which users and items stay whatever they lose, since a list names them
        self.safe_users, self.safe_items = np.zeros(users, np.bool_), np.zeros(items, np.bool_)
        self.steps: list[FilterStep] = []

    @property
    def interactions(self) -> NDArray[np.int64]:
        """Positions of the interactions that are kept, ascending."""
        return self._kept

    def keep_users(self, name: str, wanted: NDArray[np.bool_]) -> None:
        """Keep users of a mask only."""
        self._cut(name, users=wanted)

    def keep_items(self, name: str, wanted: NDArray[np.bool_]) -> None:
        """Keep items of a mask only."""
        self._cut(name, items=wanted)

    def min_plays(self, least: float) -> None:
        """Keep interactions whose weight is at least a number; users and items stay."""
        assert self._weight is not None
        self._cut(f"min_plays {least:g}", interactions=self._weight[self._kept] >= least)

    def sample_users(self, share: float, seed: int, keys: Sequence[str]) -> None:
        """Keep the users whose key hashes to a number below the share, whatever else there is in the data."""
        limit = round(share * _HASHES)
        drawn = [_hash(seed, key) < limit for key in keys]
        self._cut(f"sample {share:g}", users=np.array(drawn, np.bool_))

    def top_users(self, number: int) -> None:
        """Keep the users with the most interactions; of equal ones those that come first in the order of nodes."""
        self._cut(f"top_users {number}", users=_largest(self._degrees()[0], self.users, number))

    def top_items(self, number: int) -> None:
        """Keep the items with the most interactions; of equal ones those that come first in the order of nodes."""
        self._cut(f"top_items {number}", items=_largest(self._degrees()[1], self.items, number))

    def core(self, user_core: int, item_core: int) -> None:
        """Keep the largest part in which each user has ``user_core`` interactions and each item ``item_core``."""
        users, items = self.users.copy(), self.items.copy()
        src, dst = self._src[self._kept], self._dst[self._kept]
        while True:
            users &= np.bincount(src, minlength=len(users)) >= user_core
            items &= np.bincount(dst, minlength=len(items)) >= item_core
            alive = users[src] & items[dst]
            if alive.all():
                break
            src, dst = src[alive], dst[alive]
        wanted = {"user_core": user_core, "item_core": item_core}
        name = ", ".join(f"{core} {least}" for core, least in wanted.items() if least)
        self._cut(name, users=users, items=items)

    def drop_isolated(self) -> None:
        """Drop users and items that have no interaction, but for those that are safe."""
        users, items = self._degrees()
        self._cut("isolated", users=(users > 0) | self.safe_users, items=(items > 0) | self.safe_items)

    def _degrees(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        src, dst = self._src[self._kept], self._dst[self._kept]
        return np.bincount(src, minlength=len(self.users)), np.bincount(dst, minlength=len(self.items))

    def _cut(
        self,
        name: str,
        *,
        users: NDArray[np.bool_] | None = None,
        items: NDArray[np.bool_] | None = None,
        interactions: NDArray[np.bool_] | None = None,
    ) -> None:
        """Keep what all masks want; interactions go with their ends. Note what was there and is no more."""
        before = int(self.users.sum()), int(self.items.sum()), len(self._kept)
        if users is not None:
            self.users &= users
        if items is not None:
            self.items &= items
        if interactions is not None:
            self._kept = self._kept[interactions]
        self._kept = self._kept[self.users[self._src[self._kept]] & self.items[self._dst[self._kept]]]
        gone = {
            self._edge_type.src: before[0] - int(self.users.sum()),
            self._edge_type.dst: before[1] - int(self.items.sum()),
        }
        edges = {str(self._edge_type): before[2] - len(self._kept)}
        self.steps.append(FilterStep(filter=name, nodes=_some(gone), edges=_some(edges)))


def _hash(seed: int, key: str) -> int:
    digest = hashlib.blake2b(f"{seed}:{key}".encode("utf-8", "surrogatepass"), digest_size=8)
    return int.from_bytes(digest.digest(), "big")


def _largest(degrees: NDArray[np.int64], among: NDArray[np.bool_], number: int) -> NDArray[np.bool_]:
    """The nodes of a mask with the largest degrees, as a mask."""
    candidates = np.flatnonzero(among)
    order = np.argsort(-degrees[candidates], kind="stable")
    found = np.zeros(len(degrees), np.bool_)
    found[candidates[order[:number]]] = True
    return found


def _some(counts: dict[str, int]) -> dict[str, int]:
    return {name: count for name, count in counts.items() if count}

"""The best K items of every user by torch, on a GPU if asked: the lists of :func:`~hetmusic.ranking.topk.top_k`.

Scores are computed in single precision, whose error is bounded, and a few more items than K are kept. These are scored again
in double precision and ordered as :func:`~hetmusic.ranking.topk.top_k` orders them. Where the bound does not exclude that
another item belongs among the K, the user's whole row is scored in double precision.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hetmusic.errors import EnvironmentProblem
from hetmusic.ranking.item_vectors import ItemVectors
from hetmusic.ranking.scorer import EmbeddingScorer
from hetmusic.ranking.seen import SeenItems

logger = logging.getLogger(__name__)

#: rounding of a single-precision number, relative
_UNIT = 2.0**-24
#: working bytes per (user, item) cell of a tile: the score, and what torch's top-k takes beside it
_CELL_BYTES = 12
#: users of a tile while the catalogue is wide
_TILE_USERS = 1024
#: cells of a tile that is not halved any more
_FEWEST = 1 << 12
#: larger tiles are not faster
_MOST_BYTES = 2 << 30
#: on a CPU, where there is no telling how much is free
_CPU_BYTES = 128 << 20
_LOWEST = float("-inf")

Ranking = tuple[NDArray[np.int32], NDArray[np.float32]]


class DeviceRanker:
    """Ranks the catalogue for users, tile by tile; a tile that does not fit into memory is halved.

    :param scorer: users' and items' vectors.
    :param exclude: items that are never returned, per user; users beyond its rows have none.
    :param candidates: which items may be returned, bool ``(num_items,)``; None means all.
    :param device: where to compute.
    :param tile_bytes: working memory of a tile; None takes what suits the device.
    """

    def __init__(
        self,
        scorer: EmbeddingScorer,
        exclude: SeenItems | None,
        candidates: NDArray[np.bool_] | None,
        device: torch.device,
        tile_bytes: int | None = None,
    ) -> None:
        self.scorer = scorer
        self.exclude = exclude
        self.device = device
        self.vectors = ItemVectors(scorer, device)
        self.candidates = None if candidates is None else torch.from_numpy(candidates).to(device)
        self.cells = max(_FEWEST, (tile_bytes or free_bytes(device)) // _CELL_BYTES)
        #: users whose whole rows were scored in double precision, so far
        self.scored_twice = 0

    def rank(self, users: NDArray[np.int64], k: int) -> tuple[Ranking, NDArray[np.int64]]:
        """The best ``k`` items of users, ``k`` being at most the number of items.

        :return: as :func:`~hetmusic.ranking.topk.top_k`, and positions of users with scores that are no numbers or too large
            for single precision, whose lists are not to be used.
        :raises EnvironmentProblem: if the device has no memory even for the smallest tile.
        """
        items = np.full((len(users), k), -1, dtype=np.int32)
        scores = np.full((len(users), k), _LOWEST, dtype=np.float32)
        odd = np.zeros(len(users), dtype=bool)
        begin = 0
        with torch.inference_mode(), _full_precision():
            while begin < len(users):
                width = self._tile(len(users), k)
                batch = slice(begin, min(begin + width[0], len(users)))
                try:
                    found = self._batch(users[batch], k, width[1])
                except torch.OutOfMemoryError:
                    found = None  # what the tile had is freed with the exception, after this block
                if found is None:
                    self._halve()
                    continue
                items[batch], scores[batch], odd[batch] = found
                begin = batch.stop
        return (items, scores), np.flatnonzero(odd)

    def _tile(self, num_users: int, k: int) -> tuple[int, int]:
        """Users and items of a tile."""
        num_items = self.scorer.num_items
        users = min(num_users, _TILE_USERS, max(1, self.cells // min(num_items, 4 * _kept(k, num_items))))
        items = max(1, min(num_items, self.cells // users))
        # a narrow catalogue leaves room for more users
        return max(users, min(num_users, self.cells // num_items)), items

    def _halve(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        if self.cells <= _FEWEST:
            raise EnvironmentProblem(
                f"{self.device} has no memory for ranking, not even for {_FEWEST:,} scores at a time; rank on the CPU"
            )
        self.cells //= 2
        logger.info("%s is out of memory: tiles are halved to %d scores", self.device, self.cells)

    def _batch(
        self, users: NDArray[np.int64], k: int, width: int
    ) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.bool_]]:
        exact = torch.from_numpy(self.scorer.user_embeddings[users].astype(np.float64)).to(self.device)
        kept = _kept(k, self.scorer.num_items)
        values, index, odd = self.scan(exact, users, kept, width)
        unsure = self.unsure(exact, values, k)
        items, scores = self.rescored(exact, values, index, k)
        again = torch.nonzero(unsure & ~odd)[:, 0]
        self.scored_twice += len(again)
        rows = max(1, self.cells // (4 * self.scorer.num_items))
        for part in again.split(rows):
            chosen = users[part.cpu().numpy()]
            items[part], scores[part] = self.exactly(exact[part], chosen, k, width)
        return items.int().cpu().numpy(), scores.cpu().numpy(), odd.cpu().numpy()

    def scan(
        self, users: Tensor, ids: NDArray[np.int64], kept: int, width: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The best items by single-precision scores.

        :param users: double-precision vectors, ``(n, dim)``.
        :param ids: their indices.
        :param kept: how many items.
        :param width: items of a tile.
        :return: scores and items, ``(n, kept)`` each, best first, and which users have scores that are no numbers, ``(n,)``.
        """
        vectors = users.float()
        odd = torch.zeros(len(users), dtype=torch.bool, device=self.device)
        values = vectors.new_zeros(len(users), 0)
        index = torch.zeros(len(users), 0, dtype=torch.int64, device=self.device)
        for start in range(0, self.scorer.num_items, width):
            stop = min(start + width, self.scorer.num_items)
            tile = vectors @ self.vectors.tile(start, stop).T
            if self.vectors.bias is not None:
                tile += self.vectors.bias[start:stop].float()
            odd |= ~(tile.amax(dim=1) < float("inf"))  # NaN survives a maximum
            self._mask(tile, ids, start, stop)
            best, where = tile.topk(min(kept, stop - start), dim=1)
            values, index = torch.cat([values, best], dim=1), torch.cat([index, where + start], dim=1)
            if values.shape[1] > kept:
                values, order = values.topk(kept, dim=1)
                index = index.gather(1, order)
        return values, index, odd

    def unsure(self, users: Tensor, values: Tensor, k: int) -> Tensor:
        """Users of whom an item that was not kept may belong among the best ``k``, bool ``(n,)``.

        Of dim products that are summed in any order a sum is off by at most (dim + c) 2^-24 |u| |v| (Higham 2002, section
        3.1); c covers the rounding of inputs, of the bias and of the score itself.
        """
        if values.shape[1] == self.scorer.num_items:
            return torch.zeros(len(users), dtype=torch.bool, device=self.device)
        size = users.norm(dim=1) * self.vectors.longest + self.vectors.largest_bias
        error = (users.shape[1] + 8) * _UNIT * size + torch.finfo(torch.float32).tiny * users.shape[1]
        last, kth = values[:, -1].double(), values[:, k - 1].double()
        certain: Tensor = (last == _LOWEST) | (last < kth - 2 * error)
        return ~certain

    def rescored(self, users: Tensor, values: Tensor, index: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """The best ``k`` of the items that were kept, by double-precision scores, equal ones by ascending item."""
        index, order = index.sort(dim=1)
        values = values.gather(1, order)
        scores = torch.empty_like(values)
        rows = max(1, self.cells // (2 * index.shape[1] * users.shape[1]))
        for start in range(0, len(users), rows):
            part = slice(start, start + rows)
            products = self.vectors.rows(index[part]).mul_(users[part, None])
            exact = products.sum(dim=2)
            if self.vectors.bias is not None:
                exact += self.vectors.bias[index[part]]
            scores[part] = exact.float()
        return _ordered(scores.masked_fill_(values == _LOWEST, _LOWEST), index, k)

    def exactly(self, users: Tensor, ids: NDArray[np.int64], k: int, width: int) -> tuple[Tensor, Tensor]:
        """The best ``k`` items by double-precision scores of all items."""
        scores = torch.empty(len(users), self.scorer.num_items, device=self.device)
        for start in range(0, self.scorer.num_items, width):
            stop = min(start + width, self.scorer.num_items)
            tile = users @ self.vectors.exact(start, stop).T
            if self.vectors.bias is not None:
                tile += self.vectors.bias[start:stop]
            scores[:, start:stop] = tile.float()
        self._mask(scores, ids, 0, self.scorer.num_items)
        return _ordered(scores, None, k)

    def _mask(self, tile: Tensor, ids: NDArray[np.int64], start: int, stop: int) -> None:
        """Take out what may not be recommended, by its places and not by a mask of the tile's size."""
        if self.exclude is not None:
            known = np.flatnonzero(ids < self.exclude.num_users)
            rows, columns = self.exclude.pairs(ids[known], start, stop)
            places = torch.from_numpy(np.stack([known[rows], columns])).to(self.device)
            tile.index_put_((places[0], places[1]), tile.new_tensor(_LOWEST))
        if self.candidates is not None:
            tile.masked_fill_(~self.candidates[start:stop], _LOWEST)


def free_bytes(device: torch.device) -> int:
    """Memory for a tile: a quarter of what is free on a GPU, within bounds."""
    if device.type != "cuda":
        return _CPU_BYTES
    free, _ = torch.cuda.mem_get_info(device)
    idle = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return min(_MOST_BYTES, (free + idle) // 4)


def _kept(k: int, num_items: int) -> int:
    """How many items a list keeps, so that those after the last place are known to be worse."""
    return min(num_items, k + max(k // 2, 32))


def _ordered(scores: Tensor, index: Tensor | None, k: int) -> tuple[Tensor, Tensor]:
    """The best ``k`` items, equal scores by ascending position, and their scores."""
    best, order = scores.sort(dim=1, descending=True, stable=True)
    best, order = best[:, :k], order[:, :k]
    items = order if index is None else index.gather(1, order)
    return torch.where(best > _LOWEST, items, -1), best


@contextmanager
def _full_precision() -> Iterator[None]:
    """Products of single precision, whatever the process has allowed instead: the bound of their error counts on it."""
    before: Any = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)

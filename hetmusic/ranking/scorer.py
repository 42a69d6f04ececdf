"""What can be ranked: anything that scores a block of users against a run of consecutive items."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

#: items whose double-precision copy exists at one time; bounds the scorer's own memory to about 2 MB
_BLOCK = 256


@runtime_checkable
class Scorer(Protocol):
    """A model as ranking sees it. Higher scores rank first; ``-inf`` means "not a candidate"."""

    @property
    def num_items(self) -> int:
        """Size of the catalogue; items are numbered ``0 .. num_items - 1``."""
        ...

    def scores(self, users: NDArray[Any], start: int, stop: int) -> NDArray[np.float32]:
        """Score users against the items ``start .. stop - 1``.

        :param users: user indices, shape ``(num_users,)``.
        :return: a new float32 array of shape ``(num_users, stop - start)``, which the caller may overwrite.
        """
        ...


class EmbeddingScorer:
    """Inner products of stored vectors, plus an optional bias per item.

    Products are summed in double precision and rounded to float32 once. A float32 sum differs in its last
    bits with the shape of the block it is computed in (BLAS takes another kernel for one user than for many),
    so that items with equal vectors would get unequal scores, and a list would depend on who else is ranked.

    :param user_embeddings: shape ``(num_users, dim)``, any float type, possibly memory-mapped.
    :param item_embeddings: shape ``(num_items, dim)``, likewise.
    :param item_bias: shape ``(num_items,)``, added to every user's score of the item.
    :raises ValueError: if the shapes disagree.
    """

    def __init__(
        self,
        user_embeddings: NDArray[Any],
        item_embeddings: NDArray[Any],
        item_bias: NDArray[Any] | None = None,
    ) -> None:
        if user_embeddings.ndim != 2 or item_embeddings.ndim != 2:
            raise ValueError(
                f"embeddings are two-dimensional, not {user_embeddings.shape} and {item_embeddings.shape}"
            )
        if user_embeddings.shape[1] != item_embeddings.shape[1]:
            raise ValueError(
                f"user vectors have {user_embeddings.shape[1]} dimensions, "
                f"item vectors {item_embeddings.shape[1]}"
            )
        if item_bias is not None and item_bias.shape != (len(item_embeddings),):
            raise ValueError(f"item bias has shape {item_bias.shape} for {len(item_embeddings)} items")
        self.user_embeddings = user_embeddings
        self.item_embeddings = item_embeddings
        self.item_bias = item_bias

    @property
    def num_users(self) -> int:
        """Number of users that have a vector."""
        return len(self.user_embeddings)

    @property
    def num_items(self) -> int:
        """Number of items that have a vector."""
        return len(self.item_embeddings)

    def scores(self, users: NDArray[Any], start: int, stop: int) -> NDArray[np.float32]:
        """Score users against the items ``start .. stop - 1``; see :meth:`Scorer.scores`."""
        vectors = self.user_embeddings[users].astype(np.float64)
        out = np.empty((len(vectors), stop - start), dtype=np.float32)
        for first in range(start, stop, _BLOCK):
            last = min(first + _BLOCK, stop)
            block = vectors @ self.item_embeddings[first:last].astype(np.float64).T
            if self.item_bias is not None:
                block += self.item_bias[first:last]
            out[:, first - start : last - start] = block
        return out

"""Scorers of models that are no factorisation: rows are computed when they are asked for, and never kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray


class _ProfileScorer:
    """Users as rows of a sparse matrix of what they like.

    :param profiles: shape ``(num_users, num_items)``.
    """

    def __init__(self, profiles: sp.csr_matrix) -> None:
        self.profiles = profiles

    @property
    def num_users(self) -> int:
        """Number of users that have a profile, empty or not."""
        return int(self.profiles.shape[0])

    @property
    def num_items(self) -> int:
        """Size of the catalogue."""
        return int(self.profiles.shape[1])


class SparseItemScorer(_ProfileScorer):
    """Sum of the sparse similarities of an item to what the user likes: s(u, j) = sum_i x_ui w_ji.

    :param profiles: x, shape ``(num_users, num_items)``.
    :param similarity: w, one row a *scored* item, shape ``(num_items, num_items)``.
    """

    def __init__(self, profiles: sp.csr_matrix, similarity: sp.csr_matrix) -> None:
        super().__init__(profiles)
        self.similarity = similarity

    def scores(self, users: NDArray[Any], start: int, stop: int) -> NDArray[np.float32]:
        """Score users against the items ``start .. stop - 1``; see :meth:`Scorer.scores`."""
        # rows of a compressed matrix are cheap to cut out, columns are not
        products = self.similarity[start:stop] @ self.profiles[users].T
        return np.ascontiguousarray(products.toarray().T, dtype=np.float32)


class DenseItemScorer(_ProfileScorer):
    """Sum of dense item-to-item weights over what the user likes: s(u, j) = sum_i x_ui b_ij.

    :param profiles: x, shape ``(num_users, num_items)``.
    :param weights: b, shape ``(num_items, num_items)``.
    """

    def __init__(self, profiles: sp.csr_matrix, weights: NDArray[Any]) -> None:
        super().__init__(profiles)
        self.weights = weights

    def scores(self, users: NDArray[Any], start: int, stop: int) -> NDArray[np.float32]:
        """Score users against the items ``start .. stop - 1``; see :meth:`Scorer.scores`."""
        return np.ascontiguousarray(self.profiles[users] @ self.weights[:, start:stop], dtype=np.float32)


class UserSpaceScorer(_ProfileScorer):
    """X - (M X) / d, the rows of some users and the columns of some items at a time.

    :param profiles: X, shape ``(num_users, num_items)``.
    :param mixing: M, shape ``(num_users, num_users)``.
    :param divisor: d, one number an item, shape ``(num_items,)``.
    """

    def __init__(self, profiles: sp.csr_matrix, mixing: NDArray[Any], divisor: NDArray[Any]) -> None:
        super().__init__(profiles)
        self.mixing, self.divisor = mixing, divisor
        self._by_item = profiles.T.tocsr()

    def scores(self, users: NDArray[Any], start: int, stop: int) -> NDArray[np.float32]:
        """Score users against the items ``start .. stop - 1``; see :meth:`Scorer.scores`."""
        mixed = (self._by_item[start:stop] @ self.mixing[:, users]).T
        own = self.profiles[users][:, start:stop].toarray()
        return np.ascontiguousarray(own - mixed / self.divisor[start:stop], dtype=np.float32)

"""Neighbourhoods of items: what is played by the same people."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from pydantic import Field

from hetmusic.models.config import StrictModel
from hetmusic.ranking import Scorer
from hetmusic.rivals.base import Problem, Recommender, Report, recommenders
from hetmusic.rivals.neighbours import nearest_items
from hetmusic.rivals.scorers import SparseItemScorer

#: saturation and length normalisation of BM25, the usual values (Robertson and Zaragoza 2009, section 3.2)
_K1, _B = 1.2, 0.75


class ItemKNNSettings(StrictModel):
    """Settings of :class:`ItemKNN`."""

    k: int = Field(100, ge=1)
    """Neighbours kept of every item."""

    shrink: float = Field(10.0, ge=0)
    """Added to the denominator of the cosine, so that similarities from few common listeners count less."""

    weighting: Literal["none", "tf-idf", "bm25"] = "none"
    """How listeners count when items are compared: all alike, or less the more they listen to; ``bm25`` also damps
    popular items."""

    normalise: bool = False
    """Whether the similarities that an item gives to others are divided by their sum."""


@recommenders.register("item-knn")
class ItemKNN(Recommender):
    """Item-based collaborative filtering (Sarwar et al. 2001, section 3.1.1; Deshpande and Karypis 2004).

    w_ji = x_j · x_i / (|x_j| |x_i| + shrink) for the k most similar items i of j, with x_i the column of item i of the
    weighted training matrix; s(u, j) = sum of w_ji over what u likes. With ``normalise``, w_ji is divided by sum_j w_ji,
    so that an item with close neighbours does not speak louder than others (Deshpande and Karypis 2004, section 4.3).
    """

    Settings = ItemKNNSettings

    def train(  # noqa: D102
        self, problem: Problem, seed: int, folder: Path | None, report: Report | None
    ) -> tuple[Scorer, dict[str, Any]]:
        settings: ItemKNNSettings = self.settings
        weighted = weigh(problem.train, settings.weighting)
        norms = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=0)).ravel())

        def cosine(
            rows: NDArray[np.int64], columns: NDArray[np.int64], values: NDArray[np.float64]
        ) -> NDArray[np.float64]:
            denominator: NDArray[np.float64] = norms[rows] * norms[columns] + settings.shrink
            return values / denominator

        similarity = nearest_items(weighted.T.tocsr(), weighted, settings.k, cosine)
        if settings.normalise:
            given = np.asarray(similarity.sum(axis=0)).ravel()
            similarity = similarity.multiply(1 / np.where(given > 0, given, 1)).tocsr()
        return SparseItemScorer(problem.train, similarity), {"similarities": similarity.nnz}


def weigh(train: sp.csr_matrix, weighting: str) -> sp.csr_matrix:
    """Weigh a binary matrix with items as documents and their listeners as terms.

    tf-idf: log(N / d_u) for N items of which user u has d_u. bm25: log(1 + (N - d_u + 1/2) / (d_u + 1/2)) times
    (k1 + 1) / (1 + k1 (1 - b + b d_i / mean d_i)), with d_i listeners of item i (Robertson and Zaragoza 2009, eq. 3.15).

    :param train: shape ``(num_users, num_items)``.
    :return: float64, the same shape.
    """
    matrix = train.astype(np.float64)
    if weighting == "none":
        return matrix
    num_items = matrix.shape[1]
    of_user = np.maximum(matrix.getnnz(axis=1), 1)
    if weighting == "tf-idf":
        return sp.csr_matrix(sp.diags(np.log(num_items / of_user)) @ matrix)
    rarity = np.log1p((num_items - of_user + 0.5) / (of_user + 0.5))
    of_item = matrix.getnnz(axis=0)
    length = 1 - _B + _B * of_item / max(of_item.mean(), 1e-12)
    return sp.csr_matrix(sp.diags(rarity) @ matrix @ sp.diags((_K1 + 1) / (1 + _K1 * length)))

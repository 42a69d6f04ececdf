"""Random walks of three steps, popular ends damped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from pydantic import Field

from hetmusic.models.config import StrictModel
from hetmusic.ranking import Scorer
from hetmusic.rivals.base import Problem, Recommender, Report, recommenders
from hetmusic.rivals.neighbours import nearest_items
from hetmusic.rivals.scorers import SparseItemScorer


class RP3betaSettings(StrictModel):
    """Settings of :class:`RP3beta`."""

    alpha: float = Field(0.8, ge=0)
    """Exponent of every transition probability; 1 is the plain walk."""

    beta: float = Field(0.4, ge=0)
    """Exponent of the popularity that an item's score is divided by."""

    k: int = Field(200, ge=1)
    """Items from which walks to an item are counted: those with the largest weights."""


@recommenders.register("rp3beta")
class RP3beta(Recommender):
    """RP3beta (Paudel et al. 2017, "Updatable, accurate, diverse, and scalable recommendations ...", eqs. 1-3).

    Walking from a user to an item i of theirs, on to one of its listeners v and to an item j of v's:
    w_ji = d_j^-beta · sum_v (1 / d_i)^alpha (1 / d_v)^alpha, and s(u, j) = sum of w_ji over what u likes, of w_j1, w_j2, ...
    the k largest. The first step's probability is the same for all items of a user, so it changes no ranking and is left out.
    """

    Settings = RP3betaSettings

    def train(  # noqa: D102
        self, problem: Problem, seed: int, folder: Path | None, report: Report | None
    ) -> tuple[Scorer, dict[str, Any]]:
        settings: RP3betaSettings = self.settings
        train = problem.train.astype(np.float64)
        of_user = np.maximum(train.getnnz(axis=1), 1)
        of_item = np.maximum(train.getnnz(axis=0), 1).astype(np.float64)

        def damp(
            rows: NDArray[np.int64], columns: NDArray[np.int64], values: NDArray[np.float64]
        ) -> NDArray[np.float64]:
            damped: NDArray[np.float64] = (
                of_item[columns] ** -settings.alpha * of_item[rows] ** -settings.beta
            )
            return values * damped

        # walks read backwards, a row the item where they end: every item hears from its k best, as in item-knn
        onwards = sp.csr_matrix(sp.diags(of_user**-settings.alpha) @ train)
        walks = nearest_items(train.T.tocsr(), onwards, settings.k, damp)
        return SparseItemScorer(problem.train, walks), {"similarities": walks.nnz}

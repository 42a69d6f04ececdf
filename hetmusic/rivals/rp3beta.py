"""Random walks of three steps, popular ends damped."""

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


class RP3betaSettings(StrictModel):
    """Settings of :class:`RP3beta`."""

    alpha: float = Field(0.8, ge=0)
    """Exponent of every transition probability; 1 is the plain walk."""

    beta: float = Field(0.4, ge=0)
    """Exponent of the popularity that an item's score is divided by."""

    k: int = Field(200, ge=1)
    """Items kept of every item, those with the largest weights."""

    keep: Literal["ends", "starts"] = "ends"
    """Which: those that walks from the item lead to, or those from which walks lead to it. The latter favours rare ends."""


@recommenders.register("rp3beta")
class RP3beta(Recommender):
    """RP3beta (Paudel et al. 2017, "Updatable, accurate, diverse, and scalable recommendations ...", eqs. 1-3).

    Walking from a user to an item i of theirs, on to one of its listeners v and to an item j of v's:
    w_ji = d_j^-beta · sum_v (1 / d_i)^alpha (1 / d_v)^alpha, and s(u, j) = sum of w_ji over what u likes; of every column of
    w, or row with ``keep = "starts"``, the k largest count. The first step's probability is the same for all items of a
    user, so it changes no ranking and is left out.
    """

    Settings = RP3betaSettings

    def train(  # noqa: D102
        self, problem: Problem, seed: int, folder: Path | None, report: Report | None
    ) -> tuple[Scorer, dict[str, Any]]:
        settings: RP3betaSettings = self.settings
        train = problem.train.astype(np.float64)
        of_user = np.maximum(train.getnnz(axis=1), 1)
        of_item = np.maximum(train.getnnz(axis=0), 1).astype(np.float64)

        forwards = settings.keep == "ends"

        def damp(
            rows: NDArray[np.int64], columns: NDArray[np.int64], values: NDArray[np.float64]
        ) -> NDArray[np.float64]:
            starts, ends = (rows, columns) if forwards else (columns, rows)
            damped: NDArray[np.float64] = of_item[starts] ** -settings.alpha * of_item[ends] ** -settings.beta
            return values * damped

        # by way of listeners both directions are the same; only which end the rows are, and are cut by, differs
        onwards = sp.csr_matrix(sp.diags(of_user**-settings.alpha) @ train)
        walks = nearest_items(train.T.tocsr(), onwards, settings.k, damp)
        weights = walks.T.tocsr() if forwards else walks
        return SparseItemScorer(problem.train, weights), {"similarities": walks.nnz}

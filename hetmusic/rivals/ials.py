"""Matrix factorisation by alternating least squares, as the package ``implicit`` does it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from hetmusic.models.config import StrictModel
from hetmusic.ranking import EmbeddingScorer, Scorer
from hetmusic.rivals.base import Problem, Recommender, Report, recommenders


class IALSSettings(StrictModel):
    """Settings of :class:`IALS`."""

    factors: int = Field(128, ge=1, le=8192)
    """Size of the vectors."""

    regularization: float = Field(50.0, ge=0)
    """L2 regularisation of all vectors."""

    alpha: float = Field(10.0, gt=0)
    """Confidence of an interaction; that of a pair without one is 1."""

    iterations: int = Field(15, ge=1)
    """Alternations between users and items."""


@recommenders.register("ials")
class IALS(Recommender):
    """Weighted matrix factorisation for implicit feedback (Hu, Koren and Volinsky 2008, eqs. 3-5).

    Minimises sum_ui c_ui (p_ui - x_u · y_i)^2 + regularization (sum_u |x_u|^2 + sum_i |y_i|^2) with c_ui = alpha for
    interactions (p_ui = 1) and 1 for all other pairs (p_ui = 0); solved by conjugate gradients.
    """

    Settings = IALSSettings

    def train(  # noqa: D102
        self, problem: Problem, seed: int, folder: Path | None, report: Report | None
    ) -> tuple[Scorer, dict[str, Any]]:
        from implicit.cpu.als import AlternatingLeastSquares
        from threadpoolctl import threadpool_limits

        settings: IALSSettings = self.settings
        # implicit has threads of its own: those of BLAS would fight with them, as it warns
        with threadpool_limits(limits=1, user_api="blas"):
            model = AlternatingLeastSquares(
                factors=settings.factors,
                regularization=settings.regularization,
                alpha=settings.alpha,
                iterations=settings.iterations,
                random_state=seed,
            )
            model.fit(problem.train, show_progress=False)
        users, items = np.asarray(model.user_factors), np.asarray(model.item_factors)
        return EmbeddingScorer(users, items), {}

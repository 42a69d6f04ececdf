"""The most listened-to items for everyone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from hetmusic.ranking import EmbeddingScorer, Scorer
from hetmusic.rivals.base import Problem, Recommender, Report, recommenders


@recommenders.register("popularity")
class Popularity(Recommender):
    """Score of an item: how many users have it among their training interactions."""

    def train(  # noqa: D102
        self, problem: Problem, seed: int, folder: Path | None, report: Report | None
    ) -> tuple[Scorer, dict[str, Any]]:
        counts = np.asarray(problem.train.sum(axis=0), dtype=np.float32).reshape(-1, 1)
        return EmbeddingScorer(np.ones((problem.num_users, 1), dtype=np.float32), counts), {}

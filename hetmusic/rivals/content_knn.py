"""Items that sound, read or look like what a user likes: the baseline for items that nobody has played yet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from pydantic import Field

from hetmusic.models.config import StrictModel
from hetmusic.ranking import Scorer
from hetmusic.rivals.base import Problem, Recommender, Report, recommenders
from hetmusic.rivals.content import ItemContent, Scaling, read_content
from hetmusic.rivals.neighbours import block_rows, largest_of_rows
from hetmusic.rivals.scorers import SparseItemScorer


class ContentKNNSettings(StrictModel):
    """Settings of :class:`ContentKNN`."""

    modalities: list[str] | Literal["all"] = "all"
    """Modalities of the recommended node type that are compared; ``all``: those that the graph has."""

    scaling: Scaling = "l2"
    """``standard``: each feature to mean 0 and sd 1 over present items; ``l2``: each vector to length 1; ``none``."""

    k: int = Field(20, ge=1)
    """Neighbours kept of every item."""


@recommenders.register("content-knn")
class ContentKNN(Recommender):
    """Nearest neighbours by content (Lops et al. 2011, "Content-based recommender systems", section 3.3).

    w_ji is the cosine of the features of items j and i, with several modalities the mean over those that both have;
    s(u, j) = sum of w_ji over those of the k items most similar to j that u likes. Neighbours are items that somebody
    likes in training, so that items without listeners are scored like all others; negative cosines count as zero, and items
    without any modality score zero.
    """

    Settings = ContentKNNSettings

    def train(  # noqa: D102
        self, problem: Problem, seed: int, folder: Path | None, report: Report | None
    ) -> tuple[Scorer, dict[str, Any]]:
        settings: ContentKNNSettings = self.settings
        contents = read_content("content-knn", problem, settings.modalities, settings.scaling)
        liked = np.flatnonzero(problem.train.getnnz(axis=0))
        similarity = similar_content(contents, liked, problem.num_items, settings.k)
        return SparseItemScorer(problem.train, similarity), {
            "modalities": [content.name for content in contents],
            "similarities": similarity.nnz,
        }


def similar_content(
    contents: Sequence[ItemContent], neighbours: NDArray[np.int64], num_items: int, k: int
) -> sp.csr_matrix:
    """The k items with the most similar content for every item, itself left out.

    :param neighbours: items that may be neighbours.
    :return: positive mean cosines, float64, shape ``(num_items, num_items)``, a row an item whose neighbours they are.
    """
    units = [_unit_rows(content, num_items) for content in contents]
    has = np.stack([(unit != 0).any(axis=1) for unit in units], axis=1).astype(np.float32)
    neighbours = neighbours[has[neighbours].any(axis=1)]
    others = [np.ascontiguousarray(unit[neighbours].T) for unit in units]
    step = block_rows(num_items)
    blocks = []
    for start in range(0, num_items, step):
        here = slice(start, min(start + step, num_items))
        total = np.zeros((here.stop - start, len(neighbours)), dtype=np.float32)
        for unit, other in zip(units, others, strict=True):
            total += unit[here] @ other
        total /= np.maximum(has[here] @ has[neighbours].T, 1)
        total[neighbours == np.arange(start, here.stop)[:, None]] = 0
        # all that ties with the k-th survives here, so that the choice among equals is not left to chance
        least = np.partition(total, -k, axis=1)[:, -k, None] if k < total.shape[1] else 0
        rows, columns = np.nonzero((total >= least) & (total > 0))
        values = total[rows, columns].astype(np.float64)
        blocks.append(largest_of_rows(rows, neighbours[columns], values, (here.stop - start, num_items), k))
    return sp.vstack(blocks, format="csr")


def _unit_rows(content: ItemContent, num_items: int) -> NDArray[np.float32]:
    """Vectors of length 1 of all items, float32; zeros where the modality is absent."""
    values = content.values.numpy().astype(np.float64)
    norms = np.linalg.norm(values, axis=1, keepdims=True)
    rows = np.zeros((num_items, content.dim), dtype=np.float32)
    rows[content.items.numpy()] = values / np.where(norms > 1e-12, norms, np.inf)
    return rows

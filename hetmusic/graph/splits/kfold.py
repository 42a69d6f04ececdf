"""Cross-validation: the interactions in k folds, of which one is tested on."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hetmusic.errors import SplitError
from hetmusic.graph.music_graph import MusicGraph
from hetmusic.graph.splits._ranks import check_share, group_sizes, held_out_counts, rank_within
from hetmusic.graph.splits.base import TEST, TRAIN, VALID, Split, require_interactions
from hetmusic.graph.types import Edges


def kfold_split(
    graph: MusicGraph,
    k: int = 5,
    fold: int = 0,
    seed: int = 0,
    valid_ratio: float = 0.1,
    by: Literal["user", "row"] = "user",
) -> Split:
    """Test on one of k folds, validate on a share of every user's other interactions.

    The folds depend on ``seed`` alone, so the k test parts of one seed are disjoint and cover everything.

    :param fold: which fold to test on, 0 to k - 1.
    :param valid_ratio: share of a user's remaining interactions, by the rounding of :func:`random_split`.
    :param by: ``"user"`` deals each user's shuffled interactions out in turn, starting at a random fold;
        ``"row"`` takes the position among the interactions (sorted by user and item index) modulo k, as the
        published code of MHCN and SEPT does with the rows of the HetRec file, which have the same order.
    :raises SplitError: if k, fold or valid_ratio are out of range.
    """
    interactions = require_interactions(graph)
    if not 2 <= k <= len(interactions) or not 0 <= fold < k:
        raise SplitError(
            f"k-fold needs 2 <= k <= {len(interactions):,} and 0 <= fold < k, not k={k}, fold={fold}"
        )
    if by not in ("user", "row"):
        raise SplitError(f"k-fold goes by 'user' or 'row', not {by!r}")
    check_share("valid_ratio", valid_ratio)
    rng = np.random.default_rng(seed)
    folds = _deal(interactions, k, rng) if by == "user" else np.arange(len(interactions)) % k
    part = np.full(len(interactions), TRAIN, np.uint8)
    part[folds == fold] = TEST
    rest = np.flatnonzero(part == TRAIN)
    users = interactions.src[rest]
    valid, _ = held_out_counts(group_sizes(users), valid_ratio, 0.0)
    part[rest[rank_within(users, rng.random(len(interactions))[rest]) < valid]] = VALID
    info = {
        "strategy": "kfold",
        "k": k,
        "fold": fold,
        "seed": seed,
        "valid_ratio": float(valid_ratio),
        "by": by,
    }
    return Split(interactions, part, info)


def _deal(interactions: Edges, k: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Fold of each interaction: each user's rows in random order, dealt out in turn from a random first fold.

    Without the random start the first folds would get all interactions of users with few of them.
    """
    users = interactions.src
    rank = rank_within(users, rng.random(len(users)))
    start = rng.integers(k, size=int(users.max()) + 1)
    folds: NDArray[np.int64] = (rank + start[users]) % k
    return folds

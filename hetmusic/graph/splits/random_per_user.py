"""Every user's interactions at random into training, validation and test (protocol P1)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hetmusic.graph.music_graph import MusicGraph
from hetmusic.graph.splits._ranks import check_ratios, group_sizes, held_out_counts, rank_within
from hetmusic.graph.splits.base import TEST, TRAIN, VALID, Split, require_interactions


def random_split(graph: MusicGraph, ratios: Sequence[float] = (0.8, 0.1, 0.1), seed: int = 0) -> Split:
    """Divide each user's interactions at random, with RecBole's rounding (see :func:`held_out_counts`).

    :param ratios: shares of train, validation and test.
    :raises SplitError: if the ratios do not sum to 1 or the graph has no interactions.
    """
    _, valid_share, test_share = check_ratios(ratios)
    users = require_interactions(graph).src
    rank = rank_within(users, np.random.default_rng(seed).random(len(users)))
    valid, test = held_out_counts(group_sizes(users), valid_share, test_share)
    part = np.select([rank < test, rank < test + valid], [TEST, VALID], TRAIN).astype(np.uint8)
    info = {"strategy": "random", "ratios": [float(ratio) for ratio in ratios], "seed": seed}
    return Split(graph.interactions, part, info)

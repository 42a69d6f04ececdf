"""Cold start: items that nobody has played yet, as far as training can tell."""

from __future__ import annotations

import numpy as np

from hetmusic.errors import SplitError
from hetmusic.graph.music_graph import MusicGraph
from hetmusic.graph.splits._ranks import check_share
from hetmusic.graph.splits.base import TEST, TRAIN, VALID, Split, require_interactions


def cold_items_split(
    graph: MusicGraph, share: float = 0.1, seed: int = 0, valid_share: float = 0.05
) -> Split:
    """Take all interactions of some items away from training.

    :param share: share of the items with interactions that are tested on; at least one.
    :param valid_share: share of these items, others, that are validated on; at least one unless it is 0.
    :raises SplitError: if the shares leave no items to train on.
    """
    interactions = require_interactions(graph)
    items = np.unique(interactions.dst)
    num_test = max(1, int(check_share("share", share) * len(items)))
    num_valid = max(1, int(valid_share * len(items))) if check_share("valid_share", valid_share) > 0 else 0
    if num_test + num_valid >= len(items):
        raise SplitError(
            f"{num_test:,} test and {num_valid:,} validation items of {len(items):,} leave none to train on"
        )
    shuffled = np.random.default_rng(seed).permutation(items)
    part_of_item = np.full(graph.num_nodes(graph.item_type), TRAIN, np.uint8)
    part_of_item[shuffled[:num_test]] = TEST
    part_of_item[shuffled[num_test : num_test + num_valid]] = VALID
    info = {"strategy": "cold-items", "share": float(share), "valid_share": float(valid_share), "seed": seed}
    return Split(interactions, part_of_item[interactions.dst], info)

"""Every user's latest interaction for test, the one before for validation."""

from __future__ import annotations

import numpy as np

from hetmusic.graph.music_graph import MusicGraph
from hetmusic.graph.splits._ranks import group_sizes, rank_within
from hetmusic.graph.splits.base import TEST, TRAIN, VALID, Split
from hetmusic.graph.splits.time import require_times


def leave_last_out_split(graph: MusicGraph) -> Split:
    """Test on each user's latest interaction, validate on the second latest, train on the others.

    Of interactions at the same time the one with the higher item index counts as later; an unknown time
    counts as earliest. A user with two interactions has none for validation, a user with one only that for
    training.

    :raises SplitError: if the interactions have no time.
    """
    interactions, time = require_times(graph)
    sizes = group_sizes(interactions.src)
    from_end = sizes - 1 - rank_within(interactions.src, time, interactions.dst)
    part = np.full(len(interactions), TRAIN, np.uint8)
    part[(from_end == 0) & (sizes > 1)] = TEST
    part[(from_end == 1) & (sizes > 2)] = VALID
    return Split(interactions, part, {"strategy": "leave-last-out"})

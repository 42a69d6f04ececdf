"""The past for training, the future for validation and test: one cut in time for all users."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hetmusic.errors import SplitError
from hetmusic.graph.music_graph import MusicGraph
from hetmusic.graph.splits._ranks import check_ratios
from hetmusic.graph.splits.base import TEST, TRAIN, VALID, Split, require_interactions
from hetmusic.graph.types import Edges


def time_split(graph: MusicGraph, ratios: Sequence[float] = (0.8, 0.1, 0.1)) -> Split:
    """Cut all interactions at two points in time.

    Interactions of the same second stay together, so the parts have the wanted shares only roughly where many
    share one; the later part gets them. An unknown time counts as earliest.

    :param ratios: shares of train, validation and test.
    :raises SplitError: if the interactions have no time, or so few different ones that a part would be empty.
    """
    train_share, valid_share, test_share = check_ratios(ratios)
    interactions, time = require_times(graph)
    ordered, end = np.sort(time), len(time)
    cuts = [round(end * train_share), round(end * (train_share + valid_share))]
    first_valid, first_test = (ordered[cut] if cut < end else None for cut in cuts)
    part = np.full(end, TRAIN, np.uint8)
    if first_valid is not None and valid_share > 0:
        part[time >= first_valid] = VALID
    if first_test is not None and test_share > 0:
        part[time >= first_test] = TEST
    for number, share in ((TRAIN, train_share), (VALID, valid_share), (TEST, test_share)):
        if share > 0 and not (part == number).any():
            raise SplitError(
                f"graph {graph.name} cannot be cut in time by {list(ratios)}: its {end:,} interactions have "
                f"only {len(np.unique(time)):,} different times, which leaves a part empty"
            )
    return Split(interactions, part, {"strategy": "time", "ratios": [float(ratio) for ratio in ratios]})


def require_times(graph: MusicGraph) -> tuple[Edges, NDArray[np.int64]]:
    """Interactions and their times.

    :raises SplitError: if the graph has no interactions or these have no time.
    """
    interactions = require_interactions(graph)
    if interactions.time is None:
        raise SplitError(
            f"graph {graph.name} has no time on its {graph.interaction} edges; use a random split"
        )
    return interactions, interactions.time

"""Dividing the interactions of a graph into training, validation and test: one file per strategy.

Every strategy takes a graph and returns a :class:`Split`; those that draw at random take a ``seed`` and give
the same split for the same graph and seed everywhere.
"""

from __future__ import annotations

from collections.abc import Callable

from hetmusic.graph.splits.base import EXTRA, PART_NAMES, TEST, TRAIN, UNUSED, VALID, Split
from hetmusic.graph.splits.cold_items import cold_items_split
from hetmusic.graph.splits.from_file import split_from_file
from hetmusic.graph.splits.kfold import kfold_split
from hetmusic.graph.splits.leave_last_out import leave_last_out_split
from hetmusic.graph.splits.random_per_user import random_split
from hetmusic.graph.splits.time import time_split

__all__ = [
    "EXTRA",
    "PART_NAMES",
    "STRATEGIES",
    "TEST",
    "TRAIN",
    "UNUSED",
    "VALID",
    "Split",
    "cold_items_split",
    "kfold_split",
    "leave_last_out_split",
    "random_split",
    "split_from_file",
    "time_split",
]

#: name in configurations and in ``split.json`` -> function
STRATEGIES: dict[str, Callable[..., Split]] = {
    "random": random_split,
    "kfold": kfold_split,
    "leave-last-out": leave_last_out_split,
    "time": time_split,
    "file": split_from_file,
    "cold-items": cold_items_split,
}

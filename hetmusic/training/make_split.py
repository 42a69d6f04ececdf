"""From a split's configuration to the split."""

from __future__ import annotations

from hetmusic.errors import SplitError
from hetmusic.graph import MusicGraph
from hetmusic.graph.splits import (
    Split,
    cold_items_split,
    kfold_split,
    leave_last_out_split,
    random_split,
    split_from_file,
    time_split,
)
from hetmusic.training.config import SplitConfig


def make_split(graph: MusicGraph, config: SplitConfig) -> Split:
    """Divide a graph's interactions as configured.

    :raises SplitError: if the graph cannot be split so, or nothing is left to train or validate on.
    """
    split = _make(graph, config)
    for part in ("train", "valid"):
        if split.counts[part] == 0:
            raise SplitError(
                f"the {config.kind} split has no {part} interactions ({_counts(split)}); training needs both"
            )
    return split


def _make(graph: MusicGraph, config: SplitConfig) -> Split:
    match config.kind:
        case "random":
            return random_split(graph, config.ratios, config.seed)
        case "kfold":
            return kfold_split(graph, config.folds, config.fold, config.seed)
        case "leave-last-out":
            return leave_last_out_split(graph)
        case "time":
            return time_split(graph, config.ratios)
        case "cold-items":
            return cold_items_split(graph, config.share, config.seed)
        case "file":
            assert config.file is not None
            return split_from_file(graph, config.file, others=config.others)


def _counts(split: Split) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in split.counts.items())

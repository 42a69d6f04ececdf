"""A division of a graph's interactions, aligned with their order, and its two files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hetmusic.errors import SplitError
from hetmusic.graph.music_graph import MusicGraph
from hetmusic.graph.splits._files import (
    FORMAT_VERSION,
    Interactions,
    SplitMeta,
    read_meta,
    read_parts,
    write_files,
)
from hetmusic.graph.types import Edges

TRAIN, VALID, TEST, UNUSED, EXTRA = range(5)
#: names of the values of :attr:`Split.part`, in their order
PART_NAMES = ("train", "valid", "test", "unused", "extra")


@dataclass(frozen=True)
class Split:
    """Which interaction is trained on, validated on, tested on or not used at all.

    EXTRA interactions are trained on as well, but put no item into a catalogue that is restricted to the split's items.
    """

    #: all interactions of the graph, sorted by (user, item)
    interactions: Edges
    #: TRAIN, VALID, TEST, UNUSED or EXTRA for each interaction, uint8, shape ``(len(interactions),)``
    part: NDArray[np.uint8]
    #: strategy and its settings, JSON-serialisable
    info: dict[str, Any] = field(default_factory=dict)
    #: which items are candidates of a recommendation: all of the graph, or those that occur in the split
    catalogue: Literal["all", "split"] = "all"

    def __post_init__(self) -> None:
        if self.part.shape != (len(self.interactions),) or self.part.dtype != np.uint8:
            raise ValueError(
                f"part is {self.part.dtype}{self.part.shape}, not uint8({len(self.interactions)},)"
            )

    @cached_property
    def train(self) -> Edges:
        """Interactions to train on, extra ones included, sorted by (user, item)."""
        return self.select(TRAIN, EXTRA)

    @cached_property
    def valid(self) -> Edges:
        """Interactions that choose between settings and epochs, sorted by (user, item)."""
        return self.select(VALID)

    @cached_property
    def test(self) -> Edges:
        """Interactions looked at once, at the end, sorted by (user, item)."""
        return self.select(TEST)

    @cached_property
    def items(self) -> NDArray[np.int32] | None:
        """Items of the catalogue, ascending, if it is restricted to those of the split, else None."""
        if self.catalogue == "all":
            return None
        return np.unique(self.interactions.dst[np.isin(self.part, (TRAIN, VALID, TEST))])

    @property
    def counts(self) -> dict[str, int]:
        """Number of interactions per part; extra ones are left out where there are none."""
        found = {name: int((self.part == number).sum()) for number, name in enumerate(PART_NAMES)}
        return {name: count for name, count in found.items() if count or name != PART_NAMES[EXTRA]}

    def select(self, *parts: int | str) -> Edges:
        """Interactions of some parts, by number or name (``"train"``...), sorted by (user, item)."""
        return self.interactions.select(np.isin(self.part, part_numbers(parts)))

    def save(self, folder: str | Path) -> None:
        """Write ``split.parquet`` and ``split.json`` into a folder, which is made if need be."""
        meta = SplitMeta(
            format_version=FORMAT_VERSION,
            interactions=Interactions.of(self.interactions),
            counts=self.counts,
            catalogue=self.catalogue,
            info=self.info,
        )
        write_files(Path(folder), meta, self.interactions, self.part)

    @classmethod
    def load(cls, folder: str | Path, graph: MusicGraph) -> Split:
        """Read a saved split.

        :raises SplitError: if the files are missing or damaged, or were made for other interactions.
        """
        folder = Path(folder)
        meta, known = read_meta(folder), graph.interactions
        if meta.interactions != Interactions.of(known):
            raise SplitError(
                f"the split in {folder} belongs to another graph: it divides {meta.interactions.count:,} "
                f"interactions, graph {graph.name} has {len(known):,} (or the same number of different ones)"
            )
        split = cls(known, read_parts(folder, known), meta.info, meta.catalogue)
        if split.counts != meta.counts:
            raise SplitError(f"{folder} does not have the parts that its split.json counts; it was changed")
        return split


def part_numbers(parts: Iterable[int | str]) -> list[int]:
    """Numbers of parts that are given by number or name."""
    try:
        return [
            PART_NAMES.index(part) if isinstance(part, str) else range(len(PART_NAMES))[part]
            for part in parts
        ]
    except (ValueError, IndexError):
        raise SplitError(f"parts of a split are {', '.join(PART_NAMES)}, not {list(parts)}") from None


def require_interactions(graph: MusicGraph) -> Edges:
    """The interactions of a graph that has any.

    :raises SplitError: if it has none.
    """
    if not len(graph.interactions):
        raise SplitError(f"graph {graph.name} has no {graph.interaction} edges to split")
    return graph.interactions

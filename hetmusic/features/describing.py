"""Vectors of a few items in memory, and how much of a catalogue has them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hetmusic.features.extraction.computing import Computer, Failure, Outcome, failure_of
from hetmusic.features.extractor import Extractor

#: why an item that the catalogue says nothing about has no vector
NONE_GIVEN = "none given"


@dataclass(frozen=True)
class Described:
    """Vectors of some items."""

    #: float32, shape ``(items, dim)``; rows of absent items are zero
    values: NDArray[np.float32]
    #: bool, shape ``(items,)``
    present: NDArray[np.bool_]
    #: why each item is absent, None where it is present
    reasons: tuple[str | None, ...]


@dataclass(frozen=True)
class Coverage:
    """How many nodes came out with a modality, and why the others did not."""

    present: int
    total: int
    #: number of absent nodes by reason, most frequent first
    reasons: dict[str, int] = field(default_factory=dict)

    @property
    def share(self) -> float:
        """Share of nodes that have the modality, in [0, 1]."""
        return self.present / self.total if self.total else 0.0

    @classmethod
    def of(cls, reasons: Iterable[str | None]) -> Coverage:
        """Count the reasons of all items, None for those that are present."""
        counts = Counter(reasons)
        present, total = counts.pop(None, 0), sum(counts.values())
        return cls(present, present + total, {str(reason): n for reason, n in counts.most_common()})


def describe(
    extractor: Extractor, items: Sequence[str | Path | None], batch_size: int = 32, device: str = "auto"
) -> Described:
    """Vectors of items in memory; None stands for an item without the modality. No content raises.

    The extractor is loaded, but not fitted: one that learns has to be fitted before.
    """
    extractor.load(device)
    computer = Computer(extractor, batch_size)
    outcomes: list[Outcome] = []
    for start in range(0, len(items), batch_size):
        outcomes += _batch(computer, items[start : start + batch_size])
    failed = [isinstance(outcome, Failure) for outcome in outcomes]
    vectors = [np.zeros(computer.dim or 0) if isinstance(found, Failure) else found for found in outcomes]
    reasons = tuple(found.reason if isinstance(found, Failure) else None for found in outcomes)
    values = np.asarray(vectors, np.float32).reshape(len(items), computer.dim or 0)
    return Described(values, ~np.array(failed, np.bool_), reasons)


def _batch(computer: Computer, items: Sequence[str | Path | None]) -> list[Outcome]:
    prepared = [prepare(computer.extractor, item) for item in items]
    there = [row for row, found in enumerate(prepared) if not isinstance(found, Failure)]
    computed = computer.compute([prepared[row] for row in there])
    outcomes = dict(zip(there, computed, strict=True))
    return [outcomes.get(row, found) for row, found in enumerate(prepared)]


def prepare(extractor: Extractor, item: str | Path | None) -> Any:
    """What :meth:`Extractor.prepare` makes of an item, or the :class:`Failure` if it makes nothing."""
    if item is None:
        return Failure(NONE_GIVEN, lasting=True)
    try:
        return extractor.prepare(item)
    except Exception as error:  # decoders of damaged files raise nearly anything
        return failure_of(error)

"""What the weight-free extractors share: a batch in; vectors, a mask and a reason for every absence out."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

_log = logging.getLogger(__name__)

Item = TypeVar("Item")


class Absent(Exception):
    """Raised by an extractor's hook for an item it cannot describe; the message is the reason."""


@dataclass(frozen=True)
class Extracted:
    """Vectors of a batch."""

    #: float32, shape ``(batch, dim)``; rows of absent items are zero
    values: NDArray[np.float32]
    #: bool, shape ``(batch,)``
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
    def of(cls, extracted: Extracted) -> Coverage:
        """Count a result."""
        reasons = Counter(reason for reason in extracted.reasons if reason is not None)
        return cls(int(extracted.present.sum()), len(extracted.present), dict(reasons.most_common()))


class LightExtractor(ABC, Generic[Item]):
    """Turns items into vectors of a fixed length without trained weights.

    A subclass writes :attr:`dim` and :meth:`_describe`; one that learns from the catalogue also writes
    :meth:`fit`.
    """

    #: name under which the settings are stored with the features
    name: str

    @property
    @abstractmethod
    def dim(self) -> int:
        """Length of a vector."""

    @abstractmethod
    def _describe(self, item: Item) -> NDArray[np.floating[Any]]:
        """The vector of one item, shape ``(dim,)``.

        :raises Absent: if the item has nothing to describe or cannot be read.
        """

    def info(self) -> dict[str, Any]:
        """What made the vectors: stored with them."""
        return {"extractor": self.name, "dim": self.dim}

    def fit(self, items: Sequence[Item | None]) -> None:
        """Learn from the catalogue; most extractors have nothing to learn."""

    def extract(self, batch: Sequence[Item | None]) -> Extracted:
        """Describe a batch; None stands for an item without the modality. No content raises."""
        values = np.zeros((len(batch), self.dim), dtype=np.float32)
        reasons: list[str | None] = []
        for row, item in enumerate(batch):
            try:
                values[row] = self._checked(item)
                reasons.append(None)
            except Absent as absence:
                reasons.append(str(absence))
                if item is not None:
                    what = item if isinstance(item, Path) else f"item {row}"
                    _log.info("no %s features: %s (%s)", self.name, what, absence)
        return Extracted(
            values, np.array([reason is None for reason in reasons], dtype=np.bool_), tuple(reasons)
        )

    def _checked(self, item: Item | None) -> NDArray[np.float32]:
        if item is None:
            raise Absent("none given")
        vector = np.asarray(self._describe(item), dtype=np.float32)
        if not np.isfinite(vector).all():
            raise Absent("not finite")
        return vector


def require_file(path: Path) -> None:
    """Raise :class:`Absent` unless ``path`` is a regular file that is not empty: a pipe could block."""
    try:
        if not path.is_file():
            raise Absent("no such file")
        if path.stat().st_size == 0:
            raise Absent("empty file")
    except (OSError, ValueError):  # name too long, permission, a NUL in the name
        raise Absent("unreadable path") from None

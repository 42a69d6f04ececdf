"""What the extractors that need no trained weights share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hetmusic.features.extractor import Absent, Extractor


class LightExtractor(Extractor):
    """Turns items into vectors without trained weights: all work is done item by item, in the worker threads.

    A subclass writes :attr:`dim` and :meth:`prepare`, which returns the item's vector, shape ``(dim,)``.
    """

    @property
    @abstractmethod
    def dim(self) -> int:
        """Length of a vector."""

    @abstractmethod
    def prepare(self, item: Any) -> NDArray[np.floating[Any]]:
        """The vector of one item, shape ``(dim,)``.

        :raises Absent: if the item has nothing to describe or cannot be read.
        """

    def extract(self, batch: Sequence[Any]) -> NDArray[np.floating[Any]]:
        """The vectors that :meth:`prepare` made, as one float32 array of shape ``(len(batch), dim)``."""
        return np.asarray(batch, dtype=np.float32)


def require_file(path: Path) -> None:
    """Raise :class:`Absent` unless ``path`` is a regular file that is not empty: a pipe could block."""
    try:
        if not path.is_file():
            raise Absent("no such file")
        if path.stat().st_size == 0:
            raise Absent("empty file")
    except (OSError, ValueError):  # name too long, permission, a NUL in the name
        raise Absent("unreadable path") from None

"""A batch of prepared items becomes vectors, whatever happens: halved where memory ends, searched where an item fails."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hetmusic.errors import FeatureError, UserError
from hetmusic.features.extractor import Absent, Extractor

_log = logging.getLogger(__name__)

#: errors of libraries that are not imported here: (top-level module, class name)
_OUT_OF_MEMORY = {("torch", "OutOfMemoryError"), ("tensorflow", "ResourceExhaustedError")}

#: a vector, or why there is none
Outcome = NDArray[np.floating[Any]] | str


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory, of the machine or of a GPU, was too small."""
    classes = {(cls.__module__.partition(".")[0], cls.__name__) for cls in type(error).__mro__}
    return isinstance(error, MemoryError) or bool(classes & _OUT_OF_MEMORY)


class Computer:
    """Calls an extractor with batches that fit into memory.

    :param limit: the size that a batch may have, in the extractor's units; halved whenever memory ends.
    """

    def __init__(self, extractor: Extractor, limit: int) -> None:
        self.extractor = extractor
        self.limit = limit
        #: length of a vector, once one is known
        self.dim: int | None = None

    def compute(self, prepared: Sequence[Any]) -> list[Outcome]:
        """The vector of each prepared item, or the reason why it has none.

        :raises FeatureError: if the extractor breaks its promise about shapes.
        """
        if not prepared:
            return []
        try:
            return self._checked(self.extractor.extract(prepared), len(prepared))
        except UserError:
            raise
        except Absent as absence:
            reason = str(absence)
        except Exception as error:
            reason = self._learn_from(error, prepared)
        if len(prepared) == 1:
            return [reason]
        half = len(prepared) // 2
        return self.compute(prepared[:half]) + self.compute(prepared[half:])

    def _learn_from(self, error: Exception, prepared: Sequence[Any]) -> str:
        if not is_out_of_memory(error):
            _log.warning("batch failed", extra={"size": len(prepared)}, exc_info=error)
            return reason_of(error)
        used = sum(self.extractor.size(item) for item in prepared)
        self.limit = max(1, min(self.limit, used // 2))
        _log.warning("out of memory: batch size is %d from now on", self.limit)
        return "out of memory"

    def _checked(self, values: Any, rows: int) -> list[Outcome]:
        values = np.asarray(values)
        name = self.extractor.name
        if values.ndim != 2 or len(values) != rows or not values.shape[1]:
            raise FeatureError(
                f"extractor {name} returned {values.shape} for {rows} items, not ({rows}, dimensions)"
            )
        if values.dtype.kind not in "fiu":
            raise FeatureError(f"extractor {name} returned {values.dtype}, not numbers")
        if self.dim not in (None, values.shape[1]):
            raise FeatureError(
                f"extractor {name} returned vectors of {values.shape[1]} dimensions after {self.dim}"
            )
        self.dim = values.shape[1]
        finite = np.isfinite(values).all(axis=1)
        return [row if good else "not finite" for row, good in zip(values, finite, strict=True)]


def reason_of(error: Exception) -> str:
    """An unforeseen error as the reason of an absence: one line."""
    text = " ".join(str(error).split())[:200]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__

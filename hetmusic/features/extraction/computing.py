"""A batch of prepared items becomes vectors, whatever happens: halved where memory ends, searched where an item fails."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hetmusic.errors import FeatureError, UserError
from hetmusic.features.extractor import Absent, AbsentForNow, Extractor

_log = logging.getLogger(__name__)

#: errors of libraries that are not imported here: (top-level module, class name)
_OUT_OF_MEMORY = {("torch", "OutOfMemoryError"), ("tensorflow", "ResourceExhaustedError")}


@dataclass(frozen=True)
class Failure:
    """Why an item has no vector."""

    reason: str
    #: whether it is in the item's content, so that trying again would be in vain
    lasting: bool = False


#: a vector, or why there is none
Outcome = NDArray[np.floating[Any]] | Failure


def failure_of(error: Exception) -> Failure:
    """What an error means for the item at hand.

    :raises UserError: if the error is one, since it is about how the extractor is used.
    """
    if isinstance(error, UserError):
        raise error
    if isinstance(error, Absent):
        return Failure(str(error), lasting=not isinstance(error, AbsentForNow))
    if is_out_of_memory(error):
        return Failure("out of memory")
    _log.info("an item failed", exc_info=error)
    text = " ".join(str(error).split())[:200]
    return Failure(f"{type(error).__name__}: {text}" if text else type(error).__name__)


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
        outcomes: list[Outcome] = []
        while len(outcomes) < len(prepared):
            outcomes += self._tried(self._piece(prepared, len(outcomes)))
        return outcomes

    def _piece(self, prepared: Sequence[Any], start: int) -> Sequence[Any]:
        """As many items as the limit allows, at least one."""
        size, end = self._size(prepared[start]), start + 1
        while end < len(prepared) and (size := size + self._size(prepared[end])) <= self.limit:
            end += 1
        return prepared[start:end]

    def _size(self, item: Any) -> int:
        return max(1, int(self.extractor.size(item)))

    def _tried(self, prepared: Sequence[Any]) -> list[Outcome]:
        try:
            return self._checked(self.extractor.extract(prepared), len(prepared))
        except Exception as error:
            if len(prepared) == 1 or isinstance(error, UserError):
                return [failure_of(error)]
            if is_out_of_memory(error):
                self._learn_from(prepared)
                return self.compute(prepared)
        half = len(prepared) // 2
        return self._tried(prepared[:half]) + self._tried(prepared[half:])

    def _learn_from(self, prepared: Sequence[Any]) -> None:
        self.limit = max(1, min(self.limit, sum(map(self._size, prepared))) // 2)
        _log.warning("out of memory: batch size is %d from now on", self.limit)

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
        return [
            row if good else Failure("not finite", lasting=True)
            for row, good in zip(values, finite, strict=True)
        ]

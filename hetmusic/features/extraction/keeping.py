"""Results go to the cache shard by shard, so that a killed program loses no more than one."""

from __future__ import annotations

import contextlib
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hetmusic.errors import UserError
from hetmusic.features.extraction.cache import ResultCache
from hetmusic.features.extraction.computing import Failure, Outcome
from hetmusic.features.extraction.shards import TOO_LARGE

if TYPE_CHECKING:
    from typing_extensions import Self

#: what a shard holds at most, and the seconds after which it is written whatever it holds
ROWS, BYTES, SECONDS = 4096, 32 << 20, 20.0


class Keeper:
    """Collects results and writes them as shards; a context manager that writes the last one.

    :param cache: where they go.
    """

    def __init__(self, cache: ResultCache) -> None:
        self._cache = cache
        self._digests: list[bytes] = []
        self._outcomes: list[NDArray[Any] | str] = []
        self._bytes, self._since = 0, time.monotonic()
        #: why content could not be described this time; another time it is tried again
        self.passing: dict[bytes, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # an interrupted program keeps what it has; one whose disk is full has said so already
        with contextlib.suppress(UserError) if error is not None else contextlib.nullcontext():
            self.flush()

    def add(self, digest: bytes, outcome: Outcome) -> None:
        """Keep the vector of a content, or why there is none.

        :raises UserError: if the cache cannot be written.
        """
        if isinstance(outcome, Failure):
            if not outcome.lasting:
                self.passing[digest] = outcome.reason
                return
            self._append(digest, outcome.reason)
            return
        with np.errstate(over="ignore"):
            vector = outcome.astype(self._cache.dtype)
        self._append(digest, vector if np.isfinite(vector).all() else TOO_LARGE)

    def flush(self) -> None:
        """Write what was collected."""
        if self._digests:
            self._cache.store(self._digests, self._outcomes)
        self._digests, self._outcomes = [], []
        self._bytes, self._since = 0, time.monotonic()

    def _append(self, digest: bytes, outcome: NDArray[Any] | str) -> None:
        self._digests.append(digest)
        self._outcomes.append(outcome)
        self._bytes += len(outcome) if isinstance(outcome, str) else outcome.nbytes
        full = len(self._digests) >= ROWS or self._bytes >= BYTES
        if full or time.monotonic() - self._since > SECONDS:
            self.flush()

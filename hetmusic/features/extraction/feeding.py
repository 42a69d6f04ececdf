"""Items are prepared in threads while the model computes, never more of them ahead than memory allows."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from hetmusic.features.describing import prepare
from hetmusic.features.extraction.computing import Failure
from hetmusic.features.extraction.items import Items
from hetmusic.features.extractor import Extractor

if TYPE_CHECKING:
    from typing_extensions import Self

#: bytes of prepared items that may exist at a time, beside those that are being prepared
BUDGET = 256 << 20
#: items that may be prepared ahead, however small they are
_AHEAD = 4096
#: seconds that an interrupted program waits for a thread to finish its item
_PATIENCE = 10.0


@dataclass(frozen=True)
class Prepared:
    """An item that is ready to be computed, or why it is not."""

    row: int
    content: Any
    #: in the extractor's units
    size: int
    #: memory that it takes
    nbytes: int


class Feeder:
    """Prepares items in threads; a context manager that ends them.

    :param taken: nodes and their items, gone through in one thread at a time.
    :param items: where they come from.
    """

    def __init__(
        self, extractor: Extractor, taken: Iterator[tuple[int, str | Path]], items: Items, workers: int
    ) -> None:
        self._extractor, self._taken, self._items = extractor, taken, items
        self._ready: deque[Prepared] = deque()
        self._bytes = 0
        self._running = workers
        self._stopped = False
        self._problem: BaseException | None = None
        self._changed = threading.Condition()
        self._source = threading.Lock()
        self._threads = [
            threading.Thread(target=self._work, name=f"prepare-{number}", daemon=True)
            for number in range(workers)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(_PATIENCE)

    def batch(self, limit: int) -> list[Prepared]:
        """Wait for as many items as a batch of ``limit`` units has, or as half of the memory holds.

        An item above the limit is a batch of its own. What is returned counts as memory until :meth:`done`.

        :return: empty when there are no more items.
        """
        batch: list[Prepared] = []
        size = nbytes = 0
        with self._changed:
            while nbytes < BUDGET // 2:
                self._changed.wait_for(lambda: self._ready or not self._running or self._problem)
                if self._problem is not None:
                    raise self._problem
                if not self._ready or (batch and size + self._ready[0].size > limit):
                    break
                batch.append(self._ready.popleft())
                size, nbytes = size + batch[-1].size, nbytes + batch[-1].nbytes
        return batch

    def done(self, batch: list[Prepared]) -> None:
        """Say that a batch is no longer in memory."""
        with self._changed:
            self._bytes -= sum(item.nbytes for item in batch)
            self._changed.notify_all()

    def _work(self) -> None:
        try:
            while self._room():
                with self._source:
                    entry = next(self._taken, None)
                if entry is None:
                    break
                self._put(self._prepared(*entry))
        except BaseException as problem:
            with self._changed:
                self._problem = self._problem or problem
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    def _room(self) -> bool:
        """Wait until another item may be prepared; False if none may be any more."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._stopped or (self._bytes < BUDGET and len(self._ready) < _AHEAD)
            )
            return not self._stopped

    def _prepared(self, row: int, item: str | Path) -> Prepared:
        content = prepare(self._extractor, item)
        if not self._items.same(row):
            content = Failure("changed while it was read")
        if isinstance(content, Failure):
            # a reason is the same for all files that it holds for
            reason = (
                content.reason.replace(str(item), "the file") if isinstance(item, Path) else content.reason
            )
            return Prepared(row, replace(content, reason=reason), 1, 64)
        return Prepared(row, content, max(1, int(self._extractor.size(content))), memory_of(content))

    def _put(self, prepared: Prepared) -> None:
        with self._changed:
            self._ready.append(prepared)
            self._bytes += prepared.nbytes
            self._changed.notify_all()


def memory_of(content: Any) -> int:
    """About how many bytes a prepared item takes: arrays, tensors, texts, and collections of them."""
    if isinstance(content, np.ndarray | np.generic):
        return int(content.nbytes)
    if isinstance(content, str | bytes | bytearray):
        return len(content)
    if isinstance(content, dict):
        return sum(memory_of(part) for part in content.values())
    if isinstance(content, list | tuple | set | frozenset):
        return sum(memory_of(part) for part in content)
    if hasattr(content, "__dataclass_fields__"):
        return sum(memory_of(getattr(content, name)) for name in content.__dataclass_fields__)
    found = getattr(content, "nbytes", 64)  # torch and TensorFlow
    return int(found) if isinstance(found, int) else 64

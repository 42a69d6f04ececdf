"""Batches made ahead, in a thread of their own, while the model computes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from queue import Full, Queue
from typing import Generic, TypeVar

T = TypeVar("T")
#: seconds between two looks at whether anybody still waits for what was made
_LOOK = 0.1


class _End:
    """What comes after the last item: nothing, or what went wrong."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


class Prefetched(Iterator[T], Generic[T]):
    """The items of an iterator, in their order, at most so many of them made before they are asked for.

    The iterator is used by the thread alone, so what it draws does not depend on timing. An exception in it is raised where
    the item would have come; :meth:`close` ends the thread.

    :param items: what to go through.
    :param ahead: how many items may wait; one more is in the making.
    """

    def __init__(self, items: Iterator[T], ahead: int) -> None:
        self._items = items
        self._queue: Queue[T | _End] = Queue(maxsize=ahead)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._make, name="batches", daemon=True)
        self._thread.start()

    def __next__(self) -> T:
        if self._closed.is_set():
            raise StopIteration
        found = self._queue.get()
        if not isinstance(found, _End):
            return found
        self.close()
        if found.error is not None:
            raise found.error
        raise StopIteration

    def __enter__(self) -> Prefetched[T]:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """End the thread after the item that it is making."""
        self._closed.set()
        self._thread.join()

    def _make(self) -> None:
        end = _End()
        try:
            for item in self._items:
                if not self._put(item):
                    return
        except BaseException as error:  # raised in the thread that asks
            end = _End(error)
        self._put(end)

    def _put(self, item: T | _End) -> bool:
        """Hand over an item; False if nobody wants it any more."""
        while not self._closed.is_set():
            try:
                self._queue.put(item, timeout=_LOOK)
            except Full:
                continue
            return True
        return False

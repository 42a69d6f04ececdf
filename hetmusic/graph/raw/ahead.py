"""Working on one item while another thread makes the next."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator
from typing import Generic, TypeVar

T = TypeVar("T")


def one_ahead(items: Generator[T]) -> Generator[T]:
    """The same items, of which the next is made by another thread while the caller works on one.

    Errors come out where the item would have. Closing this waits for the item that is being made, and closes ``items``.
    """
    maker = _Maker(items)
    maker.start()
    try:
        while (item := maker.take()) is not None:
            yield item[0]
    finally:
        maker.stop()


class _Maker(threading.Thread, Generic[T]):
    """Makes an item whenever the one before was taken."""

    def __init__(self, items: Generator[T]) -> None:
        # a daemon, since nobody may be left to stop it
        super().__init__(daemon=True)
        self._items = items
        self._made: queue.SimpleQueue[tuple[T] | BaseException | None] = queue.SimpleQueue()
        self._wanted = threading.Semaphore(1)
        self._stopped = False

    def run(self) -> None:
        """Make items until there are no more, or nobody wants them."""
        try:
            while self._wanted.acquire() and not self._stopped:
                self._made.put((next(self._items),))
        except StopIteration:
            self._made.put(None)
        except BaseException as error:
            self._made.put(error)
        finally:
            self._items.close()

    def take(self) -> tuple[T] | None:
        """The next item, while the one after it is begun; None after the last."""
        made = self._made.get()
        if isinstance(made, BaseException):
            raise made
        self._wanted.release()
        return made

    def stop(self) -> None:
        """Wait until nothing is made any more."""
        self._stopped = True
        self._wanted.release()
        if threading.current_thread() is not self:
            self.join()

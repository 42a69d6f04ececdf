"""Batches made ahead: the same ones in the same order, no more than asked for, and no thread left behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from hetmusic.training.prefetch import Prefetched


def threads() -> int:
    return sum(thread.name == "batches" for thread in threading.enumerate())


@pytest.mark.parametrize("ahead", [1, 3])
def test_all_items_in_order(ahead: int) -> None:
    with Prefetched(iter(range(50)), ahead) as found:
        assert list(found) == list(range(50))
    assert not threads()


def test_no_more_than_asked_for_is_made_ahead() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            yield number

    with Prefetched(items(), 2) as found:
        assert next(found) == 0
        time.sleep(0.3)
        assert 3 <= len(made) <= 4  # two that wait and one that finds no place
    assert not threads()
    assert len(made) <= 5


def test_what_goes_wrong_is_raised_where_the_item_would_have_come() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("no second one")

    with Prefetched(items(), 2) as found:
        assert next(found) == 1
        with pytest.raises(ValueError, match="no second one"):
            next(found)
        assert list(found) == []
    assert not threads()


def test_a_loop_that_is_left_ends_the_thread() -> None:
    with Prefetched(iter(range(10**9)), 2) as found:
        for number in found:
            if number == 5:
                break
    assert not threads()
    assert list(found) == []

"""Items prepared in threads: all of them, once, and never too many at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hetmusic.errors import FeatureError
from hetmusic.features import Absent, Extractor
from hetmusic.features.extraction import feeding
from hetmusic.features.extraction.computing import Failure
from hetmusic.features.extraction.feeding import Feeder, memory_of
from hetmusic.features.extraction.items import Items


class Arrays(Extractor):
    """Arrays of as many bytes as the item says; counts how many exist."""

    kind = "text"

    def __init__(self) -> None:
        self.alive = self.most = 0
        self.lock = threading.Lock()

    def prepare(self, item: int) -> Any:
        if item < 0:
            raise Absent("negative")
        with self.lock:
            self.alive += 1
            self.most = max(self.most, self.alive)
        return np.zeros(item, np.uint8)

    def size(self, prepared: Any) -> int:
        return len(prepared) // 1000

    def extract(self, batch: Sequence[Any]) -> np.ndarray:
        raise NotImplementedError


class Unchanging(Items):
    survey = take = None  # type: ignore[assignment]

    def same(self, row: int) -> bool:
        return row != 13


Unchanging.__abstractmethods__ = frozenset()


def numbered(items: Sequence[int]) -> Iterator[tuple[int, Any]]:
    return iter(list(enumerate(items)))


def batches(feeder: Feeder, limit: int) -> Iterator[list[feeding.Prepared]]:
    while batch := feeder.batch(limit):
        yield batch
        feeder.done(batch)


@pytest.mark.parametrize("workers", [1, 2, 7])
def test_every_item_comes_once_in_batches_of_the_size_asked_for(workers: int) -> None:
    items = [1000 * (n % 5) for n in range(300)]
    with Feeder(Arrays(), numbered(items), Unchanging(300), workers) as feeder:
        found = list(batches(feeder, 8))
    rows = [item.row for batch in found for item in batch]
    assert sorted(rows) == list(range(300))
    assert all(sum(item.size for item in batch) <= 8 for batch in found)
    changed = next(item for batch in found for item in batch if item.row == 13)
    assert changed.content == Failure("changed while it was read")


def test_an_item_above_the_size_is_a_batch_of_its_own() -> None:
    with Feeder(Arrays(), numbered([500, 99_000, 500]), Unchanging(3), 1) as feeder:
        assert [[item.row for item in batch] for batch in batches(feeder, 8)] == [[0], [1], [2]]


def test_absences_are_handed_on() -> None:
    with Feeder(Arrays(), numbered([-1, 1]), Unchanging(2), 1) as feeder:
        (batch,) = batches(feeder, 8)
    assert batch[0].content == Failure("negative", lasting=True)


def test_memory_is_bounded_while_the_model_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeding, "BUDGET", 100_000)
    extractor = Arrays()
    with Feeder(extractor, numbered([10_000] * 200), Unchanging(200), 3) as feeder:
        rows = 0
        while batch := feeder.batch(10**6):
            assert sum(item.nbytes for item in batch) <= 60_000, (
                "a batch takes half of the memory and at most an item more"
            )
            time.sleep(0.002)
            rows += len(batch)
            with extractor.lock:
                extractor.alive -= len(batch)
            feeder.done(batch)
    assert rows == 200
    assert extractor.most <= 10 + 3


def test_no_more_than_so_many_are_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeding, "_AHEAD", 10)
    extractor = Arrays()
    with Feeder(extractor, numbered([1] * 500), Unchanging(500), 2) as feeder:
        time.sleep(0.05)
        assert extractor.most <= 12
        assert sum(map(len, batches(feeder, 4))) == 500


def test_a_problem_of_the_catalogue_reaches_the_caller() -> None:
    def broken() -> Iterator[tuple[int, Any]]:
        yield 0, 1
        raise FeatureError("the graph is damaged")

    with (
        Feeder(Arrays(), broken(), Unchanging(2), 2) as feeder,
        pytest.raises(FeatureError, match="the graph is damaged"),
    ):
        list(batches(feeder, 1))


def test_threads_end_with_the_block() -> None:
    before = threading.active_count()
    with Feeder(Arrays(), numbered([1] * 10_000), Unchanging(10_000), 4) as feeder:
        feeder.batch(1)
    assert threading.active_count() == before


def test_memory_of_what_extractors_prepare() -> None:
    array = np.zeros((3, 4), np.float32)
    assert memory_of(array) == 48
    assert memory_of({"a": [array, (array, "abc")], "b": b"12"}) == 48 + 48 + 3 + 2
    assert memory_of(SimpleNamespace(nbytes=7)) == 7
    assert memory_of(3) == 64
    torch = pytest.importorskip("torch")
    assert memory_of(torch.zeros(5)) == 20

"""The size of batches: grows while that pays, shrinks when memory ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hetmusic.features import Extractor
from hetmusic.features.extraction import batch_size
from hetmusic.features.extraction.batch_size import FIRST, BatchSize
from tests.features.extraction.songs import extract, song_graph


def settled(seconds: Callable[[int], float], sizes: BatchSize | None = None) -> int:
    """The size found with a model that takes some seconds a batch."""
    sizes = sizes or BatchSize()
    for _ in range(200):
        sizes.measured(sizes.size, seconds(sizes.size))
    return sizes.size


@pytest.mark.parametrize(("best", "found"), [(8, 8), (64, 64), (1024, 1024), (10**9, 65_536)])
def test_it_grows_to_where_larger_brings_nothing(best: int, found: int) -> None:
    # a call costs as much as `best` units do, up to which it is free
    assert settled(lambda size: max(size, best) * 0.01) == found


def test_what_gets_slower_is_taken_back() -> None:
    assert settled(lambda size: 1.0 + 0.01 * size if size <= 32 else 3.0 * size) == 32


def test_a_size_of_ones_own_stays() -> None:
    assert settled(lambda _: 1.0, BatchSize(5)) == 5


def test_memory_that_ends_is_remembered() -> None:
    sizes = BatchSize()
    sizes.shrink(3)
    assert settled(lambda _: 1.0, sizes) == 3
    sizes.shrink(0)
    assert sizes.size == 1


def test_the_first_batch_of_a_size_and_half_filled_ones_do_not_count() -> None:
    sizes = BatchSize()
    sizes.measured(FIRST, 100.0)
    for _ in range(10):
        sizes.measured(1, 100.0)
    assert sizes.size == FIRST
    sizes.measured(FIRST, 1.0)
    sizes.measured(FIRST, 1.0)
    assert sizes.size == 2 * FIRST


def test_growing_stops_where_memory_would(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches that take 10 MB a unit may have up to 768 MiB / 10 MB = 80 units, so 64."""
    peak = 1 << 30
    monkeypatch.setattr(batch_size, "_peak_memory", lambda: peak)
    sizes = BatchSize()
    for _ in range(100):
        peak = max(peak, (1 << 30) + 10_000_000 * sizes.size)
        sizes.measured(sizes.size, 1.0)
    assert sizes.size == 64


class Small(Extractor):
    """Has room for so many items at a time."""

    kind = "text"

    def __init__(self, room: int, error: str) -> None:
        self.room, self.error = room, error
        self.batches: list[int] = []

    def extract(self, batch: Sequence[Any]) -> np.ndarray:
        self.batches.append(len(batch))
        if len(batch) > self.room:
            raise out_of_memory(self.error)
        return np.ones((len(batch), 1))


def out_of_memory(kind: str) -> Exception:
    if kind == "torch":
        import torch

        return torch.OutOfMemoryError("CUDA out of memory")
    if kind == "tensorflow":  # without importing it
        return type(
            "ResourceExhaustedError", (Exception,), {"__module__": "tensorflow.python.framework.errors_impl"}
        )()
    return MemoryError()


@pytest.mark.parametrize("kind", ["torch", "tensorflow", "memory"])
def test_batches_halve_and_go_on_where_memory_ends(tmp_path: Path, kind: str) -> None:
    graph = song_graph(tmp_path / "graph", lyrics=[f"song {n}" for n in range(100)])
    extractor = Small(5, kind)
    made = extract(graph, extractor, batch_size=32)
    assert made.coverage.present == 100
    assert extractor.batches[:4] == [32, 16, 8, 4]
    assert max(extractor.batches[4:]) == 4


def test_an_item_that_never_fits_is_absent_this_time(tmp_path: Path) -> None:
    graph = song_graph(tmp_path / "graph", lyrics=["one", "two"])
    assert extract(graph, Small(0, "memory")).coverage.reasons == {"out of memory": 2}

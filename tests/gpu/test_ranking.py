"""Exact lists from a GPU, also when it runs out of memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import torch

from hetmusic.ranking import EmbeddingScorer, ScoreError, top_k
from hetmusic.ranking.on_device import DeviceRanker
from tests.ranking.test_on_device import problem, seen_items


@contextmanager
def at_most(device: torch.device, size: int, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """The process gets no more than so many bytes of the device beyond what it has."""
    if device.type == "cpu":
        real = DeviceRanker.scan

        def limited(self, vectors, ids, kept, width):
            if 12 * len(vectors) * width > size:
                raise torch.OutOfMemoryError("CUDA out of memory.")
            return real(self, vectors, ids, kept, width)

        patch.setattr(DeviceRanker, "scan", limited)
        yield
        patch.undo()
        return
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(device).total_memory
    torch.cuda.set_per_process_memory_fraction(
        min(1.0, (torch.cuda.memory_reserved(device) + size) / total), device
    )
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, device)
        torch.cuda.empty_cache()


@pytest.mark.parametrize("levels", [None, 1, 5])
@pytest.mark.parametrize("k", [1, 20, 300])
def test_lists_of_numpy(name: str, levels: int | None, k: int) -> None:
    scorer = problem(150, 5000, 24, levels, bias=levels is not None)
    exclude = seen_items(140, 5000, 0.1)
    subset = np.random.default_rng(0).permutation(5000)[:4000]
    order = np.random.default_rng(1).permutation(150)
    expected = top_k(scorer, order, k, exclude, subset)
    ranker = DeviceRanker(scorer, exclude, np.isin(np.arange(5000), subset), torch.device(name))
    (items, scores), odd = ranker.rank(order, k)
    assert not len(odd)
    np.testing.assert_array_equal(items, expected[0])
    np.testing.assert_allclose(scores, expected[1], rtol=3e-7)
    by_name = top_k(scorer, order, k, exclude, subset, device=name)
    np.testing.assert_array_equal(by_name[0], expected[0])


def test_scores_closer_than_single_precision(name: str) -> None:
    rng = np.random.default_rng(0)
    base = rng.normal(size=16).astype(np.float32) * 100
    items = np.tile(base, (500, 1))
    items[:, 0] += rng.permutation(500).astype(np.float32) * np.float32(2e-5)
    scorer = EmbeddingScorer(np.stack([base, -base]), items)
    expected = top_k(scorer, np.arange(2), 10)
    np.testing.assert_array_equal(top_k(scorer, np.arange(2), 10, device=name)[0], expected[0])


def test_low_precision_products_do_not_reach_the_lists(name: str) -> None:
    scorer, before = problem(50, 3000, 64), torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        found = top_k(scorer, np.arange(50), 10, device=name)
    finally:
        torch.set_float32_matmul_precision(before)
    np.testing.assert_array_equal(found[0], top_k(scorer, np.arange(50), 10)[0])


def test_scores_that_are_no_numbers(name: str) -> None:
    scorer = problem(6, 50, 3)
    scorer.user_embeddings[4, 0] = np.nan
    with pytest.raises(ScoreError, match="user index 4"):
        top_k(scorer, np.arange(6), 5, device=name)


def test_out_of_memory_halves_the_tiles(device: torch.device, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiles that are far too large for what the process may have."""
    scorer, users = problem(1024, 60_000, 16), np.arange(1024)
    exclude = seen_items(1024, 60_000, 0.001)
    ranker = DeviceRanker(scorer, exclude, None, device)
    ranker.cells = 1024 * 60_000  # 246 MB of scores
    with at_most(device, 64 << 20, monkeypatch):
        (items, _), odd = ranker.rank(users, 20)
    assert not len(odd)
    assert ranker.cells < 1024 * 60_000
    np.testing.assert_array_equal(items, top_k(scorer, users, 20, exclude)[0])


def test_items_that_do_not_fit(gpu: torch.device, monkeypatch: pytest.MonkeyPatch) -> None:
    scorer, users = problem(64, 400_000, 64), np.arange(64)  # 102 MB of vectors
    with at_most(gpu, 80 << 20, monkeypatch):
        ranker = DeviceRanker(scorer, None, None, gpu, tile_bytes=8 << 20)
        assert ranker.vectors._resident is None
        (items, _), _ = ranker.rank(users, 20)
    np.testing.assert_array_equal(items, top_k(scorer, users, 20)[0])

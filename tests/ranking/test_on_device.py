"""Ranking by torch gives the lists of ranking by numpy, whatever fits into memory. Run here on the CPU as the device."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from hetmusic.errors import EnvironmentProblem
from hetmusic.ranking import EmbeddingScorer, ScoreError, UserItems, on_device, top_k, topk
from hetmusic.ranking.on_device import DeviceRanker
from hetmusic.testing.devices import META, OneDevice
from hetmusic.training.memory_plan import peak_bytes

CPU = torch.device("cpu")


def problem(
    users: int, items: int, dim: int, levels: int | None = None, seed: int = 0, bias: bool = False
) -> EmbeddingScorer:
    """Random vectors; with ``levels`` whole numbers, of which many products are equal."""
    rng = np.random.default_rng(seed)
    if levels is None:
        vectors = [rng.normal(size=(count, dim)).astype(np.float32) for count in (users, items)]
    else:
        vectors = [
            rng.integers(-levels, levels + 1, (count, dim)).astype(np.float32) for count in (users, items)
        ]
    offsets = rng.integers(-2, 3, items).astype(np.float32) if bias else None
    return EmbeddingScorer(*vectors, offsets)


def seen_items(users: int, items: int, share: float, seed: int = 1) -> UserItems:
    pairs = np.argwhere(np.random.default_rng(seed).random((users, items)) < share)
    return UserItems.from_pairs(pairs[:, 0], pairs[:, 1], num_users=users, num_items=items)


def by_torch(scorer, users, k, exclude=None, subset=None, cells=None, kept=None):
    """Lists of the device's way, here on the CPU, and how many users had to be scored twice."""
    with pytest.MonkeyPatch.context() as patch:
        if kept is not None:
            patch.setattr(on_device, "_kept", lambda k, n: min(n, k + kept))
        mask = None if subset is None else topk._candidate_mask(subset, scorer.num_items)
        ranker = DeviceRanker(scorer, exclude, mask, CPU)
        if cells is not None:
            ranker.cells = cells
        (items, scores), odd = ranker.rank(users, min(k, scorer.num_items))
    assert not len(odd)
    return items, scores, ranker.scored_twice


@settings(max_examples=150, deadline=None)
@given(
    users=st.integers(1, 6),
    items=st.integers(1, 60),
    dim=st.integers(1, 5),
    levels=st.sampled_from([0, 1, 3, None]),
    k=st.integers(1, 70),
    share=st.sampled_from([0.0, 0.3, 1.0]),
    cells=st.integers(1, 200),
    kept=st.sampled_from([0, 1, 5, 100]),
    subset=st.booleans(),
    bias=st.booleans(),
    seed=st.integers(0, 2**32),
)
def test_equals_numpy(users, items, dim, levels, k, share, cells, kept, subset, bias, seed) -> None:
    scorer = problem(users, items, dim, levels, seed, bias)
    exclude = seen_items(max(users - 1, 1), items, share, seed)  # the last user has no row
    chosen = np.random.default_rng(seed).permutation(items)[: items // 2] if subset else None
    order = np.random.default_rng(seed).permutation(users)
    expected = top_k(scorer, order, k, exclude, chosen)
    found = by_torch(scorer, order, k, exclude, chosen, cells, kept)
    width = found[0].shape[1]
    np.testing.assert_array_equal(found[0], expected[0][:, :width])
    if levels is None:  # sums of doubles in another order, rounded to single precision
        np.testing.assert_allclose(found[1], expected[1][:, :width], rtol=2e-7)
    else:
        np.testing.assert_array_equal(found[1], expected[1][:, :width])


def test_scores_closer_than_single_precision_are_told_apart() -> None:
    """All items differ by less than the rounding of single precision: the list is decided in double precision."""
    rng = np.random.default_rng(0)
    base = rng.normal(size=16).astype(np.float32) * 100
    items = np.tile(base, (500, 1))
    items[:, 0] += rng.permutation(500).astype(np.float32) * np.float32(2e-5)
    scorer = EmbeddingScorer(np.stack([base, -base]), items)
    expected = top_k(scorer, np.arange(2), 10)
    found = by_torch(scorer, np.arange(2), 10, kept=3)
    np.testing.assert_array_equal(found[0], expected[0])
    assert found[2] == 2


def test_users_are_scored_twice_only_where_it_is_needed() -> None:
    scorer = problem(300, 2000, 32)
    items, _, twice = by_torch(scorer, np.arange(300), 20)
    np.testing.assert_array_equal(items, top_k(scorer, np.arange(300), 20)[0])
    assert twice == 0


def test_low_precision_of_products_is_switched_off_and_on_again() -> None:
    scorer, before = problem(3, 50, 4), torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    seen = []

    def noting(self, *arguments):
        seen.append(torch.get_float32_matmul_precision())
        return real(self, *arguments)

    real = DeviceRanker.scan
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(DeviceRanker, "scan", noting)
            by_torch(scorer, np.arange(3), 5)
        assert seen == ["highest"]
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision(before)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_vectors_of_any_precision_and_on_disk(tmp_path: Path, dtype: type) -> None:
    rng = np.random.default_rng(2)
    for name, count in (("users", 5), ("items", 700)):
        np.save(tmp_path / f"{name}.npy", rng.normal(size=(count, 7)).astype(dtype))
    stored = [np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in ("users", "items")]
    scorer = EmbeddingScorer(*stored)
    expected = top_k(scorer, np.arange(5), 9)
    found = by_torch(scorer, np.arange(5), 9, cells=900)
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_allclose(found[1], expected[1], rtol=2e-7)


class TestMemory:
    def test_tiles_are_halved_when_memory_runs_out(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A device that has room for 10,000 scores at a time."""
        caplog.set_level("INFO")
        scorer, users = problem(50, 3000, 8), np.arange(50)
        exclude = seen_items(50, 3000, 0.05)
        tiles: list[int] = []

        def limited(self, vectors, ids, kept, width):
            tiles.append(len(vectors) * width)
            if tiles[-1] > 10_000:
                raise torch.OutOfMemoryError("CUDA out of memory.")
            return real(self, vectors, ids, kept, width)

        real = DeviceRanker.scan
        monkeypatch.setattr(DeviceRanker, "scan", limited)
        found = by_torch(scorer, users, 10, exclude, cells=100_000)
        np.testing.assert_array_equal(found[0], top_k(scorer, users, 10, exclude)[0])
        assert tiles[0] > 10_000
        assert tiles[-1] <= 10_000
        # what was found to fit is kept: no tile fails after the first that did not
        first = next(n for n, size in enumerate(tiles) if size <= 10_000)
        assert all(size <= 10_000 for size in tiles[first:])
        assert "tiles are halved to" in caplog.text

    def test_in_the_middle_of_a_list_nothing_is_lost(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Memory that somebody else takes for a while, anywhere on the way."""
        scorer, users = problem(40, 500, 6, levels=2), np.arange(40)
        expected, calls = top_k(scorer, users, 12), []

        def sometimes(self, *arguments):
            calls.append(1)
            if len(calls) % 3 == 2:
                raise torch.OutOfMemoryError("CUDA out of memory.")
            return real(self, *arguments)

        real = DeviceRanker.rescored
        monkeypatch.setattr(DeviceRanker, "rescored", sometimes)
        monkeypatch.setattr(on_device, "_FEWEST", 16)
        found = by_torch(scorer, users, 12, cells=4000)
        np.testing.assert_array_equal(found[0], expected[0])
        np.testing.assert_array_equal(found[1], expected[1])
        assert len(calls) > 3

    def test_no_memory_at_all_is_an_error_of_one_line(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def never(self, *arguments):
            raise torch.OutOfMemoryError("CUDA out of memory.")

        monkeypatch.setattr(DeviceRanker, "scan", never)
        with pytest.raises(
            EnvironmentProblem, match="cpu has no memory for ranking, not even for 4,096 scores"
        ):
            by_torch(problem(5, 100, 3), np.arange(5), 4)

    def test_items_that_do_not_fit_are_brought_tile_by_tile(self, monkeypatch: pytest.MonkeyPatch) -> None:
        real = torch.empty

        def full(*shape, **how):
            if how.get("device") == CPU and shape == ((3000, 8),):
                raise torch.OutOfMemoryError("CUDA out of memory.")
            return real(*shape, **how)

        scorer = problem(20, 3000, 8, levels=1)
        expected = top_k(scorer, np.arange(20), 10)
        monkeypatch.setattr(torch, "empty", full)
        ranker = DeviceRanker(scorer, None, None, CPU)
        assert ranker.vectors._resident is None
        (items, scores), _ = ranker.rank(np.arange(20), 10)
        np.testing.assert_array_equal(items, expected[0])
        np.testing.assert_array_equal(scores, expected[1])

    def test_no_more_than_asked_for(self) -> None:
        """Neither users x items nor a mask of that size, also with items excluded for everybody."""
        scorer, exclude = problem(400, 20_000, 8), seen_items(400, 20_000, 0.01)
        ranker = DeviceRanker(scorer, exclude, np.ones(20_000, dtype=bool), CPU, tile_bytes=4 << 20)
        with torch.inference_mode():
            taken = peak_bytes(lambda: ranker.rank(np.arange(400), 10))
        assert taken < 5 << 20 < 400 * 20_000

    def test_tiles_of_a_gpu_follow_its_free_memory(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (3 << 30, 8 << 30))
        monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 2 << 30)
        monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 1 << 30)
        assert on_device.free_bytes(torch.device("cuda")) == 1 << 30


class TestTopK:
    """``top_k(device=...)``, with the CPU in the place of a GPU."""

    @pytest.fixture(autouse=True)
    def _pretend(self, monkeypatch: pytest.MonkeyPatch) -> None:
        real = torch.device
        monkeypatch.setattr(torch, "device", lambda *name: real("cpu" if name == ("cuda",) else name[0]))

    def test_same_lists(self) -> None:
        scorer, exclude = problem(30, 200, 5, levels=1), seen_items(30, 200, 0.5)
        for k in (1, 20, 250):
            expected, found = (
                top_k(scorer, np.arange(30), k, exclude, np.arange(0, 200, 2), device=d)
                for d in ("cpu", "cuda")
            )
            assert found[0].dtype == np.int32
            assert found[1].dtype == np.float32
            np.testing.assert_array_equal(found[0], expected[0])
            np.testing.assert_array_equal(found[1], expected[1])

    def test_scores_that_are_no_numbers_are_refused_alike(self) -> None:
        for value in (np.nan, np.inf):
            scorer = problem(6, 50, 3)
            scorer.user_embeddings[4, 0] = value
            messages = []
            for device in ("cpu", "cuda"):
                with pytest.raises(ScoreError) as caught:
                    top_k(scorer, np.arange(6), 5, device=device)
                messages.append(str(caught.value).partition("first: ")[2])
            assert messages[0] == messages[1]
            assert "user index 4" in messages[0]

    def test_scores_too_large_for_single_precision_on_the_way(self) -> None:
        """Products overflow, their sum does not."""
        scorer = EmbeddingScorer(
            np.full((1, 2), 2.0**100), np.array([[2.0**100, -(2.0**100)], [0.0, 1.0], [2.0, 1.0]])
        )
        expected, found = (top_k(scorer, np.arange(1), 3, device=device) for device in ("cpu", "cuda"))
        np.testing.assert_array_equal(found[0], expected[0])

    def test_other_scorers_and_nobody(self) -> None:
        class Own(EmbeddingScorer):
            def scores(self, users, start, stop):
                return -super().scores(users, start, stop)

        scorer = problem(4, 30, 3)
        own = Own(scorer.user_embeddings, scorer.item_embeddings)
        expected, found = (top_k(own, np.arange(4), 3, device=device)[0] for device in ("cpu", "cuda"))
        np.testing.assert_array_equal(found, expected)
        assert top_k(scorer, np.arange(0), 3, device="cuda")[0].shape == (0, 3)


class TestDevices:
    """On the meta device, where a tensor that stays on the CPU meets one that does not."""

    @staticmethod
    def ranker() -> tuple[DeviceRanker, Tensor]:
        scorer = problem(4, 60, 3, bias=True)
        mask = np.ones(60, dtype=bool)
        ranker = DeviceRanker(scorer, seen_items(4, 60, 0.3), mask, META)
        return ranker, torch.empty(4, 3, dtype=torch.float64, device=META)

    @staticmethod
    def run(ranker: DeviceRanker, users: Tensor) -> set[str]:
        with OneDevice():
            values, index, odd = ranker.scan(users, np.arange(4), 20, 25)
            unsure = ranker.unsure(users, values, 10)
            exact = ranker.exactly(users, np.arange(4), 10, 25)
            found = (values, index, odd, unsure, *ranker.rescored(users, values, index, 10), *exact)
        return {tensor.device.type for tensor in found}

    def test_all_of_it_is_on_the_device(self) -> None:
        assert self.run(*self.ranker()) == {"meta"}

    @pytest.mark.parametrize("part", ["bias", "candidates", "_resident"])
    def test_what_is_left_on_the_cpu_is_caught(self, part: str) -> None:
        ranker, users = self.ranker()
        holder = ranker if part == "candidates" else ranker.vectors
        left = torch.zeros_like(getattr(holder, part), device="cpu")
        setattr(holder, part, left)
        with pytest.raises(RuntimeError, match=r"meta|device"):
            self.run(ranker, users)

    def test_users_left_on_the_cpu_are_caught(self) -> None:
        ranker, users = self.ranker()
        with pytest.raises(RuntimeError, match=r"meta|device"):
            self.run(ranker, torch.zeros_like(users, device="cpu"))

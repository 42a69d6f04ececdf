from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hetmusic.ranking import EmbeddingScorer, ScoreError, UserItems, top_k, topk
from tests.ranking.helpers import TableScorer, sorted_lists, user_items

USERS = np.arange


@pytest.fixture
def tiles(monkeypatch: pytest.MonkeyPatch):
    """Force a tile shape upon ``top_k``."""

    def force(users: int, items: int) -> None:
        monkeypatch.setattr(topk, "tile_shape", lambda *_: (users, items))

    return force


@st.composite
def problems(draw: st.DrawFn):
    """A table of scores with many ties, a k, items to exclude, candidates and a tile shape."""
    num_users, num_items = draw(st.integers(1, 6)), draw(st.integers(1, 40))
    levels = draw(st.sampled_from([1, 2, 5, 1000]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    table = (rng.integers(0, levels, (num_users, num_items)) - levels // 2).astype(np.float32)
    table[rng.random(table.shape) < draw(st.sampled_from([0.0, 0.3]))] = -np.inf
    seen = np.argwhere(rng.random(table.shape) < draw(st.sampled_from([0.0, 0.3, 1.0])))
    exclude = UserItems.from_pairs(seen[:, 0], seen[:, 1], num_users=num_users, num_items=num_items)
    subset = draw(st.none() | st.lists(st.integers(0, num_items - 1), max_size=num_items))
    k = draw(st.integers(1, 45))
    return (
        table,
        k,
        exclude,
        None if subset is None else np.array(subset, dtype=int),
        draw(st.tuples(st.integers(1, 7), st.integers(1, 41))),
    )


@settings(max_examples=300, deadline=None)
@given(problems())
def test_equals_a_full_sort_for_any_tile_shape(problem) -> None:
    table, k, exclude, subset, shape = problem
    expected = sorted_lists(table, k, exclude, subset)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(topk, "tile_shape", lambda *_: shape)
        found = top_k(TableScorer(table), USERS(len(table)), k, exclude, subset)
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(found[1], expected[1])


@pytest.mark.parametrize("levels", [1, 3, 400, 10**6])
@pytest.mark.parametrize("k", [1, 10, 300])
def test_equals_a_full_sort_on_a_wide_catalogue(levels: int, k: int, tiles) -> None:
    # wide enough for the threshold by groups and, with few levels, for the rows that are cut one by one
    rng = np.random.default_rng(levels + k)
    table = rng.integers(0, levels, (3, 20_000)).astype(np.float32)
    exclude = user_items([sorted(rng.choice(20_000, 700, replace=False)) for _ in range(3)], 20_000)
    expected = sorted_lists(table, k, exclude)
    for shape in ((3, 20_000), (2, 7001), (3, 320)):
        tiles(*shape)
        items, scores = top_k(TableScorer(table), USERS(3), k, exclude)
        np.testing.assert_array_equal(items, expected[0])
        np.testing.assert_array_equal(scores, expected[1])


def test_ties_go_to_the_lower_index_also_across_the_last_place_and_tiles(tiles) -> None:
    table = [[1, 3, 2, 2, 3, 2, 2]]
    for width in range(1, 8):
        tiles(1, width)
        items, scores = top_k(TableScorer(table), USERS(1), 4)
        assert items.tolist() == [[1, 4, 2, 3]]
        assert scores.tolist() == [[3, 3, 2, 2]]


def test_zero_and_minus_zero_are_equal() -> None:
    assert top_k(TableScorer([[-0.0, 0.0, -0.0]]), USERS(1), 3)[0].tolist() == [[0, 1, 2]]


def test_missing_places_have_no_item() -> None:
    items, scores = top_k(TableScorer([[5, 4, 3]]), USERS(1), 4, exclude=user_items([[0, 2]], 3))
    assert items.tolist() == [[1, -1, -1, -1]]
    assert scores.tolist() == [[4, -np.inf, -np.inf, -np.inf]]
    assert (items.dtype, scores.dtype) == (np.int32, np.float32)


def test_minus_infinity_is_no_candidate() -> None:
    assert top_k(TableScorer([[-np.inf, -1e38]]), USERS(1), 2)[0].tolist() == [[1, -1]]


def test_users_in_any_order_repeated_and_beyond_those_with_seen_items() -> None:
    scorer = TableScorer([[1, 2], [3, 1], [1, 9]])
    items, _ = top_k(scorer, np.array([2, 0, 2, 1]), 1, exclude=user_items([[1], [0]], 2))
    assert items[:, 0].tolist() == [1, 0, 1, 1]


def test_no_users_and_no_candidates() -> None:
    scorer = TableScorer([[1, 2]])
    assert top_k(scorer, np.array([], dtype=int), 3)[0].shape == (0, 3)
    assert top_k(scorer, USERS(1), 1, item_subset=np.array([], dtype=int))[0].tolist() == [[-1]]


def test_tiles_without_a_candidate_are_not_scored(tiles) -> None:
    tiles(1, 2)
    scorer = TableScorer([[1, 2, 3, 4, 5, 6]])
    assert top_k(scorer, USERS(1), 2, item_subset=np.array([5, 0]))[0].tolist() == [[5, 0]]
    assert len(scorer.tiles) == 2


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_scores_that_cannot_be_ranked_are_refused(bad: float) -> None:
    table = np.zeros((8, 4))
    table[7, 1] = bad
    message = r"1 of 4 scores are not finite; first: \w+ for user index 7, item index 1"
    with pytest.raises(ScoreError, match=message):
        top_k(TableScorer(table), np.array([7]), 2)


def test_wrong_arguments_are_refused() -> None:
    scorer = TableScorer([[1, 2]])
    with pytest.raises(ValueError, match="k is 0"):
        top_k(scorer, USERS(1), 0)
    with pytest.raises(ValueError, match="item_subset names items 0 to 2 of 2"):
        top_k(scorer, USERS(1), 1, item_subset=np.array([0, 2]))


@pytest.mark.parametrize(("num_users", "num_items"), [(3000, 20_000), (300, 60_000), (5000, 300)])
@pytest.mark.parametrize("memory_mb", [2, 8, 32])
def test_memory_is_bounded_whatever_the_catalogue(num_users: int, num_items: int, memory_mb: float) -> None:
    rng = np.random.default_rng(0)
    scorer = EmbeddingScorer(
        rng.standard_normal((num_users, 8)).astype(np.float32),
        rng.standard_normal((num_items, 8)).astype(np.float32),
    )
    seen = UserItems.from_pairs(
        rng.integers(0, num_users, 20_000),
        rng.integers(0, num_items, 20_000),
        num_users=num_users,
        num_items=num_items,
    )
    users, k = np.arange(num_users), 20
    tracemalloc.start()
    items, scores = top_k(scorer, users, k, seen, memory_mb=memory_mb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    scratch = 2e6  # the scorer's own: blocks of 256 items in double precision
    assert peak <= memory_mb * 1e6 + items.nbytes + scores.nbytes + scratch


@pytest.mark.parametrize("memory_mb", [0.5, 4, 256])
def test_no_tile_is_larger_than_the_budget(memory_mb: float) -> None:
    scorer = TableScorer(np.random.default_rng(0).random((700, 3000)))
    top_k(scorer, np.arange(700), 10, memory_mb=memory_mb)
    assert max(users * items for users, items in scorer.tiles) * 4 <= memory_mb * 1e6
    assert sum(users * items for users, items in scorer.tiles) == 700 * 3000


def test_tile_shape_stays_within_the_budget_for_huge_catalogues() -> None:
    for num_items in (10, 10**4, 10**8):
        users, items = topk.tile_shape(10**6, num_items, 50, 256)
        assert users * items * 8 <= 256e6
        assert 1 <= items <= num_items
        assert users >= 256


@pytest.mark.parametrize("k", [1, 10, 300])
def test_the_threshold_lets_enough_but_few_newcomers_in(k: int) -> None:
    tile = np.random.default_rng(k).random((60, 20_000)).astype(np.float32)
    counts = (tile >= topk._lower_bound(tile, k)[:, None]).sum(axis=1)
    assert (counts >= k).all()
    assert (counts <= topk._newcomers_limit(k)).all()
    assert counts.mean() < 1.5 * k + 1

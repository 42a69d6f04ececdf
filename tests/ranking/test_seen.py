from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hetmusic.graph.types import Edges
from hetmusic.ranking import UserItems

PAIRS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9)), max_size=40)


def build(pairs: list[tuple[int, int]]) -> UserItems:
    users, items = (np.array([pair[end] for pair in pairs], dtype=np.int32) for end in (0, 1))
    return UserItems.from_pairs(users, items, num_users=6, num_items=10)


@given(PAIRS, st.lists(st.integers(0, 5), max_size=9), st.integers(0, 9), st.integers(0, 10))
def test_slices_hold_the_pairs_of_the_batch_and_tile(pairs, batch, start, stop) -> None:
    rows, columns = build(pairs).pairs(np.array(batch, dtype=int), start, stop)
    expected = [
        (row, item - start)
        for row, user in enumerate(batch)
        for item in range(start, stop)
        if (user, item) in pairs
    ]
    assert list(zip(rows.tolist(), columns.tolist(), strict=True)) == expected


@given(
    PAIRS,
    st.lists(st.tuples(st.integers(0, 5), st.lists(st.integers(-1, 9), min_size=3, max_size=3)), max_size=6),
)
def test_contains(pairs, asked) -> None:
    users = np.array([user for user, _ in asked], dtype=int)
    items = np.array([row for _, row in asked], dtype=int).reshape(-1, 3)
    expected = [[(user, item) in pairs for item in row] for user, row in asked]
    assert build(pairs).contains(users, items).tolist() == expected


@given(PAIRS, st.lists(st.integers(0, 5), max_size=9), st.sets(st.integers(0, 9)))
def test_pairs_among_wanted_items(pairs, batch, wanted) -> None:
    marked = np.zeros(10, dtype=bool)
    marked[list(wanted)] = True
    rows, items = build(pairs).pairs_among(np.array(batch, dtype=int), marked)
    expected = [
        (row, item) for row, user in enumerate(batch) for item in sorted(wanted) if (user, item) in pairs
    ]
    assert list(zip(rows.tolist(), items.tolist(), strict=True)) == expected


def test_contains_finds_every_item_of_a_long_row() -> None:
    rows = UserItems.from_pairs(np.ones(700, dtype=int), np.arange(0, 1400, 2), num_users=3, num_items=1500)
    asked = np.arange(-1, 1500)
    found = rows.contains(np.array([0, 1, 2]), np.broadcast_to(asked, (3, len(asked))))
    assert asked[found[1]].tolist() == list(range(0, 1400, 2))
    assert not found[[0, 2]].any()


def test_rows_are_ascending_and_distinct() -> None:
    rows = build([(3, 7), (0, 2), (3, 1), (3, 7)])
    assert rows.of(3).tolist() == [1, 7]
    assert rows.of(5).tolist() == []
    assert rows.counts(np.array([3, 0, 5])).tolist() == [2, 1, 0]
    assert (len(rows), rows.num_users) == (3, 6)


def test_union_of_edge_lists() -> None:
    parts = [Edges(np.array([0, 1]), np.array([1, 1])), Edges(np.array([1]), np.array([0]))]
    rows = UserItems.from_edges(parts, num_users=2, num_items=2)
    assert [rows.of(user).tolist() for user in range(2)] == [[1], [0, 1]]
    assert len(UserItems.from_edges([], num_users=2, num_items=2)) == 0


@pytest.mark.parametrize(("users", "items"), [([6], [0]), ([-1], [0]), ([0], [10]), ([0, 1], [1])])
def test_indices_out_of_range_are_refused(users: list[int], items: list[int]) -> None:
    with pytest.raises(ValueError):
        UserItems.from_pairs(np.array(users), np.array(items), num_users=6, num_items=10)

"""The filters of interactions, one by one: the same as slow and simple ways to compute them."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hetmusic.graph.filtering.selection import Selection
from hetmusic.graph.types import EdgeType

LIKES = EdgeType("user", "likes", "song")
USERS, ITEMS = 7, 6
pairs = st.sets(st.tuples(st.integers(0, USERS - 1), st.integers(0, ITEMS - 1)), max_size=30).map(sorted)


def selection(found: list[tuple[int, int]], weights: list[float] | None = None) -> Selection:
    ends = np.array(found, np.int32).reshape(-1, 2)
    plays = None if weights is None else np.array(weights, np.float64)
    return Selection(LIKES, USERS, ITEMS, ends[:, 0], ends[:, 1], plays)


def left(chosen: Selection, found: list[tuple[int, int]]) -> set[tuple[int, int]]:
    return {found[position] for position in chosen.interactions}


def naive_core(found: set[tuple[int, int]], user_core: int, item_core: int) -> set[tuple[int, int]]:
    """Remove one user or item that has too few, over and over."""
    while True:
        users, items = Counter(u for u, _ in found), Counter(i for _, i in found)
        bad_user = next((u for u in users if users[u] < user_core), None)
        bad_item = next((i for i in items if items[i] < item_core), None)
        if bad_user is None and bad_item is None:
            return found
        found = {(u, i) for u, i in found if u != bad_user and i != bad_item}


@given(pairs, st.integers(0, 4), st.integers(0, 4))
def test_core(found: list[tuple[int, int]], user_core: int, item_core: int) -> None:
    chosen = selection(found)
    chosen.core(user_core, item_core)
    expected = naive_core(set(found), user_core, item_core)
    assert left(chosen, found) == expected
    users, items = Counter(u for u, _ in expected), Counter(i for _, i in expected)
    assert chosen.users.tolist() == [users[u] >= user_core for u in range(USERS)]
    assert chosen.items.tolist() == [items[i] >= item_core for i in range(ITEMS)]


def test_core_is_not_one_pass() -> None:
    """A chain falls link by link: after the first pass each user still has two, but not of items that are kept."""
    chain = [(0, 0), (0, 1), (1, 1), (1, 2), (2, 2), (2, 3), (3, 3)]
    square = [(5, 4), (5, 5), (6, 4), (6, 5)]
    chosen = selection(sorted([*chain, *square]))
    chosen.core(2, 2)
    assert left(chosen, sorted([*chain, *square])) == set(square)
    (step,) = chosen.steps
    assert (step.filter, step.nodes, step.edges) == (
        "user_core 2, item_core 2",
        {"user": 5, "song": 4},
        {"user__likes__song": 7},
    )


@given(pairs, st.integers(1, 8))
def test_top_users_and_items(found: list[tuple[int, int]], number: int) -> None:
    for side, count in ((0, USERS), (1, ITEMS)):
        degrees = Counter(pair[side] for pair in found)
        expected = set(sorted(range(count), key=lambda node: (-degrees[node], node))[:number])
        chosen = selection(found)
        (chosen.top_users if side == 0 else chosen.top_items)(number)
        assert set(np.flatnonzero(chosen.users if side == 0 else chosen.items)) == expected
        assert left(chosen, found) == {pair for pair in found if pair[side] in expected}


@given(pairs, st.data())
def test_min_plays(found: list[tuple[int, int]], data: st.DataObject) -> None:
    weights = data.draw(st.lists(st.integers(0, 5).map(float), min_size=len(found), max_size=len(found)))
    chosen = selection(found, weights)
    chosen.min_plays(3)
    assert left(chosen, found) == {pair for pair, weight in zip(found, weights, strict=True) if weight >= 3}
    assert chosen.users.all()
    assert chosen.items.all()


@given(
    st.sets(st.text(min_size=1), min_size=1).map(sorted), st.floats(0.01, 1), st.integers(0, 3), st.randoms()
)
def test_a_sample_depends_on_the_keys_alone(keys: list[str], share: float, seed: int, random: object) -> None:
    """Neither the order of the users nor who else there is changes whether one is drawn."""

    def drawn(names: list[str]) -> set[str]:
        chosen = Selection(LIKES, len(names), 1, np.zeros(0, np.int32), np.zeros(0, np.int32))
        chosen.sample_users(share, seed, names)
        return {names[index] for index in np.flatnonzero(chosen.users)}

    together = drawn(keys)
    shuffled = list(keys)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert drawn(shuffled) == together
    assert set().union(*(drawn([key]) for key in keys)) == together


def test_the_size_of_a_sample() -> None:
    keys = [f"user_{number:06d}" for number in range(20_000)]
    samples = []
    for seed, share in itertools.product((0, 1), (0.01, 0.1)):
        chosen = Selection(LIKES, len(keys), 1, np.zeros(0, np.int32), np.zeros(0, np.int32))
        chosen.sample_users(share, seed, keys)
        size = int(chosen.users.sum())
        assert abs(size - share * len(keys)) < 4 * (share * (1 - share) * len(keys)) ** 0.5
        samples.append(chosen.users)
    assert not (samples[0] & ~samples[1]).any(), "a larger sample of one seed holds the smaller one"
    assert (samples[0] != samples[2]).any(), "another seed draws others"
    chosen = Selection(LIKES, len(keys), 1, np.zeros(0, np.int32), np.zeros(0, np.int32))
    chosen.sample_users(1, 0, keys)
    assert chosen.users.all()


def test_which_users_are_drawn_never_changes() -> None:
    """Graphs built by different versions must agree."""
    keys = [str(number) for number in range(40)]
    chosen = Selection(LIKES, 40, 1, np.zeros(0, np.int32), np.zeros(0, np.int32))
    chosen.sample_users(0.2, 0, keys)
    drawn = [3, 7, 9, 11, 18, 23, 24, 25, 26, 29, 31, 32, 37]  # blake2b("0:KEY"), 8 bytes, below 0.2 of 2**64
    assert np.flatnonzero(chosen.users).tolist() == drawn


@pytest.mark.parametrize("safe", [False, True])
def test_isolated(safe: bool) -> None:
    chosen = selection([(0, 0), (1, 1)])
    named = np.zeros(ITEMS, np.bool_)
    named[5] = safe
    chosen.safe_items = named
    chosen.drop_isolated()
    assert np.flatnonzero(chosen.users).tolist() == [0, 1]
    assert np.flatnonzero(chosen.items).tolist() == ([0, 1, 5] if safe else [0, 1])


@given(pairs)
def test_what_is_noted_adds_up(found: list[tuple[int, int]]) -> None:
    chosen = selection(found, [float(u + i) for u, i in found])
    chosen.min_plays(2)
    chosen.top_users(4)
    chosen.core(2, 2)
    chosen.drop_isolated()
    assert sum(step.nodes.get("user", 0) for step in chosen.steps) == USERS - chosen.users.sum()
    assert sum(step.nodes.get("song", 0) for step in chosen.steps) == ITEMS - chosen.items.sum()
    gone = len(found) - len(chosen.interactions)
    assert sum(step.edges.get("user__likes__song", 0) for step in chosen.steps) == gone

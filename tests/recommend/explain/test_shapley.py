"""Shapley values: hand-computed games, and what must hold of any game."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hetmusic.recommend.explain.shapley import MOST_EXACT, plan_shapley

VALUES = st.floats(-10, 10)


def values_of(plan, game):
    return plan.values(np.array([float(game(frozenset(np.flatnonzero(s)))) for s in plan.subsets]))


def glove(coalition):
    """One left glove (part 0), two right ones: a pair is worth 1."""
    return 0 in coalition and len(coalition) > 1


def test_the_glove_game():
    # of the 6 orders the left glove completes the pair in 4 (it comes second or third), each right one in 1
    assert values_of(plan_shapley(3), glove) == pytest.approx([4 / 6, 1 / 6, 1 / 6])


def test_a_product_is_shared_alike():
    # v = x y with x = 3, y = 5 from 0: either order gives all 15 to whoever comes last
    assert values_of(plan_shapley(2), lambda s: 15 if len(s) == 2 else 0) == pytest.approx([7.5, 7.5])


def test_a_single_part_has_everything():
    assert values_of(plan_shapley(1), lambda s: 2 + len(s)) == pytest.approx([1.0])


@pytest.mark.parametrize(("count", "additive"), [(1, False), (4, False), (5, True), (MOST_EXACT + 3, False)])
def test_the_empty_subset_comes_first_the_full_one_last_and_none_twice(count, additive):
    plan = plan_shapley(count, additive)
    assert not plan.subsets[0].any()
    assert plan.subsets[-1].all()
    assert len(np.unique(plan.subsets, axis=0)) == len(plan.subsets)


@given(arrays(float, 16, elements=VALUES))
def test_of_any_game_values_add_up_to_what_all_have_beyond_nothing(game):
    plan = plan_shapley(4)
    assert plan.values(game).sum() == pytest.approx(game[-1] - game[0], abs=1e-9)


@given(arrays(float, 16, elements=VALUES), st.integers(0, 3))
def test_a_part_that_changes_nothing_has_nothing(game, part):
    plan = plan_shapley(4)
    numbers = np.arange(16)
    game = game[numbers & ~(1 << part)]
    assert plan.values(game)[part] == pytest.approx(0, abs=1e-9)


@given(st.integers(1, 6), st.data())
def test_additive_games_take_single_parts_alone(count, data):
    worth = data.draw(arrays(float, count, elements=VALUES))
    start = data.draw(VALUES)
    for additive in (True, False):
        plan = plan_shapley(count, additive)
        assert plan.exact
        assert plan.values(start + plan.subsets @ worth) == pytest.approx(worth, abs=1e-9)


@settings(max_examples=20)
@given(st.integers(MOST_EXACT + 1, 20), st.data())
def test_of_many_parts_orders_are_drawn_and_still_add_up(count, data):
    plan = plan_shapley(count)
    assert not plan.exact
    assert len(plan.subsets) < 600
    game = data.draw(arrays(float, len(plan.subsets), elements=VALUES))
    assert plan.values(game).sum() == pytest.approx(game[-1] - game[0], abs=1e-9)
    worth = np.linspace(-1, 1, count)
    assert plan.values(plan.subsets @ worth) == pytest.approx(worth, abs=1e-9)


def test_drawn_orders_come_near_the_exact_values():
    # the sum of pairs of neighbours: phi is half of each pair that a part is in
    count = MOST_EXACT + 2
    plan = plan_shapley(count)
    pairs = (plan.subsets[:, :-1] & plan.subsets[:, 1:]).sum(axis=1).astype(float)
    expected = np.r_[0.5, np.ones(count - 2), 0.5]
    # an order and its reverse give each member of a pair the pair once: no error is left of such games
    assert plan.values(pairs) == pytest.approx(expected, abs=1e-9)

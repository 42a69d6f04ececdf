"""Novelty, concentration and calibration against values computed by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hetmusic.evaluation.beyond import ALPHA, gini, miscalibration, novelty, self_information


def test_self_information():
    # 8 users: all of them, half, one, none (as one)
    assert self_information(np.array([8, 4, 1, 0]), 8).tolist() == [0, 1, 3, 3]


def test_novelty():
    information = np.array([0.0, 1.0, 3.0])
    lists = np.array([[0, 2], [1, 1], [2, -1], [-1, -1]], np.int32)
    assert novelty(lists, information)[:3].tolist() == [1.5, 1.0, 3.0]
    assert np.isnan(novelty(lists, information)[3])


@pytest.mark.parametrize(
    ("counts", "wanted"),
    [
        ([5, 5, 5, 5], 0.0),
        # ranks 1..4: (3 * 8) / (4 * 8)
        ([0, 8, 0, 0], 0.75),
        # (-3*1 - 1*2 + 1*3 + 3*4) / (4 * 10)
        ([4, 1, 3, 2], 0.25),
        ([0, 0], 0.0),
        ([7], 0.0),
    ],
)
def test_gini(counts, wanted):
    assert gini(np.array(counts)) == pytest.approx(wanted)


@given(arrays(np.int64, st.integers(1, 30), elements=st.integers(0, 1000)), st.integers(1, 50))
def test_gini_is_about_shares(counts, factor):
    found = gini(counts)
    assert -1e-12 <= found < 1
    assert gini(counts * factor) == pytest.approx(found, abs=1e-12)
    assert gini(np.repeat(counts, 2)) == pytest.approx(found, abs=1e-12)
    if counts.sum():  # the textbook definition: half the relative mean difference
        pairs = np.abs(counts[:, None] - counts[None, :]).mean()
        assert found == pytest.approx(pairs / (2 * counts.mean()), abs=1e-12)


def test_miscalibration_of_steck():
    """A user of 70 % romance and 30 % action who is shown romance alone (section 3.1 of Steck 2018)."""
    wanted, shown = np.array([[0.7, 0.3]]), np.array([[1.0, 0.0]])
    by_hand = 0.7 * math.log(0.7 / (0.99 + 0.007)) + 0.3 * math.log(0.3 / 0.003)
    assert miscalibration(wanted, shown) == pytest.approx([by_hand])
    assert miscalibration(wanted, wanted) == pytest.approx([0], abs=1e-12)


def test_miscalibration_without_genres():
    rows = np.array([[0.5, 0.5], [0, 0], [1, 0]])
    lists = np.array([[0, 0], [1, 0], [0, 1]])
    found = miscalibration(rows, lists)
    assert np.isnan(found[:2]).all()
    assert found[2] == pytest.approx(math.log(1 / ALPHA))


@given(st.integers(0, 2**32 - 1))
def test_miscalibration_is_bounded(seed):
    rng = np.random.default_rng(seed)
    wanted, shown = rng.dirichlet(np.full(4, 0.3), 5), rng.dirichlet(np.full(4, 0.3), 5)
    found = miscalibration(wanted, shown)
    assert ((found >= 0) & (found <= math.log(1 / ALPHA) + 1e-9)).all()
    order = rng.permutation(4)
    assert miscalibration(wanted[:, order], shown[:, order]) == pytest.approx(found)

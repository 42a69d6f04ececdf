from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hetmusic.ranking import USER_METRICS, RankedHits

NAMES = sorted(USER_METRICS)


@st.composite
def judged_lists(draw: st.DrawFn) -> RankedHits:
    """Hits in lists of one length, never more than there are relevant items."""
    length = draw(st.integers(1, 12))
    hits = np.array(
        draw(st.lists(st.lists(st.booleans(), min_size=length, max_size=length), min_size=1, max_size=8))
    )
    extra = draw(st.lists(st.integers(0, 5), min_size=len(hits), max_size=len(hits)))
    return RankedHits(hits, np.maximum(hits.sum(axis=1) + np.array(extra), 1))


@pytest.mark.parametrize("name", NAMES)
class TestEveryMetric:
    @given(judged=judged_lists())
    def test_lies_between_0_and_1(self, name: str, judged: RankedHits) -> None:
        for k in range(1, judged.hits.shape[1] + 1):
            values = judged.measure(name, k)
            assert values.shape == (len(judged.hits),)
            assert values.dtype == np.float64
            assert ((values >= 0) & (values <= 1 + 1e-12)).all()

    @given(k=st.integers(1, 30))
    def test_is_1_for_a_perfect_list(self, name: str, k: int) -> None:
        perfect = RankedHits(np.ones((1, k), bool), np.array([k]))
        np.testing.assert_allclose(perfect.measure(name, k), 1, atol=1e-12)

    @given(k=st.integers(1, 30), relevant=st.integers(1, 40))
    def test_is_0_without_a_hit(self, name: str, k: int, relevant: int) -> None:
        assert RankedHits(np.zeros((1, k), bool), np.array([relevant])).measure(name, k).tolist() == [0]

    @given(judged=judged_lists(), seed=st.integers(0, 1000))
    def test_permutes_with_the_users(self, name: str, judged: RankedHits, seed: int) -> None:
        order = np.random.default_rng(seed).permutation(len(judged.hits))
        shuffled = RankedHits(judged.hits[order], judged.num_relevant[order])
        k = judged.hits.shape[1]
        np.testing.assert_array_equal(shuffled.measure(name, k), judged.measure(name, k)[order])

    @given(judged=judged_lists(), data=st.data())
    def test_never_falls_when_a_hit_moves_up(
        self, name: str, judged: RankedHits, data: st.DataObject
    ) -> None:
        length = judged.hits.shape[1]
        place = data.draw(st.integers(0, length - 1))
        better = judged.hits.copy()
        swap = better[:, place] > better[:, 0]
        better[swap, place], better[swap, 0] = False, True
        after = RankedHits(better, judged.num_relevant).measure(name, length)
        assert (after >= judged.measure(name, length) - 1e-12).all()


@pytest.mark.parametrize("name", ["ndcg", "map"])
@given(relevant=st.integers(1, 10), k=st.integers(1, 20))
def test_ideal_lists_are_perfect_also_when_fewer_items_are_relevant(name: str, relevant: int, k: int) -> None:
    hits = (np.arange(k) < relevant)[None]
    np.testing.assert_allclose(RankedHits(hits, np.array([relevant])).measure(name, k), 1, atol=1e-12)

"""Sources of emotion combined, and what people's words say: hand-computed, and what has to hold whatever they say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hetmusic.graph.opinions import Opinions, combine, said_by_people
from hetmusic.graph.types import Edges

NAN = float("nan")


def opinion(valence, arousal, c_valence, c_arousal):
    return Opinions(np.array([[valence, arousal]], float), np.array([[c_valence, c_arousal]], float))


def edges(*rows):
    src, dst, weight = (np.array(column) for column in zip(*rows, strict=True))
    return Edges(src.astype(np.int32), dst.astype(np.int32), weight.astype(np.float32))


def test_two_sources_by_hand():
    found = combine(
        {"lyrics": opinion(0.8, NAN, 0.5, 0.0), "sound": opinion(-0.4, 0.6, 0.25, 0.5)},
        {"lyrics": 1.0, "sound": 2.0},
    )
    # valence: q = 0.5 and 0.5, so the point is 0.2, both are 0.6 from it, and (0.5 + 0.5) / (1 + 2) is left of 1 - 0.6
    assert found.points[0, 0] == pytest.approx(0.2)
    assert found.confidence[0, 0] == pytest.approx(1 / 3 * 0.4)
    # arousal: sound alone
    assert found.points[0, 1] == pytest.approx(0.6)
    assert found.confidence[0, 1] == pytest.approx(0.5)


def test_one_source_keeps_its_word_whatever_its_weight():
    found = combine({"tags": opinion(0.3, -0.2, 0.4, 0.1)}, {"tags": 7.0})
    assert np.allclose(found.points, [[0.3, -0.2]])
    assert np.allclose(found.confidence, [[0.4, 0.1]])


def test_opposites_leave_no_confidence():
    found = combine({"a": opinion(1, 1, 0.8, 0.8), "b": opinion(-1, 1, 0.8, 0.8)}, {"a": 1.0, "b": 1.0})
    assert np.allclose(found.confidence, [[0, 0.8]])
    assert found.known.tolist() == [[False, True]]


def test_what_nobody_knows_is_not_known():
    found = combine({"a": opinion(NAN, 0.5, 0, 0.0)}, {"a": 1.0})
    assert np.isnan(found.points).all()
    assert not found.confidence.any()


def test_a_source_without_weight_says_nothing():
    sources = {"a": opinion(0.2, 0.2, 0.5, 0.5), "b": opinion(-0.9, -0.9, 1, 1)}
    found = combine(sources, {"a": 1.0, "b": 0.0})
    assert np.allclose(found.points, 0.2)
    assert np.allclose(found.confidence, 0.5)


def test_disagreement_costs_confidence_and_agreement_does_not():
    agree = combine({"a": opinion(0.5, 0, 0.6, 1), "b": opinion(0.5, 0, 0.6, 1)}, {"a": 1.0, "b": 3.0})
    differ = combine({"a": opinion(0.5, 0, 0.6, 1), "b": opinion(0.1, 0, 0.6, 1)}, {"a": 1.0, "b": 3.0})
    assert agree.confidence[0, 0] == pytest.approx(0.6)
    assert differ.confidence[0, 0] < 0.5


values = st.floats(-1, 1)
sure = st.floats(0, 1)


@given(st.lists(st.tuples(values, sure, st.floats(0, 5)), min_size=1, max_size=4))
def test_the_result_lies_between_the_sources(rows):
    sources = {str(n): opinion(v, v, c, c) for n, (v, c, _) in enumerate(rows)}
    found = combine(sources, {str(n): w for n, (*_, w) in enumerate(rows)})
    heard = [(v, c) for v, c, w in rows if c * w > 0]
    assert 0 <= found.confidence[0, 0] <= max((c for _, c in heard), default=0) + 1e-9
    if np.isfinite(found.points[0, 0]):
        assert min(v for v, _ in heard) - 1e-9 <= found.points[0, 0] <= max(v for v, _ in heard) + 1e-9
    swapped = combine(dict(reversed(sources.items())), {str(n): w for n, (*_, w) in enumerate(rows)})
    assert np.allclose(swapped.confidence, found.confidence)


def test_words_by_the_number_of_people():
    places = np.array([[1.0, 0.0], [0.0, 0.0], [NAN, NAN]])
    found = said_by_people(edges((0, 0, 3), (0, 1, 1), (1, 1, 2), (2, 2, 9)), places, 4)
    # item 0: four people, mean 0.75; variance 3/4 · 1/16 + 1/4 · 9/16 = 3/16
    assert found.points[0].tolist() == [0.75, 0.0]
    assert found.confidence[0, 0] == pytest.approx(4 / 6 * (1 - np.sqrt(3 / 16)))
    assert found.confidence[0, 1] == pytest.approx(4 / 6)
    assert found.confidence[1].tolist() == [0.5, 0.5]  # two people who agree
    assert np.isnan(found.points[2:]).all()  # a word without a place, no word
    assert not found.confidence[2:].any()


def test_words_without_weights_were_said_by_one():
    found = said_by_people(
        Edges(np.array([0], np.int32), np.array([0], np.int32)), np.array([[0.5, -0.5]], np.float32), 1
    )
    assert found.points.tolist() == [[0.5, -0.5]]
    assert np.allclose(found.confidence, 1 / 3)


def test_no_words_at_all():
    nothing = Edges(np.zeros(0, np.int32), np.zeros(0, np.int32))
    assert np.isnan(said_by_people(nothing, np.zeros((0, 2)), 2).points).all()

"""Which words a point gets, and with what weight."""

from __future__ import annotations

import numpy as np
import pytest

from hetmusic.features.emotion import nearest_words as module
from hetmusic.features.emotion.nearest_words import nearest_words

PLACES = np.array([[0.0, 0.0], [0.25, 0.0], [0.0, -0.5], [1.0, 1.0], [0.0, 0.0]])


def test_the_three_nearest_share_the_confidence():
    found = nearest_words(np.array([[0.0, 0.0]]), np.array([0.6]), PLACES)
    assert found.word.tolist() == [0, 1, 4]  # of two at one place both, then the next
    share = np.exp([0, -0.5, 0])
    assert np.allclose(found.weight, 0.6 * share / share.sum())


def test_far_words_are_left_out():
    found = nearest_words(np.array([[1.0, 1.0]]), np.array([0.5]), PLACES)
    assert found.word.tolist() == [3]
    assert found.weight[0] == pytest.approx(0.5, rel=1e-3)


def test_unknown_and_unsure_songs_get_none():
    points = np.array([[np.nan, 0.1], [0.1, 0.1], [0.2, 0.2]])
    found = nearest_words(points, np.array([0.5, 0.0, 0.1]), PLACES)
    assert set(found.song.tolist()) == {2}
    assert len(nearest_words(points[:1], np.array([0.5]), PLACES).song) == 0
    assert len(nearest_words(points, np.ones(3), np.zeros((0, 2))).song) == 0


def test_many_songs_in_chunks(monkeypatch):
    points = np.random.default_rng(0).uniform(-1, 1, (50, 2))
    whole = nearest_words(points, np.ones(50), PLACES)
    monkeypatch.setattr(module, "_CHUNK", 7)
    pieces = nearest_words(points, np.ones(50), PLACES)
    assert np.array_equal(whole.song, pieces.song)
    assert np.array_equal(whole.word, pieces.word)
    assert np.allclose(np.bincount(whole.song, whole.weight), 1, atol=0.03)
    assert (np.diff(whole.song * 10 + whole.word) > 0).all()

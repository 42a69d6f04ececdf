"""Valence and arousal of lyrics, against values worked out by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hetmusic.features.emotion.from_lyrics import VaderJudge, emotions_from_lyrics, english_share
from hetmusic.features.emotion.lexicon import EmotionLexicon
from hetmusic.graph import MusicGraph

#: VADER's score of one word of strength s is s / sqrt(s ** 2 + 15); "love" has 3.2, "hate" -2.7.
LOVE, HATE = 3.2 / math.sqrt(3.2**2 + 15), -2.7 / math.sqrt(2.7**2 + 15)
LEXICON = EmotionLexicon({("love",): (1.0, 0.5), ("feel", "blue"): (-0.5, -1.0)})


@pytest.fixture(scope="module")
def vader() -> VaderJudge:
    return VaderJudge()


def test_lines_count_by_their_words(vader: VaderJudge) -> None:
    """Three words of love, sung twice; four of hate; six without a sentiment: 16 words, two opinions."""
    found = vader("I love you\nI love you\n\nBut you hate it\nThe table is in the house")
    assert found.valence == pytest.approx((6 * LOVE + 4 * vader("But you hate it").valence) / 16, abs=1e-4)
    assert math.isnan(found.arousal)
    assert found.confidence == pytest.approx(2 / (2 + 4))


def test_scores_of_single_lines(vader: VaderJudge) -> None:
    assert vader("I love you").valence == pytest.approx(LOVE, abs=1e-4)
    assert vader("You hate it").valence == pytest.approx(HATE, abs=1e-4)


def test_a_bag_of_words_counts_by_its_counts(vader: VaderJudge) -> None:
    found = vader("love:3 you:2 hate:1 my:4")
    assert found.valence == pytest.approx((3 * LOVE + HATE) / 10, abs=1e-4)
    assert found.confidence == pytest.approx(2 / 6)


def test_a_long_line_is_cut(vader: VaderJudge) -> None:
    """As one text, twenty sentences of love would score above 0.99."""
    lines = ["I love you." for _ in range(20)]
    assert vader(" ".join(lines)).valence == pytest.approx(LOVE, abs=1e-4)
    assert vader("i love you " * 400).valence < 1


@pytest.mark.parametrize(
    "text", ["愛してる この世界", "Te quiero mucho corazón", "", "oh la la", "Das Haus ist groß"]
)
def test_what_vader_cannot_know(vader: VaderJudge, text: str) -> None:
    valence, arousal, confidence = vader(text)
    assert math.isnan(valence)
    assert math.isnan(arousal)
    assert confidence == 0


def test_little_english_gives_little_confidence(vader: VaderJudge) -> None:
    """One English function word of ten words is half of what it takes."""
    text = "you love uno dos tres cuatro cinco seis siete ocho"
    assert vader(text).confidence == pytest.approx(1 / 5 * 0.5)


def test_share_of_english() -> None:
    assert english_share([("You don't sing", 3.0), ("la la la", 3.0)]) == pytest.approx(2 / 6)
    assert english_share([("you", 5.0), ("uno", 15.0), ("1", 80.0)]) == pytest.approx(0.25)
    assert english_share([]) == 0


def test_lexicon() -> None:
    """ "love" twice, "feel blue" once with two words: 4 of 8 words are known."""
    found = emotions_from_lyrics(["Love, love me\nwhen I feel blue, baby"], LEXICON, vader=False)
    assert found.valence == pytest.approx([(2 * 1.0 + 2 * -0.5) / 4])
    assert found.arousal == pytest.approx([(2 * 0.5 + 2 * -1.0) / 4])
    assert found.confidence == pytest.approx([4 / 24])


def test_lexicon_of_a_bag_and_of_a_text_that_it_hardly_covers() -> None:
    """One known word of ten: half of the fifth that it takes."""
    found = emotions_from_lyrics(["love:5 x:45"], LEXICON, vader=False)
    assert found.valence == pytest.approx([1.0])
    assert found.arousal == pytest.approx([0.5])
    assert found.confidence == pytest.approx([5 / 25 * 0.5])


def test_both_together() -> None:
    """VADER has one opinion (1 / 5), the lexicon one word of three (1 / 21)."""
    found = emotions_from_lyrics(["I love you"], LEXICON)
    by_vader, by_lexicon = 1 / 5, 1 / 21
    assert found.valence == pytest.approx(
        [(LOVE * by_vader + 1.0 * by_lexicon) / (by_vader + by_lexicon)], abs=1e-4
    )
    assert found.arousal == pytest.approx([0.5])
    assert found.confidence == pytest.approx([by_vader])


def test_songs_without_words_are_unknown() -> None:
    found = emotions_from_lyrics([None, "", "[Instrumental]", "I love you"], LEXICON)
    assert np.isnan(found.valence).tolist() == [True, True, True, False]
    assert np.isnan(found.arousal).tolist() == [True, True, True, False]
    assert (found.confidence > 0).tolist() == [False, False, False, True]
    assert found.valence.dtype == np.float32
    assert emotions_from_lyrics([]).valence.shape == (0,)
    lexicon = EmotionLexicon({("instrumental",): (0.5, 0.5)})
    found = emotions_from_lyrics(["[Instrumental]", "Instrumental love"], lexicon, vader=False)
    assert np.isnan(found.valence).tolist() == [True, False]


@given(st.lists(st.text(), max_size=4))
def test_any_text_is_within_bounds(texts: list[str]) -> None:
    found = emotions_from_lyrics(texts, LEXICON)
    assert ((found.confidence >= 0) & (found.confidence < 1)).all()
    for values in (found.valence, found.arousal):
        known = ~np.isnan(values)
        assert (np.abs(values[known]) <= 1).all()
        assert (found.confidence[known] > 0).all()


def test_the_songs_of_ultrastar(shared_data: Path, tmp_path: Path) -> None:
    """VADER knows what to make of the English songs, and not of the German one."""
    graph = MusicGraph.build("ultrastar", raw=shared_data / "ultrastar", out=tmp_path / "graph")
    songs = graph.nodes("song")
    found = emotions_from_lyrics(songs["lyrics"])
    german = np.array([name.startswith("Verd") for name in songs["name"]])
    assert german.sum() == 1
    assert (found.confidence[~german] > 0.5).all()
    assert (found.confidence[german] < 0.1).all()

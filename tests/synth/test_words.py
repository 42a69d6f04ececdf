"""The words of the worlds are known to the vocabularies, as what they are meant to be."""

from __future__ import annotations

import numpy as np
import pytest

from hetmusic.synth import words
from hetmusic.synth.settings import MAX_STYLES
from kg_schema.vocab import EmotionVocabulary, GenreVocabulary


@pytest.fixture(scope="module")
def genres() -> GenreVocabulary:
    return GenreVocabulary.load()


@pytest.fixture(scope="module")
def emotions() -> EmotionVocabulary:
    return EmotionVocabulary.load()


def test_every_style_has_its_entry() -> None:
    for table in (words.GENRES, words.OTHER_TAGS, words.STYLE_EMOTION, words.THEMES):
        assert len(table) == MAX_STYLES


@pytest.mark.parametrize("genre", [genre for row in words.GENRES for genre in row])
def test_genres_are_known(genre: str, genres: GenreVocabulary, emotions: EmotionVocabulary) -> None:
    assert genres.lookup(genre) is not None
    assert emotions.lookup(genre) is None


@pytest.mark.parametrize("word", words.EMOTIONS)
def test_emotion_words_are_known_and_about_where_the_vocabulary_has_them(
    word: str, genres: GenreVocabulary, emotions: EmotionVocabulary
) -> None:
    name = emotions.lookup(word)
    assert name is not None
    assert genres.lookup(word) is None
    known = emotions[name]
    assert np.hypot(known.valence - words.EMOTIONS[word][0], known.arousal - words.EMOTIONS[word][1]) < 0.5


@pytest.mark.parametrize("tag", [tag for row in words.OTHER_TAGS for tag in row] + list(words.NOISE_TAGS))
def test_other_tags_are_neither(tag: str, genres: GenreVocabulary, emotions: EmotionVocabulary) -> None:
    assert genres.lookup(tag) is None
    assert emotions.lookup(tag) is None


def test_themes_do_not_overlap_with_what_everybody_sings() -> None:
    for theme in words.THEMES:
        assert len(set(theme)) == len(theme)
        assert not set(theme) & set(words.COMMON)

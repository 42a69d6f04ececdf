"""Words for genres and emotions, and how listeners' tags are matched with them."""

from __future__ import annotations

from kg_schema.vocab.emotions import Emotion, EmotionVocabulary
from kg_schema.vocab.genres import Genre, GenreVocabulary
from kg_schema.vocab.matching import normalise

__all__ = ["Emotion", "EmotionVocabulary", "Genre", "GenreVocabulary", "normalise"]

"""Bags of words as texts: ``love:7 you:5 heart:2``, the form in which a graph keeps the counted words of lyrics."""

from __future__ import annotations

import re
from collections.abc import Mapping

_PAIR = re.compile(r"(\S+):(\d+(?:\.\d+)?(?:e[-+]?\d+)?)")


def read_counts(text: str) -> dict[str, float] | None:
    """Count of every word, or None if the text is not of this form.

    A text is a bag of words only if every piece between spaces is ``word:count``, so that a "12:30" in lyrics is no
    word of a bag.
    """
    pieces = text.split()
    pairs = [_PAIR.fullmatch(piece) for piece in pieces]
    if not pieces or not all(pairs):
        return None
    counts: dict[str, float] = {}
    for pair in pairs:
        assert pair is not None
        counts[pair[1]] = counts.get(pair[1], 0.0) + float(pair[2])
    return counts


def write_counts(counts: Mapping[str, float]) -> str:
    """The text of a bag of words, the most frequent word first and equally frequent ones as they come."""
    return " ".join(f"{word}:{count:.15g}" for word, count in _by_frequency(counts))


def as_text(text: str) -> str:
    """The words of a bag of words, each once, the most frequent first; any other text as it is."""
    counts = read_counts(text)
    return text if counts is None else " ".join(word for word, _ in _by_frequency(counts))


def _by_frequency(counts: Mapping[str, float]) -> list[tuple[str, float]]:
    return sorted(counts.items(), key=lambda pair: -pair[1])

"""Titles, and lyrics whose words depend on the style a song shows."""

from __future__ import annotations

import numpy as np

from hetmusic.synth._random import stream
from hetmusic.synth.settings import WorldSettings
from hetmusic.synth.tags import draw_columns
from hetmusic.synth.taste import FloatArray, Taste, shown_song, style_weights
from hetmusic.synth.words import COMMON, THEMES

_LINES, _WORDS_A_LINE = 8, 6
_ADJECTIVES = "Silver Broken Golden Empty Wild Little Distant Secret Burning Blue Second Hidden Slow Last"
#: share of a lyric's words that its style is typical for
_TYPICAL = 0.35


def make_lyrics(settings: WorldSettings, taste: Taste, seed: int) -> list[str]:
    """Lyrics of every song, lines divided by newlines."""
    rng = stream(seed, "lyrics")
    shown = shown_song(settings.songs, settings.signals["lyrics"], rng)
    weights = style_weights(taste.songs[shown], taste.centres)
    return [_lyric(row, rng) for row in weights]


def _lyric(weights: FloatArray, rng: np.random.Generator) -> str:
    count = _LINES * _WORDS_A_LINE
    styles = draw_columns(np.tile(weights, (count, 1)), rng)
    typical = rng.random(count) < _TYPICAL
    ranks = rng.zipf(1.6, count)  # few words are frequent, most are rare
    words = []
    for style, is_typical, rank in zip(styles, typical, ranks, strict=True):
        source = THEMES[style] if is_typical else COMMON
        words.append(source[int(rank - 1) % len(source)])
    lines = [words[start : start + _WORDS_A_LINE] for start in range(0, count, _WORDS_A_LINE)]
    return "\n".join(" ".join(line) for line in lines)


def make_titles(count: int, nouns: str, rng: np.random.Generator) -> list[str]:
    """Names like ``"Silver River 12"`` that say nothing about the style; numbered where a name comes again.

    :param nouns: the possible last words, divided by blanks.
    """
    adjectives, choices = _ADJECTIVES.split(), nouns.split()
    seen: dict[str, int] = {}
    titles = []
    for first, last in zip(
        rng.integers(len(adjectives), size=count), rng.integers(len(choices), size=count), strict=True
    ):
        title = f"{adjectives[first]} {choices[last]}"
        seen[title] = seen.get(title, 0) + 1
        titles.append(title if seen[title] == 1 else f"{title} {seen[title]}")
    return titles

"""Tastes of worlds with one answer: styles are unit axes, every song and every user's taste lies on one of them."""

from __future__ import annotations

import dataclasses

import numpy as np

from hetmusic.synth._random import stream
from hetmusic.synth.settings import WorldSettings
from hetmusic.synth.taste import FloatArray, IntArray, Taste, balanced, unit

#: log popularity of the songs that everybody plays alike, see :func:`half_for_everybody`
EVERYBODY = 3.5
#: length of the noise that decides which of many users of one style count as the nearest
_TIE_BREAK = 0.1


def one_style_each(settings: WorldSettings, seed: int) -> Taste:
    """Every user likes one style, drawn independently and uniformly; songs and artists are spread evenly."""
    return _taste(settings, 0, stream(seed, "planted taste"))


def half_for_everybody(settings: WorldSettings, seed: int) -> Taste:
    """Nobody prefers a style of the first half: its songs are well known, and everybody plays them alike.

    Every user likes one style of the second half, as in :func:`one_style_each`.
    """
    half = settings.styles // 2
    taste = _taste(settings, half, stream(seed, "planted taste"))
    return dataclasses.replace(taste, popularity=np.where(taste.song_style < half, EVERYBODY, 0.0))


def with_ties_broken(taste: Taste, seed: int) -> Taste:
    """The same tastes with a little noise, so that it is chance who of the users of one style is nearest to whom."""
    noise = stream(seed, "ties").standard_normal(taste.users.shape) / np.sqrt(taste.users.shape[1])
    return dataclasses.replace(taste, users=unit(taste.users + _TIE_BREAK * noise))


def circle_emotions(styles: int, style: IntArray, seed: int, spread: float = 0.1) -> FloatArray:
    """Valence and arousal around points of a circle, one a style, so that emotion tells styles apart.

    :param style: of each song, shape ``(songs,)``.
    :param spread: standard deviation around the point; neighbouring points of 6 styles are 0.7 apart.
    :return: shape ``(songs, 2)``, in [-1, 1].
    """
    angles = 2 * np.pi * style / styles
    points = 0.7 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    noise = spread * stream(seed, "planted emotion").standard_normal(points.shape)
    emotions: FloatArray = np.clip(points + noise, -1.0, 1.0)
    return emotions


def _taste(settings: WorldSettings, first: int, rng: np.random.Generator) -> Taste:
    """Songs evenly over styles in random order, the songs of a style evenly over its artists.

    :param first: styles below this one are nobody's.
    """
    axes = np.eye(settings.styles, settings.factors)
    likes = rng.integers(first, settings.styles, size=settings.users)
    song_style = balanced(settings.styles, settings.songs, rng)
    artist_style = np.arange(settings.artists) % settings.styles
    artist_of = np.empty(settings.songs, dtype=np.int64)
    for style in range(settings.styles):
        own, artists = np.flatnonzero(song_style == style), np.flatnonzero(artist_style == style)
        artist_of[own] = rng.permutation(artists[np.arange(len(own)) % len(artists)])
    return Taste(axes, axes[likes], axes[artist_style], axes[song_style], artist_of, np.zeros(settings.songs))

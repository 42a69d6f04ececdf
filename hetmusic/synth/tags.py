"""Emotions of songs, and what listeners tag them with."""

from __future__ import annotations

import numpy as np
import polars as pl

from hetmusic.synth._random import stream
from hetmusic.synth.listens import LAST_SECOND
from hetmusic.synth.settings import WorldSettings
from hetmusic.synth.taste import FloatArray, Taste, shown_song, style_weights
from hetmusic.synth.words import EMOTIONS, GENRES, NOISE_TAGS, OTHER_TAGS, STYLE_EMOTION

#: how often a tag names a genre, an emotion, something else typical of the style, or nothing of the kind
_KIND_SHARES = (0.4, 0.3, 0.15, 0.15)
#: how often each of a style's genres, and of its other tags, is the one chosen
_GENRE_SHARES, _OTHER_SHARES = (0.6, 0.25, 0.15), (0.6, 0.4)
#: standard deviation of a song's emotion around its style's
_EMOTION_SPREAD = 0.15
#: how near a word must be to a song's emotion to be chosen, in units of valence and arousal
_EMOTION_REACH = 0.25


def song_emotions(settings: WorldSettings, taste: Taste, seed: int) -> FloatArray:
    """Valence and arousal of every song in [-1, 1], shape ``(songs, 2)``."""
    rng = stream(seed, "emotion")
    shown = shown_song(settings.songs, settings.signals["emotion"], rng)
    weights = style_weights(taste.songs[shown], taste.centres)
    mean = weights @ np.array(STYLE_EMOTION)[: settings.styles]
    emotions: FloatArray = np.clip(mean + _EMOTION_SPREAD * rng.standard_normal(mean.shape), -1.0, 1.0)
    return emotions


def make_tags(
    settings: WorldSettings, taste: Taste, listens: pl.DataFrame, emotions: FloatArray, seed: int
) -> pl.DataFrame:
    """Let users tag songs they listened to, some time after the first play.

    :param emotions: valence and arousal of the songs, as of :func:`song_emotions`.
    :return: columns ``user``, ``song`` (row numbers), ``tag`` (text), ``time``, unique in the first three and
        sorted.
    """
    rng = stream(seed, "tags")
    chosen = _tagged_listens(settings, listens, rng)
    songs = chosen["song"].to_numpy()
    kinds = rng.choice(4, size=len(songs), p=_KIND_SHARES)
    words = _style_words(settings, taste, songs, kinds, rng)
    feeling = kinds == 1
    words[feeling] = emotion_words(emotions[songs[feeling]], rng)
    noise = kinds == 3
    words[noise] = rng.choice(np.array(NOISE_TAGS, dtype=object), size=int(noise.sum()))
    start = chosen["time"].to_numpy()
    time = start + ((LAST_SECOND - start) * rng.random(len(start))).astype(np.int64)
    tags = chosen.select("user", "song").with_columns(
        pl.Series("tag", words.tolist(), dtype=pl.String), pl.Series("time", time, dtype=pl.Int64)
    )
    return tags.sort("user", "song", "tag", "time").unique(
        ["user", "song", "tag"], keep="first", maintain_order=True
    )


def _tagged_listens(settings: WorldSettings, listens: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """The listens that get a tag, some of them several: active taggers are few, as everywhere."""
    activity = rng.gamma(1.0, 1.0, settings.users)[listens["user"].to_numpy()]
    wanted = round(settings.users * settings.tags_per_user)
    rows = rng.choice(len(listens), size=wanted, p=activity / activity.sum())
    chosen: pl.DataFrame = listens[np.sort(rows).tolist()]
    return chosen


def _style_words(
    settings: WorldSettings, taste: Taste, songs: np.ndarray, kinds: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """A genre (kind 0) or other tag (kind 2) of a style that each song shows; object array of text."""
    words = np.empty(len(songs), dtype=object)
    for signal, table, shares, rows in (
        ("genre", GENRES, _GENRE_SHARES, np.flatnonzero(kinds == 0)),
        ("tag", OTHER_TAGS, _OTHER_SHARES, np.flatnonzero(kinds == 2)),
    ):
        shown = shown_song(settings.songs, settings.signals[signal], rng)
        weights = style_weights(taste.songs[shown], taste.centres)
        styles = draw_columns(weights[songs[rows]], rng)
        entries = rng.choice(len(shares), size=len(rows), p=shares)
        words[rows] = [table[style][entry] for style, entry in zip(styles, entries, strict=True)]
    return words


def emotion_words(emotions: FloatArray, rng: np.random.Generator) -> np.ndarray:
    """A word near each valence–arousal pair, drawn by a Gaussian of their distance; object array of text."""
    places = np.array(list(EMOTIONS.values()))
    squared = ((emotions[:, None, :] - places[None, :, :]) ** 2).sum(axis=2)
    nearness = np.exp(-(squared - squared.min(axis=1, keepdims=True)) / (2 * _EMOTION_REACH**2))
    chosen = draw_columns(nearness / nearness.sum(axis=1, keepdims=True), rng)
    words: np.ndarray = np.array(list(EMOTIONS), dtype=object)[chosen]
    return words


def draw_columns(probabilities: FloatArray, rng: np.random.Generator) -> np.ndarray:
    """Draw one column of each row by the row's probabilities, shape ``(rows,)``."""
    threshold = rng.random((len(probabilities), 1)) * probabilities.sum(axis=1, keepdims=True)
    columns: np.ndarray = np.minimum(
        (probabilities.cumsum(axis=1) <= threshold).sum(axis=1), probabilities.shape[1] - 1
    )
    return columns

"""Last touches that single designs need."""

from __future__ import annotations

import dataclasses

import numpy as np
import polars as pl

from hetmusic.synth._random import stream
from hetmusic.synth.listens import FIRST_SECOND, LAST_SECOND
from hetmusic.synth.planted.latent import circle_emotions
from hetmusic.synth.tags import emotion_words
from hetmusic.synth.words import COMMON
from hetmusic.synth.world import World

#: lines of lyrics about a feeling, and words a line, the last of which names it
_LINES, _WORDS = 8, 5


def as_it_is(world: World, seed: int) -> World:
    """Change nothing."""
    return world


def with_two_texts(world: World, seed: int) -> World:
    """Give every song one of two lyrics, each to half of the songs of a style: content without any identity.

    Vectors that are different for every song, even random ones, let a model tell songs apart and so learn from who
    listened to what, through the content tower. Two texts do not.
    """
    lyrics = [""] * world.settings.songs
    for style in range(world.settings.styles):
        for place, song in enumerate(np.flatnonzero(world.taste.song_style == style)):
            lyrics[song] = world.lyrics[place % 2]
    return dataclasses.replace(world, lyrics=lyrics)


def with_feelings(world: World, seed: int) -> World:
    """Let valence and arousal tell the style, and let people who have not played a song say what it makes them feel.

    ``tags_per_user`` is the mean number of such tags a user. The tags of listeners would be of no use: those of held-out
    pairs are hidden from training.
    """
    settings, rng = world.settings, stream(seed, "feelings")
    emotions = circle_emotions(settings.styles, world.taste.song_style, seed)
    played = np.zeros((settings.users, settings.songs), dtype=bool)
    played[world.listens["user"], world.listens["song"]] = True
    users, songs = np.nonzero(~played)
    chosen = np.sort(rng.choice(len(users), round(settings.users * settings.tags_per_user), replace=False))
    users, songs = users[chosen], songs[chosen]
    tags = pl.DataFrame(
        {
            "user": users,
            "song": songs,
            "tag": pl.Series(emotion_words(emotions[songs], rng).tolist(), dtype=pl.String),
            "time": rng.integers(FIRST_SECOND, LAST_SECOND, len(users)),
        }
    )
    table = world.songs.with_columns(valence=emotions[:, 0].round(4), arousal=emotions[:, 1].round(4))
    return dataclasses.replace(world, songs=table, tags=tags)


def with_heard_feelings(world: World, seed: int) -> World:
    """Let nothing but sound and lyrics tell what a song feels like, and that its style.

    Every line of the lyrics ends with an emotion word near the song's valence and arousal; the sound is the style's anyway.
    """
    settings, rng = world.settings, stream(seed, "heard feelings")
    emotions = circle_emotions(settings.styles, world.taste.song_style, seed)
    named = emotion_words(np.repeat(emotions, _LINES, axis=0), rng).reshape(settings.songs, _LINES)
    others = rng.choice(np.array(COMMON, dtype=object), (settings.songs, _LINES, _WORDS - 1))
    lyrics = [
        "\n".join(" ".join([*line, word]) for line, word in zip(lines, words, strict=True))
        for lines, words in zip(others, named, strict=True)
    ]
    unknown = pl.lit(None, pl.Float64)
    table = world.songs.with_columns(unknown.alias("valence"), unknown.alias("arousal"))
    return dataclasses.replace(world, songs=table, lyrics=lyrics, heard=emotions)

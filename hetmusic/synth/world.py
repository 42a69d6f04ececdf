"""A planted world: what was drawn, and the true preferences behind it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hetmusic.synth._random import stream
from hetmusic.synth.covers import paint, png_bytes, style_covers
from hetmusic.synth.listens import make_friends, make_listens, quiet_users
from hetmusic.synth.lyrics import make_lyrics, make_titles
from hetmusic.synth.settings import MODALITIES, WorldSettings
from hetmusic.synth.sound import style_sounds, synthesise, wav_bytes
from hetmusic.synth.tags import make_tags, song_emotions
from hetmusic.synth.taste import FloatArray, IntArray, Taste, make_taste, shown_song, style_weights


@dataclass(frozen=True)
class World:
    """Everything about a planted world; sound and cover files are made by :meth:`audio` and :meth:`covers`.

    Tables refer to users, songs, artists and albums by row number; ``key`` columns hold the ids that a dump
    shows.
    """

    settings: WorldSettings
    seed: int
    #: the planted vectors
    taste: Taste
    #: users whose listens, but the answers, say nothing about their taste, bool, shape ``(users,)``
    quiet: NDArray[np.bool_]
    #: columns ``key``, ``name``
    users: pl.DataFrame
    #: columns ``key``, ``name``
    artists: pl.DataFrame
    #: columns ``key``, ``title``, ``artist`` (row), ``year``
    albums: pl.DataFrame
    #: columns ``key``, ``title``, ``artist`` (row), ``album`` (row), ``valence``, ``arousal``
    songs: pl.DataFrame
    #: columns ``user``, ``song``, ``plays``, ``time``
    listens: pl.DataFrame
    #: columns ``user`` < ``friend``
    friends: pl.DataFrame
    #: columns ``user``, ``song``, ``tag``, ``time``
    tags: pl.DataFrame
    #: the lyrics of each song; ``present["lyrics"]`` tells which are to be shown
    lyrics: list[str]
    #: which songs have each modality of :data:`hetmusic.synth.settings.MODALITIES`, bool arrays of shape
    #: ``(songs,)``
    present: dict[str, NDArray[np.bool_]]
    #: valence and arousal that were planted, shape ``(songs, 2)``, where sound and lyrics tell them and ``songs`` does not
    heard: FloatArray | None = None

    @property
    def user_factors(self) -> NDArray[np.float32]:
        """True user vectors, shape ``(users, factors + 1)``: taste / temperature, then 1."""
        scaled = self.taste.users / self.settings.temperature
        return np.hstack([scaled, np.ones((len(scaled), 1))]).astype(np.float32)

    @property
    def item_factors(self) -> NDArray[np.float32]:
        """True song vectors, shape ``(songs, factors + 1)``: the song's place, then its log popularity."""
        return np.hstack([self.taste.songs, self.taste.popularity[:, None]]).astype(np.float32)

    def best_ranking_scores(self, users: IntArray | None = None) -> NDArray[np.float32]:
        """The scores that the listens were drawn by: no recommender can expect to rank better.

        :param users: row numbers of users; all if not given.
        :return: shape ``(len(users), songs)``.
        """
        factors = self.user_factors
        return (factors if users is None else factors[users]) @ self.item_factors.T

    def audio(self) -> Iterator[tuple[int, bytes]]:
        """Song row and WAV file of each song that has sound."""
        rng = stream(self.seed, "audio")
        parameters = self._shown_style("audio", style_sounds(self.settings.styles, rng), rng)
        for song in np.flatnonzero(self.present["audio"]):
            own = np.random.default_rng([self.seed, 1, int(song)])
            yield int(song), wav_bytes(synthesise(parameters[song], self.settings.audio_seconds, own))

    def covers(self) -> Iterator[tuple[int, bytes]]:
        """Song row and PNG file of each song that has a cover."""
        rng = stream(self.seed, "cover")
        parameters = self._shown_style("cover", style_covers(self.settings.styles, rng), rng)
        for song in np.flatnonzero(self.present["cover"]):
            own = np.random.default_rng([self.seed, 2, int(song)])
            yield int(song), png_bytes(paint(parameters[song], own))

    def _shown_style(self, signal: str, styles: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Mix the styles' parameters by what each song shows, shape ``(songs, parameters)``."""
        shown = shown_song(self.settings.songs, self.settings.signals[signal], rng)
        return style_weights(self.taste.songs[shown], self.taste.centres) @ styles


def make_world(settings: WorldSettings | None = None, seed: int = 0) -> World:
    """Plant a world; the same settings and seed give the same world.

    Every part draws from a stream of its own: other friends or weaker lyrics leave the listens as they are.
    """
    settings = settings or WorldSettings()
    taste = make_taste(settings, seed)
    return assemble(
        settings, taste, make_friends(settings, taste, seed), song_emotions(settings, taste, seed), seed
    )


def assemble(
    settings: WorldSettings, taste: Taste, friends: pl.DataFrame, emotions: FloatArray, seed: int
) -> World:
    """Make everything else of a world whose tastes, friendships and emotions are given.

    :param friends: columns ``user`` < ``friend``.
    :param emotions: valence and arousal of the songs, shape ``(songs, 2)``.
    """
    quiet = quiet_users(settings, seed)
    listens = make_listens(settings, taste, quiet, seed)
    albums, songs = _discography(settings, taste, seed)
    return World(
        settings=settings,
        seed=seed,
        taste=taste,
        quiet=quiet,
        users=pl.DataFrame({"key": _keys("u", settings.users)}).with_columns(
            name="Listener " + pl.col("key").str.slice(1)
        ),
        artists=_named(
            "a", "name", settings.artists, "Foxes Pilots Machines Sisters Kings Clouds Riders", seed
        ),
        albums=albums,
        songs=songs.with_columns(valence=emotions[:, 0].round(4), arousal=emotions[:, 1].round(4)),
        listens=listens,
        friends=friends,
        tags=make_tags(settings, taste, listens, emotions, seed),
        lyrics=make_lyrics(settings, taste, seed),
        present={name: _present(settings, name, seed) for name in MODALITIES},
    )


def _keys(prefix: str, count: int) -> list[str]:
    """``count`` ids of equal length, so that their alphabetical order is their number's."""
    width = len(str(count))
    return [f"{prefix}{number:0{width}d}" for number in range(1, count + 1)]


def _named(prefix: str, column: str, count: int, nouns: str, seed: int) -> pl.DataFrame:
    titles = make_titles(count, nouns, stream(seed, f"names of {prefix}"))
    return pl.DataFrame({"key": _keys(prefix, count), column: titles})


def _discography(settings: WorldSettings, taste: Taste, seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Albums, and songs with the artist and album that the dump will name."""
    rng = stream(seed, "discography")
    artist = taste.artist_of[shown_song(settings.songs, settings.signals["artist"], rng)]
    album = np.empty(settings.songs, dtype=np.int64)
    owners: list[int] = []
    for number in range(settings.artists):
        own = rng.permutation(np.flatnonzero(artist == number))
        count = min(1 + rng.poisson(settings.albums_per_artist - 1.0), len(own))
        album[own] = len(owners) + np.arange(len(own)) % count
        owners += [number] * count
    albums = _named("l", "title", len(owners), "Rooms Letters Seasons Maps Mirrors Bridges Tales", seed)
    albums = albums.with_columns(artist=np.array(owners), year=rng.integers(1970, 2020, len(owners)))
    songs = _named(
        "s", "title", settings.songs, "River Night Road Heart Summer Window Light Dream Garden", seed
    )
    return albums, songs.with_columns(artist=artist, album=album)


def _present(settings: WorldSettings, modality: str, seed: int) -> NDArray[np.bool_]:
    """A mask in which the asked share of songs, rounded, is absent."""
    absent = round(settings.songs * settings.missing(modality))
    return stream(seed, f"missing {modality}").permutation(settings.songs) >= absent

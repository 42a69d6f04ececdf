"""Latent taste: style centres, users as mixtures of styles, artists near a style, songs near their artist."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hetmusic.synth._random import stream
from hetmusic.synth.settings import WorldSettings

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

#: Softness of :func:`style_weights`: a song halfway between two styles shows both, one near a centre only
#: that.
_STYLE_TEMPERATURE = 0.15


@dataclass(frozen=True)
class Taste:
    """Who is planted where; all vectors have unit length in the same space."""

    #: orthonormal style centres, shape ``(styles, factors)``
    centres: FloatArray
    #: user taste vectors, shape ``(users, factors)``
    users: FloatArray
    #: artist vectors, shape ``(artists, factors)``
    artists: FloatArray
    #: song vectors, shape ``(songs, factors)``
    songs: FloatArray
    #: the artist of each song, shape ``(songs,)``
    artist_of: IntArray
    #: natural logarithm of each song's popularity up to a constant, shape ``(songs,)``
    popularity: FloatArray

    @property
    def user_style(self) -> IntArray:
        """The nearest style of each user, shape ``(users,)``."""
        nearest: IntArray = (self.users @ self.centres.T).argmax(axis=1)
        return nearest

    @property
    def song_style(self) -> IntArray:
        """The nearest style of each song, shape ``(songs,)``."""
        nearest: IntArray = (self.songs @ self.centres.T).argmax(axis=1)
        return nearest


def unit(vectors: FloatArray) -> FloatArray:
    """Scale every row to length 1."""
    scaled: FloatArray = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return scaled


def _near(centres: FloatArray, noise: float, rng: np.random.Generator) -> FloatArray:
    """Unit vectors at a random offset of expected length ``noise`` from each row of ``centres``."""
    offset = rng.standard_normal(centres.shape) / np.sqrt(centres.shape[1])
    return unit(centres + noise * offset)


def balanced(labels: int, count: int, rng: np.random.Generator) -> IntArray:
    """``count`` labels below ``labels``, each as often as any other to within one, shuffled."""
    return rng.permutation(np.arange(count) % labels)


def make_taste(settings: WorldSettings, seed: int) -> Taste:
    """Plant styles, users, artists and songs."""
    rng = stream(seed, "taste")
    centres = np.linalg.qr(rng.standard_normal((settings.factors, settings.styles)))[0].T
    mixture = rng.dirichlet(np.full(settings.styles, settings.eclecticism), settings.users)
    users = _near(unit(mixture @ centres), settings.artist_noise, rng)
    artists = _near(centres[balanced(settings.styles, settings.artists, rng)], settings.artist_noise, rng)
    artist_of = _artists_of_songs(settings, rng)
    songs = _near(artists[artist_of], settings.song_noise, rng)
    fame = rng.standard_normal(settings.artists)[artist_of] + rng.standard_normal(settings.songs)
    return Taste(centres, users, artists, songs, artist_of, settings.popularity * fame / np.sqrt(2))


def _artists_of_songs(settings: WorldSettings, rng: np.random.Generator) -> IntArray:
    """An artist for every song, in ascending order: each artist has at least one, some have many."""
    share = rng.dirichlet(np.full(settings.artists, 3.0))
    extra = rng.multinomial(settings.songs - settings.artists, share)
    return np.repeat(np.arange(settings.artists), 1 + extra)


def style_weights(vectors: FloatArray, centres: FloatArray) -> FloatArray:
    """How much of each style a vector shows; rows sum to 1, shape ``(len(vectors), styles)``."""
    logits = vectors @ centres.T / _STYLE_TEMPERATURE
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: FloatArray = weights / weights.sum(axis=1, keepdims=True)
    return shares


def shown_song(songs: int, strength: float, rng: np.random.Generator) -> IntArray:
    """Whose vector each song shows in some kind of data, shape ``(songs,)``.

    A share ``strength`` shows its own; the others are shuffled among themselves, which keeps the distribution
    of what is shown and removes what it says about the song.
    """
    shown = np.arange(songs)
    liars = np.flatnonzero(rng.random(songs) >= strength)
    shown[liars] = rng.permutation(liars)
    return shown

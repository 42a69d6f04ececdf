"""Emotion words for a point of valence and arousal: the edges ``evokes`` of songs that nobody has given a word."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

#: number of words that a point is connected with
NEAREST = 3
#: how fast a word's share falls with its distance (standard deviation of a Gaussian), in units of valence and arousal
REACH = 0.25
#: shares below this are left out
_LEAST = 0.01
_CHUNK = 65_536


@dataclass(frozen=True)
class WordEdges:
    """Edges from songs to words, sorted by both."""

    #: row of the song, int32, shape ``(edges,)``
    song: NDArray[np.int32]
    #: row of the word, likewise
    word: NDArray[np.int32]
    #: above 0, float32, shape ``(edges,)``
    weight: NDArray[np.float32]


def nearest_words(points: FloatArray, confidence: FloatArray, places: FloatArray) -> WordEdges:
    """Connect songs with the words nearest to them.

    The three nearest words share the song's confidence c, so that an estimate counts at most as much as one person:

        weight_j = c · exp(-d_j² / (2 · 0.25²)) / Σ_k exp(-d_k² / (2 · 0.25²))

    :param points: valence and arousal of songs, shape ``(songs, 2)``; those with a NaN get no word.
    :param confidence: in [0, 1], shape ``(songs,)``; those with 0 get no word.
    :param places: valence and arousal of words, finite, shape ``(words, 2)``.
    """
    wanted = np.flatnonzero(np.isfinite(points).all(axis=1) & (confidence > 0))
    if not len(wanted) or not len(places):
        return WordEdges(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.float32))
    chunks = np.split(wanted, range(_CHUNK, len(wanted), _CHUNK))
    parts = [_nearest(rows, points, confidence, places) for rows in chunks]
    song, word, weight = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((word, song))
    return WordEdges(
        song[order].astype(np.int32), word[order].astype(np.int32), weight[order].astype(np.float32)
    )


def _nearest(
    rows: NDArray[np.int64], points: FloatArray, confidence: FloatArray, places: FloatArray
) -> tuple[NDArray[np.int64], NDArray[np.int64], FloatArray]:
    squared = ((points[rows, None, :] - places[None, :, :]) ** 2).sum(axis=2)
    # a stable order, so that of words at one place the first counts on every machine
    words = np.argsort(squared, axis=1, kind="stable")[:, :NEAREST]
    near = np.take_along_axis(squared, words, axis=1)
    share = np.exp(-(near - near[:, :1]) / (2 * REACH**2))
    share /= share.sum(axis=1, keepdims=True)
    keep = share >= _LEAST
    return np.repeat(rows, keep.sum(axis=1)), words[keep], (confidence[rows, None] * share)[keep]

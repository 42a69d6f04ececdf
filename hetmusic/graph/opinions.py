"""What several sources say about a song's emotion, as one point with a confidence.

For each axis (valence, arousal), over the sources s that know it, with weight w_s and confidence c_s and q_s = w_s c_s:

    p = Σ q_s p_s / Σ q_s                          the point: the mean, weighted by both
    d = sqrt(Σ q_s (p_s - p)² / Σ q_s)             how far the sources are apart, in [0, 1]
    c = (Σ q_s / Σ w_s) (1 - d)                    the confidence

One source keeps its own point and confidence; sources that say the opposite of each other (1 and -1) leave none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hetmusic.graph.types import Edges

FloatArray = NDArray[np.float64]

#: so many people who say the same are half of all confidence that people can give
_HALF_PEOPLE = 2.0


@dataclass(frozen=True)
class Opinions:
    """What one source, or several together, say about songs."""

    #: valence and arousal in [-1, 1], NaN where unknown, shape ``(songs, 2)``
    points: FloatArray
    #: in [0, 1] for each axis, 0 where nothing is known, shape ``(songs, 2)``
    confidence: FloatArray

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which axes are known, shape ``(songs, 2)``."""
        return np.asarray(np.isfinite(self.points) & (self.confidence > 0))


def combine(sources: Mapping[str, Opinions], weights: Mapping[str, float]) -> Opinions:
    """Combine sources as the module says.

    :param sources: at least one.
    :param weights: of every source, at least 0; one of 0 says nothing.
    """
    shape = next(iter(sources.values())).points.shape
    mass, weight, total = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for name, opinions in sources.items():
        known = opinions.known
        weight += weights[name] * known
        mass += weights[name] * _where(known, opinions.confidence)
        total += weights[name] * _where(known, opinions.confidence * opinions.points)
    some = mass > 0
    divisor = np.where(some, mass, 1.0)
    point = total / divisor
    apart = np.zeros(shape)
    for name, opinions in sources.items():
        squared = opinions.confidence * (opinions.points - point) ** 2
        apart += weights[name] * _where(opinions.known, squared)
    agreed = 1.0 - np.sqrt(apart / divisor)
    confidence = mass / np.where(some, weight, 1.0) * agreed
    return Opinions(np.where(some, point, np.nan), np.clip(_where(some, confidence), 0.0, 1.0))


def said_by_people(words: Edges, places: NDArray[np.floating], count: int) -> Opinions:
    """What people's words say: the mean of the words' places, each counting by the number of people who said it.

    With n people in all and d the standard deviation of their words' places on that axis, the confidence is
    n / (n + 2) * (1 - d): it grows with the number of people, and falls when they disagree.

    :param words: item -> word; without weights each was said by one.
    :param places: valence and arousal of every word, NaN where unknown: such words do not count, shape ``(words, 2)``.
    :param count: number of items.
    """
    used = words.select(np.asarray(np.isfinite(places[words.dst]).all(axis=1))) if len(words) else words
    people = np.ones(len(used)) if used.weight is None else used.weight.astype(np.float64)
    number = np.bincount(used.src, people, minlength=count)[:, None]
    divisor = np.where(number > 0, number, 1.0)

    def mean(values: FloatArray) -> FloatArray:
        sums = [np.bincount(used.src, people * values[:, axis], minlength=count) for axis in range(2)]
        return np.stack(sums, axis=1) / divisor

    at = places[used.dst].astype(np.float64).reshape(-1, 2)
    point = mean(at)
    apart = np.sqrt(mean((at - point[used.src]) ** 2))
    confidence = number / (number + _HALF_PEOPLE) * (1.0 - apart)
    return Opinions(np.where(number > 0, point, np.nan), np.clip(confidence, 0.0, 1.0))


def _where(known: NDArray[np.bool_], values: FloatArray) -> FloatArray:
    """The values, 0 where they are not known (they may be NaN there)."""
    return np.where(known, values, 0.0)

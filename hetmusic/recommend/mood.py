"""Steering: lists that lean towards a mood, by valence and arousal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hetmusic.errors import ConfigError, did_you_mean
from hetmusic.ranking import EmbeddingScorer

#: below this a spread is rounding noise
_TINY = 1e-12
#: beyond it taste is lost in the rounding of float32
MAX_STRENGTH = 1_000_000
#: items read at a time
_BLOCK = 65_536


@dataclass(frozen=True)
class Mood:
    """A place on the circumplex of valence and arousal (Russell 1980); an axis that is None does not matter.

    :raises ConfigError: if no axis is given, or a value is not in [-1, 1].
    """

    #: from unpleasant (-1) to pleasant (1)
    valence: float | None = None
    #: from calm (-1) to excited (1)
    arousal: float | None = None

    def __post_init__(self) -> None:
        if self.valence is None and self.arousal is None:
            raise ConfigError("a mood needs a valence or an arousal")
        for name, value in (("valence", self.valence), ("arousal", self.arousal)):
            if value is not None and not -1 <= value <= 1:
                raise ConfigError(f"{name} is {value:g}, but goes from -1 to 1")

    @classmethod
    def of_word(cls, word: str) -> Mood:
        """The mood that a word of the emotion vocabulary stands for.

        :raises ConfigError: for a word that the vocabulary does not have.
        """
        from kg_schema.vocab.emotions import EmotionVocabulary

        vocabulary = EmotionVocabulary.load()
        name = vocabulary.lookup(word)
        if name is None:
            known = {alias: key for key, e in vocabulary.emotions.items() for alias in (key, *e.aliases)}
            hint = did_you_mean(word.strip().casefold(), known) or "; or give --valence and --arousal"
            raise ConfigError(f"unknown emotion {word!r}{hint}")
        return cls(vocabulary[name].valence, vocabulary[name].arousal)

    def closeness(self, points: NDArray[np.float32]) -> NDArray[np.float64]:
        """1 - distance / largest possible distance, in [0, 1].

        :param points: valence and arousal, shape ``(n, 2)``.
        """
        axes = [axis for axis, value in enumerate((self.valence, self.arousal)) if value is not None]
        target = np.array([self.valence, self.arousal], dtype=np.float64)[axes]
        distance = np.sqrt(((points[:, axes].astype(np.float64) - target) ** 2).sum(axis=1))
        return np.asarray(1 - distance / (2 * np.sqrt(len(axes))))


class SteeredScorer:
    """Scores that lean towards a mood.

        s'(u, i) = s(u, i) + strength · sd_u · (c_i - mean c) / sd(c)

    c_i is the item's closeness to the mood and sd_u the spread of the user's scores, both over the candidates; an item
    without emotion counts as one of mean closeness. For any list the mean of the last factor never falls as the strength
    grows: the top k of s + t · c maximise the sum of s plus t times that of c.

    :param scorer: the scores to start from.
    :param points: valence and arousal of the items, shape ``(num_items, 2)``.
    :param known: which items have them, bool ``(num_items,)``.
    :param strength: 0 changes nothing; with 1 the mood counts as much as the taste.
    :param candidates: items that can be recommended; None means all.
    :raises ConfigError: if the strength is negative, too large or no number.
    """

    def __init__(
        self,
        scorer: EmbeddingScorer,
        points: NDArray[np.float32],
        known: NDArray[np.bool_],
        mood: Mood,
        strength: float,
        candidates: NDArray[np.int32] | None = None,
    ) -> None:
        if not 0 <= strength <= MAX_STRENGTH:
            raise ConfigError(f"strength is {strength:g}, but a list is steered by 0 to {MAX_STRENGTH:,}")
        self.scorer = scorer
        chosen = np.arange(scorer.num_items) if candidates is None else np.asarray(candidates)
        self._covariance = strength**2 * _covariance(scorer.item_embeddings, chosen)
        self._pull = _standardised(mood.closeness(points), known, chosen)

    @property
    def num_items(self) -> int:
        """Size of the catalogue."""
        return self.scorer.num_items

    def scores(self, users: NDArray[Any], start: int, stop: int) -> NDArray[np.float32]:
        """See :meth:`hetmusic.ranking.Scorer.scores`."""
        vectors = self.scorer.user_embeddings[users].astype(np.float64)
        variance = np.einsum("ud,de,ue->u", vectors, self._covariance, vectors, optimize=True)
        weight = np.sqrt(variance.clip(min=0))
        return self.scorer.scores(users, start, stop) + np.outer(weight, self._pull[start:stop]).astype(
            np.float32
        )


def _standardised(
    closeness: NDArray[np.float64], known: NDArray[np.bool_], chosen: NDArray[Any]
) -> NDArray[np.float64]:
    """Closeness with mean 0 and standard deviation 1 over the candidates that have an emotion; 0 for the others."""
    pull = np.zeros(len(closeness))
    reference = closeness[chosen[known[chosen]]]
    if len(reference) and reference.std() > _TINY:
        pull[known] = (closeness[known] - reference.mean()) / reference.std()
    return pull


def _covariance(items: NDArray[Any], chosen: NDArray[Any]) -> NDArray[np.float64]:
    """Covariance of some items' vectors, shape ``(dim, dim)``; they are read piece by piece."""
    count, dim = len(chosen), items.shape[1]
    total, products = np.zeros(dim), np.zeros((dim, dim))
    for first in range(0, count, _BLOCK):
        block = items[chosen[first : first + _BLOCK]].astype(np.float64)
        total += block.sum(axis=0)
        products += block.T @ block
    mean = total / count
    return np.asarray(products / count - np.outer(mean, mean))

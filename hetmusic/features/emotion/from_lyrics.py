"""Valence and arousal of songs from the words of their lyrics."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hetmusic.errors import EnvironmentProblem
from hetmusic.features.emotion.lexicon import EmotionLexicon
from hetmusic.features.lyrics import is_instrumental, words
from hetmusic.features.word_counts import read_counts

#: Longer lines are cut: VADER's score of a text goes to 1 or -1 with its length.
_LONGEST_LINE = 30
#: So many different lines with a sentiment are half of all confidence that lines can give; so many words of a lexicon.
_HALF_LINES, _HALF_WORDS = 4.0, 20.0
#: A text with this share of words of the kind (English function words; words of the lexicon) is in the right language.
_ENGLISH, _COVERED = 0.2, 0.2
_SENTENCE = re.compile(r"(?<=[.!?;])\s+")

#: Frequent words of English that are not words of other frequent languages of lyrics.
_ENGLISH_WORDS = """
the and you i my your is are were been it of that this to for with but what when where have has
had would can could should don't i'm it's you're i'll i've can't that's we they she her his our
their them there from just know if out up all do did does not how who why about into over down
through these those than then some any every never always because let it'll you'll we're ain't
won't didn't cause as at be by
"""
_FUNCTION_WORDS = frozenset(_ENGLISH_WORDS.split())


class Emotion(NamedTuple):
    """What a text says about a song's emotion."""

    #: from unpleasant (-1) to pleasant (1) (Russell 1980); NaN if nothing is known
    valence: float
    #: from calm (-1) to excited (1); NaN if nothing is known
    arousal: float
    #: from 0 (nothing known) to 1
    confidence: float


@dataclass(frozen=True)
class LyricsEmotions:
    """Emotions of songs, from their lyrics; every array float32 of shape ``(songs,)``."""

    #: in [-1, 1], NaN where unknown
    valence: NDArray[np.float32]
    #: in [-1, 1], NaN where unknown; VADER alone knows no arousal
    arousal: NDArray[np.float32]
    #: in [0, 1], 0 where nothing is known
    confidence: NDArray[np.float32]


_UNKNOWN = Emotion(math.nan, math.nan, 0.0)


def emotions_from_lyrics(
    texts: Iterable[str | None], lexicon: EmotionLexicon | None = None, *, vader: bool = True
) -> LyricsEmotions:
    """Valence of lyrics by VADER, and valence and arousal by a lexicon if one is given.

    Where both know a song's valence it is their mean, weighted by confidence; the confidence is the larger one.

    :param texts: lyrics with a verse a line, or bags of words (``love:7 you:5``); None, blank and instrumental ones are
        unknown.
    :param vader: whether VADER is used; it knows English only.
    :raises EnvironmentProblem: if VADER is wanted and its package is not installed.
    """
    judges: list[Callable[[str], Emotion]] = []
    if vader:
        judges.append(VaderJudge())
    if lexicon is not None:
        judges.append(LexiconJudge(lexicon))
    found = [_together([judge(text) for judge in judges]) for text in map(_sung, texts)]
    values = np.array(found, np.float32).reshape(-1, 3)
    return LyricsEmotions(values[:, 0], values[:, 1], values[:, 2])


def _sung(text: str | None) -> str:
    return "" if text is None or is_instrumental(text) else text


def _together(emotions: Sequence[Emotion]) -> Emotion:
    """Mean of what several judges say, weighted by their confidence."""
    axes = []
    for axis in range(2):
        known = [(e[axis], e.confidence) for e in emotions if not math.isnan(e[axis])]
        total = sum(confidence for _, confidence in known)
        axes.append(sum(value * confidence for value, confidence in known) / total if total else math.nan)
    return Emotion(axes[0], axes[1], max((e.confidence for e in emotions), default=0.0))


class VaderJudge:
    """Valence by VADER (Hutto & Gilbert 2014), which scores English sentences from -1 to 1.

    The valence of a song is the mean over its lines, each counting by its words as often as it is sung. Confidence is
    n / (n + 4), with n different lines that VADER has an opinion of, times how English the lyrics are: the share of
    frequent English words, of which a fifth is enough. Lyrics without any such word or line are unknown.
    """

    def __init__(self) -> None:
        try:
            from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer
        except ImportError:
            raise EnvironmentProblem(
                "emotion from lyrics needs vaderSentiment: pip install 'hetmusic[emotion]'"
            ) from None
        analyzer = SentimentIntensityAnalyzer()

        @lru_cache(maxsize=1 << 16)
        def score(line: str) -> float:
            return float(analyzer.polarity_scores(line)["compound"])

        self._score = score

    def __call__(self, text: str) -> Emotion:
        """Judge lyrics; the words of a bag of words are lines that are sung as often as they are counted."""
        counts = read_counts(text)
        lines = (
            [(line, float(len(words(line)))) for line in _lines(text)]
            if counts is None
            else [*counts.items()]
        )
        scored = [(line, self._score(line), weight) for line, weight in lines if weight]
        evidence = len({line for line, score, _ in scored if score})
        confidence = _confidence(evidence, _HALF_LINES, english_share(lines), _ENGLISH)
        if not confidence:
            return _UNKNOWN
        total = sum(weight for *_, weight in scored)
        return Emotion(sum(score * weight for _, score, weight in scored) / total, math.nan, confidence)


class LexiconJudge:
    """Valence and arousal as the mean over the words that a lexicon has.

    Confidence is n / (n + 20), with n words found (a phrase has several), times how well the lexicon covers the text: a
    fifth of its words is enough.
    """

    def __init__(self, lexicon: EmotionLexicon) -> None:
        self.lexicon = lexicon

    def __call__(self, text: str) -> Emotion:
        """Judge lyrics or a bag of words."""
        counts = read_counts(text)
        parts = [(words(text), 1.0)] if counts is None else [(words(word), n) for word, n in counts.items()]
        found = [
            (length * times, *place) for part, times in parts for length, place in self.lexicon.find(part)
        ]
        covered = sum(weight for weight, *_ in found)
        total = sum(len(part) * times for part, times in parts)
        confidence = _confidence(covered, _HALF_WORDS, covered / total if total else 0.0, _COVERED)
        if not confidence:
            return _UNKNOWN
        valence, arousal = (sum(f[0] * f[axis] for f in found) / covered for axis in (1, 2))
        return Emotion(valence, arousal, confidence)


def english_share(lines: Iterable[tuple[str, float]]) -> float:
    """Share of frequent English words among the words of lines; a bag's words count by their weights, in [0, 1]."""
    total = english = 0.0
    for line, weight in lines:
        tokens = words(line)
        each = weight / max(len(tokens), 1)
        total += each * len(tokens)
        english += each * sum(token in _FUNCTION_WORDS for token in tokens)
    return english / total if total else 0.0


def _confidence(evidence: float, half: float, share: float, enough: float) -> float:
    return evidence / (evidence + half) * min(1.0, share / enough)


def _lines(text: str) -> Iterable[str]:
    """Lines as they are sung; longer ones cut at the ends of sentences, and those of too many words anyhow."""
    for line in text.splitlines():
        for sentence in _SENTENCE.split(line) if len(line.split()) > _LONGEST_LINE else [line]:
            tokens = sentence.split()
            for start in range(0, len(tokens), _LONGEST_LINE):
                yield " ".join(tokens[start : start + _LONGEST_LINE])

"""Bags of words, such as those of musiXmatch, as vectors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, repeat
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hetmusic.errors import FeatureError
from hetmusic.features.extractor import extractors
from hetmusic.features.light_text import TextTfidfSvd
from hetmusic.features.lyrics import words
from hetmusic.features.text.sentence_transformer import SentenceTransformerText
from hetmusic.features.word_counts import read_counts


def counted_words(text: str) -> Iterator[str]:
    """The words of ``love:7 you:5``, each as often as it is counted; of any other text the words as they come."""
    counts = read_counts(text)
    if counts is None:
        yield from words(text)
    else:
        yield from chain.from_iterable(repeat(word, ceil(count)) for word, count in counts.items())


@extractors.register("bow-svd")
class BagOfWordsSvd(TextTfidfSvd):
    """Counted words (``love:7 you:5``) by TF-IDF and a truncated SVD, or by a language model's vectors of the words.

    The weight of a word is (1 + log(count)) · (1 + log((1 + n) / (1 + songs that have it))), with n songs. By default songs
    are projected to the main directions of the catalogue. With a model their vector is the weighted mean of their words'
    vectors, less the mean over all words (they all point one way); it knows that words are related which no song has
    together. Vectors have unit length.

    :param dim: length of a vector; a model has its own.
    :param model: a model of sentence-transformers, as a folder or a name on Hugging Face.
    :param revision: branch, tag or commit of the model.
    :param max_terms: only so many of the most frequent words count.
    :param max_share: words in more than this share of the songs are left out.
    """

    name = "bow-svd"
    analyzer = counted_words

    def __init__(
        self,
        dim: int = 128,
        *,
        model: str | None = None,
        revision: str | None = None,
        max_terms: int = 50_000,
        max_share: float = 0.8,
        seed: int = 0,
    ) -> None:
        super().__init__(dim, max_terms=max_terms, max_share=max_share, seed=seed)
        if model is None and revision is not None:
            raise FeatureError(f"{self.name}: revision {revision!r} is that of a model, and none is given")
        self._words = None if model is None else SentenceTransformerText(model, revision=revision, overlap=0)

    def settings(self) -> dict[str, Any]:
        """The arguments, and the model with its commit or checksum."""
        own = super().settings()
        return own if self._words is None else {**own, **self._words.settings()}

    def load(self, device: str = "auto") -> None:
        """Load the model, if there is one."""
        if self._words is not None:
            self._words.load(device)

    def fit(self, items: Iterable[str]) -> None:
        """Learn how rare the words are, and their directions."""
        super().fit(items)
        if self._words is not None and self.directions is not None and self.directions.size:
            self._dim = len(self.directions)

    def _directions(self, weights: Any, terms: list[str]) -> NDArray[np.float64]:
        if self._words is None:
            return super()._directions(weights, terms)
        vectors = self._words.vectors(terms).astype(np.float64)
        directions: NDArray[np.float64] = (vectors - vectors.mean(axis=0)).T
        return directions

"""Texts as TF-IDF vectors reduced by a truncated SVD (latent semantic analysis; Deerwester et al. 1990)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hetmusic.errors import FeatureError
from hetmusic.features.extractor import Absent, extractors
from hetmusic.features.light_base import LightExtractor
from hetmusic.features.lyrics import is_instrumental

#: words and directions are learned from at most so many texts, drawn at random: more of them would only take memory
LEARNED = 100_000


@extractors.register("tfidf-svd")
class TextTfidfSvd(LightExtractor):
    """Words, weighted by rarity, projected to the main directions of the texts that it was fitted on.

    Of a larger catalogue 100,000 texts drawn at random are learned from. Vectors have unit length, so their inner
    product is the cosine. The directions' signs are fixed (scikit-learn's ``svd_flip``) and all that is random is
    seeded: the same texts give the same vectors.

    :param dim: length of a vector; where the texts have fewer directions, the last columns are zero.
    :param max_terms: only so many of the most frequent words count.
    :param max_share: words in more than this share of the texts are left out.
    """

    kind = "text"
    name = "tfidf-svd"
    learns = True
    #: what a text is taken apart into: scikit-learn's words of two letters and more, or what a function returns
    analyzer: ClassVar[str | Callable[[str], Iterable[str]]] = "word"

    def __init__(
        self, dim: int = 64, *, max_terms: int = 50_000, max_share: float = 0.8, seed: int = 0
    ) -> None:
        if dim < 1:
            raise FeatureError(f"text features need at least 1 dimension, not {dim}")
        self._dim, self.max_terms, self.max_share, self.seed = dim, max_terms, max_share, seed
        self._vectorizer: Any = None
        self._taken_apart: Callable[[str], Iterable[str]] = str.split
        #: right singular vectors, shape ``(dim, terms)``
        self.directions: NDArray[np.float64] | None = None

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self._dim

    def fit(self, items: Iterable[str]) -> None:
        """Learn the words' rarity and the main directions.

        Where no word is left to tell the texts apart, every text will come out absent.
        """
        # scikit-learn takes a second to import
        from sklearn.feature_extraction.text import TfidfVectorizer

        readable = (text for text in items if text.strip() and not is_instrumental(text))
        texts = sample(readable, LEARNED, self.seed)
        # a word of a single text relates it to no other, but a handful of texts may share none
        min_df, max_df = (2, self.max_share) if len(texts) >= 10 else (1, 1.0)
        vectorizer = TfidfVectorizer(
            analyzer=type(self).analyzer,
            sublinear_tf=True,
            min_df=min_df,
            max_df=max_df,
            max_features=self.max_terms,
            dtype=np.float64,
        )
        try:
            weights = vectorizer.fit_transform(texts)
        except ValueError:  # empty vocabulary
            self.directions = np.zeros((self._dim, 0))
            return
        self._vectorizer, self._taken_apart = vectorizer, vectorizer.build_analyzer()
        self.directions = self._directions(weights, vectorizer.get_feature_names_out().tolist())

    def _directions(self, weights: Any, terms: list[str]) -> NDArray[np.float64]:
        """What a text's weights are projected to, shape ``(dim, terms)``.

        :param weights: of the words of all texts, sparse, shape ``(texts, terms)``.
        """
        from sklearn.decomposition import TruncatedSVD

        components = min(self._dim, min(weights.shape))
        svd = TruncatedSVD(components, algorithm="randomized", n_iter=7, random_state=self.seed).fit(weights)
        # in the order of columns, of which a text takes some
        directions = np.zeros((self._dim, weights.shape[1]), order="F")
        directions[:components] = svd.components_
        return directions

    def prepare(self, item: str) -> NDArray[np.floating[Any]]:
        """The vector of one text, of unit length."""
        if self.directions is None:
            raise FeatureError(f"{self.name}: fit has to come before prepare")
        if not item.strip():
            raise Absent("empty text")
        if is_instrumental(item):
            raise Absent("instrumental")
        if not self.directions.size:
            raise Absent("no known words")
        # the vectorizer's own transform of one text takes twenty times as long
        known = self._vectorizer.vocabulary_
        counts = Counter(word for word in self._taken_apart(item) if word in known)
        terms = [known[word] for word in counts]
        weights = (1.0 + np.log(np.fromiter(counts.values(), np.float64))) * self._vectorizer.idf_[terms]
        vector = self.directions[:, terms] @ weights
        length = np.linalg.norm(vector)
        if length < 1e-9:
            raise Absent("no known words")
        unit: NDArray[np.floating[Any]] = vector / length
        return unit


def sample(items: Iterable[str], size: int, seed: int) -> list[str]:
    """At most ``size`` of the items, each with the same chance (algorithm R; Vitter 1985); all, in order, if they fit."""
    rng = np.random.default_rng(seed)
    kept: list[str] = []
    for number, item in enumerate(items):
        if number < size:
            kept.append(item)
        elif (place := int(rng.integers(number + 1))) < size:
            kept[place] = item
    return kept

"""Bags of words by truncated SVD and by vectors of words, against numpy; the real pieces of musiXmatch."""

from __future__ import annotations

from math import log
from pathlib import Path

import numpy as np
import pytest

from hetmusic.errors import FeatureError
from hetmusic.features import Absent, BagOfWordsSvd, describe, extractors
from hetmusic.features.text.bag_of_words import counted_words
from hetmusic.features.text.sentence_transformer import SentenceTransformerText
from hetmusic.graph import MusicGraph

BAGS = ["sun:3 beach:1", "sun:1 sand:2", "snow:4 ice:1 s:1", "ice:2 cold:1"]


def fitted(texts: list[str], **arguments: object) -> BagOfWordsSvd:
    made = extractors.make("bow-svd", **arguments)
    assert isinstance(made, BagOfWordsSvd)
    made.load("cpu")
    made.fit(texts)
    return made


def weights(bags: list[dict[str, int]]) -> tuple[list[str], np.ndarray]:
    """TF-IDF of bags, each of unit length, and the words of its columns."""
    terms = sorted({word for bag in bags for word in bag})
    having = {term: sum(term in bag for bag in bags) for term in terms}
    rows = [
        [(1 + log(bag[t])) * (1 + log((1 + len(bags)) / (1 + having[t]))) if t in bag else 0.0 for t in terms]
        for bag in bags
    ]
    return terms, np.array([np.array(row) / np.linalg.norm(row) for row in rows])


def test_words_as_often_as_they_are_counted() -> None:
    assert list(counted_words("love:2 you:1 half:0.5")) == ["love", "love", "you", "half"]
    assert list(counted_words("Love me, love")) == ["love", "me", "love"]


def test_all_directions_keep_the_cosines_of_tfidf() -> None:
    extractor = fitted(BAGS, dim=4)
    vectors = extractor.extract([extractor.prepare(bag) for bag in BAGS])
    bags = [
        {"sun": 3, "beach": 1},
        {"sun": 1, "sand": 2},
        {"snow": 4, "ice": 1, "s": 1},
        {"ice": 2, "cold": 1},
    ]
    expected = weights(bags)[1]
    np.testing.assert_allclose(vectors @ vectors.T, expected @ expected.T, atol=1e-6)


def test_counts_count() -> None:
    extractor = fitted(BAGS, dim=4)
    often, seldom, sun, ice = (
        extractor.prepare(bag) for bag in ("sun:9 ice:1", "sun:1 ice:9", "sun:1", "ice:1")
    )
    assert often @ sun > seldom @ sun
    assert seldom @ ice > often @ ice


def test_vectors_of_words(tiny_bert: Path) -> None:
    """The weighted mean of the words' vectors, less the mean over all words, made one long."""
    bags = [{"love": 2, "you": 1}, {"night": 1, "you": 3}]
    texts = ["love:2 you:1", "you:3 night:1"]
    extractor = fitted(texts, model=str(tiny_bert))
    words = SentenceTransformerText(str(tiny_bert), overlap=0)
    words.load("cpu")
    terms, tfidf = weights(bags)
    vectors = words.vectors(terms).astype(np.float64)
    expected = tfidf @ (vectors - vectors.mean(axis=0))
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert extractor.dim == 16
    np.testing.assert_allclose([extractor.prepare(text) for text in texts], expected, atol=1e-6)


def test_a_word_that_the_model_makes_nothing_of(tiny_bert: Path) -> None:
    extractor = fitted(["love:1 \u200b\u200b:1", "instrumental:2 love:1"], model=str(tiny_bert))
    assert np.isfinite(extractor.prepare("love:1")).all()


def test_a_model_knows_what_no_song_says_together(minilm_folder: Path) -> None:
    """Songs of the sea and of winter share no word within a theme: TF-IDF sees no relation, the model does."""
    texts = ["ocean:3 wave:2", "beach:2 sailing:1", "snow:3 frost:1", "ice:2 winter:1"]
    by_model = fitted(texts, model=str(minilm_folder))
    found = np.array([by_model.prepare(text) for text in texts])
    cosine = found @ found.T
    assert min(cosine[0, 1], cosine[2, 3]) > max(cosine[0, 2], cosine[0, 3], cosine[1, 2], cosine[1, 3]) + 0.1
    plain = fitted(texts, dim=4)
    assert abs(plain.prepare(texts[0]) @ plain.prepare(texts[1])) < 1e-6


def test_settings_name_the_model(tiny_bert: Path) -> None:
    plain, other = BagOfWordsSvd(), BagOfWordsSvd(model=str(tiny_bert))
    assert plain.settings()["model"] is None
    assert other.settings()["sha256"] == SentenceTransformerText(str(tiny_bert)).settings()["sha256"]
    with pytest.raises(FeatureError, match="revision 'v1' is that of a model"):
        BagOfWordsSvd(revision="v1")


@pytest.mark.parametrize(
    ("text", "reason"),
    [("", "empty text"), ("(Instrumental)", "instrumental"), ("unheard:3", "no known words")],
)
def test_nothing_to_describe(text: str, reason: str) -> None:
    with pytest.raises(Absent, match=reason):
        fitted(BAGS).prepare(text)


def test_the_real_pieces(shared_data: Path, tmp_path: Path) -> None:
    """Songs in one language are nearer to each other than to those in another."""
    graph = MusicGraph.build("musixmatch", raw=shared_data / "msd", out=tmp_path / "graph")
    texts = graph.nodes("song")["lyrics_counts"].to_list()
    assert len(texts) == 8_373
    result = describe(fitted(texts, dim=32), texts)
    assert result.present.all()
    kinds = {language: having(texts, words) for language, words in LANGUAGES.items()}
    vectors = {language: result.values[rows] for language, rows in kinds.items()}
    assert {language: len(rows) for language, rows in kinds.items()} == {
        "english": 5_016,
        "spanish": 253,
        "german": 114,
    }
    for language, own in vectors.items():
        centre = own.mean(axis=0)
        others = np.concatenate([rows for name, rows in vectors.items() if name != language])
        assert np.median(own @ centre) > np.median(others @ centre) + 0.2


#: words that a song of the language has, all of them
LANGUAGES = {
    "english": ["the", "you", "and"],
    "spanish": ["que", "de", "el", "en"],
    "german": ["und", "ich", "nicht"],
}


def having(texts: list[str], words: list[str]) -> np.ndarray:
    """The songs that have all of some words."""
    return np.array(
        [row for row, text in enumerate(texts) if all(f" {word}:" in f" {text}" for word in words)]
    )

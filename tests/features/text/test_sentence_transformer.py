"""Language models of lyrics: real MiniLM against its own library and against windows computed by hand."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hetmusic.errors import FeatureError
from hetmusic.features import Absent, extractors
from hetmusic.features.text.sentence_transformer import MeanBert, SentenceTransformerText

SHORT = [
    "I love you like the summer rain",
    "hello",
    "Don’t you know?\nI've been waiting here for you\nall night long",
    "Te quiero más que a nada en el mundo",
    "愛してる",
    "12:30, on the 45th!",
]


def vectors(extractor: SentenceTransformerText | MeanBert, *texts: str) -> NDArray[Any]:
    return extractor.extract([extractor.prepare(text) for text in texts])


def token_vectors(model: Any, ids: list[int]) -> torch.Tensor:
    """Last layer of a model for one sequence, shape ``(tokens, dim)``."""
    with torch.inference_mode():
        return model(input_ids=torch.tensor([ids]), attention_mask=torch.ones(1, len(ids))).last_hidden_state[
            0
        ]


@pytest.fixture(scope="module")
def library(minilm_folder: Path) -> Any:
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(minilm_folder), device="cpu")


@pytest.fixture(scope="module")
def plain_bert(tiny_bert: Path) -> Any:
    from transformers import BertModel

    return BertModel.from_pretrained(tiny_bert).eval()


@pytest.fixture(scope="module")
def loaded_bert(tiny_bert: Path) -> MeanBert:
    extractor = MeanBert(str(tiny_bert), overlap=2)
    extractor.load("cpu")
    return extractor


def test_short_texts_are_as_the_library_encodes_them(minilm: SentenceTransformerText, library: Any) -> None:
    found = vectors(minilm, *SHORT)
    assert found.shape == (len(SHORT), 384)
    np.testing.assert_allclose(found, library.encode(SHORT), atol=1e-6)


def test_long_text_is_the_mean_of_its_windows(minilm: SentenceTransformerText, library: Any) -> None:
    """254 tokens fit beside the two special ones, 32 of them are repeated: windows begin at 0, 222 and 444."""
    text = "\n".join(f"line {n} of a song that never wants to end" for n in range(50))
    ids = library.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
    assert 476 < len(ids) < 222 * 3 + 32
    pieces = [ids[0:254], ids[222:476], ids[444:]]
    means = [token_vectors(library[0].auto_model, [101, *piece, 102]).mean(dim=0) for piece in pieces]
    mean = sum(len(piece) * vector for piece, vector in zip(pieces, means, strict=True)).numpy()
    tokens = minilm.prepare(text)
    assert tokens.lengths == [len(piece) for piece in pieces]
    assert minilm.size(tokens) == 3
    np.testing.assert_allclose(minilm.extract([tokens])[0], mean / np.linalg.norm(mean), atol=1e-6)


def test_the_end_of_a_long_text_counts(minilm: SentenceTransformerText, library: Any) -> None:
    """The library drops what does not fit."""
    start = "la la la la\n" * 80
    texts = [start + "the cold wind blows over frozen graves", start + "we dance on the sunny beach"]
    assert np.allclose(*library.encode(texts), atol=1e-6)
    assert not np.allclose(*vectors(minilm, *texts), atol=1e-3)


def test_a_batch_is_as_its_parts(minilm: SentenceTransformerText) -> None:
    texts = [*SHORT, "na na na hey\n" * 90]
    together = vectors(minilm, *texts)
    apart = np.concatenate([vectors(minilm, text) for text in reversed(texts)])[::-1]
    np.testing.assert_allclose(together, apart, atol=1e-6)


def test_threads_prepare_the_same(minilm: SentenceTransformerText) -> None:
    texts = [f"{n} nights of {'rain and wind ' * (n % 70)}" for n in range(300)]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(minilm.prepare, texts))
    for text, tokens in zip(texts, found, strict=True):
        assert [w.tolist() for w in tokens.windows] == [w.tolist() for w in minilm.prepare(text).windows]


def test_related_lyrics_are_nearer(minilm: SentenceTransformerText) -> None:
    love = "You are my sunshine, I want to hold you tonight, my darling, be mine"
    other_love = "Baby I need your kiss, come into my arms, I will be yours forever"
    war = "Soldiers march through mud and blood, the cannons roar, the generals lie"
    other_war = "Bombs are falling on the trenches, the army burns the town"
    cosine = vectors(minilm, love, other_love, war, other_war)
    cosine = cosine @ cosine.T
    assert min(cosine[0, 1], cosine[2, 3]) > max(cosine[0, 2], cosine[0, 3], cosine[1, 2], cosine[1, 3]) + 0.1


def test_a_bag_of_words_is_read_by_frequency(minilm: SentenceTransformerText) -> None:
    np.testing.assert_array_equal(vectors(minilm, "night:2 love:11 you:3"), vectors(minilm, "love you night"))


@pytest.mark.parametrize(
    ("text", "reason"),
    [("", "empty text"), (" \n\t", "empty text"), ("[Instrumental]", "instrumental"), ("\u200b", "no words")],
)
def test_nothing_to_read(minilm: SentenceTransformerText, text: str, reason: str) -> None:
    with pytest.raises(Absent, match=f"^{reason}$"):
        minilm.prepare(text)


def test_other_scripts_are_kept_and_unreadable_ones_said(
    minilm: SentenceTransformerText, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert minilm.prepare("愛してる 夜").windows
        assert minilm.prepare("Я тебя люблю").windows
    assert not caplog.records
    with caplog.at_level(logging.INFO, "hetmusic"):
        assert minilm.prepare("🎵🎶🎸 🥁🎹🎷").windows
        assert minilm.prepare("🎷").windows
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert "does not know 100 % of the tokens of '🎵" in caplog.text


def test_bert_is_the_mean_over_tokens(tiny_bert: Path, plain_bert: Any) -> None:
    """[CLS] love you [SEP] is 2, 5, 6, 3; an unknown word is 1; nothing is normalised."""
    extractor = MeanBert(str(tiny_bert), overlap=0)
    extractor.load("cpu")
    found = vectors(extractor, "Love you", "heart unheard")
    np.testing.assert_allclose(found[0], token_vectors(plain_bert, [2, 5, 6, 3]).mean(0), atol=1e-6)
    np.testing.assert_allclose(found[1], token_vectors(plain_bert, [2, 7, 1, 3]).mean(0), atol=1e-6)
    assert not np.allclose(np.linalg.norm(found, axis=1), 1, atol=0.01)


def test_windows_of_bert(tiny_bert: Path, plain_bert: Any) -> None:
    """Six tokens, special ones included: four words, of which one is repeated; the last window has three."""
    extractor = MeanBert(str(tiny_bert), overlap=1, max_tokens=6)
    extractor.load("cpu")
    tokens = extractor.prepare("love you heart night dance cold")
    windows = [[2, 5, 6, 7, 8, 3], [2, 8, 9, 10, 3]]
    assert [window.tolist() for window in tokens.windows] == windows
    first, second = (token_vectors(plain_bert, window).mean(0) for window in windows)
    np.testing.assert_allclose(extractor.extract([tokens])[0], (4 * first + 3 * second) / 7, atol=1e-6)


def test_pooling_of_the_folder_counts_unless_plain_bert_is_asked_for(tiny_bert: Path, tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    SentenceTransformer(
        modules=[Transformer(str(tiny_bert)), Pooling(16, pooling_mode="cls")], device="cpu"
    ).save(str(tmp_path / "cls"))
    found = {}
    for extractor in (SentenceTransformerText, MeanBert):
        for folder in (tiny_bert, tmp_path / "cls"):
            made = extractor(str(folder), overlap=2)
            made.load("cpu")
            found[extractor.name, folder.name] = vectors(made, "love you")[0]
    mean = found["bert-mean", "bert"]
    np.testing.assert_allclose(found["bert-mean", "cls"], mean, atol=1e-6)
    np.testing.assert_allclose(found["sentence-transformers", "bert"], mean, atol=1e-6)
    assert not np.allclose(found["sentence-transformers", "cls"], mean, atol=0.01)


def test_a_model_of_static_vectors_reads_whole_texts(tiny_bert: Path, tmp_path: Path) -> None:
    """Love, you and heart are words 5, 6 and 7."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(tiny_bert / "tokenizer.json"))
    weights = np.arange(19 * 4, dtype=np.float32).reshape(19, 4)
    made = SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_weights=weights)], device="cpu")
    made.save(str(tmp_path / "static"))
    extractor = SentenceTransformerText(str(tmp_path / "static"))
    extractor.load("cpu")
    long = "love you " * 100 + "heart"
    expected = (100 * weights[5] + 100 * weights[6] + weights[7]) / 201
    np.testing.assert_allclose(
        vectors(extractor, "love you", long), [weights[5:7].mean(0), expected], rtol=1e-5
    )
    assert len(extractor.settings()["sha256"]) == 64


@settings(max_examples=60)
@given(st.text())
def test_any_text_has_a_vector_or_a_reason(loaded_bert: MeanBert, text: str) -> None:
    reason = None
    try:
        found = vectors(loaded_bert, text)
    except Absent as absence:
        reason = str(absence)
    if reason is None:
        assert found.shape == (1, 16)
        assert np.isfinite(found).all()
    else:
        assert reason in {"empty text", "no words"}


def test_settings_tell_models_and_windows_apart(minilm_folder: Path, tiny_bert: Path) -> None:
    made = [
        SentenceTransformerText(str(minilm_folder)),
        SentenceTransformerText(str(tiny_bert)),
        MeanBert(str(tiny_bert), overlap=3),
        MeanBert(str(tiny_bert), max_tokens=8),
    ]
    found = [extractor.settings() for extractor in made]
    assert len({str(each) for each in found}) == 4
    assert found[0] == SentenceTransformerText(f"{minilm_folder}/").settings()
    assert found[1]["sha256"] == found[2]["sha256"] != found[0]["sha256"]


def test_found_by_name() -> None:
    made = extractors.make("sentence-transformers")
    assert isinstance(made, SentenceTransformerText)
    assert made.model == "all-MiniLM-L6-v2"
    assert isinstance(extractors.make("bert-mean", overlap=8), MeanBert)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"overlap": -1}, "overlap by 0 or more tokens, not -1"),
        ({"max_tokens": 0}, "1 or more tokens, not 0"),
        ({"overlap": 10}, r"windows of 12 tokens \(10 without special ones\) cannot overlap by 10"),
        ({"max_tokens": 2, "overlap": 0}, r"windows of 2 tokens \(0 without"),
    ],
)
def test_wrong_windows(tiny_bert: Path, arguments: dict[str, int], message: str) -> None:
    with pytest.raises(FeatureError, match=message):
        MeanBert(str(tiny_bert), **arguments).load("cpu")


def test_load_comes_first(tiny_bert: Path) -> None:
    with pytest.raises(FeatureError, match="load has to come before prepare"):
        MeanBert(str(tiny_bert)).prepare("love")

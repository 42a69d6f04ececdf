"""TF-IDF + SVD."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from hetmusic.errors import FeatureError
from hetmusic.features import describe, light_text
from hetmusic.features.light_text import TextTfidfSvd, sample

TEXTS = ["sun beach wave", "sun beach sand", "snow ice frost", "snow ice cold", None, "   ", "wave sand"]


@pytest.fixture
def fitted() -> TextTfidfSvd:
    extractor = TextTfidfSvd(dim=4)
    extractor.fit([text for text in TEXTS if text is not None])
    return extractor


def test_related_texts_are_near(fitted: TextTfidfSvd) -> None:
    result = describe(fitted, TEXTS)
    assert result.values.dtype == np.float32
    assert result.values.shape == (7, 4)
    assert result.present.tolist() == [True, True, True, True, False, False, True]
    assert result.reasons[4:6] == ("none given", "empty text")
    cosine = result.values @ result.values.T
    assert cosine[0, 1] > 0.5
    assert cosine[2, 3] > 0.5
    assert abs(cosine[0, 2]) < 0.1
    np.testing.assert_allclose(np.diag(cosine)[result.present], 1.0, atol=1e-5)
    assert not result.values[4:6].any()


def test_full_rank_keeps_the_cosine_of_tfidf() -> None:
    """With two texts sharing one of two words: idf = 1 + ln(3/3) = 1 shared, 1 + ln(3/2) own (smoothed)."""
    texts = ["apple banana", "apple cherry"]
    extractor = TextTfidfSvd(dim=2)
    extractor.fit(texts)
    values = describe(extractor, texts).values
    own = 1 + np.log(3 / 2)
    assert values[0] @ values[1] == pytest.approx(1 / (1 + own**2), abs=1e-5)


def test_the_same_texts_give_the_same_vectors(fitted: TextTfidfSvd) -> None:
    again = TextTfidfSvd(dim=4)
    again.fit([text for text in TEXTS if text is not None])
    np.testing.assert_array_equal(describe(again, TEXTS).values, describe(fitted, TEXTS).values)


def test_a_batch_is_as_its_parts(fitted: TextTfidfSvd) -> None:
    whole = describe(fitted, TEXTS)
    for row in np.flatnonzero(whole.present):
        np.testing.assert_array_equal(describe(fitted, [TEXTS[row]]).values[0], whole.values[row])


def test_missing_directions_are_zero_columns() -> None:
    extractor = TextTfidfSvd(dim=10)
    extractor.fit(["apple banana", "apple cherry"])
    values = describe(extractor, ["apple banana"]).values
    assert values.shape == (1, 10)
    assert not values[:, 2:].any()


def test_unknown_words_are_an_absence(fitted: TextTfidfSvd) -> None:
    assert describe(fitted, ["zeppelin"]).reasons == ("no known words",)


@pytest.mark.parametrize("texts", [[], [None, ""], ["!!!", "…"], ["a", "b"]])
def test_catalogues_without_words_are_all_absent(texts: list[str | None]) -> None:
    extractor = TextTfidfSvd(dim=3)
    extractor.fit([text for text in texts if text is not None])
    result = describe(extractor, texts)
    assert not result.present.any()


def test_other_scripts_are_words_too() -> None:
    extractor = TextTfidfSvd(dim=2)
    texts = ["любовь ночь", "любовь день", "夜 空港 東京"]
    extractor.fit(texts)
    assert describe(extractor, texts).present.all()


def test_words_of_nearly_all_or_a_single_text_do_not_count() -> None:
    texts = [f"the {'sun' if n % 2 else 'snow'} unique{n}" for n in range(20)]
    extractor = TextTfidfSvd(dim=2)
    extractor.fit(texts)
    assert extractor.directions is not None
    assert extractor.directions.shape[1] == 2
    assert describe(extractor, ["the unique3"]).reasons == ("no known words",)


def test_extract_before_fit_is_an_error() -> None:
    with pytest.raises(FeatureError, match="fit"):
        describe(TextTfidfSvd(), ["word"])
    with pytest.raises(FeatureError, match="at least 1"):
        TextTfidfSvd(dim=0)


def test_scikit_learn_is_imported_only_for_fitting() -> None:
    code = (
        "import sys, hetmusic.features.extract_light; sys.exit(bool({'sklearn', 'torch'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_sample_gives_every_item_the_same_chance() -> None:
    items = [str(number) for number in range(20)]
    assert sample(iter(items), 20, 0) == items == sample(iter(items), 50, 0)
    drawn = [sample(iter(items), 5, seed) for seed in range(4000)]
    assert all(len(set(kept)) == 5 for kept in drawn)
    counts = np.bincount([int(item) for kept in drawn for item in kept], minlength=20)
    assert np.abs(counts - 1000).max() < 5 * np.sqrt(1000 * 0.75)
    assert sample(iter(items), 5, 3) == sample(iter(items), 5, 3)


def test_large_catalogues_are_learned_from_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(light_text, "LEARNED", 12)
    extractor = TextTfidfSvd(dim=2)
    extractor.fit(f"word{n % 3} other{n % 2}" for n in range(10_000))
    assert describe(extractor, ["word1 other1"]).present.all()

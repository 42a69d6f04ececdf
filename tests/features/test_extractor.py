"""The contract of extractors: names, settings, and what a batch becomes when something in it fails."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hetmusic.errors import ConfigError, FeatureError
from hetmusic.features import Absent, AbsentForNow, Coverage, Extractor, TextTfidfSvd, describe, extractors
from hetmusic.features.extraction.computing import Computer, Failure, failure_of


class Reciprocal(Extractor):
    """1 / x."""

    kind = "text"

    def __init__(self, scale: float = 1.0, *, weights: Path | None = None) -> None:
        self.scale = scale
        self.seen: list[int] = []

    def extract(self, batch: Sequence[Any]) -> np.ndarray:
        self.seen.append(len(batch))
        if "empty" in batch:
            raise Absent("nothing in it")
        if "broken" in batch:
            raise ZeroDivisionError("line 1\nline 2")
        if len(batch) > 2:
            raise MemoryError
        with np.errstate(divide="ignore"):
            return self.scale / np.array([[float(item), 1.0] for item in batch])


class Longer(Reciprocal):
    """Does not say what it is called."""


def test_settings_are_the_arguments_unless_a_class_says_otherwise() -> None:
    assert Reciprocal().settings() == {"scale": 1.0, "weights": None}
    assert Reciprocal(2.0, weights=Path("a/b")).settings() == {"scale": 2.0, "weights": "a/b"}
    assert TextTfidfSvd(8).settings()["dim"] == 8


def test_a_class_without_a_name_is_called_after_itself() -> None:
    assert Longer.name == f"{__name__}:Longer" != Reciprocal.name


def test_a_class_has_to_say_what_it_describes() -> None:
    class Nothing(Extractor):
        def extract(self, batch: Sequence[Any]) -> np.ndarray:
            return np.zeros((len(batch), 1))

    class Video(Nothing):
        kind = "video"  # type: ignore[assignment]

    with pytest.raises(ConfigError, match="Nothing has no kind: it must be one of text, audio, image"):
        extractors.make(Nothing)
    with pytest.raises(ConfigError, match="Video has the kind 'video': it must be one of"):
        Video()


def test_registered_names_are_those_of_the_classes() -> None:
    assert {"tfidf-svd", "log-mel-statistics", "colour-statistics"} <= set(extractors.classes)
    for name, cls in extractors.classes.items():
        assert cls.name == name
        assert cls.kind in ("text", "audio", "image")
    with pytest.raises(ConfigError, match="did you mean 'tfidf-svd'"):
        extractors.make("tfidf-svm")
    assert isinstance(extractors.make(f"{__name__}:Reciprocal", scale=3.0), Reciprocal)


def test_a_failing_item_is_found_and_the_others_are_described() -> None:
    found = describe(Reciprocal(), ["1", "empty", "4", None, "broken", "0", "5"])
    np.testing.assert_allclose(found.values, [[1, 1], [0, 0], [0.25, 1], [0, 0], [0, 0], [0, 0], [0.2, 1]])
    assert found.present.tolist() == [True, False, True, False, False, False, True]
    assert found.reasons[1:6] == (
        "nothing in it",
        None,
        "none given",
        "ZeroDivisionError: line 1 line 2",
        "not finite",
    )
    assert Coverage.of(found.reasons) == Coverage(3, 7, dict.fromkeys(filter(None, found.reasons), 1))


def test_reasons_that_are_in_an_item_last_and_others_do_not() -> None:
    assert failure_of(Absent("silent")) == Failure("silent", lasting=True)
    assert failure_of(AbsentForNow("hangs the decoder")) == Failure("hangs the decoder")
    assert failure_of(MemoryError()) == Failure("out of memory")


def test_out_of_memory_halves_the_batch_for_good() -> None:
    extractor = Reciprocal()
    computer = Computer(extractor, 8)
    assert len(computer.compute([str(n) for n in range(1, 9)])) == 8
    assert computer.limit == 2
    assert extractor.seen == [8, 4, 2, 2, 2, 2]


def test_broken_promises_about_shapes_are_errors() -> None:
    class Wrong(Reciprocal):
        values: Any = None

        def extract(self, batch: Sequence[Any]) -> np.ndarray:
            return self.values

    extractor = Wrong()
    for values, message in (
        (np.zeros(3), r"\(3,\) for 2 items"),
        (np.zeros((1, 3)), r"\(1, 3\) for 2 items"),
        (np.zeros((2, 0)), "dimensions"),
        (np.array([["a"], ["b"]]), "not numbers"),
    ):
        extractor.values = values
        with pytest.raises(FeatureError, match=message):
            describe(extractor, ["1", "2"])
    computer = Computer(extractor, 8)
    extractor.values = np.zeros((1, 3))
    computer.compute(["1"])
    extractor.values = np.zeros((1, 4))
    with pytest.raises(FeatureError, match="4 dimensions after 3"):
        computer.compute(["1"])

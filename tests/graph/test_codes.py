"""Numbers for texts, against a dictionary; those of one width have a hash table of their own."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hetmusic.graph.raw import fixed_width
from hetmusic.graph.raw.codes import Codes
from hetmusic.graph.raw.fixed_width import FixedWidth, width_of


def test_codes() -> None:
    codes = Codes()
    first = codes.encode(pl.Series("k", ["x", None, "y", "x"]))
    second = codes.encode(pl.Series("k", ["z", "y"]))
    assert first.dtype == pl.UInt32
    assert first[0] == first[3] != first[2] == second[1]
    assert first[1] is None
    assert codes.decode(first).to_list() == ["x", None, "y", "x"]
    assert codes.decode(second).name == "k"
    assert sorted(codes.texts.drop_nulls()) == ["x", "y", "z"]
    assert codes.mapped(_length).gather(first).to_list() == [1, None, 1, 1]
    codes.encode(pl.Series("k", ["longer"]))
    assert sorted(codes.mapped(_length).drop_nulls()) == [1, 1, 1, 6], "made anew when there are more texts"


def _length(texts: pl.Series) -> pl.Series:
    return texts.str.len_chars()


def test_many_batches_of_codes() -> None:
    codes = Codes()
    batches = [codes.encode(pl.Series([f"{i % 7}", f"only {i}", None])) for i in range(200)]
    assert [codes.decode(batch).to_list() for batch in batches] == [
        [f"{i % 7}", f"only {i}", None] for i in range(200)
    ]
    assert len(codes.texts.drop_nulls()) == 207


WIDE = ["SOAAAAA12A8C130995", "SOAAAAA12A8C130996", "TOAAAAA12A8C130995", "SOAAAAA13A8C130995", "ébèc" * 3]
KEYS = st.none() | st.sampled_from([*WIDE, "", "x", "SOAAAAA12A8C13099", "SOAAAAA12A8C1309955"])
BATCHES = st.lists(
    st.lists(KEYS | st.integers(0, 40).map("{:018d}".format), max_size=30), min_size=1, max_size=6
)


@pytest.fixture(params=["well spread", "all want one place"])
def places(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks and tables that are soon too small, and texts that all come to the same place first."""
    monkeypatch.setattr(fixed_width, "_BLOCK", 2)
    if request.param != "well spread":
        monkeypatch.setattr(FixedWidth, "_places", _last_place)


def _last_place(fixed: FixedWidth, words: NDArray[np.uint64]) -> NDArray[np.int64]:
    return np.full(words.shape[1], len(fixed._table) - 1)


@pytest.mark.usefixtures("places")
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=st.lists(st.sampled_from(WIDE), min_size=1), repeat=st.integers(1, 5), batches=BATCHES)
def test_codes_are_what_a_dictionary_gives(
    first: list[str], repeat: int, batches: list[list[str | None]]
) -> None:
    codes = Codes()
    numbers: dict[str, int] = {}
    encoded = []
    rows: list[list[str | None]] = [[text for text in first for _ in range(repeat)], *batches]
    for batch in rows:
        found = codes.encode(pl.Series("k", batch, pl.String))
        assert found.name == "k"
        assert found.dtype == pl.UInt32
        for text, number in zip(batch, found.to_list(), strict=True):
            assert (number is None) == (text is None)
            if text is not None:
                assert numbers.setdefault(text, number) == number
        encoded.append(found)
    assert len(set(numbers.values())) == len(numbers)
    assert [codes.decode(found).to_list() for found in encoded] == rows
    assert sorted(codes.texts.drop_nulls()) == sorted(numbers)


@pytest.mark.parametrize("width", [8, 9, 15, 16, 36, 40, 64])
def test_texts_of_one_width(width: int) -> None:
    texts = pl.Series([f"{i:{width}d}" for i in range(100_000)]).shuffle(7)
    fixed = FixedWidth(width)
    first, again = fixed.encode(texts), fixed.encode(texts.reverse())
    assert first is not None
    assert again is not None
    assert sorted(first.tolist()) == list(range(1, 100_001))
    assert (again[::-1] == first).all()
    assert fixed.texts().gather(first).to_list() == texts.to_list()
    assert fixed.texts()[0] is None


def test_texts_differ_in_any_byte() -> None:
    texts = ["a" * at + "b" + "a" * (18 - at) for at in range(19)]
    found = FixedWidth(19).encode(pl.Series(texts))
    assert found is not None
    assert sorted(found.tolist()) == list(range(1, 20))


def test_part_of_a_column() -> None:
    texts = pl.Series([f"{i:010d}" for i in range(50)])
    fixed = FixedWidth(10)
    for part in (texts[3:7], pl.concat([texts[5:9], texts[:4]], rechunk=False)):
        found = fixed.encode(part)
        assert found is not None
        assert fixed.texts().gather(found).to_list() == part.to_list()
    assert fixed.last == 9
    assert fixed.encode(texts.clear()).tolist() == []  # type: ignore[union-attr]


def test_other_widths_are_refused() -> None:
    fixed = FixedWidth(8)
    assert fixed.encode(pl.Series(["12345678", "123456789"])) is None
    assert fixed.last == 0
    assert fixed.encode(pl.Series(["12345678"])).tolist() == [1]  # type: ignore[union-attr]
    assert fixed.reserve(2).tolist() == [2, 3]
    assert fixed.encode(pl.Series(["87654321", "12345678"])).tolist() == [4, 1]  # type: ignore[union-attr]
    assert fixed.texts().to_list() == [None, "12345678", None, None, "87654321"]


@pytest.mark.parametrize(
    ("texts", "width"),
    [
        (["12345678", None, "abcdefgh"], 8),
        (["1234567"], None),
        (["é" * 32], 64),
        (["x" * 65], None),
        (["12345678", "123456789"], None),
        ([None], None),
    ],
)
def test_width_of_texts(texts: list[str | None], width: int | None) -> None:
    assert width_of(pl.Series(texts, dtype=pl.String)) == width


@pytest.mark.parametrize("wide", [False, True])
def test_texts_in_runs_are_looked_up_once(wide: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up = []
    numbers = Codes._numbers

    def counting(self: Codes, texts: pl.Series) -> object:
        looked_up.append(len(texts))
        return numbers(self, texts)

    monkeypatch.setattr(Codes, "_numbers", counting)
    texts = [f"user {'0' * 9 * wide}{i // 9}" for i in range(99)]
    codes = Codes()
    for _ in range(2):
        assert codes.decode(codes.encode(pl.Series(texts))).to_list() == texts
    assert looked_up == [11, 11]
    single = Codes()
    single.encode(pl.Series(texts[::9]))
    assert looked_up == [11, 11, 11]

"""Words and bags of words, and lyrics that say there are none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hetmusic.features.lyrics import is_instrumental, words
from hetmusic.features.word_counts import as_text, read_counts, write_counts


def test_words() -> None:
    assert words("Don’t you (well-being) 99 Straße, 愛してる!") == [
        "don't",
        "you",
        "well",
        "being",
        "strasse",
        "愛してる",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "[Instrumental]",
        "instrumental",
        "  (INSTRUMENTAL)\n",
        "*** Instrumental ***",
        "This song is an instrumental.",
        "[Intro]\n[Instrumental]\n\n[Guitar solo]",
        "此歌曲为没有填词的纯音乐，请您欣赏",
        "纯音乐，请欣赏",
        "インストゥルメンタル",
        "Инструментал",
    ],
)
def test_instrumental(text: str) -> None:
    assert is_instrumental(text)


@pytest.mark.parametrize(
    "text",
    ["", "\n", "[Chorus]", "You are instrumental", "[Instrumental]\nla la la", "Instrumental (love remains)"],
)
def test_not_instrumental(text: str) -> None:
    assert not is_instrumental(text)


def test_counts() -> None:
    assert read_counts("love:7 you:5\nlove:1.5 a:b:2") == {"love": 8.5, "you": 5.0, "a:b": 2.0}
    assert write_counts({"a": 1, "love": 12, "you": 1.5, "heart": 1}) == "love:12 you:1.5 a:1 heart:1"


@pytest.mark.parametrize("text", ["", "  ", "at 12:30", "love", "love: 3", ":3", "love:x", "love:-1"])
def test_no_counts(text: str) -> None:
    assert read_counts(text) is None
    assert as_text(text) == text


def test_text_of_a_bag_is_by_frequency() -> None:
    assert as_text("b:2 a:10 c:2") == "a b c"


word = st.text(st.characters(exclude_categories=["Z", "C"]), min_size=1, max_size=8)


@given(st.dictionaries(word, st.integers(1, 10**5), min_size=1))
def test_what_is_written_is_read(counts: dict[str, int]) -> None:
    assert read_counts(write_counts(counts)) == counts

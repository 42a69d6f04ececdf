"""When two names are taken to be the same."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kg_schema.names import normalise_name

PARTS = [
    "the",
    "The",
    "THE",
    "feat.",
    "ft",
    "Featuring",
    "&",
    "+",
    "and",
    ",",
    ", the",
    "a",
    "É",
    "ſ",
    "İ",
    "ǅ",
    "'",
    ".",
]
PARTS += [
    "(",
    ")",
    "\u0308",
    "ø",
    "\u0338",
    "\u0345",
    "!",
    "ʼ",
    " ",
    "\t",
    "が",
    "ß",
    "ﬁ",
    "Ⅷ",
    "7",
    "क्ष",
    "ᴭ",
    "ϓ",
]
texts = (
    st.text() | st.lists(st.sampled_from(PARTS)).map("".join) | st.lists(st.sampled_from(PARTS)).map(" ".join)
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Beyoncé", "BEYONCE"),
        ("Beyonce\u0301", "beyoncé"),
        ("Mötley Crüe", "Motley Crue"),
        ("Røyksopp", "Royksopp"),
        ("Sigur Rós", "  sigur\tros "),
        ("The Beatles", "Beatles"),
        ("Beatles, The", "the beatles"),
        ("Simon & Garfunkel", "Simon and Garfunkel"),
        ("Florence + the Machine", "Florence and The Machine"),
        ("AC/DC", "AC-DC"),
        ("R.E.M.", "REM"),
        ("Guns N' Roses", "Guns N\u2019 Roses"),
        ("Sinéad O\u2019Connor", "Sinead OConnor"),
        ("Jay-Z feat. Rihanna", "JAY Z ft Rihanna"),
        ("Jay-Z (featuring Rihanna)", "Jay-Z feat. Rihanna"),
        ("Die Ärzte", "die arzte"),
        ("Straße", "STRASSE"),
        ("Ελλάς", "ΕΛΛΑΣ"),
        ("Ёлка", "Елка"),
        ("ᴬᴮᴮᴬ", "Abba"),
    ],
)
def test_names_that_are_the_same(one: str, other: str) -> None:
    assert normalise_name(one) == normalise_name(other) != ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The The", "!!!"),
        ("The", ""),
        ("!!!", "???"),
        ("+/-", "&"),
        ("Jay-Z feat. Rihanna", "Jay-Z"),
        ("Art", "A R T"),
        ("か", "が"),
        ("가", "각"),
        ("And", "+"),
    ],
)
def test_names_that_are_not(one: str, other: str) -> None:
    assert normalise_name(one) != normalise_name(other)


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Umbrella (feat. Jay-Z)", "umbrella"),
        ("Umbrella ft. Jay-Z", "umbrella"),
        ("Umbrella [Featuring JAY-Z] - Live", "umbrella"),
        ("Featuring Nobody", "featuring nobody"),
        ("Feature", "feature"),
        ("The Left", "left"),
    ],
)
def test_guests_are_no_part_of_a_title(title: str, expected: str) -> None:
    assert normalise_name(title, guests=False) == expected


@given(texts, st.booleans())
def test_twice_is_once(text: str, guests: bool) -> None:
    once = normalise_name(text, guests)
    assert normalise_name(once, guests) == once


@given(texts, st.booleans())
def test_case_and_unicode_form_do_not_matter(text: str, guests: bool) -> None:
    name = normalise_name(text, guests)
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert normalise_name(unicodedata.normalize(form, text), guests) == name
    assert normalise_name(text.casefold(), guests) == name
    assert normalise_name(f"  {text}\n", guests) == name


@given(texts, st.booleans())
@example(":ʼ", False)
@example("a:ʼ", False)
def test_only_words_with_single_spaces_remain(text: str, guests: bool) -> None:
    name = normalise_name(text, guests)
    assert name == " ".join(name.split())
    if any(unicodedata.category(c)[0] in "LN" and c != "ʼ" for c in name):
        assert all(c == " " or unicodedata.category(c)[0] in "LNM" for c in name)


@given(st.text(st.characters(categories=["L", "N"]), min_size=1))
def test_a_name_with_letters_never_becomes_empty(text: str) -> None:
    assert normalise_name(text)
    assert normalise_name(text, guests=False)

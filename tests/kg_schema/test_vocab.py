"""The vocabularies: large enough, consistent, disjoint, and matched whatever the spelling."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg_schema.errors import SchemaError
from kg_schema.vocab import EmotionVocabulary, GenreVocabulary, normalise

GENRES = GenreVocabulary.load()
EMOTIONS = EmotionVocabulary.load()


def test_sizes_and_sources() -> None:
    assert len(GENRES.genres) >= 200
    assert len(EMOTIONS.emotions) >= 120
    assert GENRES.source
    assert "Russell" in EMOTIONS.source


def test_no_word_is_both_genre_and_emotion() -> None:
    words = [word for name, emotion in EMOTIONS.emotions.items() for word in (name, *emotion.aliases)]
    assert [word for word in words if GENRES.lookup(word) is not None] == []
    words = [word for name, genre in GENRES.genres.items() for word in (name, *genre.aliases)]
    assert [word for word in words if EMOTIONS.lookup(word) is not None] == []


def test_every_name_and_alias_finds_its_entry() -> None:
    for name, genre in GENRES.genres.items():
        assert {GENRES.lookup(word) for word in (name, *genre.aliases)} == {name}
    for name, emotion in EMOTIONS.emotions.items():
        assert {EMOTIONS.lookup(word) for word in (name, *emotion.aliases)} == {name}


def test_all_quadrants_of_the_circumplex_are_peopled() -> None:
    signs = [(e.valence > 0, e.arousal > 0) for e in EMOTIONS.emotions.values()]
    assert all(signs.count((v, a)) >= 20 for v in (True, False) for a in (True, False))


@pytest.mark.parametrize(
    ("word", "pleasant", "excited"),
    [("happy", True, True), ("calm", True, False), ("sad", False, False), ("angry", False, True)],
)
def test_corners_of_the_circumplex(word: str, pleasant: bool, excited: bool) -> None:
    emotion = EMOTIONS[EMOTIONS.lookup(word) or ""]
    assert (emotion.valence > 0.3) == pleasant
    assert (emotion.valence < -0.3) != pleasant
    assert (emotion.arousal > 0.3) == excited
    assert (emotion.arousal < -0.3) != excited


@pytest.mark.parametrize(
    ("tag", "genre"),
    [
        ("Hip-Hop", "hip hop"),
        ("hiphop", "hip hop"),
        ("HIP  HOP", "hip hop"),
        ("R&B", "rnb"),
        ("rhythm and blues", "rnb"),
        ("Rock 'n' Roll", "rock and roll"),
        ("Drum & Bass", "drum and bass"),
        ("D'n'B", "drum and bass"),
        ("house music", "house"),
        ("TROPICALIA", "tropicália"),
        ("Neue Deutsche Härte", "industrial metal"),
        ("synth-pop", "synthpop"),
        ("lo fi", "lo-fi"),
    ],
)
def test_genres_in_any_spelling(tag: str, genre: str) -> None:
    assert GENRES.lookup(tag) == genre


@pytest.mark.parametrize(
    ("tag", "emotion"),
    [
        ("melancholic", "melancholy"),
        ("Melancholia", "melancholy"),
        ("sad songs", "sadness"),
        ("feel-good music", "feel-good"),
        ("laid-back", "ease"),
        ("<3", "love"),
        (":(", "sadness"),
    ],
)
def test_emotions_in_any_spelling(tag: str, emotion: str) -> None:
    assert EMOTIONS.lookup(tag) == emotion


@pytest.mark.parametrize(
    "tag",
    [
        "",
        " ",
        "3",
        "(",
        "seen live",
        "80s",
        "british",
        "female vocalists",
        "music",
        "songs",
        "awesome",
        "synth",
    ],
)
def test_other_tags_are_neither(tag: str) -> None:
    assert GENRES.lookup(tag) is None
    assert EMOTIONS.lookup(tag) is None


@given(st.text(), st.sampled_from(["-", " ", "_", ".", "'", "  "]))
def test_normalising_ignores_case_and_separators(text: str, separator: str) -> None:
    form = normalise(text)
    assert normalise(form) == form
    assert normalise(separator.join(text.split())) == normalise("".join(text.split()))
    assert normalise(text.lower()) == normalise(text.casefold())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("genres:\n  a: {parent: b}\n", r"g.yaml:2: genres.a.parent: unknown genre 'b'"),
        ("genres:\n  a: {parent: b}\n  b: {parent: a}\n", "is its own ancestor"),
        (
            "genres:\n  aa: {aliases: [cc]}\n  bb: {aliases: [C-C]}\n",
            "g.yaml:3: genres.bb: 'C-C' stands for both 'aa' and 'bb'",
        ),
        (
            "genres:\n  a: {alias: [b]}\n",
            r"g.yaml:2: genres.a.alias: unknown key \(did you mean 'aliases'\?\)",
        ),
        ("genres: 3\n", "g.yaml:1: genres: .*dictionary"),
    ],
)
def test_mistakes_in_a_genre_vocabulary(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "g.yaml"
    path.write_text(text + "source: me\n")
    with pytest.raises(SchemaError, match=message):
        GenreVocabulary.load(path)


@pytest.mark.parametrize("value", ["1.5", "-2", ".nan", ".inf", "high"])
def test_emotions_must_lie_on_the_circumplex(tmp_path: Path, value: str) -> None:
    path = tmp_path / "e.yaml"
    path.write_text(f"source: me\nemotions:\n  joy:\n    valence: {value}\n    arousal: 0\n")
    with pytest.raises(SchemaError, match=r"e.yaml:4: emotions.joy.valence: "):
        EmotionVocabulary.load(path)

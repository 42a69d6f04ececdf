"""Sentences."""

from __future__ import annotations

import pytest

from hetmusic.graph import EdgeType
from hetmusic.recommend.explain import words
from hetmusic.recommend.explain.wording import Wording


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (words.goes_with(["A"], False), "goes with A, which you play"),
        (words.goes_with(["A", "B", "C"], True), "goes with A, B and C, which you play often"),
        (words.similar(["A", "B"], False), "similar to A and B, which you play"),
        (words.same_owner("artist", ["A"], True), "same artist as A, which you play often"),
        (words.friends_play(["A"], 1), "your friend A plays it"),
        (words.friends_play(["A", "B", "C"], 3), "3 of your friends play it: A, B, C"),
        (words.friends_play(["A"], 3), "3 of your friends play it, among them A"),
        (words.friends_taste(["A"]), "to the taste of your friend A"),
        (words.friends_taste(["A", "B"]), "to the taste of your friends A and B"),
        (words.in_mood("calm", ["A", "B"], False), "mood of calm, like A and B, which you play"),
    ],
)
def test_about_plays_and_friends(text, expected):
    assert str(text) == expected


@pytest.mark.parametrize(
    ("edge_type", "names", "plays", "expected"),
    [
        (("tag", "tag_of", "song"), ["live"], ["A"], "shares the tag live with A, which you play often"),
        (("tag", "tag_of", "song"), ["live", "90s"], ["A"], "shares the tags live and 90s with A, which you play often"),
        (("tag", "tag_of", "song"), ["live", "90s"], [], "has the tags live and 90s"),
        (("genre", "genre_of", "song"), ["rock"], ["A"], "shares the genre rock with A, which you play often"),
        (("emotion", "evoked_by", "song"), ["calm"], ["A"], "evokes calm, like A, which you play often"),
        (("emotion", "evoked_by", "song"), ["calm", "joy"], [], "evokes calm and joy"),
        (("artist", "sings", "song"), ["X"], [], "is by X"),
        (("album", "contains", "song"), ["X"], [], "is on the album X"),
        (("album", "contains", "song"), ["X"], ["A"], "is on the album X, like A, which you play often"),
        (("artist", "sings", "song"), ["X", "Y"], ["A"], "is by X and Y, like A, which you play often"),
        (("label", "signed", "song"), ["X"], ["A"], "shares label X with A, which you play often"),
        (("label", "signed", "song"), ["X"], [], "has label X"),
    ],
)  # fmt: skip
def test_about_items(edge_type, names, plays, expected):
    found = words.about_item(EdgeType(*edge_type), names, plays, often=True)
    assert str(found) == expected
    assert found.names == (*names, *plays)


def test_names_with_braces_are_names():
    edge_type = EdgeType("tag", "tag_of", "song")
    found = words.about_item(edge_type, ["{plays}"], ["{1}"], False)
    assert str(found) == "shares the tag {plays} with {1}, which you play"


TAGS = EdgeType("tag", "tag_of", "song")
PLAYS = ["Air", "Love and Rockets", "Cake, the band"]


@pytest.mark.parametrize(
    ("wording", "template", "names"),
    [
        (words.goes_with(PLAYS, False), "goes with {0}, {1} and {2}, which you play", PLAYS),
        (words.goes_with(["Air"], True), "goes with {0}, which you play often", ["Air"]),
        (words.similar(["Air"], False), "similar to {0}, which you play", ["Air"]),
        (words.same_owner("artist", ["Air"], False), "same artist as {0}, which you play", ["Air"]),
        (words.friends_play(["Ann"], 1), "your friend {0} plays it", ["Ann"]),
        (words.friends_play(["Ann", "Bob"], 7), "7 of your friends play it, among them {0} and {1}", ["Ann", "Bob"]),
        (words.friends_play(["Ann", "Bob"], 2), "2 of your friends play it: {0}, {1}", ["Ann", "Bob"]),
        (words.friends_taste(["Ann", "Bob"]), "to the taste of your friends {0} and {1}", ["Ann", "Bob"]),
        (words.about_user(TAGS, ["80s", "x"]), "you: tag {0} and {1}", ["80s", "x"]),
        (words.about_item(TAGS, ["80s"], ["Air"], False), "shares the tag {0} with {1}, which you play", ["80s", "Air"]),
        (words.about_item(TAGS, ["80s", "x"], [], False), "has the tags {0} and {1}", ["80s", "x"]),
        (words.in_mood("calm", ["Air"], False), "mood of {0}, like {1}, which you play", ["calm", "Air"]),
    ],
)  # fmt: skip
def test_names_are_kept_apart_from_the_words(wording, template, names):
    assert wording == Wording(template, tuple(names))

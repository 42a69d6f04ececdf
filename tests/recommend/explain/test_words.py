"""Sentences."""

from __future__ import annotations

import pytest

from hetmusic.graph import EdgeType
from hetmusic.recommend.explain import words


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
    assert text == expected


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
    assert words.about_item(EdgeType(*edge_type), names, plays, often=True) == expected


def test_names_with_braces_are_names():
    edge_type = EdgeType("tag", "tag_of", "song")
    assert words.about_item(edge_type, ["{plays}"], ["{nodes}"], False) == (
        "shares the tag {plays} with {nodes}, which you play"
    )

"""The ontology: what the contract declares is there, and mistakes are refused with file, line and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from kg_schema.errors import SchemaError
from kg_schema.ontology import Ontology

SMALL = """\
node_types:
  user: {description: a person}
  song: {description: a recording}
relations:
  likes: {domain: [user], range: [song], inverse: liked_by, weight: plays}
  friends: {domain: [user], range: same, symmetric: true}
"""


@pytest.fixture(scope="module")
def music() -> Ontology:
    return Ontology.load()


def test_music_ontology_has_the_relations_of_a_music_graph(music: Ontology) -> None:
    inverses = {name: relation.inverse for name, relation in music.relations.items()}
    assert inverses == {
        "likes": "liked_by",
        "friends": None,
        "sung_by": "sings",
        "on_album": "contains",
        "released_by": "released",
        "has_genre": "genre_of",
        "evokes": "evoked_by",
        "has_tag": "tag_of",
        "similar_to": None,
    }
    assert set(music.node_types) == {"user", "song", "artist", "album", "genre", "emotion", "tag"}
    assert all(relation.symmetric == (relation.inverse is None) for relation in music.relations.values())


def test_edge_types_of_relations(music: Ontology) -> None:
    assert music.relation("similar_to").edge_types() == [
        ("song", "similar_to", "song"),
        ("artist", "similar_to", "artist"),
    ]
    assert ("album", "evokes", "emotion") in music.relation("evokes").edge_types()


def test_edge_type_is_checked(music: Ontology) -> None:
    assert music.check_edge_type("user", "likes", "artist").name == "likes"
    with pytest.raises(SchemaError, match="'likes' cannot connect artist -> user; it allows user -> song"):
        music.check_edge_type("artist", "likes", "user")
    with pytest.raises(SchemaError, match="cannot connect song -> artist"):
        music.check_edge_type("song", "similar_to", "artist")
    with pytest.raises(SchemaError, match=r"unknown node type 'sogn' \(did you mean 'song'\?\)"):
        music.check_edge_type("user", "likes", "sogn")


def test_names_are_found_and_misspelt_ones_corrected(music: Ontology) -> None:
    relation, is_inverse = music.resolve("sings")
    assert (relation.name, is_inverse) == ("sung_by", True)
    assert music.resolve("sung_by") == (relation, False)
    with pytest.raises(SchemaError, match="'sings' is the inverse of 'sung_by'; declare edges as 'sung_by'"):
        music.relation("sings")
    with pytest.raises(SchemaError, match=r"unknown relation 'frends' \(did you mean 'friends'\?\)"):
        music.relation("frends")
    with pytest.raises(SchemaError, match="unknown node type"):
        music.node_type("playlist")


def test_subset_cuts_domains(music: Ontology) -> None:
    part = music.subset(["user", "artist"], ["likes", "friends"])
    assert sorted(part.node_types) == ["artist", "user"]
    assert part.relation("likes").range == ["artist"]
    assert part.relation("friends").edge_types() == [("user", "friends", "user")]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "range: [song]",
            "range: [sogn]",
            r":5: relations.likes.range: unknown node type 'sogn' \(did you mean",
        ),
        (
            "inverse: liked_by",
            "inverse: friends",
            ":5: relations.likes.inverse: 'friends' is already a relation",
        ),
        ("inverse: liked_by, ", "", ":5: relations.likes: give the name of the inverse"),
        (
            "symmetric: true",
            "symmetric: true, inverse: friends_of",
            ":6: relations.friends: a symmetric relation",
        ),
        ("domain: [user], range: [song]", "domain: [user], range: [song, song]", "listed twice"),
        (
            "weight: plays",
            "wieght: plays",
            r":5: relations.likes.wieght: unknown key \(did you mean 'weight'\?\)",
        ),
        ("user: {description: a person}", "user: {}", ":2: node_types.user.description: this key is missing"),
        ("user: {description: a person}", "User: {description: x}", ":2: node_types.User.name: .*'User'"),
        ("symmetric: true", "symmetric: maybe", ":6: relations.friends.symmetric: .*not 'maybe'"),
    ],
)
def test_mistakes_name_line_and_key(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(SMALL)
    assert Ontology.load(path).relation("likes").weight == "plays"
    assert old in SMALL
    path.write_text(SMALL.replace(old, new))
    with pytest.raises(SchemaError, match=message) as caught:
        Ontology.load(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)

"""The mapping of a dump in words names everything that it reads."""

from __future__ import annotations

import pytest

from hetmusic.dumps import describe
from kg_schema.dump import DumpSpec, builtin_names
from kg_schema.dump_uses import edge_type, uses
from kg_schema.ontology import Ontology


@pytest.mark.parametrize("name", builtin_names())
def test_everything_is_named(name: str) -> None:
    spec = DumpSpec.load(name)
    text = "\n".join(line for lines in describe(spec).values() for line in lines)
    for location, file, columns in uses(spec):
        assert spec.files[file].path[0] in text
        for column in (column for found in columns.values() for column in found):
            assert f"`{column}`" in text, (location, column)
    for edge in spec.edges:
        assert " ".join(edge_type(spec, edge, Ontology.load())) + ": " in text
    for kind in spec.node_types:
        assert kind in text
    for source in (source for sources in spec.nodes.values() for source in sources):
        for attribute in source.attributes:
            assert attribute in text


def test_hetrec() -> None:
    sections = describe(DumpSpec.load("hetrec-lastfm"))
    assert list(sections) == ["files", "nodes", "relations", "tags", "joined with other dumps", "left out"]
    assert sections["relations"] == [
        "user likes artist: `userID` to `artistID` of user_artists.dat; weight (number of plays) is `weight`, "
        "summed over rows of one pair; rows with an unknown end are dropped and counted",
        "user friends user: `userID` to `friendID` of user_friends.dat; stored once for both directions, "
        "pairs of one node with itself are dropped; rows with an unknown end are dropped and counted",
    ]
    assert "the date in `year`, `month`, `day`" in sections["tags"][0]
    assert sections["left out"] == ["times before 1980-01-01: they become unknown"]


def test_every_key_of_a_specification() -> None:
    spec = DumpSpec.model_validate(
        {
            "name": "all",
            "item": "song",
            "files": {
                "log": {
                    "path": "log.db",
                    "table": "rows",
                    "nulls": {"artist": ["?"]},
                    "lookups": {"song": {"column": "track", "file": "map", "key": "id", "value": "song"}},
                },
                "map": {"path": "map.csv.gz", "nulls": ["-"], "combine": {"both": ["a", "b"]}},
                "words": {"path": "w.txt", "format": "pattern", "pattern": "(?P<s>.) (?P<w>.)", "ragged": "drop",
                          "max_dropped": 0.25},
                "lost": {"path": "lost.pq", "reader": "gone:Reader", "optional": True},
            },
            "nodes": {
                "user": [{"file": "log", "key": "who"}],
                "song": [
                    {"file": "map", "key": "song", "attributes": {"year": {"column": "year", "dtype": "int"}}},
                    {"file": "map", "key": "both"},
                    {"file": "lost", "key": "k"},
                ],
            },
            "keys": {"song": "msd-song", "user": "mine/user"},
            "key_maps": [{"file": "map", "keys": {"msd-song": "song", "msd-track": "track"}}],
            "match_names": ["song:year"],
            "edges": [
                {
                    "relation": "likes",
                    "file": "log",
                    "src": "who",
                    "dst": "song",
                    "count_rows": True,
                    "time": {"column": "at", "unit": "ms"},
                    "on_unknown": "create",
                },
                {"relation": "similar_to", "file": "map", "src": "a", "dst": "b", "weight": "w", "src_type": "song",
                 "dst_type": "song", "on_unknown": "error"},
            ],
            "features": {
                "song": {
                    "lyrics": {"file": "words", "key": "s", "word": "w", "text": "lyrics"},
                    "audio": {"file": ["map"], "key": "song", "columns": ["x", "y"]},
                }
            },
        }
    )  # fmt: skip
    text = {heading: "\n".join(lines) for heading, lines in describe(spec).items()}
    assert "  `song` is `song` of map.csv.gz, in the row whose `id` is `track`" in text["files"]
    assert "table rows of an SQLite database" in text["files"]
    assert "  `both` is made of `a` and `b`" in text["files"]
    assert "`?`: reader 'gone:Reader': no module named 'gone' is installed" in text["files"]
    assert "attribute `year` (int)" in text["nodes"]
    assert "weight (number of plays) is the number of rows of the pair" in text["relations"]
    assert "time is `at` (milliseconds since 1970)" in text["relations"]
    assert "unknown ends become nodes" in text["relations"]
    assert "weight (similarity) is `w`, the largest counts" in text["relations"]
    assert "an unknown end is an error" in text["relations"]
    assert "song lyrics: words in `w` of w.txt, found by `s`" in text["modalities"]
    assert "song audio: the numbers in `x`, `y` of map.csv.gz, found by `song`" in text["modalities"]
    joined = text["joined with other dumps"].split("\n")
    assert joined[0] == "user on keys of mine/user"
    assert joined[1].startswith("song on keys of msd-song: Echo Nest song id")
    assert joined[2:] == [
        "`song` (msd-song) and `track` (msd-track) of map.csv.gz are keys of one thing",
        "song also by year, where only one on each side has it",
    ]
    assert text["left out"].split("\n") == [
        "`artist` of log.db where it is '?': that means unknown",
        "fields of map.csv.gz that are '-': that means unknown",
        "up to 25 % of the rows of w.txt, if they cannot be used",
        "lines of w.txt that do not fit the pattern",
    ]

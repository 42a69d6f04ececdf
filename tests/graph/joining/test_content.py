"""Joined dumps: whose weights, times, tags, attributes and vectors count."""

from __future__ import annotations

from pathlib import Path

import pytest

from hetmusic.errors import DataError
from hetmusic.graph.validation import validate_graph
from tests.graph.joining.dumps import (
    dump,
    edges,
    genres,
    join,
    listens,
    song,
    track,
    tracks,
    write,
)


def test_the_first_dump_counts(raw: Path, tmp_path: Path) -> None:
    """Plays of one pair in two dumps are not added up: they may be the same plays."""
    write(
        tmp_path / "other",
        "plays",
        ["user", "song", "plays", "year"],
        ["u", song(1), 8, 1999],
        ["v", song(9), 5, 2001],
    )
    keys = {"user": "shared/user", "song": "msd-song"}
    year = {"song": [{"file": "plays", "key": "song", "name": "song", "attributes": {"year": "year"}}]}
    more = listens("more", keys=keys, nodes={"user": [{"file": "plays", "key": "user"}], **year})
    graph, report = join(
        [listens(keys=keys), tracks(), more],
        {"listens": raw, "tracks": raw, "more": tmp_path / "other"},
        tmp_path / "g",
    )
    assert edges(graph, "likes") == {
        ("u", song(1)): 3,
        ("u", song(9)): 1,
        ("v", song(2)): 2,
        ("v", song(9)): 5,
    }
    assert [(e.dump, e.edges, e.known) for e in report.joined_edges] == [("listens", 3, 0), ("more", 2, 1)]
    assert graph.names("song")[0] == "One"
    assert graph.nodes("song")["year"][0] == "1999"
    found = report.joins[-1]
    assert (found.node_type, found.dump, found.differing) == ("song", "more", {"name": 1})


def test_weights_that_only_one_dump_has(raw: Path, tmp_path: Path) -> None:
    write(tmp_path / "other", "plays", ["user", "song"], ["u", song(1)], ["v", song(9)])
    keys = {"user": "shared/user", "song": "msd-song"}
    bare = listens(
        "bare", keys=keys, edges=[{"relation": "likes", "file": "plays", "src": "user", "dst": "song"}]
    )
    folders = {"listens": raw, "bare": tmp_path / "other"}
    for number, specs in enumerate([[listens(keys=keys), bare], [bare, listens(keys=keys)]]):
        graph, report = join(specs, folders, tmp_path / f"graph{number}")
        assert edges(graph, "likes") == {
            ("u", song(1)): 3,
            ("u", song(9)): 1,
            ("v", song(2)): 2,
            ("v", song(9)): 1,
        }
        assert (
            "user__likes__song: 1 edges of bare have no weight, as those of other dumps have; each counts 1"
            in (report.warnings)
        )


def test_tags_of_two_dumps(tmp_path: Path) -> None:
    """Tags become genres, emotions and tags; those of one meaning are one node, whichever dump gave them."""
    raw = tmp_path / "raw"
    write(raw, "plays", ["user", "song", "plays"], ["u", "s", 1], ["v", "t", 1])
    write(
        raw / "x",
        "said",
        ["user", "song", "tag"],
        ["u", "s", "Hip-Hop"],
        ["u", "s", "my tag"],
        ["v", "t", "calm"],
    )
    write(
        raw / "y",
        "said",
        ["user", "song", "tag"],
        ["v", "t", "hip hop"],
        ["v", "t", "another"],
        ["u", "s", "my tag"],
    )
    write(raw, "labels", ["song", "genre"], ["s", "polka"], ["t", "hip hop"])
    keys = {"user": "shared/user", "song": "shared/song"}
    said = {"file": "said", "user": "user", "item": "song", "tag": "tag"}
    specs = [
        listens(keys=keys),
        *(
            listens(
                name,
                keys=keys,
                files={"plays": {"path": "plays.csv"}, "said": {"path": f"{name}/said.csv"}},
                assignments=said,
            )
            for name in "xy"
        ),
        genres(
            "labels",
            keys={"song": "shared/song"},
            files={"labels": {"path": "labels.csv"}},
            nodes={
                "song": [{"file": "labels", "key": "song"}],
                "genre": [{"file": "labels", "key": "genre"}],
            },
            edges=[{"relation": "has_genre", "file": "labels", "src": "song", "dst": "genre"}],
        ),
    ]
    graph, report = join(specs, raw, tmp_path / "graph")
    assert graph.keys("genre") == ["hip hop", "polka"]
    assert graph.keys("tag") == ["another", "my tag"]
    assert graph.keys("emotion") == ["calm"]
    assert graph.tag_assignments is not None
    rows = graph.tag_assignments.select("user", "item", "kind", "tag").rows()
    names = {kind: graph.keys(kind) for kind in ("genre", "emotion", "tag")}
    assert sorted((u, i, kind, names[kind][tag]) for u, i, kind, tag in rows) == [
        (0, 0, "genre", "hip hop"),
        (0, 0, "tag", "my tag"),
        (1, 1, "emotion", "calm"),
        (1, 1, "genre", "hip hop"),
        (1, 1, "tag", "another"),
    ]
    found = {join.dump: (join.joined, join.new) for join in report.joins if join.node_type == "genre"}
    assert found == {"x": (0, 1), "y": (1, 0), "labels": (1, 1)}
    assert validate_graph(graph.path).valid


def test_vectors_of_two_dumps(raw: Path, tmp_path: Path) -> None:
    write(raw, "one", ["track", "a", "b"], [track(1), 1, 2], [track(77), 3, 4])
    write(raw, "two", ["song", "a", "b"], [song(1), 9, 9], [song(9), 5, 6])

    def vectors(name: str, key: str, space: str, columns: list[str]) -> object:
        return dump(
            name,
            [name],
            nodes={"song": [{"file": name, "key": key}]},
            keys={"song": space},
            features={"song": {"sound": {"file": name, "key": key, "columns": columns}}},
        )

    one, two = (
        vectors("one", "track", "msd-track", ["a", "b"]),
        vectors("two", "song", "msd-song", ["a", "b"]),
    )
    graph, report = join([listens(), tracks(), one, two], raw, tmp_path / "graph")  # type: ignore[list-item]
    sound = graph.modality("song", "sound")
    values = {
        key: row.tolist()
        for key, row, there in zip(graph.keys("song"), sound.values, sound.present, strict=True)
        if there
    }
    assert values == {song(1): [1, 2], song(9): [5, 6], f"msd-track:{track(77)}": [3, 4]}
    assert sound.info["dump"] == "one, two"
    assert "sound of 1 song nodes comes from one although two has it as well" in report.warnings
    other = vectors("two", "song", "msd-song", ["b", "a"])
    with pytest.raises(DataError, match=r"sound of song comes from one \(2 dimensions\) and from two \(2\)"):
        join([listens(), tracks(), one, other], raw, tmp_path / "other")  # type: ignore[list-item]


def test_attributes_of_different_types(raw: Path, tmp_path: Path) -> None:
    def years(name: str, dtype: str) -> object:
        attributes = {"year": {"column": "plays", "dtype": dtype}}
        return listens(name, nodes={
            "user": [{"file": "plays", "key": "user"}],
            "song": [{"file": "plays", "key": "song", "attributes": attributes}],
        })  # fmt: skip

    with pytest.raises(
        DataError, match=r"dump b: attribute 'year' of song is String, but an earlier dump says Int64"
    ):
        join([years("a", "int"), years("b", "str")], raw, tmp_path / "graph")  # type: ignore[list-item]

"""Several dumps in one graph, joined on keys and key maps: what becomes one node, and what the report says of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hetmusic.errors import ConfigError, DataError, SchemaError
from hetmusic.graph import MusicGraph
from hetmusic.graph.validation import validate_graph
from kg_schema import dump_check
from kg_schema.dump import DumpSpec
from tests.graph.joining import dump, edges, genres, join, listens, song, track, tracks, write


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """Listens of songs 1, 2 and 9; tracks of songs 1, 2 (two tracks) and 3; genres of tracks, of which 77 is unknown."""
    raw = tmp_path / "raw"
    write(raw, "plays", ["user", "song", "plays"], ["u", song(1), 3], ["u", song(9), 1], ["v", song(2), 2])
    write(
        raw,
        "tracks",
        ["track", "song", "title", "artist", "artist_name"],
        [track(1), song(1), "One", "a", "A"],
        [track(2), song(2), "Two", "a", "A"],
        [track(22), song(2), "Two", "a", "A"],
        [track(3), song(3), "Three", "b", "B"],
    )
    write(
        raw,
        "genres",
        ["track", "genre"],
        [track(1), "Rock"],
        [track(2), "Rap"],
        [track(22), "Rock"],
        [track(77), "Jazz"],
    )
    return raw


def test_joined_on_keys_and_through_a_map(raw: Path, tmp_path: Path) -> None:
    graph, report = join([listens(), tracks(), genres()], raw, tmp_path / "graph")
    assert graph.name == "listens_tracks_genres"
    assert graph.keys("song") == [song(1), song(2), song(3), song(9), f"msd-track:{track(77)}"]
    assert graph.names("song")[:4] == ["One", "Two", "Three", song(9)]
    assert edges(graph, "likes") == {("u", song(1)): 3, ("u", song(9)): 1, ("v", song(2)): 2}
    assert edges(graph, "sung_by") == {(song(1), "a"): None, (song(2), "a"): None, (song(3), "b"): None}
    assert edges(graph, "has_genre") == {
        (song(1), "Rock"): None,
        (song(2), "Rap"): None,
        (song(2), "Rock"): None,
        (f"msd-track:{track(77)}", "Jazz"): None,
    }
    assert validate_graph(graph.path).valid
    by_song = {join.dump: join for join in report.joins if join.node_type == "song"}
    assert (by_song["listens"].by, by_song["listens"].nodes, by_song["listens"].new) == ("", 3, 3)
    found = by_song["tracks"]
    assert (found.by, found.nodes, found.joined, found.new, found.merged) == ("key", 3, 2, 1, 0)
    found = by_song["genres"]
    assert (found.by, found.space) == ("msd-track -> msd-song", "msd-track")
    assert (found.nodes, found.joined, found.new, found.merged, found.ambiguous) == (4, 3, 1, 1, 0)


def test_files_of_several_dumps_are_told_apart(raw: Path, tmp_path: Path) -> None:
    """Two dumps may have a file of one name, with different rows."""
    write(tmp_path / "other", "plays", ["user", "song", "plays"], ["w", song(1), 8], ["w", "", 1])
    specs = [listens(), listens("more")]
    graph, report = join(specs, {"listens": raw, "more": tmp_path / "other"}, tmp_path / "graph")
    assert report.rows == {"listens/plays.csv": 3, "more/plays.csv": 2}
    assert [file.name for file in graph.meta.provenance] == ["listens/plays.csv", "more/plays.csv"]
    found = report.find("blank song")
    assert found is not None
    assert (found.file, found.rows, found.first_lines) == ("more/plays.csv", 1, [3])


def test_the_order_decides_the_keys(raw: Path, tmp_path: Path) -> None:
    """With tracks first, song 2 has two tracks: it cannot be said which one was played, so it becomes neither."""
    graph, report = join([genres(), tracks(), listens()], raw, tmp_path / "graph")
    own = [f"msd-song:{song(2)}", f"msd-song:{song(9)}"]
    assert graph.keys("song") == [track(1), track(2), track(3), track(22), track(77), *own]
    assert edges(graph, "likes")[("v", f"msd-song:{song(2)}")] == 2
    found = next(join for join in report.joins if (join.node_type, join.dump) == ("song", "tracks"))
    assert (found.by, found.joined, found.new, found.ambiguous) == ("msd-song -> msd-track", 1, 2, 1)
    assert found.ambiguous_examples == [f"{song(2)}: {track(2)}, {track(22)}"]
    last = next(join for join in report.joins if (join.node_type, join.dump) == ("song", "listens"))
    assert (last.by, last.joined, last.new, last.ambiguous) == ("key", 2, 1, 0)


def test_a_map_may_lead_on_where_another_ends(raw: Path, tmp_path: Path) -> None:
    write(raw, "ids", ["track", "mxm"], [track(3), 500], [track(1), 501])
    write(raw, "words", ["mxm", "mood"], [500, "calm"], [501, "sad"], [502, "odd"])
    ids = dump(
        "ids", ["ids"], key_maps=[{"file": "ids", "keys": {"musixmatch-track": "mxm", "msd-track": "track"}}]
    )
    words = dump(
        "words",
        ["words"],
        nodes={"song": [{"file": "words", "key": "mxm", "attributes": {"mood": "mood"}}]},
        keys={"song": "musixmatch-track"},
    )
    graph, report = join([listens(), tracks(), ids, words], raw, tmp_path / "graph")
    table = graph.nodes("song").filter(pl.col("mood").is_not_null())
    assert dict(table.select("key", "mood").iter_rows()) == {
        song(3): "calm",
        song(1): "sad",
        "musixmatch-track:502": "odd",
    }
    assert report.joins[-1].by == "musixmatch-track -> msd-track -> msd-song"


def test_nodes_that_only_another_dump_declares(raw: Path, tmp_path: Path) -> None:
    """Keys in edges and vectors are looked up in the whole graph, in the same key space or through a map."""
    write(raw, "few", ["track"], [track(1)])
    write(
        raw,
        "rated",
        ["track", "genre", "loud"],
        [track(1), "Rock", 1],
        [track(3), "Jazz", 3],
        [track(8), "Jazz", 8],
    )
    nodes = {"song": [{"file": "few", "key": "track"}], "genre": [{"file": "rated", "key": "genre"}]}
    rated = genres(
        files={"few": {"path": "few.csv"}, "rated": {"path": "rated.csv"}},
        nodes=nodes,
        edges=[{"relation": "has_genre", "file": "rated", "src": "track", "dst": "genre"}],
        features={"song": {"sound": {"file": "rated", "key": "track", "columns": ["loud"]}}},
    )
    graph, report = join([listens(), tracks(), rated], raw, tmp_path / "graph")
    assert edges(graph, "has_genre") == {(song(1), "Rock"): None, (song(3), "Jazz"): None}
    sound = graph.modality("song", "sound")
    assert [key for key, there in zip(graph.keys("song"), sound.present, strict=True) if there] == [
        song(1),
        song(3),
    ]
    found = [finding for finding in report.findings if finding.reason == "unknown song"]
    assert [(f.file, f.part, f.examples) for f in found] == [
        ("genres/rated.csv", "edges song__has_genre__genre", [track(8)]),
        ("genres/rated.csv", "features song sound", [track(8)]),
    ]
    again = listens("again", nodes={"user": listens().nodes["user"], "song": [{"file": "songs", "key": "song"}]},
                    files={"plays": {"path": "other.csv"}, "songs": {"path": "songs.csv"}})  # fmt: skip
    write(raw, "songs", ["song"], [song(1)])
    write(raw, "other", ["user", "song", "plays"], ["w", song(9), 4])
    graph, _ = join([listens(), again], raw, tmp_path / "again")
    assert edges(graph, "likes")[("again/user:w", song(9))] == 4


def test_nodes_that_cannot_be_joined(raw: Path, tmp_path: Path) -> None:
    message = (
        r"the song keys of genres \(msd-track\) cannot be joined with those of listens \(msd-song\): no dump of this build "
        r"has a key map between them; add one that does, or pass --match-names song .* --keep-apart song"
    )
    with pytest.raises(DataError, match=message):
        join([listens(), genres()], raw, tmp_path / "graph")
    assert not (tmp_path / "graph").exists()
    graph, report = join([listens(), genres()], raw, tmp_path / "graph", keep_apart=["song"])
    assert graph.num_nodes("song") == 3 + 4
    assert report.options == {"keep_apart": ["song"]}
    assert graph.meta.build_report["options"] == {"keep_apart": ["song"]}


def test_users_of_two_services_stay_apart(raw: Path, tmp_path: Path) -> None:
    """Both dumps have a user "u", who need not be one person: keys are a dump's own unless it says otherwise."""
    write(tmp_path / "other", "plays", ["user", "song", "plays"], ["u", song(1), 8])
    graph, _ = join(
        [listens(), listens("more")], {"listens": raw, "more": tmp_path / "other"}, tmp_path / "graph"
    )
    assert graph.keys("user") == ["more/user:u", "u", "v"]
    assert edges(graph, "likes")[("more/user:u", song(1))] == 8
    assert edges(graph, "likes")[("u", song(1))] == 3


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


def test_twice_the_same_bytes(raw: Path, tmp_path: Path) -> None:
    first, _ = join([listens(), tracks(), genres()], raw, tmp_path / "first")
    second, _ = join([listens(), tracks(), genres()], raw, tmp_path / "second")
    for path in sorted(p for p in first.path.rglob("*") if p.is_file()):
        assert path.read_bytes() == (second.path / path.relative_to(first.path)).read_bytes()


def test_a_single_dump_is_as_without_joining(raw: Path, tmp_path: Path) -> None:
    """Also with its folder given by name, and whatever its keys are said to be."""
    plain, _ = join([listens(space=None)], {"listens": raw}, tmp_path / "plain")
    spaced = MusicGraph.open(join([listens()], {"listens": raw}, tmp_path / "spaced")[0].path)
    assert plain.checksum == spaced.checksum
    assert plain.keys("song") == [song(1), song(2), song(9)]
    assert np.array_equal(plain.edges("likes").src, [0, 0, 1])


@pytest.mark.parametrize(
    ("specs", "options", "message"),
    [
        ([], {}, "no dump is named"),
        ([listens(), listens()], {}, "two dumps are called 'listens'"),
        (
            [listens(), tracks()],
            {"item": "artist"},
            "--item artist: listens does not say who likes which artist",
        ),
        (
            [listens(), tracks()],
            {"item": "artits"},
            r"unknown node type 'artits' \(did you mean 'artist'\?\)",
        ),
        (
            [listens(), tracks()],
            {"keep_appart": ["song"]},
            r"build option keep_appart: unknown key \(did you mean",
        ),
        (
            [listens(), tracks()],
            {"match_names": ["sogn"]},
            r"unknown node type 'sogn' \(did you mean 'song'\?\)",
        ),
        ([listens(), tracks()], {"name": "a b"}, "build option name: "),
    ],
)
def test_options_that_cannot_be(specs: list, options: dict, message: str, raw: Path, tmp_path: Path) -> None:
    with pytest.raises((ConfigError, SchemaError), match=message):
        join(specs, raw, tmp_path / "graph", **options)
    assert not (tmp_path / "graph").exists()


def test_raw_folders_by_name(raw: Path, tmp_path: Path) -> None:
    from hetmusic.graph.build import build_graph

    specs = [listens(), tracks()]
    with pytest.raises(ConfigError, match="each needs its raw folder: NAME=DIR"):
        build_graph(specs, raw, tmp_path / "graph")
    with pytest.raises(ConfigError, match="no raw folder is given for tracks"):
        build_graph(specs, {"listens": raw}, tmp_path / "graph")
    with pytest.raises(ConfigError, match=r"for 'track', which is not built \(did you mean 'tracks'\?\)"):
        build_graph(specs, {"listens": raw, "track": raw}, tmp_path / "graph")
    with pytest.raises(DataError, match=r"dump tracks: the raw folder .*nowhere does not exist"):
        build_graph(specs, {"listens": raw, "tracks": tmp_path / "nowhere"}, tmp_path / "graph")
    by_file = {"listens": raw, "tracks": {"tracks": raw / "tracks.csv"}}
    build_graph(specs, by_file, tmp_path / "graph")


def test_dumps_that_recommend_different_things(raw: Path, tmp_path: Path) -> None:
    fans = listens(
        "fans",
        keys={},
        item="artist",
        nodes={"user": [{"file": "plays", "key": "user"}], "artist": [{"file": "plays", "key": "song"}]},
    )
    with pytest.raises(
        ConfigError, match=r"listens \(likes song\) and fans \(likes artist\); choose with --item"
    ):
        join([listens(), fans], raw, tmp_path / "graph")
    graph, report = join([listens(), fans], raw, tmp_path / "graph", item="artist")
    assert (graph.item_type, str(graph.interaction)) == ("artist", "user__likes__artist")
    assert report.options == {"item": "artist"}
    said = {"file": "plays", "user": "user", "item": "song", "tag": "plays"}
    tagged = type(fans).model_validate(fans.model_dump(exclude_unset=True) | {"assignments": said})
    with pytest.raises(ConfigError, match="fans says who gave which tag to which artist, but song nodes"):
        join([listens(), tagged], raw, tmp_path / "other", item="song")


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


@pytest.mark.parametrize("first", [True, False])
def test_keys_that_are_those_of_something_else(raw: Path, tmp_path: Path, first: bool) -> None:
    wrong = listens(space="msd-track")
    specs = [wrong, tracks()] if first else [tracks(), wrong]
    message = (
        r"dump listens: its song keys are said to be msd-track \(TR.*\), but none of the 3 looks so: 'SO"
    )
    with pytest.raises(DataError, match=message):
        join(specs, raw, tmp_path / "graph")
    graph, report = join([wrong], raw, tmp_path / "alone")
    assert report.warnings == []
    assert graph.keys("song") == [song(1), song(2), song(9)]


def test_some_keys_that_are_not_what_they_are_said_to_be(raw: Path, tmp_path: Path) -> None:
    """As where blank ids are made of names: the same words in two dumps need not mean one song, unless names may join."""
    for name, title in (("one", "Odd!"), ("two", "odd")):
        write(
            tmp_path / name,
            "plays",
            ["user", "song", "plays", "title"],
            ["u", song(1), 1, "One"],
            ["u", "names:odd", 4, title],
        )

    def named(name: str) -> DumpSpec:
        user = [{"file": "plays", "key": "user"}]
        return listens(
            name, nodes={"user": user, "song": [{"file": "plays", "key": "song", "name": "title"}]}
        )

    folders = {"one": tmp_path / "one", "two": tmp_path / "two"}
    graph, report = join([named("one"), named("two")], folders, tmp_path / "graph")
    assert graph.keys("song") == [song(1), "names:odd", "two/song:names:odd"]
    assert edges(graph, "likes") == {
        ("u", song(1)): 1,
        ("u", "names:odd"): 4,
        ("two/user:u", song(1)): 1,
        ("two/user:u", "two/song:names:odd"): 4,
    }
    assert report.warnings == [
        f"{name}: 1 of 2 song keys do not look like msd-song, so no other dump has them: 'names:odd'"
        for name in ("one", "two")
    ]
    graph, report = join([named("one"), named("two")], folders, tmp_path / "by-name", match_names=["song"])
    assert graph.keys("song") == [song(1), "names:odd"]
    assert edges(graph, "likes")[("two/user:u", "names:odd")] == 4
    assert (report.joins[-1].joined, report.joins[-1].by_name) == (2, 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"keys": {"song": "msd-songs"}},
            r"keys.song: unknown key space 'msd-songs' \(did you mean 'msd-song'\?\)",
        ),
        ({"keys": {"song": "mine"}}, r"keys.song: unknown key space 'mine'.*such as 'mine/song'"),
        ({"keys": {"song": "mine/sogn"}}, "keys.song: unknown key space 'mine/sogn'"),
        ({"keys": {"song": "echonest-artist"}}, "keys.song: 'echonest-artist' are ids of artist nodes"),
        ({"keys": {"album": "mine/album"}}, "keys.album: the dump has no nodes of type 'album'"),
        (
            {"key_maps": [{"file": "tracks", "keys": {"msd-song": "song", "echonest-artist": "artist"}}]},
            r"key_maps\[0\].keys: the keys are not of one node type: msd-song of song, echonest-artist of artist",
        ),
        (
            {"key_maps": [{"file": "trakcs", "keys": {"msd-song": "song", "msd-track": "track"}}]},
            r"key_maps\[0\].file: no file 'trakcs'",
        ),
        (
            {"match_names": ["song:nam"]},
            r"match_names.song: song has no attribute 'nam' \(did you mean 'name'\?\)",
        ),
    ],
)
def test_mistakes_in_a_specification(changes: dict, message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        dump_check.check(tracks(**changes))

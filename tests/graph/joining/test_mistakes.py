"""Dumps that cannot be joined, and keys that are not what they are said to be."""

from __future__ import annotations

from pathlib import Path

import pytest

from hetmusic.errors import ConfigError, DataError, SchemaError
from kg_schema import dump_check
from kg_schema.dump import DumpSpec
from tests.graph.joining.dumps import edges, join, listens, song, tracks, write


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

"""Several dumps in one graph, joined on keys and key maps: what becomes one node, and what the report says of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hetmusic.errors import ConfigError, DataError
from hetmusic.graph import MusicGraph
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

"""Filters of a build: what stays in the graph of everything that hangs on users and items, and what the report counts."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from hetmusic.errors import ConfigError, DataError, SchemaError
from hetmusic.graph import MusicGraph
from hetmusic.graph.build import build_graph
from hetmusic.graph.build_report import BuildReport
from hetmusic.graph.validation import validate_graph
from kg_schema import dump_check
from kg_schema.dump import DumpSpec
from tests.graph.joining.dumps import dump, edges, write


def spec(name: str = "mine", **changes: Any) -> DumpSpec:
    """Listens, friends, artists with albums, similar artists, tags and vectors."""
    value: dict[str, Any] = {
        "interaction": "likes",
        "nodes": {
            "user": [
                {"file": "plays", "key": "user"},
                {"file": "friends", "key": "a"},
                {"file": "friends", "key": "b"},
            ],
            "song": [{"file": "songs", "key": "song", "name": "song"}],
            "artist": [{"file": "songs", "key": "artist"}, {"file": "albums", "key": "artist"}],
            "album": [{"file": "albums", "key": "album"}],
        },
        "edges": [
            {
                "relation": "likes",
                "file": "plays",
                "src": "user",
                "dst": "song",
                "dst_type": "song",
                "weight": "plays",
            },
            {"relation": "friends", "file": "friends", "src": "a", "dst": "b"},
            {"relation": "sung_by", "file": "songs", "src": "song", "dst": "artist"},
            {"relation": "released_by", "file": "albums", "src": "album", "dst": "artist"},
        ],
        "assignments": {"file": "tags", "user": "user", "item": "song", "tag": "tag"},
        "features": {
            "song": {"sound": {"file": "songs", "key": "song", "columns": ["loud"]}},
            "album": {"cover": {"file": "albums", "key": "album", "columns": ["red"]}},
        },
    }
    value["files"] = {
        file: {"path": f"{file}.csv"} for file in ("plays", "friends", "songs", "albums", "tags")
    }
    return dump(name, [], **(value | changes))


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    raw = tmp_path / "raw"
    plays = {
        ("1", "a"): 9,
        ("1", "b"): 2,
        ("2", "a"): 5,
        ("2", "b"): 1,
        ("3", "a"): 1,
        ("3", "c"): 7,
        ("x", "d"): 1,
    }
    write(raw, "plays", ["user", "song", "plays"], *([*pair, count] for pair, count in plays.items()))
    write(raw, "friends", ["a", "b"], ["1", "2"], ["2", "x"], ["y", "1"])
    songs = {"a": "A", "b": "A", "c": "C", "d": "D", "e": "E"}
    rows = [[song, artist, number] for number, (song, artist) in enumerate(songs.items())]
    write(raw, "songs", ["song", "artist", "loud"], *rows)
    write(raw, "albums", ["album", "artist", "red"], ["a1", "A", 10], ["d1", "D", 40], ["z1", "Z", 50])
    tags = [("1", "a", "rock"), ("2", "b", "mine"), ("3", "c", "calm"), ("1", "c", "mine"), ("x", "d", "his")]
    write(raw, "tags", ["user", "song", "tag"], *tags)
    return raw


def build(raw: Path, filters: dict[str, Any], **changes: Any) -> tuple[MusicGraph, BuildReport]:
    return build_of(spec(**changes), raw, filters)


def build_of(dump: DumpSpec, raw: Path, filters: dict[str, Any]) -> tuple[MusicGraph, BuildReport]:
    out = raw.parent / "graph"
    report = build_graph(dump, raw, out, overwrite=True, filters=filters)
    assert validate_graph(out).valid
    return MusicGraph.open(out, verify=True), report


def removed(report: BuildReport) -> dict[str, tuple[dict[str, int], dict[str, int], dict[str, int]]]:
    steps = {step.filter: (step.nodes, step.edges, step.assignments) for step in report.filters}
    return {name: counts for name, counts in steps.items() if any(counts)}


def given_tags(graph: MusicGraph) -> set[tuple[str, str, str, str]]:
    rows = graph.tag_assignments
    assert rows is not None
    keys = {kind: graph.keys(kind) for kind in ("genre", "emotion", "tag")}
    users, songs = graph.keys("user"), graph.keys("song")
    return {
        (users[user], songs[item], kind, keys[kind][tag])
        for user, item, kind, tag in rows.select("user", "item", "kind", "tag").iter_rows()
    }


def vectors(graph: MusicGraph, node_type: str, name: str) -> dict[str, float]:
    found = graph.modality(node_type, name)
    rows = zip(graph.keys(node_type), found.values[:, 0].tolist(), found.present, strict=True)
    return {key: value for key, value, there in rows if there}


def test_everything_follows_users_and_items(raw: Path) -> None:
    """Users 1, 2 and songs a, b are the core; all others go, with what hangs on them alone."""
    graph, report = build(raw, {"user_core": 2, "item_core": 2})
    assert graph.keys("user") == ["1", "2"]
    assert graph.keys("song") == graph.names("song") == ["a", "b"]
    assert graph.keys("artist") == ["A", "Z"]
    assert graph.keys("album") == ["a1", "z1"]
    assert edges(graph, "likes") == {("1", "a"): 9, ("1", "b"): 2, ("2", "a"): 5, ("2", "b"): 1}
    assert edges(graph, "friends") == {("1", "2"): None, ("2", "1"): None}
    assert edges(graph, "sung_by") == {("a", "A"): None, ("b", "A"): None}
    assert edges(graph, "released_by") == {("a1", "A"): None, ("z1", "Z"): None}
    assert given_tags(graph) == {("1", "a", "genre", "rock"), ("2", "b", "tag", "mine")}
    assert (graph.keys("emotion"), graph.keys("tag")) == ([], ["mine"])
    assert vectors(graph, "song", "sound") == {"a": 0, "b": 1}
    assert vectors(graph, "album", "cover") == {"a1": 10, "z1": 50}
    assert removed(report) == {
        "user_core 2, item_core 2": ({"user": 3, "song": 3}, {"user__likes__song": 3}, {}),
        "with their nodes": (
            {},
            {"user__friends__user": 2, "song__sung_by__artist": 3},
            {"emotion": 1, "tag": 2},
        ),
        "left behind": (
            {"artist": 3, "album": 1, "emotion": 1, "tag": 1},
            {"album__released_by__artist": 1},
            {},
        ),
    }
    assert report.options == {"filters": {"user_core": 2, "item_core": 2}}


def test_keeping_what_is_isolated(raw: Path) -> None:
    graph, report = build(raw, {"item_core": 2, "isolated": "keep"})
    assert graph.keys("user") == ["1", "2", "3", "x", "y"]
    assert graph.keys("song") == ["a", "b"]
    assert graph.keys("artist") == ["A", "C", "D", "E", "Z"]
    assert removed(report).keys() == {"item_core 2", "with their nodes"}
    graph, report = build(raw, {"item_core": 2})
    assert graph.keys("user") == ["1", "2", "3"]
    assert removed(report)["isolated"] == ({"user": 2}, {}, {})


def test_keeping_what_is_linked(raw: Path) -> None:
    """Of those who played "a" no more, "x" and "y" have friends who stay, and "z" has nobody."""
    (raw / "one.txt").write_text("a\ne\n", encoding="utf-8")
    with (raw / "plays.csv").open("a", encoding="utf-8") as stream:
        stream.write("z,b,1\n")
    graph, report = build(raw, {"items": raw / "one.txt", "min_plays": 2, "isolated": "linked"})
    assert graph.keys("user") == ["1", "2", "x", "y"]
    assert graph.keys("song") == ["a", "e"]
    assert graph.keys("artist") == ["A", "E", "Z"]
    assert graph.num_edges("friends") == 3
    left = {"user": 2, "artist": 2, "album": 1, "emotion": 1, "tag": 2}
    assert removed(report)["left behind"][0] == left
    graph, _ = build(raw, {"items": raw / "one.txt", "min_plays": 2})
    assert graph.keys("user") == ["1", "2"]


def test_the_order_of_nodes_is_that_of_a_build_without_the_others(raw: Path) -> None:
    """Once the user "x" is gone, all keys are numbers, and sorted as such."""
    write(raw, "plays", ["user", "song", "plays"], *([user, "a", 1] for user in ("10", "9", "x", "100")))
    (raw / "few.txt").write_text("\ufeff9\r\n100\n\n10\n", encoding="utf-8")
    graph, _ = build(raw, {"users": raw / "few.txt"})
    assert graph.keys("user") == ["9", "10", "100"]


@pytest.mark.parametrize("way", ["path", "text"])
def test_lists(raw: Path, way: str) -> None:
    path = raw / "some songs.txt"
    path.write_text("e\na\nnobody\na\n", encoding="utf-8")
    graph, report = build(raw, {"items": path if way == "path" else str(path)})
    assert graph.keys("song") == ["a", "e"], "one that is listed stays although nobody played it"
    assert graph.keys("user") == ["1", "2", "3"]
    assert removed(report)["items"] == ({"song": 3}, {"user__likes__song": 4}, {})
    assert "1 of 3 keys in some songs.txt is no song of the graph: 'nobody'" in report.warnings
    assert report.options == {"filters": {"items": {"path": "some songs.txt"}}}
    assert graph.meta.provenance[-1].name == "some songs.txt"
    assert str(raw) not in (graph.path / "graph.json").read_text(encoding="utf-8")


def test_filters_in_a_specification(raw: Path) -> None:
    write(raw, "wanted", ["song"], ["a"], ["b"])
    files = {name: entry.model_dump(exclude_unset=True) for name, entry in spec().files.items()}
    files["wanted"] = {"path": "wanted.csv"}
    filters = {"items": {"file": "wanted", "key": "song"}, "min_plays": 2}
    filtering = spec(files=files, filters=filters)
    graph, report = build_of(filtering, raw, {})
    assert edges(graph, "likes") == {("1", "a"): 9, ("1", "b"): 2, ("2", "a"): 5}
    assert [step.filter for step in report.filters[:2]] == ["items", "min_plays 2"]
    graph, report = build_of(filtering, raw, {"min_plays": 6})
    assert edges(graph, "likes") == {("1", "a"): 9}
    assert report.options["filters"]["min_plays"] == 6


def test_several_filters_one_after_the_other(raw: Path) -> None:
    graph, report = build(raw, {"top_items": 1, "min_plays": 2, "top_users": 2})
    # three users have a pair of 2 plays or more; of 1 (two pairs) and of 2 and 3 (one each), 2 comes first
    assert edges(graph, "likes") == {("1", "a"): 9, ("2", "a"): 5}
    assert [step.filter for step in report.filters] == [
        "min_plays 2",
        "top_users 2",
        "top_items 1",
        "isolated",
        "with their nodes",
        "left behind",
    ]


def test_twice_the_same_bytes(raw: Path) -> None:
    filters = {"sample": 0.9, "item_core": 2}
    build_graph(spec(), raw, raw.parent / "one", filters=filters)
    build_graph(spec(), raw, raw.parent / "two", filters=filters)
    for path in sorted(p for p in (raw.parent / "one").rglob("*") if p.is_file()):
        assert path.read_bytes() == (raw.parent / "two" / path.relative_to(raw.parent / "one")).read_bytes()


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"user_core": 9}, "the filters leave none of the 7 interactions; removed by user_core 9: 7"),
        ({"min_plays": 100}, "min_plays 100: 7"),
        ({"items": "nowhere.txt"}, "nowhere.txt cannot be read: No such file"),
        ({"sample": 0}, "build option filters.sample: Input should be greater than 0"),
        ({"sample": 1.5}, "build option filters.sample: "),
        ({"sample_seed": 3}, "build option filters.sample_seed: is for `sample`"),
        ({"user_croe": 3}, r"build option filters.user_croe: unknown key \(did you mean 'user_core'\?\)"),
        ({"isolated": "maybe"}, "build option filters.isolated: "),
        ({"items": {"file": "x"}}, "build option filters.items: give either `path`, or `file` and `key`"),
        (
            {"items": {"file": "plays", "key": "song"}},
            "build option filters.items: .*belongs into a specification",
        ),
    ],
)
def test_filters_that_cannot_be(raw: Path, filters: dict[str, Any], message: str) -> None:
    with pytest.raises((ConfigError, DataError), match=message):
        build(raw, filters)
    assert not (raw.parent / "graph").exists()


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("TR1\nTR2\n", "lists 2 keys, of which none is a song of the graph; first: 'TR1', 'TR2'$"),
        ("TR1\n", "lists 1 key, which is no song of the graph: 'TR1'$"),
        ("\n", "lists no keys$"),
    ],
)
def test_a_list_of_other_keys(raw: Path, lines: str, message: str) -> None:
    (raw / "list.txt").write_text(lines, encoding="utf-8")
    with pytest.raises(DataError, match=f"list.txt {message}"):
        build(raw, {"items": raw / "list.txt"})


def test_plays_that_nobody_counted(raw: Path) -> None:
    bare = [edge.model_dump(exclude_unset=True) for edge in spec().edges]
    del bare[0]["weight"]
    with pytest.raises(DataError, match="min_plays: user__likes__song has no weights"):
        build(raw, {"min_plays": 2}, edges=bare)


def test_graphs_without_listeners(raw: Path) -> None:
    quiet = dump("quiet", ["songs"], nodes={"song": [{"file": "songs", "key": "song"}]})
    with pytest.raises(ConfigError, match=r"filters \(user_core\) are for graphs with listeners"):
        build_graph(quiet, raw, raw.parent / "graph", filters={"user_core": 2})


def test_specifications_that_disagree(raw: Path) -> None:
    one, two = spec(filters={"user_core": 2}), spec(name="two", filters={"user_core": 3})
    folders = {"mine": raw, "two": raw}
    keep = ["song", "artist", "album"]
    with pytest.raises(ConfigError, match="mine sets the filter 'user_core' to 2 and two to 3; choose"):
        build_graph([one, two], folders, raw.parent / "graph", keep_apart=keep)
    report = build_graph([one, two], folders, raw.parent / "graph", keep_apart=keep, filters={"user_core": 2})
    assert report.options["filters"] == {"user_core": 2}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"filters": {"items": "list.txt"}}, r"filters.items: give a file of `files` and its column"),
        ({"filters": {"items": {"file": "paly", "key": "song"}}}, r"filters.items.file: no file 'paly'"),
    ],
)
def test_mistakes_in_a_specification(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        dump_check.check(spec(**changes))


def test_hetrec(shared_data: Path, tmp_path: Path) -> None:
    """The 10-core of the real listens with at least 5 plays of one user in five, found by plain Python as well."""
    folder = shared_data / "hetrec-lastfm-2k"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    import hashlib

    rows = [
        line.split("\t")
        for line in (folder / "user_artists.dat").read_text(encoding="utf-8").splitlines()[1:]
    ]
    everyone = {row[0] for row in rows}
    limit = round(0.5 * 2**64)

    def is_drawn(user: str) -> bool:
        return int.from_bytes(hashlib.blake2b(f"7:{user}".encode(), digest_size=8).digest(), "big") < limit

    found = {(row[0], row[1]) for row in rows if int(row[2]) >= 5 and is_drawn(row[0])}
    while True:
        users, artists = Counter(u for u, _ in found), Counter(a for _, a in found)
        smaller = {(u, a) for u, a in found if users[u] >= 10 and artists[a] >= 20}
        if smaller == found:
            break
        found = smaller
    filters = {"min_plays": 5, "sample": 0.5, "sample_seed": 7, "user_core": 10, "item_core": 20}
    graph = MusicGraph.build("hetrec-lastfm", raw=folder, out=tmp_path / "graph", filters=filters)
    assert edges(graph, "likes").keys() == found
    assert set(graph.keys("user")) == {u for u, _ in found}
    assert set(graph.keys("artist")) == {a for _, a in found}
    assert len(found) > 5_000
    assert 0.4 * len(everyone) < len({user for user in everyone if is_drawn(user)}) < 0.6 * len(everyone)
    friends = [line.split("\t") for line in (folder / "user_friends.dat").read_text().splitlines()[1:]]
    kept = set(graph.keys("user"))
    assert edges(graph, "friends").keys() == {(a, b) for a, b in friends if a in kept and b in kept}
    tagged = [line.split("\t") for line in (folder / "user_taggedartists.dat").read_text().splitlines()[1:]]
    artists_kept = set(graph.keys("artist"))
    pairs = {(row[0], row[1]) for row in tagged if row[0] in kept and row[1] in artists_kept}
    rows_left = graph.tag_assignments
    assert rows_left is not None
    users_left, artists_left = graph.keys("user"), graph.keys("artist")
    assert {
        (users_left[u], artists_left[a]) for u, a in rows_left.select("user", "item").iter_rows()
    } == pairs
    assert validate_graph(graph.path).valid

"""Nodes joined by name: only when asked, only where nobody else on either side has the name, and never silently."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hetmusic.errors import ConfigError, DataError
from hetmusic.graph.build import build_graph
from hetmusic.graph.joining.names import match_names
from kg_schema.dump import DumpSpec
from kg_schema.names import normalise_name
from tests.graph.joining.dumps import dump, edges, join, write


def fans(name: str, **changes: object) -> DumpSpec:
    """Users, the artists they like, and the artists' names: ``NAME-fans.csv``, ``NAME-artists.csv``."""
    value: dict[str, object] = {
        "item": "artist",
        "interaction": "likes",
        "files": {"fans": {"path": f"{name}-fans.csv"}, "artists": {"path": f"{name}-artists.csv"}},
        "nodes": {
            "user": [{"file": "fans", "key": "user"}],
            "artist": [{"file": "artists", "key": "id", "name": "name"}],
        },
        "edges": [{"relation": "likes", "file": "fans", "src": "user", "dst": "artist"}],
    }
    return dump(name, [], **(value | changes))


def write_fans(raw: Path, name: str, artists: dict[str, str]) -> None:
    write(raw, f"{name}-artists", ["id", "name"], *([key, f'"{text}"'] for key, text in artists.items()))
    write(raw, f"{name}-fans", ["user", "artist"], *([f"{name}{key}", key] for key in artists))


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    raw = tmp_path / "raw"
    write_fans(
        raw,
        "a",
        {"1": "Beyoncé", "2": "The Beatles", "3": "Nirvana", "4": "nirvana", "5": "Jay-Z", "6": "Only A"},
    )
    write_fans(
        raw,
        "b",
        {"x": "BEYONCE", "y": "Beatles, The", "z": "Nirvana", "p": "Jay Z", "q": "JAY-Z", "r": "Only B"},
    )
    return raw


def test_not_unless_asked(raw: Path, tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"artist keys of b \(b/artist\) cannot be joined with those of a \(a/artist\)"
    ):
        join([fans("a"), fans("b")], raw, tmp_path / "graph")


@pytest.mark.parametrize("way", ["option", "specification"])
def test_matches_and_ambiguities(raw: Path, tmp_path: Path, way: str) -> None:
    options = {"match_names": ["artist"]} if way == "option" else {}
    more = {"match_names": ["artist"]} if way == "specification" else {}
    graph, report = join([fans("a"), fans("b", **more)], raw, tmp_path / "graph", **options)
    assert graph.keys("artist") == [
        "1",
        "2",
        "3",
        "4",
        "5",
        "6",
        "b/artist:p",
        "b/artist:q",
        "b/artist:r",
        "b/artist:z",
    ]
    assert graph.names("artist")[:2] == ["Beyoncé", "The Beatles"]
    found = edges(graph, "likes")
    assert {pair for pair in found if pair[1] == "1"} == {("a1", "1"), ("b/user:bx", "1")}
    assert ("b/user:bz", "b/artist:z") in found
    joined = next(join for join in report.joins if (join.node_type, join.dump) == ("artist", "b"))
    assert (joined.nodes, joined.joined, joined.by_name, joined.new, joined.ambiguous) == (6, 2, 2, 4, 3)
    assert joined.examples == ["Beatles, The (y) = The Beatles (2)", "BEYONCE (x) = Beyoncé (1)"]
    assert joined.ambiguous_examples == ["Jay Z (p, q): Jay-Z (5)", "Nirvana (z): Nirvana (3, 4)"]
    assert joined.differing == {"name": 2}


def test_one_dump_has_nothing_to_match(raw: Path, tmp_path: Path) -> None:
    message = (
        "match_names: a is the only dump, so there is nothing that its artist nodes could be matched with"
    )
    with pytest.raises(ConfigError, match=message):
        build_graph(fans("a"), raw, tmp_path / "graph", match_names=["artist"])
    assert not (tmp_path / "graph").exists()
    build_graph(
        fans("a", match_names=["artist"]), raw, tmp_path / "graph"
    )  # a specification says it for joins


def test_a_third_dump_with_the_keys_of_the_second(raw: Path, tmp_path: Path) -> None:
    """What a name has joined once stays joined under the same key."""
    write_fans(raw, "c", {"x": "Queen B", "new": "Only C"})
    graph, report = join(
        [fans("a"), fans("b"), fans("c", keys={"artist": "b/artist"})],
        raw,
        tmp_path / "graph",
        match_names=["artist"],
    )
    assert ("c/user:cx", "1") in edges(graph, "likes")
    assert "b/artist:new" in graph.keys("artist")
    assert (report.joins[-1].by, report.joins[-1].joined, report.joins[-1].by_name) == ("key", 1, 0)


def test_keys_come_before_names(raw: Path, tmp_path: Path) -> None:
    """A node that is joined by its key is not joined by its name as well, and leaves no second node of its dump to it."""
    write(raw, "map", ["one", "two"], [2, "x"])
    pairs = dump("pairs", ["map"], key_maps=[{"file": "map", "keys": {"a/artist": "one", "b/artist": "two"}}])
    graph, report = join([fans("a"), pairs, fans("b")], raw, tmp_path / "graph", match_names=["artist"])
    found = edges(graph, "likes")
    assert ("b/user:bx", "2") in found
    assert ("b/user:by", "b/artist:y") in found
    joined = report.joins[-1]
    assert (joined.by, joined.joined, joined.by_name) == ("b/artist -> a/artist", 1, 0)
    assert "Beatles, The (y): The Beatles (2)" in joined.ambiguous_examples


def test_songs_by_title_and_artist(raw: Path, tmp_path: Path) -> None:
    def titles(name: str, *rows: tuple[str, str, str]) -> DumpSpec:
        write(raw, name, ["id", "title", "by"], *rows)
        source = {"file": name, "key": "id", "name": "title", "attributes": {"by": "by"}}
        return dump(name, [name], nodes={"song": [source]})

    one = titles(
        "one", ("1", "Hello", "Adele"), ("2", "Hello", "Lionel Richie"), ("3", "Umbrella", "Rihanna")
    )
    two = titles("two", ("x", "hello", "ADELE"), ("y", "Umbrella (feat. Jay-Z)", "Rihanna ft. Jay-Z"))
    graph, _ = join([one, two], raw, tmp_path / "graph", match_names=["song:name+by"])
    assert graph.keys("song") == ["1", "2", "3"]
    graph, report = join([one, two], raw, tmp_path / "titles", match_names=["song"])
    assert graph.keys("song") == ["1", "2", "3", "two/song:x"]
    assert report.joins[-1].ambiguous_examples == ["hello (x): Hello (1, 2)"]
    assert report.options == {"match_names": {"song": ["name"]}}
    with pytest.raises(DataError, match="song nodes of two have no attribute 'bye' to match names by"):
        join([one, two], raw, tmp_path / "other", match_names=["song:name+bye"])


names = st.lists(
    st.sampled_from(["Ab", "ab", "The Ab", "C", "c!", "D feat. E", "D ft E", "D", None]), max_size=6
)


@given(names, names, st.data())
def test_only_names_that_are_alone_on_both_sides(ours: list, theirs: list, data: st.DataObject) -> None:
    """The same as counting forms one by one."""
    schema = {"key": pl.String, "name": pl.String}
    graph = pl.DataFrame({"key": [f"g{i}" for i in range(len(theirs))], "name": theirs}, schema)
    mine = pl.DataFrame({"key": [f"d{i}" for i in range(len(ours))], "name": ours}, schema)
    free = data.draw(st.lists(st.sampled_from(mine["key"].to_list()), unique=True)) if ours else []
    taken = data.draw(st.lists(st.sampled_from(graph["key"].to_list()), unique=True)) if theirs else []
    found = match_names(
        graph, mine, pl.Series(free, dtype=pl.String), pl.Series(taken, dtype=pl.String), ["name"], "artist"
    )
    our_forms = [None if name is None else normalise_name(name) for name in ours]
    their_forms = [None if name is None else normalise_name(name) for name in theirs]
    expected, ambiguous = set(), 0
    for index, form in enumerate(our_forms):
        if form is None or f"d{index}" not in free or form not in their_forms:
            continue
        other = f"g{their_forms.index(form)}"
        if our_forms.count(form) == 1 and their_forms.count(form) == 1 and other not in taken:
            expected.add((f"d{index}", other))
        else:
            ambiguous += 1
    assert set(found.pairs.iter_rows()) == expected
    assert found.ambiguous == ambiguous

"""Everything that is wrong with a specification, at once: in the YAML, in the files, and between them."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from hetmusic.errors import DataError, SchemaError
from hetmusic.graph.build import build_graph
from hetmusic.specs import check_spec
from hetmusic.specs.overlap import Overlap, closest
from tests.cli.running import snapshot

SPEC = """name: mine
item: song
files:
  plays: {path: plays.csv}
  songs: {path: songs.csv}
  friends: {path: friends.csv, optional: true}
nodes:
  user:
    - {file: plays, key: user}
  song:
    - {file: songs, key: id, name: title, attributes: {year: {column: year, dtype: int}}}
edges:
  - {relation: likes, file: plays, src: user, dst: track, weight: count, time: at}
  - {relation: friends, file: friends, src: a, dst: b}
"""
FILES = {
    "plays.csv": "user,track,count,at\nu1,s1,3,1\nu2,s2,1,2\nu2,s1,1,2\n",
    "songs.csv": "id,title,year\ns1,One,1999\ns2,Two,\n",
    "friends.csv": "a,b\nu1,u2\n",
}


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / "raw"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    return folder


def check(raw: Path, text: str = SPEC, files: bool = True, **options: int) -> list[str]:
    """The problems, without the path of the specification."""
    path = raw.parent / "mine.yaml"
    path.write_text(text)
    report = check_spec(path, raw if files else None, **options)
    return [str(problem).removeprefix(f"{path}:") for problem in [*report.errors, *report.warnings]]


def test_a_good_one(raw: Path) -> None:
    before = snapshot(raw)
    assert check(raw) == []
    report = check_spec(raw.parent / "mine.yaml", raw)
    assert report.facts == [
        "plays: plays.csv, 3 rows; columns user, track, count, at",
        "songs: songs.csv, 2 rows; columns id, title, year",
        "friends: friends.csv, 1 rows; columns a, b",
        "user likes song: 100 % of `user` are user nodes, 100 % of `track` are song nodes",
        "user friends user: 100 % of `a` are user nodes, 100 % of `b` are user nodes",
    ]
    assert snapshot(raw) == before
    build_graph(raw.parent / "mine.yaml", raw, raw.parent / "graph")


def test_all_mistakes_of_the_form_at_once(raw: Path) -> None:
    text = (
        SPEC.replace("weight: count", "wieght: count")
        .replace("item: song", "itme: song")
        .replace("key: user", "key: 7")
    )
    assert check(raw, text) == [
        "1: item: this key is missing",
        "2: itme: unknown key (did you mean 'item'?)",
        "9: nodes.user[0].key: Input should be a valid string, not 7",
        "13: edges[0].wieght: unknown key (did you mean 'weight'?)",
    ]


def test_unknown_keys_do_not_hide_what_they_mean(raw: Path) -> None:
    """Relations, files and columns are checked as well, whatever else is wrong."""
    text = (
        SPEC.replace("name: mine", "name: mine\ntitel: x")
        .replace("relation: friends", "relation: frends")
        .replace("file: songs", "file: song")
        .replace("dst: track", "dst: trakc")
    )
    assert check(raw, text, files=False) == [
        "2: titel: unknown key (did you mean 'title'?)",
        "6: files.songs: nothing is read from this file",
        "12: nodes.song[0].file: no file 'song' under `files` (did you mean 'songs'?)",
        "15: edges[1].relation: unknown relation 'frends' (did you mean 'friends'?)",
    ]
    found = check(raw, text)
    assert (
        "14: edges[0].dst: plays.csv has no column 'trakc' (did you mean 'track'?); it has 'user', 'track', 'count', 'at'"
        in found
    )
    assert len(found) == 5


def test_all_missing_columns_at_once(raw: Path) -> None:
    (raw / "plays.csv").write_text("usr,track,cuont,at\nu1,s1,3,1\n")
    (raw / "songs.csv").write_text("id;title;year\n")
    assert [line.partition(";")[0] for line in check(raw)] == [
        "5: files.songs: songs.csv, line 1: only one column found with delimiter ','",
        "9: nodes.user[0].key: plays.csv has no column 'user' (did you mean 'usr'?)",
        "13: edges[0].src: plays.csv has no column 'user' (did you mean 'usr'?)",
        "13: edges[0].weight: plays.csv has no column 'count' (did you mean 'cuont'?)",
    ]


def test_files_that_are_not_there(raw: Path) -> None:
    (raw / "songs.csv").unlink()
    (raw / "friends.csv").unlink()
    assert check(raw) == [
        "5: files.songs.path: songs.csv is not there",
        "6: files.friends.path: friends.csv is not there, but optional",
    ]


def test_all_bad_values_at_once(raw: Path) -> None:
    (raw / "plays.csv").write_text("user,track,count,at\nu1,s1,many,1\nu2,s2,1,soon\n")
    (raw / "songs.csv").write_text("id,title,year\ns1,One,MCM\ns2,Two,\n")
    (raw / "friends.csv").write_text("a,b\nu1\n")
    assert [line.partition(" (")[0] for line in check(raw)] == [
        "6: files.friends: friends.csv, line 2: 1 fields instead of 2",
        "11: nodes.song[0].attributes.year: songs.csv, line 2, field 'year': 'MCM' is not a whole number",
        "13: edges[0].time: plays.csv, line 3, field 'at': 'soon' is not a number",
        "13: edges[0].weight: plays.csv, line 2, field 'count': 'many' is not a number",
    ]


@pytest.mark.parametrize(
    ("songs", "message"),
    [
        ("id,title,year\ns1,One,\n", "only 66.7 % of 3 values of `track` are song nodes; no node: 's2'; nodes: 's1'"),
        ("id,title,year\nx,One,\n", "only 0 % of 3 values of `track` are song nodes; no node: 's1', 's2'; nodes: 'x'"),
        ("id,title,year\nS1,One,\nS2,Two,\n", "; they would fit if case did not count (100 %)"),
        ("id,title,year\n001,s1,\n002,s2,\n", "; key 'title' of 'songs' would fit better (100 %)"),
        ("id,title,year\n1,s1,\n2,x,\n", "; column 'at' of 'plays' fits better (100 %)"),
    ],
)  # fmt: skip
def test_keys_that_do_not_meet(raw: Path, songs: str, message: str) -> None:
    (raw / "songs.csv").write_text(songs)
    (found,) = check(raw)
    assert found.startswith("13: edges[0].dst: only ")
    assert found.endswith(message)


def test_a_column_that_is_blank(raw: Path) -> None:
    (raw / "friends.csv").write_text("a,b\nu1,\n")
    assert check(raw) == ["14: edges[1].dst: `b` is blank in all rows that were looked at"]


def test_only_the_first_rows_are_looked_at_but_all_keys(raw: Path) -> None:
    (raw / "plays.csv").write_text("user,track,count,at\nu1,s9,3,1\n" + "u2,x,oops,2\n" * 9)
    (raw / "songs.csv").write_text("id,title,year\n" + "".join(f"s{number},t,\n" for number in range(10)))
    assert check(raw, rows=1)[0].startswith(
        "13: edges[0].weight: plays.csv, line 3, field 'count': 'oops' is not a number"
    )  # the batch that holds the first row is looked at
    report = check_spec(raw.parent / "mine.yaml", raw, rows=1)
    assert report.facts[0].startswith("plays: plays.csv, at least 10 rows")
    assert "song nodes" in report.facts[3]


def test_tags_lookups_and_parts(raw: Path) -> None:
    text = SPEC + "assignments: {file: tagged, user: u, item: s, tag: t}\n"
    text = text.replace(
        "  friends: {path",
        "  tagged:\n    path: tagged/*.csv\n    lookups: {s: {column: n, file: songs, key: titel, value: id}}\n"
        "  friends: {path",
    )
    (raw / "tagged").mkdir()
    (raw / "tagged" / "1.csv").write_text("u,n,t\nu1,One,rock\nu9,Two,pop\n")
    (found,) = check(raw, text)
    assert found.startswith(
        "8: files.tagged.lookups.s.key: songs.csv has no column 'titel' (did you mean 'title'?)"
    )
    assert check(raw, text.replace("titel", "title")) == [
        "18: assignments.user: only 50.0 % of 2 values of `u` are user nodes; no node: 'u9'; nodes: 'u1', 'u2'"
    ]


def test_what_cannot_be_read_at_all(raw: Path, tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match=r"mine\.yaml:2: not valid YAML"):
        check(raw, "a: [\nb: }")
    with pytest.raises(SchemaError, match="neither a built-in dump nor a specification file"):
        check_spec(tmp_path / "nix.yaml")
    path = tmp_path / "mine.yaml"
    path.write_text(SPEC)
    with pytest.raises(DataError, match=r"the raw folder .*nix is not a folder"):
        check_spec(path, tmp_path / "nix")


def test_real_dumps_fit_their_specifications(shared_data: Path) -> None:
    """Counted independently: 1,538 of 186,479 tag rows name artists that artists.dat does not have."""
    report = check_spec("hetrec-lastfm", shared_data / "hetrec-lastfm-2k")
    assert report.problems == []
    assert (
        report.facts[-1]
        == "assignments: 100 % of `userID` are user nodes, 99.2 % of `artistID` are artist nodes"
    )
    assert round(100 * (1 - 1538 / 186_479), 1) == 99.2


def test_percentages_are_never_rounded_to_nothing_or_all() -> None:
    assert [Overlap(1000, found).percent for found in (0, 1, 999, 1000)] == [
        "0 %",
        "0.1 %",
        "99.9 %",
        "100 %",
    ]
    assert Overlap(10**6, 1).percent == "0.1 %"
    assert Overlap(10**6, 10**6 - 1).percent == "99.9 %"


def test_spellings() -> None:
    keys = pl.Series(["7", "12"])
    for values, words in (
        (["007", "012"], "without leading zeros"),
        (["7.0", "12.0"], "without `.0` at the end"),
        ([" 7", "12 "], "without the spaces around them"),
        (["a:b:7", "spotify/12"], "without what stands before the last"),
    ):
        assert words in closest(pl.Series(values), keys, "f", {})
    assert closest(pl.Series(["x"]), keys, "f", {}) == ""

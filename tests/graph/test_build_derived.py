"""Columns that are made of others or found in other files, rows that other files exclude, files that agree line for line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hetmusic.errors import DataError, SchemaError
from hetmusic.graph import MusicGraph
from hetmusic.graph.build import build_graph
from tests.graph.formats import EXPECTED, build, likes, spec

PATTERN = r"^ERROR: <(?P<song>\w+) (?P<track>\w+)>"


def test_rows_that_another_file_excludes(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("who,what,n\na,x,2\na,bad,9\nb,y,3\nb,bad,1\n")
    (tmp_path / "errors.txt").write_text("ERROR: <bad TR1> One  !=  Two\nERROR: <worse TR2> this\n")
    plays = {"path": "p.csv", "exclude": [{"column": "what", "file": "errors", "key": "song"}]}
    errors = {"path": "errors.txt", "format": "pattern", "pattern": PATTERN, "optional": True}
    graph, report = build(spec(plays, {"errors": errors}), tmp_path)
    assert likes(graph) == EXPECTED
    assert graph.keys("song") == ["x", "y"], "an excluded row makes no node"
    found = report.find("what is listed in errors.txt")
    assert found is not None
    assert (found.action, found.rows, found.values, found.first_lines) == ("left out", 2, 1, [3, 5])
    (tmp_path / "errors.txt").unlink()
    build_graph(spec(plays, {"errors": errors}), tmp_path, tmp_path / "all")
    assert MusicGraph.open(tmp_path / "all").num_edges("likes") == 4


def test_columns_made_of_others(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("who,artist,title,n\na,Abba,SOS,2\nb,Police,SOS,3\nc,,SOS,4\n")
    graph, report = build(spec({"path": "p.csv", "combine": {"what": ["artist", "title"]}}), tmp_path)
    assert likes(graph) == {("a", "Abba|SOS", 2.0), ("b", "Police|SOS", 3.0)}
    assert report.find("blank song") is not None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"table": "x"}, "table: is for sqlite and reader files, and this is a csv file"),
        ({"path": "p.db"}, "needs `table`"),
        ({"path": ["p.csv", "../p.csv"]}, "leaves the raw folder"),
        ({"reader": "nosuch", "format": "csv"}, "a `reader` or a `format`, not both"),
        ({"format": "pattern", "pattern": "("}, "not a regular expression"),
        ({"format": "pattern", "pattern": "a"}, "needs a named group"),
        ({"comment": "#"}, "comments need `quote: null`"),
        ({"combine": {"both": ["who"]}}, "at least two columns"),
        ({"options": {"a": 1}}, "is for reader files"),
    ],
)
def test_mistakes_in_the_description_of_a_file(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message.partition(": is for")[2] or message):
        spec({"path": "p.csv", **change})


def test_files_that_agree_line_for_line(tmp_path: Path) -> None:
    """From a vector's row by the one file to a line, by the other to a song: lookups in files with lookups."""
    (tmp_path / "old.csv").write_text("who,what\na,x\nb,y\na,y\n")
    (tmp_path / "new.csv").write_text("who,what\n0,7\n1,8\n0,8\n")
    (tmp_path / "rows.csv").write_text("row,loud\n7,0.5\n8,2\n9,3\n")
    entry = {
        "path": "old.csv",
        "numbered": "line",
        "lookups": {
            "row": {"column": "line", "file": "new", "key": "line", "value": "what"},
            "n": {"column": "row", "file": "rows", "key": "row", "value": "loud"},
        },
    }
    rows = {
        "path": "rows.csv",
        "lookups": {
            "song": {"column": "row", "file": "plays", "key": "row", "value": "what", "unique": True}
        },
    }
    more = {"new": {"path": "new.csv", "numbered": "line"}, "rows": rows}
    with pytest.raises(SchemaError, match="to read file 'rows', 'plays' has to be read first"):
        build(spec(entry, more), tmp_path)
    more["loud"] = {"path": "rows.csv"}
    entry["lookups"]["n"]["file"] = "loud"  # type: ignore[index]
    features = {"song": {"sound": {"file": "rows", "key": "song", "columns": ["loud"]}}}
    graph, report = build(spec(entry, more, features=features), tmp_path)
    assert likes(graph) == {("a", "x", 0.5), ("b", "y", 2.0), ("a", "y", 2.0)}
    assert graph.modality("song", "sound").values.tolist() == [[0.5], [2.0]]
    assert {(f.reason, f.file): f.examples for f in report.findings} == {
        ("no single song for this row", "rows.csv"): ["9"],
        ("blank song", "rows.csv"): [],
    }


def test_a_lookup_that_only_another_one_needs(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("who,what\na,x\nb,y\n")
    (tmp_path / "q.csv").write_text("id,next\nx,7\ny,8\n7,2\n8,3\n")
    lookups = {
        "middle": {"column": "what", "file": "q", "key": "id", "value": "next"},
        "n": {"column": "middle", "file": "q", "key": "id", "value": "next"},
    }
    graph, report = build(spec({"path": "p.csv", "lookups": lookups}, {"q": {"path": "q.csv"}}), tmp_path)
    assert likes(graph) == {("a", "x", 2.0), ("b", "y", 3.0)}
    assert not report.findings


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"numbered": "n"}, "there is such a column already"),
        (
            {
                "numbered": "line",
                "lookups": {
                    "a": {"column": "b", "file": "f", "key": "k", "value": "v"},
                    "b": {"column": "line", "file": "f", "key": "k", "value": "v"},
                },
            },
            "comes later, so it is not known yet",
        ),
    ],
)
def test_mistakes_in_numbered_and_lookups(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        spec({"path": "p.csv", "header": False, "columns": ["who", "what", "n"], **change})


def test_numbered_is_for_one_file(tmp_path: Path) -> None:
    for name in ("p1.csv", "p2.csv"):
        (tmp_path / name).write_text("who,what,n\na,x,1\n")
    with pytest.raises(DataError, match=r"p\*\.csv: `numbered` is for one file, and this is 2"):
        build(spec({"path": "p*.csv", "numbered": "line"}), tmp_path)


def test_without_the_optional_file_of_listeners(tmp_path: Path) -> None:
    """The users are left out as well, unless another file speaks of them."""
    (tmp_path / "s.csv").write_text("song\nx\n")
    songs = {"user": [{"file": "plays", "key": "who"}], "song": [{"file": "songs", "key": "song"}]}
    dump = spec({"path": "p.csv", "optional": True}, {"songs": {"path": "s.csv"}}, nodes=songs)
    graph, report = build(dump, tmp_path)
    assert (graph.meta.interaction, graph.node_types, graph.edge_types) == (None, ["song"], [])
    assert "no file says who likes which song: the graph has no listeners" in report.warnings
    (tmp_path / "p.csv").write_text("who,what,n\na,x,2\n")
    report = build_graph(dump, tmp_path, tmp_path / "again")
    graph = MusicGraph.open(tmp_path / "again")
    assert (graph.meta.interaction, likes(graph)) == ("likes", {("a", "x", 2.0)})
    assert not report.warnings


def test_lookups_in_a_circle_are_refused(tmp_path: Path) -> None:
    plays = {
        "path": "p.csv",
        "lookups": {"x": {"column": "what", "file": "plays", "key": "what", "value": "n"}},
    }
    dump = spec(plays)
    with pytest.raises(SchemaError, match="to read file 'plays', 'plays' has to be read first"):
        build(dump, tmp_path)

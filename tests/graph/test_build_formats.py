"""Lines of text: delimiters, comments, patterns, blanks; rows kept on disk; relations from several files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hetmusic.errors import DataError, SchemaError
from hetmusic.graph import MusicGraph
from hetmusic.graph.build import build_graph
from hetmusic.graph.raw import kept
from kg_schema.dump import DumpSpec
from tests.graph.formats import CSV, EXPECTED, build, likes, spec


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
@pytest.mark.parametrize("separator", [b"\t", b" "])
def test_one_of_several_delimiters(tmp_path: Path, separator: bytes, newline: bytes) -> None:
    rows = [[b"a", b"x", b"2"], [b"b", b"y", b"3"]]
    (tmp_path / "p.txt").write_bytes(newline.join(separator.join(row) for row in rows) + newline)
    entry = {"path": "p.txt", "delimiter": ["\t", " "], "header": False, "columns": ["who", "what", "n"]}
    graph, _ = build(spec(entry), tmp_path)
    assert likes(graph) == EXPECTED


@pytest.mark.parametrize("header", [True, False])
def test_comments_and_missing_last_fields(tmp_path: Path, header: bool) -> None:
    lines = [
        "# made by hand",
        "#",
        *(["who,what,n,mood"] if header else []),
        "a,x,2,",
        "# really",
        "b,y,3",
        "c,z,4,sad",
    ]
    (tmp_path / "p.csv").write_text("\n".join(lines))
    entry: dict[str, Any] = {
        "path": "p.csv",
        "quote": None,
        "comment": "#",
        "ragged": "pad",
        "header": header,
    }
    if not header:
        entry["columns"] = ["who", "what", "n", "mood"]
    nodes = {
        "user": [{"file": "plays", "key": "who"}],
        "song": [{"file": "plays", "key": "what", "attributes": {"mood": "mood"}}],
    }
    graph, report = build(spec(entry, nodes=nodes), tmp_path)
    assert likes(graph) == {*EXPECTED, ("c", "z", 4.0)}
    assert graph.nodes("song")["mood"].to_list() == [None, None, "sad"]
    assert report.findings == []
    (tmp_path / "p.csv").write_text("\n".join([*lines, "d,e,5,calm,1"]))
    with pytest.raises(DataError, match=rf"line {len(lines) + 1}: 5 fields instead of 4"):
        build_graph(spec(entry, nodes=nodes), tmp_path, tmp_path / "other")


def test_line_numbers_after_comments(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("# one\n# two\nwho,what,n\n# three\na,x,2\nb,,3\n")
    _, report = build(spec({"path": "p.csv", "quote": None, "comment": "#"}), tmp_path)
    blank = report.find("blank song")
    assert blank is not None
    assert blank.first_lines == [6]


def test_nulls_by_column(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("who,what,n,year\na,x,0,0\nb,y,3,1999\n")
    nodes = {
        "user": [{"file": "plays", "key": "who"}],
        "song": [
            {"file": "plays", "key": "what", "attributes": {"year": {"column": "year", "dtype": "int"}}}
        ],
    }
    graph, _ = build(spec({"path": "p.csv", "nulls": {"year": ["0"]}}, nodes=nodes), tmp_path)
    assert graph.nodes("song")["year"].to_list() == [None, 1999]
    assert likes(graph) == {("a", "x", 0.0), ("b", "y", 3.0)}


def test_lines_that_do_not_fit_a_pattern(tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("a likes x 2\n\nnonsense\nb likes y 3\n")
    entry = {
        "path": "p.txt",
        "format": "pattern",
        "pattern": r"^(?P<who>\w+) likes (?P<what>\w+) (?P<n>\d+)$",
    }
    with pytest.raises(
        DataError, match=r"p\.txt, line 3: 'nonsense' does not fit the pattern \(1 of 3 lines\)"
    ):
        build(spec(entry), tmp_path)
    graph, report = build(spec({**entry, "ragged": "drop"}), tmp_path)
    assert likes(graph) == EXPECTED
    assert {f.reason: f.first_lines for f in report.findings} == {
        "blank line": [2],
        "line that does not fit the pattern": [3],
    }


def test_pattern_that_only_python_knows(tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("aa\n")
    entry = {"path": "p.txt", "format": "pattern", "pattern": r"(?P<who>a)(?P<what>(?=a))(?P<n>a)"}
    with pytest.raises(DataError, match="not an expression that polars knows"):
        build(spec(entry), tmp_path)


def test_rows_kept_on_disk_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "p.csv").write_bytes(CSV)
    first, report = build(spec({"path": "p.csv"}), tmp_path)
    monkeypatch.setattr(kept, "_MEMORY", 0)
    again = build_graph(spec({"path": "p.csv"}), tmp_path, tmp_path / "again")
    assert MusicGraph.open(tmp_path / "again").checksum == first.checksum
    assert again == report


def test_one_relation_from_two_files(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_bytes(CSV)
    (tmp_path / "q.csv").write_text("user,song\nb,y\nc,x\n")
    edges = [
        {"relation": "likes", "file": "plays", "src": "who", "dst": "what"},
        {"relation": "likes", "file": "more", "src": "user", "dst": "song"},
    ]
    nodes = {
        "user": [{"file": "plays", "key": "who"}, {"file": "more", "key": "user"}],
        "song": [{"file": "plays", "key": "what"}],
    }
    graph, report = build(
        spec({"path": "p.csv"}, {"more": {"path": "q.csv"}}, nodes=nodes, edges=edges), tmp_path
    )
    assert likes(graph) == {("a", "x", 1.0), ("b", "y", 1.0), ("c", "x", 1.0)}
    again = report.find("pair given by another file", "q.csv")
    assert again is not None
    assert (again.rows, again.first_lines) == (1, [2])
    uneven = [{**edges[0], "weight": "n"}, edges[1]]
    with pytest.raises(SchemaError, match="either all have a weight or none"):
        build(spec({"path": "p.csv"}, {"more": {"path": "q.csv"}}, nodes=nodes, edges=uneven), tmp_path)


def test_graph_without_users(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("song,artist\nx,A\ny,A\n")
    dump = DumpSpec.model_validate(
        {
            "name": "music",
            "item": "song",
            "interaction": None,
            "files": {"songs": {"path": "s.csv"}},
            "nodes": {
                "song": [{"file": "songs", "key": "song"}],
                "artist": [{"file": "songs", "key": "artist"}],
            },
            "edges": [{"relation": "sung_by", "file": "songs", "src": "song", "dst": "artist"}],
        }
    )
    graph, _ = build(dump, tmp_path)
    assert graph.num_edges("sung_by") == 2
    assert graph.summary()["interaction"] is None
    for ask in (lambda: graph.interaction, lambda: graph.user_type):
        with pytest.raises(DataError, match="graph music has no users and no interactions"):
            ask()

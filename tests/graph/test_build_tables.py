"""One's own tables: dialects, encodings, formats, several sources, tags, files that may be absent."""

from __future__ import annotations

import functools
import string
import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hetmusic.graph.build import build_graph
from hetmusic.graph.raw import csv_quoted, kept, source
from hetmusic.graph.raw.text import read_pieces
from kg_schema.dump import DumpSpec
from tests.graph.listens import (
    COLUMNS,
    WRITERS,
    build,
    edges_of,
    spec,
    write_csv,
)

keys = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8)


awkward = st.text(string.printable, min_size=1, max_size=4) | keys


plays = st.integers(0, 2**20) | st.floats(0, 1e6, width=32)


listens = st.lists(
    st.tuples(awkward, awkward, plays.map(float), st.integers(-62_135_596_800, 253_402_300_799)),
    min_size=1,
    max_size=12,
    unique_by=lambda row: row[:2],
)


@pytest.mark.parametrize("kind", WRITERS)
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(rows=listens)
def test_round_trip(kind: str, rows: list[tuple[str, str, float, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder)
        WRITERS[kind](raw / f"listens.{kind}", rows)
        graph, report = build(spec({"path": f"listens.{kind}"}), raw)
        assert edges_of(graph) == {(user, song): (weight, at) for user, song, weight, at in rows}
        assert sorted(graph.keys("user")) == sorted({row[0] for row in rows})
        assert report.findings == []
        assert report.rows == {f"listens.{kind}": len(rows)}


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "<SEP>", "::", "§"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_dialects_without_quotes(tmp_path: Path, delimiter: str, newline: str) -> None:
    rows = [
        ("who", "what", "plays", "at"),
        ('"a', "x'", "3", "10"),
        ("é", 'y"z"', "4.5", ""),
        ("a b", "x'", "1", "7"),
    ]
    text = newline.join(delimiter.join(row) for row in rows) + newline
    (tmp_path / "l.txt").write_bytes(text.encode())
    graph, _ = build(spec({"path": "l.txt", "delimiter": delimiter, "quote": None}), tmp_path)
    assert edges_of(graph) == {('"a', "x'"): (3, 10), ("é", 'y"z"'): (4.5, None), ("a b", "x'"): (1, 7)}


@pytest.mark.parametrize(
    ("encoding", "written"), [("utf-8", "utf-8"), ("utf-8", "utf-8-sig"), ("utf-8-sig", "utf-8-sig"),
                              ("utf-8-sig", "utf-8"), ("latin-1", "latin-1"), ("cp1252", "cp1252")]
)  # fmt: skip
def test_encodings(tmp_path: Path, encoding: str, written: str) -> None:
    word = "fußball" if encoding != "cp1252" else "€uro"
    (tmp_path / "l.csv").write_bytes(f"who,what,plays,at\n{word},x,1,2\n".encode(written))
    graph, _ = build(spec({"path": "l.csv", "encoding": encoding}), tmp_path)
    assert graph.keys("user") == [word]


def test_quoted_fields_span_lines_and_lines_are_counted_right(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text('who,what,plays,at\n"a\n""b""","x,\ny",1,2\nc,z,,3\n')
    with pytest.raises(Exception, match=r"l.csv, line 5, field 'plays': blank is not a finite number"):
        build(spec({"path": "l.csv"}), tmp_path)
    (tmp_path / "l.csv").write_text('who,what,plays,at\n"a\n""b""","x,\ny",1,2\nc,z,5,3\n')
    graph, _ = build(spec({"path": "l.csv"}), tmp_path)
    assert edges_of(graph) == {('a\n"b"', "x,\ny"): (1, 2), ("c", "z"): (5, 3)}


def test_files_without_header(tmp_path: Path) -> None:
    (tmp_path / "l.tsv").write_text("u\tx\t1\t2\nv\tx\t3\t4")
    listens = {"path": "l.tsv", "header": False, "columns": list(COLUMNS)}
    graph, report = build(spec(listens), tmp_path)
    assert edges_of(graph) == {("u", "x"): (1, 2), ("v", "x"): (3, 4)}
    assert report.rows == {"l.tsv": 2}


def test_ragged_and_blank_lines_are_dropped_and_counted(tmp_path: Path) -> None:
    lines = ["who,what,plays,at", "u,x,1,2", "", "u,y", "v,x,1,2,9", "v,y,3,4", "v,z,5,"]
    for quoted in (False, True):
        text = "\n".join([*lines, '"w",x,1,1'] if quoted else lines) + "\n"
        (tmp_path / "l.csv").write_text(text)
        graph, report = build(
            spec({"path": "l.csv", "ragged": "drop"}), tmp_path, tmp_path / f"graph{quoted}"
        )
        assert len(edges_of(graph)) == 3 + quoted
        blank, ragged = report.find("blank line"), report.find("wrong number of fields")
        assert blank is not None
        assert ragged is not None
        assert (blank.action, blank.rows, blank.first_lines) == ("left out", 1, [3])
        assert (ragged.action, ragged.rows, ragged.first_lines) == ("dropped", 2, [4, 5])


def test_several_sources_of_nodes(tmp_path: Path) -> None:
    write_csv(tmp_path / "l.csv", [("u", "x", 1, 1), ("u", "q", 1, 1)])
    write_csv(
        tmp_path / "a.csv",
        [("x", "X", 1999, ""), ("y", "", "", "2.5"), ("x", "again", 1, 1)],
        ["k", "n", "y", "l"],
    )
    write_csv(tmp_path / "b.csv", [("x", "other", "yes"), ("y", "Y", "no"), ("", "Z", "")], ["k", "n", "f"])
    files = {"listens": {"path": "l.csv"}, "a": {"path": "a.csv"}, "b": {"path": "b.csv", "nulls": ["no"]}}
    attributes = {"year": {"column": "y", "dtype": "int"}, "length": {"column": "l", "dtype": "float"}}
    songs = [
        {"file": "a", "key": "k", "name": "n", "attributes": attributes},
        {"file": "b", "key": "k", "name": "n", "attributes": {"flag": "f"}},
        {"file": "listens", "key": "what"},
    ]
    nodes = {"user": [{"file": "listens", "key": "who"}], "song": songs}
    graph, report = build(spec({}, files=files, nodes=nodes), tmp_path)
    assert graph.nodes("song").rows() == [
        ("q", None, None, None, None),
        ("x", "X", 1999, 1.0, "yes"),
        ("y", "Y", None, 2.5, None),
    ]
    assert graph.nodes("song").schema["year"] == pl.Int64
    reasons = {
        (finding.file, finding.reason): (finding.rows, finding.first_lines) for finding in report.findings
    }
    assert reasons == {
        ("a.csv", "repeated song"): (1, [4]),
        ("b.csv", "blank song"): (1, [4]),
        ("b.csv", "f 'no' means unknown"): (1, [3]),
    }


def test_tags_become_genres_emotions_and_tags(tmp_path: Path) -> None:
    write_csv(tmp_path / "l.csv", [("u", "x", 1, 1), ("v", "x", 1, 1)])
    tags = [
        ("u", "x", "Hip-Hop", 30), ("u", "x", "hip hop", 20), ("v", "x", "hiphop", ""),
        ("u", "x", "melancholic", 5), ("v", "x", "seen live", 7), ("v", "nowhere", "rock", 1),
        ("v", "x", "", 1),
    ]  # fmt: skip
    write_csv(tmp_path / "t.csv", tags, ["who", "what", "tag", "at"])
    dump = spec(
        {},
        files={"listens": {"path": "l.csv"}, "tags": {"path": "t.csv"}},
        assignments={"file": "tags", "user": "who", "item": "what", "tag": "tag", "time": "at"},
    )
    graph, report = build(dump, tmp_path)
    assert {kind: graph.keys(kind) for kind in ("genre", "emotion", "tag")} == {
        "genre": ["hip hop"],
        "emotion": ["melancholy"],
        "tag": ["seen live"],
    }
    table = graph.tag_assignments
    assert table is not None
    assert table.rows() == [
        (0, 0, "emotion", 0, 5),
        (0, 0, "genre", 0, 20),
        (1, 0, "genre", 0, None),
        (1, 0, "tag", 0, 7),
    ]
    assert graph.edges("has_genre").weight.tolist() == [2], "two people said so, one of them twice"
    assert report.tags["genre"].model_dump() == {"tags": 3, "nodes": 1, "rows": 3, "assignments": 2}
    assert {finding.reason for finding in report.findings} == {"unknown song", "blank tag"}


def test_kinds_limit_the_split(tmp_path: Path) -> None:
    write_csv(tmp_path / "l.csv", [("u", "x", 1, 1)])
    write_csv(tmp_path / "t.csv", [("u", "x", "rock"), ("u", "x", "sad")], ["who", "what", "tag"])
    tags = {"file": "tags", "user": "who", "item": "what", "tag": "tag", "kinds": ["tag", "emotion"]}
    dump = spec({}, files={"listens": {"path": "l.csv"}, "tags": {"path": "t.csv"}}, assignments=tags)
    graph, _ = build(dump, tmp_path)
    assert (graph.keys("tag"), graph.keys("emotion")) == (["rock"], ["sadness"])
    assert "genre" not in graph.node_types


def test_optional_files_may_be_absent(tmp_path: Path) -> None:
    write_csv(tmp_path / "l.csv", [("u", "x", 1, 1)])
    friends = {"relation": "friends", "file": "friends", "src": "a", "dst": "b"}
    value = spec({"path": "l.csv"}).model_dump(exclude_unset=True)
    value["files"]["friends"] = {"path": "f.csv", "optional": True}
    value["edges"] = [*value["edges"], friends]
    graph, report = build(DumpSpec.model_validate(value), tmp_path)
    assert [t.relation for t in graph.edge_types if t.relation == "friends"] == []
    assert report.warnings == ["f.csv is absent (it is optional), so nothing was read from it"]


def test_files_may_be_given_one_by_one(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    write_csv(tmp_path / "far" / "other name.csv", [("u", "x", 1, 1)])
    dump = spec({"path": "l.csv"})
    report = build_graph(dump, {"listens": tmp_path / "far" / "other name.csv"}, tmp_path / "graph")
    assert report.rows == {"other name.csv": 1}


def test_rows_of_the_complete_file_are_compared(tmp_path: Path) -> None:
    write_csv(tmp_path / "l.csv", [("u", "x", 1, 1)])
    _, report = build(spec({"path": "l.csv", "rows": 2}), tmp_path)
    assert report.warnings == ["l.csv has 1 rows; the complete file has 2"]


@pytest.mark.parametrize("size", [1, 7, 40])
@pytest.mark.parametrize("quote", [None, '"'])
def test_pieces_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, quote: str | None
) -> None:
    """Large files are read in pieces and kept on disk; neither shows in graph or report."""
    lines = [f"u{i % 5},é{i % 7},{i},{i}" if i % 6 else ("" if i % 12 else "bad") for i in range(60)]
    if quote:
        lines.append('"u,\n1",x,1,1')
    (tmp_path / "l.csv").write_text("\n".join(["who,what,plays,at", *lines]) + "\n")
    dump = spec({"path": "l.csv", "ragged": "drop", "quote": quote})
    whole, expected = build(dump, tmp_path, tmp_path / "whole")
    monkeypatch.setattr(source, "read_pieces", functools.partial(read_pieces, size=size))
    monkeypatch.setattr(csv_quoted, "_FIELDS", 3)
    monkeypatch.setattr(kept, "_MEMORY", 0)
    pieces, report = build(dump, tmp_path, tmp_path / "pieces")
    assert report == expected
    assert pieces.meta.files == whole.meta.files

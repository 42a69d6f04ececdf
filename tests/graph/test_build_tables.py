"""A user's own tables: whatever their format and dialect, the graph says what the tables say."""

from __future__ import annotations

import csv
import functools
import io
import json
import string
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hetmusic.graph import MusicGraph
from hetmusic.graph.build import build_graph
from hetmusic.graph.build_report import BuildReport
from hetmusic.graph.raw import csv_quoted, kept, parquet_files, source
from hetmusic.graph.raw.text import read_pieces
from kg_schema.dump import DumpSpec

Rows = Sequence[Sequence[Any]]
COLUMNS = ("who", "what", "plays", "at")


def spec(listens: dict[str, Any], **changes: Any) -> DumpSpec:
    """Users and songs that occur in one file of listens."""
    value = {
        "name": "mine",
        "item": "song",
        "files": {"listens": listens},
        "nodes": {
            "user": [{"file": "listens", "key": "who"}],
            "song": [{"file": "listens", "key": "what"}],
        },
        "edges": [
            {
                "relation": "likes",
                "file": "listens",
                "src": "who",
                "dst": "what",
                "weight": "plays",
                "time": "at",
            }
        ],
    }
    return DumpSpec.model_validate(value | changes)


def build(dump: DumpSpec, raw: Path, out: Path | None = None) -> tuple[MusicGraph, BuildReport]:
    out = out or raw / "graph"
    report = build_graph(dump, raw, out)
    return MusicGraph.open(out, verify=True), report


def edges_of(
    graph: MusicGraph, relation: str = "likes"
) -> dict[tuple[str, str], tuple[float | None, int | None]]:
    """Edges by original keys."""
    (name,) = [t for t in graph.edge_types if t.relation == relation]
    table = pl.read_parquet(graph.path / "edges" / f"{name}.parquet")
    src, dst = graph.keys(name.src), graph.keys(name.dst)
    return {(src[r["src"]], dst[r["dst"]]): (r.get("weight"), r.get("time")) for r in table.to_dicts()}


def write_csv(path: Path, rows: Rows, columns: Sequence[str] = COLUMNS) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerows([columns, *rows])
    path.write_bytes(text.getvalue().encode())


def write_jsonl(path: Path, rows: Rows, columns: Sequence[str] = COLUMNS) -> None:
    lines = [json.dumps(dict(zip(columns, row, strict=True)), ensure_ascii=False) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="")


def write_parquet(path: Path, rows: Rows, columns: Sequence[str] = COLUMNS) -> None:
    pl.DataFrame(list(rows), list(columns), orient="row").write_parquet(path)


WRITERS: dict[str, Callable[..., None]] = {"csv": write_csv, "jsonl": write_jsonl, "parquet": write_parquet}

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


def test_null_markers(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text("who,what,plays,at\nu,x,1,2\n\\N,x,1,2\nu,,1,2\nNA,y,1,2\n")
    graph, report = build(spec({"path": "l.csv", "nulls": ["\\N"]}), tmp_path)
    assert graph.keys("user") == ["NA", "u"]
    user, song = report.find("blank user"), report.find("blank song")
    assert user is not None
    assert song is not None
    assert (user.rows, user.first_lines, song.rows, song.first_lines) == (1, [3], 1, [4])


def test_repeated_pairs_add_up(tmp_path: Path) -> None:
    write_csv(tmp_path / "l.csv", [("u", "x", 1, 5), ("u", "y", 2, 1), ("u", "x", 3, 9), ("u", "x", 4, "")])
    graph, report = build(spec({"path": "l.csv"}), tmp_path)
    assert edges_of(graph) == {("u", "x"): (8, 9), ("u", "y"): (2, 1)}
    finding = report.find("repeated pair")
    assert finding is not None
    assert (finding.action, finding.rows, finding.first_lines) == ("merged", 2, [4, 5])


def test_a_log_is_counted(tmp_path: Path) -> None:
    write_csv(tmp_path / "l.csv", [("u", "x", 1, 5), ("u", "x", 3, 9), ("v", "x", 4, 2)])
    edge = {"relation": "likes", "file": "listens", "src": "who", "dst": "what", "count_rows": True}
    graph, report = build(spec({"path": "l.csv"}, edges=[edge]), tmp_path)
    assert edges_of(graph) == {("u", "x"): (2, None), ("v", "x"): (1, None)}
    assert report.findings == []


def test_symmetric_relations(tmp_path: Path) -> None:
    write_csv(tmp_path / "l.csv", [("u", "x", 1, 5), ("v", "x", 1, 5), ("w", "y", 1, 5)])
    write_csv(tmp_path / "f.csv", [("v", "u"), ("u", "v"), ("w", "w"), ("u", "w"), ("u", "w")], ["a", "b"])
    write_csv(tmp_path / "s.csv", [("y", "x", 0.5), ("x", "y", 0.75), ("y", "x", 0.5)], ["a", "b", "how"])
    files = {"listens": {"path": "l.csv"}, "friends": {"path": "f.csv"}, "alike": {"path": "s.csv"}}
    edges = [
        {"relation": "likes", "file": "listens", "src": "who", "dst": "what"},
        {"relation": "friends", "file": "friends", "src": "a", "dst": "b"},
        {"relation": "similar_to", "file": "alike", "src": "a", "dst": "b", "weight": "how"},
    ]
    graph, report = build(spec({}, files=files, edges=edges), tmp_path)
    assert edges_of(graph, "friends") == {("u", "v"): (None, None), ("u", "w"): (None, None)}
    assert edges_of(graph, "similar_to") == {("x", "y"): (0.75, None)}, "similarities are not added up"
    counts = {(finding.file, finding.reason): finding.rows for finding in report.findings}
    assert counts == {
        ("f.csv", "self loop"): 1,
        ("f.csv", "repeated pair"): 1,
        ("f.csv", "pair given in both directions"): 1,
        ("s.csv", "repeated pair"): 1,
        ("s.csv", "pair given in both directions"): 1,
    }


def _with_user_file(tmp_path: Path, on_unknown: str) -> DumpSpec:
    write_csv(
        tmp_path / "l.csv", [("u", "x", 1, 5), ("ghost", "x", 2, 5), ("ghost", "y", 2, 5), ("v", "y", 1, 1)]
    )
    write_csv(tmp_path / "u.csv", [("u", "Ute"), ("v", "Vi")], ["id", "name"])
    return spec(
        {},
        files={"listens": {"path": "l.csv"}, "users": {"path": "u.csv"}},
        nodes={
            "user": [{"file": "users", "key": "id", "name": "name"}],
            "song": [{"file": "listens", "key": "what"}],
        },
        edges=[
            {"relation": "likes", "file": "listens", "src": "who", "dst": "what", "on_unknown": on_unknown}
        ],
    )


def test_unknown_ends_are_dropped(tmp_path: Path) -> None:
    graph, report = build(_with_user_file(tmp_path, "drop"), tmp_path)
    assert set(edges_of(graph)) == {("u", "x"), ("v", "y")}
    finding = report.find("unknown user")
    assert finding is not None
    assert (finding.rows, finding.values, finding.examples) == (2, 1, ["ghost"])
    assert finding.first_lines == [3, 4]
    assert report.warnings == [
        "l.csv: 2 of 4 rows (edges user__likes__song) were dropped: unknown user 2 ('ghost'), first: line 3"
    ]


def test_unknown_ends_are_errors(tmp_path: Path) -> None:
    with pytest.raises(Exception, match=r"l.csv: 2 of 4 rows .* unknown user; first: 'ghost', line 3"):
        build(_with_user_file(tmp_path, "error"), tmp_path)
    assert not (tmp_path / "graph").exists()


def test_unknown_ends_are_created(tmp_path: Path) -> None:
    graph, report = build(_with_user_file(tmp_path, "create"), tmp_path)
    assert graph.keys("user") == ["ghost", "u", "v"]
    assert graph.names("user") == ["ghost", "Ute", "Vi"]
    assert len(edges_of(graph)) == 4
    assert "1 user nodes were created from edges or assignments alone" in report.warnings


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (["10", "9", "1", "100"], ["1", "9", "10", "100"]),
        (["010", "9", "10", "1"], ["1", "9", "010", "10"]),
        (
            ["123456789012345678901", "99999999999999999999", "5"],
            ["5", "99999999999999999999", "123456789012345678901"],
        ),
        (["10", "9", "b", "a"], ["10", "9", "a", "b"]),
        (["-1", "3", "10"], ["-1", "10", "3"]),
        (["B", "a", "é", "Z"], ["B", "Z", "a", "é"]),
    ],
)
def test_order_of_nodes(tmp_path: Path, found: list[str], expected: list[str]) -> None:
    write_csv(tmp_path / "l.csv", [(key, "x", 1, 1) for key in found])
    graph, _ = build(spec({"path": "l.csv"}), tmp_path)
    assert graph.keys("user") == expected


def test_json_numbers_are_keys_exactly_as_written(tmp_path: Path) -> None:
    lines = [
        '{"who": 12345678901234567890123, "what": 1.0, "plays": 2, "at": null}',
        '{"who": "7", "what": 1.00, "plays": 1e1, "at": 5, "more": [1, {"x": 2}]}',
        '{"who": true, "what": "1.0", "plays": "3"}',
    ]
    (tmp_path / "l.jsonl").write_text("\n".join(lines))
    graph, _ = build(spec({"path": "l.jsonl"}), tmp_path)
    assert edges_of(graph) == {
        ("12345678901234567890123", "1.0"): (2, None),
        ("7", "1.00"): (10, 5),
        ("true", "1.0"): (3, None),
    }


def test_parquet_types(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_files, "_BATCH", 1)
    frame = pl.DataFrame(
        {
            "who": pl.Series([1, 2**60, None], dtype=pl.Int64),
            "what": pl.Series(["x", "y", "x"], dtype=pl.Categorical),
            "plays": pl.Series([0.1, 2.5, 1.0], dtype=pl.Float32),
            "at": pl.Series([0, 1_500_000, None]).cast(pl.Datetime("us")).dt.replace_time_zone("UTC"),
        }
    )
    frame.write_parquet(tmp_path / "l.parquet")
    edge = {"relation": "likes", "file": "listens", "src": "who", "dst": "what", "weight": "plays"}
    edge |= {"time": {"column": "at", "unit": "iso"}}
    graph, report = build(spec({"path": "l.parquet"}, edges=[edge]), tmp_path)
    found = edges_of(graph)
    assert found == {("1", "x"): (pytest.approx(0.1), 0), (str(2**60), "y"): (2.5, 1)}
    blank = report.find("blank user")
    assert blank is not None
    assert blank.first_lines == [3]


@pytest.mark.parametrize(
    ("time", "text", "seconds"),
    [
        ({"column": "at"}, "1238536800", 1238536800),
        ({"column": "at"}, " 1238536800.9 ", 1238536800),
        ({"column": "at", "unit": "ms"}, "1238536800999", 1238536800),
        ({"column": "at", "unit": "ms"}, "-1", -1),
        ({"column": "at", "unit": "iso"}, "2009-05-04T23:08:57Z", 1241478537),
        ({"column": "at", "unit": "iso"}, "2009-05-05T01:08:57+02:00", 1241478537),
        ({"column": "at", "unit": "iso"}, "2009-05-04 23:08:57", 1241478537),
        ({"column": "at", "unit": "iso"}, "2009-05-04T23:08:57.250", 1241478537),
        ({"column": "at", "unit": "iso"}, "2009-05-04", 1241395200),
        ({"column": "at", "not_before": "2001-09-09"}, "999993599", None),
        ({"column": "at", "not_before": "2001-09-09"}, "999993600", 999993600),
        ({"column": "at"}, "", None),
    ],
)
def test_times(tmp_path: Path, time: dict[str, str], text: str, seconds: int | None) -> None:
    write_csv(tmp_path / "l.csv", [("u", "x", 1, text), ("v", "x", 1, text)])
    edge = {"relation": "likes", "file": "listens", "src": "who", "dst": "what", "time": time}
    graph, report = build(spec({"path": "l.csv"}, edges=[edge]), tmp_path)
    assert {value[1] for value in edges_of(graph).values()} == {seconds}
    repaired = report.find("time before 2001-09-09")
    assert (repaired is not None) == (text == "999993599")


def test_dates_in_parts(tmp_path: Path) -> None:
    rows = [("u", "x", 2009, 4, 1), ("u", "y", 2009, 2, 31), ("v", "x", "", 1, 1), ("v", "y", 1970, 1, 2)]
    write_csv(tmp_path / "l.csv", rows, ["who", "what", "y", "m", "d"])
    edge = {"relation": "likes", "file": "listens", "src": "who", "dst": "what"}
    edge |= {"time": {"year": "y", "month": "m", "day": "d"}}
    graph, report = build(spec({"path": "l.csv"}, edges=[edge]), tmp_path)
    found = {pair: value[1] for pair, value in edges_of(graph).items()}
    assert found == {("u", "x"): 1238544000, ("u", "y"): None, ("v", "x"): None, ("v", "y"): 86400}
    finding = report.find("no such date")
    assert finding is not None
    assert (finding.action, finding.rows, finding.first_lines) == ("repaired", 1, [3])


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

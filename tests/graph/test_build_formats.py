"""Files that are no plain tables: databases, compressed files, lines with a pattern, named readers, derived columns."""

from __future__ import annotations

import gzip
import sqlite3
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import polars as pl
import pytest

from hetmusic.errors import DataError, SchemaError
from hetmusic.graph import MusicGraph
from hetmusic.graph.build import build_graph
from hetmusic.graph.build_report import BuildReport
from hetmusic.graph.raw import kept, streams, text
from hetmusic.graph.raw.readers import Reader
from hetmusic.graph.raw.source import LINE, Source
from kg_schema.dump import DumpSpec


def spec(plays: dict[str, Any], more: dict[str, Any] | None = None, **changes: Any) -> DumpSpec:
    value: dict[str, Any] = {
        "name": "mine",
        "item": "song",
        "files": {"plays": plays, **(more or {})},
        "nodes": {"user": [{"file": "plays", "key": "who"}], "song": [{"file": "plays", "key": "what"}]},
        "edges": [{"relation": "likes", "file": "plays", "src": "who", "dst": "what", "weight": "n"}],
    }
    return DumpSpec.model_validate(value | changes)


def build(dump: DumpSpec, raw: Path) -> tuple[MusicGraph, BuildReport]:
    report = build_graph(dump, raw, raw / "graph")
    return MusicGraph.open(raw / "graph", verify=True), report


def likes(graph: MusicGraph) -> set[tuple[str, str, float]]:
    edges = graph.edges("likes")
    users, songs = graph.keys("user"), graph.keys("song")
    weight = np.ones(len(edges)) if edges.weight is None else edges.weight
    return {(users[s], songs[d], float(w)) for s, d, w in zip(edges.src, edges.dst, weight, strict=True)}


def database(path: Path, *statements: str) -> Path:
    with sqlite3.connect(path) as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()
    return path


ROWS = (
    "CREATE TABLE plays (who TEXT, what TEXT, n REAL)",
    "INSERT INTO plays VALUES ('a', 'x', 2), ('b', 'y', 0.5)",
)


def test_sqlite(tmp_path: Path) -> None:
    database(tmp_path / "p.db", *ROWS, "INSERT INTO plays VALUES (NULL, 'x', 1), (7, 'x', 3)")
    graph, report = build(spec({"path": "p.db", "table": "plays"}), tmp_path)
    assert likes(graph) == {("a", "x", 2.0), ("b", "y", 0.5), ("7", "x", 3.0)}
    assert report.rows == {"p.db": 4}
    blank = report.find("blank user")
    assert blank is not None
    assert (blank.rows, blank.first_lines) == (1, [3])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["graph", "p.db"], (
        "nothing is written beside the database"
    )


def test_sqlite_in_batches_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = ", ".join(f"('u{i % 7}', 's{i}', {i})" for i in range(100))
    database(tmp_path / "p.db", ROWS[0], f"INSERT INTO plays VALUES {rows}")
    whole, _ = build(spec({"path": "p.db", "table": "plays"}), tmp_path)
    monkeypatch.setattr("hetmusic.graph.raw.sqlite_files._BATCH", 9)
    build_graph(spec({"path": "p.db", "table": "plays"}), tmp_path, tmp_path / "again")
    assert MusicGraph.open(tmp_path / "again").checksum == whole.checksum


def test_two_tables_of_a_database_joined_by_rowid(tmp_path: Path) -> None:
    """As in lastfm_tags.db: the rows hold numbers of rows of other tables."""
    database(
        tmp_path / "p.db",
        "CREATE TABLE tids (tid TEXT)",
        "INSERT INTO tids VALUES ('TRA'), ('TRB')",
        "CREATE TABLE plays (who TEXT, tid INT, n INT)",
        "INSERT INTO plays VALUES ('a', 2, 5), ('a', 1, 4), ('b', 9, 1)",
    )
    plays = {
        "path": "p.db",
        "table": "plays",
        "lookups": {"what": {"column": "tid", "file": "tids", "key": "rowid", "value": "tid"}},
    }
    graph, report = build(spec(plays, {"tids": {"path": "p.db", "table": "tids"}}), tmp_path)
    assert likes(graph) == {("a", "TRB", 5.0), ("a", "TRA", 4.0)}
    missing = report.find("no what for this tid")
    assert missing is not None
    assert (missing.rows, missing.examples, missing.first_lines) == (1, ["9"], [3])
    assert [file["name"] for file in graph.meta.model_dump()["provenance"]] == ["p.db"]


@pytest.mark.parametrize(
    ("content", "table", "message"),
    [
        (b"", "plays", "p.db is empty"),
        (b"who,what\na,x\n" * 99, "plays", "p.db is not an SQLite database"),
        (b"SQLite format 3\0" + b"\xff" * 4000, "plays", "p.db cannot be read as an SQLite database"),
        (None, "play", r"no table 'play' \(did you mean 'plays'\?\); the database has 'plays', 'seen'"),
        (None, "seen", "'seen' is not a plain table"),
    ],
)
def test_bad_databases(tmp_path: Path, content: bytes | None, table: str, message: str) -> None:
    if content is None:
        database(tmp_path / "p.db", *ROWS, "CREATE VIEW seen AS SELECT * FROM plays")
    else:
        (tmp_path / "p.db").write_bytes(content)
    with pytest.raises(DataError, match=message):
        build(spec({"path": "p.db", "table": table}), tmp_path)
    assert not (tmp_path / "graph").exists()


def test_missing_column_of_a_table(tmp_path: Path) -> None:
    database(tmp_path / "p.db", "CREATE TABLE plays (who TEXT, waht TEXT, n INT)")
    with pytest.raises(DataError, match=r"p.db: no column 'what' \(did you mean 'waht'\?\)"):
        build(spec({"path": "p.db", "table": "plays"}), tmp_path)


def test_binary_values_of_a_table(tmp_path: Path) -> None:
    database(tmp_path / "p.db", ROWS[0], "INSERT INTO plays VALUES ('a', x'00ff', 1)")
    with pytest.raises(DataError, match="column 'what': binary values"):
        build(spec({"path": "p.db", "table": "plays"}), tmp_path)


def test_cut_database(tmp_path: Path) -> None:
    rows = ", ".join(f"('u{i}', 's{i}', {i})" for i in range(5000))
    database(tmp_path / "p.db", ROWS[0], f"INSERT INTO plays VALUES {rows}")
    content = (tmp_path / "p.db").read_bytes()
    (tmp_path / "p.db").write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=r"p\.db cannot be read as an SQLite database"):
        build(spec({"path": "p.db", "table": "plays"}), tmp_path)


CSV = b"who,what,n\na,x,2\nb,y,3\n"
EXPECTED = {("a", "x", 2.0), ("b", "y", 3.0)}


def _zip(path: Path, **members: bytes) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("_dot_", "."), content)


def test_gzip_and_zip_are_read_as_they_are(tmp_path: Path) -> None:
    for kind in ("gz", "zip"):
        raw = tmp_path / kind
        raw.mkdir()
        if kind == "gz":
            (raw / "p.csv.gz").write_bytes(gzip.compress(CSV))
        else:
            _zip(raw / "p.csv.zip", p_dot_csv=CSV, readme_dot_txt=b"see there")
        graph, report = build(spec({"path": "p.csv"}), raw)
        assert likes(graph) == EXPECTED
        assert report.rows == {f"p.csv.{kind}": 2}


def test_compressed_json_lines_and_quotes(tmp_path: Path) -> None:
    (tmp_path / "q.csv.gz").write_bytes(gzip.compress(b'who,what,n\n"a, b",x,2\n'))
    graph, _ = build(spec({"path": "q.csv.gz"}), tmp_path)
    assert likes(graph) == {("a, b", "x", 2.0)}
    (tmp_path / "l.jsonl.gz").write_bytes(gzip.compress(b'{"who": "a", "what": "x", "n": 2}\n'))
    build_graph(spec({"path": "l.jsonl.gz"}), tmp_path, tmp_path / "lines")
    assert likes(MusicGraph.open(tmp_path / "lines")) == {("a", "x", 2.0)}


def test_plain_before_compressed_and_first_path_before_second(tmp_path: Path) -> None:
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(b"who,what,n\nold,x,1\n"))
    _, report = build(spec({"path": ["a.csv", "b.csv"]}), tmp_path)
    assert list(report.rows) == ["b.csv.gz"]
    (tmp_path / "a.csv").write_bytes(CSV)
    build_graph(spec({"path": ["a.csv", "b.csv"]}), tmp_path, tmp_path / "second")
    assert likes(MusicGraph.open(tmp_path / "second")) == EXPECTED


def test_no_path_exists(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.csv does not exist .*; nor is there b\.csv$"):
        build(spec({"path": ["a.csv", "b.csv"]}), tmp_path)


def _bomb(size: int) -> bytes:
    return b"who,what,n\n" + b"a,x,1\n" * (size // 6)


def test_bombs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "_ALWAYS", 1 << 16)
    content = _bomb(1 << 21)
    (tmp_path / "p.csv.gz").write_bytes(gzip.compress(content))
    with pytest.raises(DataError, match=r"p\.csv\.gz: unpacks to more than [0-9,]+ bytes"):
        build(spec({"path": "p.csv"}), tmp_path)
    (tmp_path / "p.csv.gz").unlink()
    _zip(tmp_path / "p.csv.zip", p_dot_csv=content)
    with pytest.raises(DataError, match=r"p\.csv\.zip: unpacks to more than"):
        build(spec({"path": "p.csv"}), tmp_path)


@pytest.mark.parametrize("keep", [0.5, 0.95])
@pytest.mark.parametrize("kind", ["gz", "zip"])
def test_damaged_archives(tmp_path: Path, kind: str, keep: float) -> None:
    rows = b"who,what,n\n" + b"".join(b"u%d,s%d,%d\n" % (i, i * 7, i) for i in range(999))
    path = tmp_path / f"p.csv.{kind}"
    if kind == "gz":
        path.write_bytes(gzip.compress(rows))
    else:
        _zip(path, p_dot_csv=rows)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(DataError, match="the compressed file is damaged or cut off"):
        build(spec({"path": "p.csv"}), tmp_path)


@pytest.mark.parametrize("kind", ["gz", "zip"])
def test_text_that_was_cut_off_before_it_was_packed(tmp_path: Path, kind: str) -> None:
    if kind == "gz":
        (tmp_path / "p.csv.gz").write_bytes(gzip.compress(CSV.removesuffix(b"\n")))
    else:
        _zip(tmp_path / "p.csv.zip", p_dot_csv=CSV.removesuffix(b"\n"))
    with pytest.raises(DataError, match="cut off: its last line does not end with a line break"):
        build(spec({"path": "p.csv", "final_newline": True}), tmp_path)
    assert build(spec({"path": "p.csv"}), tmp_path)[1].rows


def test_zip_of_several_files(tmp_path: Path) -> None:
    _zip(tmp_path / "p.csv.zip", a_dot_csv=CSV, b_dot_csv=CSV)
    with pytest.raises(DataError, match=r"holds 2 files \('a\.csv', 'b\.csv'\)"):
        build(spec({"path": "p.csv"}), tmp_path)


def test_compressed_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p.db.gz").write_bytes(gzip.compress(b"SQLite format 3\0"))
    with pytest.raises(DataError, match="unpack it first"):
        build(spec({"path": "p.db", "table": "plays"}), tmp_path)


def test_endless_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "_LONGEST", 1000)
    (tmp_path / "p.csv").write_bytes(b"who,what,n\n" + b"a" * (text._PIECE + 2000))
    with pytest.raises(DataError, match=r"p\.csv, line 2: the line is longer than 1,000 bytes"):
        build(spec({"path": "p.csv"}), tmp_path)


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


class Halves(Reader):
    """A line ``a-x-2`` per row, and a vector of three numbers."""

    columns: ClassVar = {"who": "user", "what": "song", "n": "plays", "shape": "a vector"}
    vectors: ClassVar = {"shape": ["length", "one", "plays"]}

    def __init__(self, sign: str = "-") -> None:
        self.sign = sign

    def read(self, source: Source, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        assert set(columns) <= {"who", "what", "n", "shape"}
        for line, row in enumerate(source.path.read_text().splitlines(), 1):
            fields = row.split(self.sign)
            if len(fields) != 3:
                source.count_lines("dropped", "no row", [line])
                continue
            vector = None if fields[2] == "9" else [len(row), 1.0, float(fields[2])]
            shape = pl.Series("shape", [vector], pl.Array(pl.Float32, 3))
            frame = pl.DataFrame({"who": fields[:1], "what": fields[1:2], "n": fields[2:]})
            yield frame.with_columns(shape, pl.lit(line, pl.Int64).alias(LINE)).select(LINE, *columns)


READER = f"{__name__}:Halves"


def test_a_reader_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("a+x+2\nwhat?\nb+y+3\nc+z+9\na+y+4\n")
    features = {"song": {"shape": {"file": "plays", "key": "what", "columns": ["shape", "n"]}}}
    graph, report = build(
        spec({"path": "p.txt", "reader": READER, "options": {"sign": "+"}}, features=features), tmp_path
    )
    assert likes(graph) == {*EXPECTED, ("c", "z", 9.0), ("a", "y", 4.0)}
    shape = graph.modality("song", "shape")
    assert shape.present.tolist() == [True, True, False]
    assert shape.values[:2].tolist() == [[5.0, 1.0, 2.0, 2.0], [5.0, 1.0, 3.0, 3.0]]
    assert shape.info["dimensions"] == ["length", "one", "plays", "n"]
    reasons = {(f.part, f.reason): f.first_lines for f in report.findings}
    assert reasons == {
        ("file", "no row"): [2],
        ("features song shape", "blank value"): [4],
        ("features song shape", "repeated song"): [5],
    }


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"reader": "nosuch"}, "files.plays.reader: no reader is called 'nosuch'"),
        ({"reader": READER, "options": {"sing": "+"}}, r"no argument 'sing' \(did you mean 'sign'\?\)"),
        ({"reader": "tests.graph.test_build_formats:spec"}, "is not a reader"),
    ],
)
def test_readers_that_do_not_exist(tmp_path: Path, entry: dict[str, Any], message: str) -> None:
    (tmp_path / "p.txt").write_text("a-x-2\n")
    with pytest.raises(SchemaError, match=message):
        build(spec({"path": "p.txt", **entry}), tmp_path)


def test_column_that_a_reader_lacks(tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("a-x-2\n")
    features = {"song": {"shape": {"file": "plays", "key": "what", "columns": ["shap"]}}}
    with pytest.raises(SchemaError, match=r"has no column 'shap' \(did you mean 'shape'\?\)"):
        build(spec({"path": "p.txt", "reader": READER}, features=features), tmp_path)


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


def _words(tmp_path: Path, rows: str, **settings: Any) -> tuple[MusicGraph, BuildReport]:
    (tmp_path / "p.csv").write_text("who,what,n\na,x,1\na,y,1\na,z,1\n")
    (tmp_path / "w.csv").write_text("song,word,count\n" + rows)
    lyrics = {"file": "words", "key": "song", "word": "word", "weight": "count", **settings}
    return build(
        spec({"path": "p.csv"}, {"words": {"path": "w.csv"}}, features={"song": {"lyrics": lyrics}}), tmp_path
    )


def test_words_become_unit_vectors(tmp_path: Path) -> None:
    rows = "x,love,3\nx,the,1\ny,the,2\nx,love,4\nq,the,1\ny,,2\ny,zero,0\n"
    graph, report = _words(tmp_path, rows, text="words")
    lyrics = graph.modality("song", "lyrics")
    assert lyrics.info["dimensions"] == ["the", "love"]
    assert lyrics.present.tolist() == [True, True, False]
    # x: the once, of 2 songs with words both have it; love 3 + 4 times, in one of two
    the, love = np.log(2) * (np.log(3 / 3) + 1), np.log(8) * (np.log(3 / 2) + 1)
    expected = np.array([the, love]) / np.hypot(the, love)
    np.testing.assert_allclose(lyrics.values[0], expected, rtol=1e-6)
    np.testing.assert_allclose(lyrics.values[1], [1.0, 0.0])
    assert graph.nodes("song")["words"].to_list() == ["love the", "the", None]
    found = {f.reason: f.rows for f in report.findings}
    assert found == {"unknown song": 1, "blank word": 1, "count not above 0": 1}


def test_the_text_has_all_words(tmp_path: Path) -> None:
    graph, _ = _words(tmp_path, "x,b,1\ny,b,1\nx,c,9\ny,a,9\n", words=1, text="words")
    assert graph.modality("song", "lyrics").info["dimensions"] == ["b"]
    assert graph.nodes("song")["words"].to_list()[:2] == ["c b", "a b"]


def test_only_the_most_frequent_words_count(tmp_path: Path) -> None:
    graph, _ = _words(tmp_path, "x,b,1\ny,b,1\nx,c,9\ny,a,9\nz,d,9\n", words=2)
    lyrics = graph.modality("song", "lyrics")
    assert lyrics.info["dimensions"] == ["b", "a"], "ties in the order of the alphabet"
    assert lyrics.info["words_in_the_data"] == 4
    assert lyrics.present.tolist() == [True, True, False], "a song without any such word has no vector"

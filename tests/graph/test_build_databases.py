"""Tables of SQLite databases."""

from __future__ import annotations

import gzip
import sqlite3
from pathlib import Path

import pytest

from hetmusic.errors import DataError
from hetmusic.graph import MusicGraph
from hetmusic.graph.build import build_graph
from tests.graph.formats import build, likes, spec


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


def test_compressed_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p.db.gz").write_bytes(gzip.compress(b"SQLite format 3\0"))
    with pytest.raises(DataError, match="unpack it first"):
        build(spec({"path": "p.db", "table": "plays"}), tmp_path)

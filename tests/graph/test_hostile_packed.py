"""Archives and databases that are damaged, endless, or hold more than they should."""

from __future__ import annotations

import gzip
import sqlite3
import struct
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hetmusic.errors import DataError
from hetmusic.graph import MusicGraph
from hetmusic.graph.build import build_graph
from hetmusic.graph.raw import parquet_files, streams
from tests.graph.hostile import refused, spec


def zip_with(method: int, raw: Path, spoil: int) -> None:
    with zipfile.ZipFile(raw / "l.csv.zip", "w", method) as archive:
        archive.writestr("l.csv", "".join(f"u{i},s{i * 7 % 99}\n" for i in range(3000)))
    data = bytearray((raw / "l.csv.zip").read_bytes())
    data[spoil] ^= 0xFF
    (raw / "l.csv.zip").write_bytes(data)


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
@pytest.mark.parametrize("spoil", [8, 10, 14, 26, 28, 36, 40, 60, 100, 500, -20, -6])
def test_damage_anywhere_in_a_zip(raw: Path, tmp_path: Path, method: int, spoil: int) -> None:
    zip_with(method, raw, spoil)
    dump = spec({"path": "l.csv", "header": False, "columns": ["u", "s"]})
    try:
        build_graph(dump, raw, tmp_path / "graph")
    except DataError as error:
        message = str(error)
    else:
        message = ""
    assert "\n" not in message
    assert (tmp_path / "graph").exists() == (message == "")


def test_bombs_within_the_file(raw: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_files, "_ALWAYS", 1 << 16)
    monkeypatch.setattr(parquet_files, "_RATIO", 50)
    rows = pa.table({"u": pa.array([1] * 200_000), "s": pa.array([2] * 200_000)})
    with pq.ParquetWriter(raw / "l.parquet", rows.schema, compression="zstd") as writer:
        for _ in range(5):
            writer.write_table(rows)
    refused(
        raw,
        spec({"path": "l.parquet"}),
        r"^l\.parquet: unpacks to [0-9,]+ bytes and 1,000,000 rows from [0-9,]+",
    )
    monkeypatch.setattr(streams, "_ALWAYS", 1 << 16)
    (raw / "g.jsonl.gz").write_bytes(gzip.compress(gzip.compress(bytes(1 << 24))))
    refused(raw, spec({"path": "g.jsonl"}), r"NUL byte|unpacks to more than|not utf-8")


def looping_database(path: Path) -> None:
    """A table whose inner pages lead to the next level again and again, and the last to one page: endless rows."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA page_size = 512")
    connection.execute("CREATE TABLE l (u, s)")
    connection.executemany("INSERT INTO l VALUES (?, ?)", [("u" * 20, f"s{i}") for i in range(4000)])
    connection.commit()
    (root,) = connection.execute("SELECT rootpage FROM sqlite_master").fetchone()
    connection.close()
    data = bytearray(path.read_bytes())
    page = lambda number: (number - 1) * 512  # noqa: E731
    cells = struct.unpack(">H", data[page(root) + 3 : page(root) + 5])[0]
    pointers = [
        struct.unpack(">H", data[page(root) + 12 + 2 * i : page(root) + 14 + 2 * i])[0] for i in range(cells)
    ]
    leaf = root
    while data[page(leaf)] == 5:  # an inner page; its first child
        first = struct.unpack(">H", data[page(leaf) + 12 : page(leaf) + 14])[0]
        leaf = struct.unpack(">I", data[page(leaf) + first : page(leaf) + first + 4])[0]
    body = bytes(data[page(root) : page(root) + 512])
    levels = [root, *range(len(data) // 512 + 1, len(data) // 512 + 9)]
    data += body * 8
    for level, number in enumerate(levels):
        child = levels[level + 1] if level + 1 < len(levels) else leaf
        for pointer in pointers:
            data[page(number) + pointer : page(number) + pointer + 4] = struct.pack(">I", child)
        data[page(number) + 8 : page(number) + 12] = struct.pack(">I", child)
    data[28:32] = struct.pack(">I", len(data) // 512)
    path.write_bytes(data)


def test_a_database_that_leads_in_circles(raw: Path) -> None:
    looping_database(raw / "l.db")
    refused(
        raw, spec({"path": "l.db", "table": "l"}), r"l\.db is damaged: it gives more rows than it has bytes"
    )


ENDLESS = "WITH RECURSIVE c(u, s) AS (SELECT 1, 1 UNION ALL SELECT u + 1, s FROM c) SELECT * FROM c"


@pytest.mark.parametrize(
    ("statements", "message"),
    [
        ([f"CREATE VIEW l AS {ENDLESS}"], "not a plain table"),
        (["CREATE TABLE l (u, s AS (hex(zeroblob(100000000))))", "INSERT INTO l(u) VALUES (1)"], "no column 's'"),
        (["CREATE VIRTUAL TABLE l USING fts5(u, s)"], "not a plain table"),
        (["CREATE TABLE l (u, s)", "INSERT INTO l VALUES (CAST(x'ff' AS TEXT), 2)"], "cannot be read as an SQLite"),
        (["CREATE TABLE l (u, s)", "INSERT INTO l VALUES (hex(zeroblob(20000000)), 2)"], "cannot be read as an SQLite"),
        (["CREATE TABLE m (u, s)"], r"no table 'l' \(did you mean 'm'\?\)|no table 'l'; the database has 'm'"),
    ],
)  # fmt: skip
def test_databases(raw: Path, statements: list[str], message: str) -> None:
    with sqlite3.connect(raw / "l.db") as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()
    refused(raw, spec({"path": "l.db", "table": "l"}), message)


def test_triggers_do_nothing(raw: Path, tmp_path: Path) -> None:
    with sqlite3.connect(raw / "l.db") as connection:
        connection.execute('CREATE TABLE "l""; DROP TABLE x; --" (u, s)')
        connection.execute("""CREATE TRIGGER t AFTER INSERT ON "l""; DROP TABLE x; --" BEGIN SELECT 1; END""")
        connection.execute("""INSERT INTO "l""; DROP TABLE x; --" VALUES ('a', 'x')""")
    connection.close()
    before = (raw / "l.db").read_bytes()
    build_graph(spec({"path": "l.db", "table": 'l"; DROP TABLE x; --'}), raw, tmp_path / "graph")
    assert MusicGraph.open(tmp_path / "graph").keys("user") == ["a"]
    assert (raw / "l.db").read_bytes() == before

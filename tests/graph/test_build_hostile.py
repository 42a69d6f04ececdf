"""Files and specifications that somebody made to do harm: one clear error, soon, in little memory."""

from __future__ import annotations

import errno
import gzip
import json
import os
import resource
import sqlite3
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hetmusic.errors import DataError, SchemaError, UserError
from hetmusic.graph import MusicGraph, validate_graph
from hetmusic.graph.build import build_graph
from hetmusic.graph.raw import csv_layout, parquet_files, streams, text
from hetmusic.specs import check_spec, init_spec
from kg_schema import yaml_file
from kg_schema.dump import DumpSpec
from kg_schema.errors import did_you_mean

GOOD = "u,s,n,t\na,x,1,1\nb,y,2,2\n"


def spec(entry: dict[str, Any], **edge: Any) -> DumpSpec:
    """Who played what, in one file ``l``."""
    value = {
        "name": "bad",
        "item": "song",
        "files": {"l": entry},
        "nodes": {"user": [{"file": "l", "key": "u"}], "song": [{"file": "l", "key": "s"}]},
        "edges": [{"relation": "likes", "file": "l", "src": "u", "dst": "s", **edge}],
    }
    return DumpSpec.model_validate(value)


def refused(raw: Path, dump: DumpSpec, message: str) -> None:
    """Fail unless there is one clear error, and nothing is left behind."""
    before = sorted(path.name for path in raw.parent.iterdir())
    with pytest.raises(DataError, match=message) as caught:
        build_graph(dump, raw, raw.parent / "graph")
    assert "\n" not in str(caught.value)
    assert sorted(path.name for path in raw.parent.iterdir()) == before


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / "raw"
    folder.mkdir()
    return folder


def test_links_that_lead_out(raw: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.csv").write_text(GOOD)
    (raw / "l.csv").symlink_to(outside / "secret.csv")
    (raw / "tables").symlink_to(outside)
    (raw / "parts").mkdir()
    (raw / "parts" / "a.csv").write_text(GOOD)
    (raw / "parts" / "b.csv").symlink_to(outside / "secret.csv")
    for path in ("l.csv", "tables/secret.csv", "tables", "tables/*.csv", "parts", "parts/*.csv"):
        refused(raw, spec({"path": path}), "is a link, or lies behind one, that leads out of the raw folder")
    (raw / "in.csv").symlink_to(raw / "parts" / "a.csv")
    build_graph(spec({"path": "in.csv"}), raw, tmp_path / "inside")
    build_graph(spec({"path": "x"}), {"l": raw / "l.csv"}, tmp_path / "named")
    assert MusicGraph.open(tmp_path / "named").num_edges("likes") == 2, "who names the link means it"


def test_links_are_not_looked_through_either(raw: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text(GOOD)
    (raw / "l.csv").symlink_to(tmp_path / "secret.csv")
    with pytest.raises(DataError, match="leads out of the raw folder"):
        init_spec(raw)
    (tmp_path / "s.yaml").write_text(json.dumps(spec({"path": "l.csv"}).model_dump(exclude_defaults=True)))
    assert [problem.key for problem in check_spec(tmp_path / "s.yaml", raw).errors] == ["files.l.path"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("../l.csv", "leaves the raw folder"),
        ("a/../../l.csv", "leaves the raw folder"),
        ("/etc/passwd", "leaves the raw folder"),
        ("..\\l.csv", "leaves the raw folder"),
        ("C:/l.csv", "leaves the raw folder"),
        ("*/../../*.csv", "leaves the raw folder"),
        ("l\0.csv", "leaves the raw folder"),
    ],
)
def test_paths_that_climb(path: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        spec({"path": path})


@pytest.mark.parametrize("pattern", ["[.][.]/*.csv", "**/**/**/**/*.csv", "?./*.csv", "*"])
def test_patterns_do_not_climb(raw: Path, tmp_path: Path, pattern: str) -> None:
    (tmp_path / "secret.csv").write_text(GOOD)
    refused(raw, spec({"path": pattern}), "does not exist")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"delimiter": "\n", "quote": None}, "line break"),
        ({"delimiter": "a\rb", "quote": None}, "line break"),
        ({"quote": "\n"}, "line break"),
        ({"comment": "#\n", "quote": None}, "line break"),
        ({"delimiter": "\0"}, "NUL"),
        ({"quote": ","}, "the delimiter and the quote are one character"),
        ({"quote": "€", "encoding": "latin-1"}, "latin-1 has no '€'"),
        ({"delimiter": "☃", "encoding": "cp1252"}, "cp1252 has no '☃'"),
        ({"comment": "☃", "quote": None, "encoding": "latin-1"}, "latin-1 has no '☃'"),
    ],
)
def test_marks_that_no_line_has(entry: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        spec({"path": "l.csv", **entry})


@pytest.mark.parametrize("mark", ["é", "€", "☃", "😀"])
def test_unusual_marks(raw: Path, tmp_path: Path, mark: str) -> None:
    (raw / "l.csv").write_text(f"u{mark}s\na{mark}x\n", encoding="utf-8")
    (raw / "q.csv").write_text(f"u,s\n{mark}a, b{mark},x\n", encoding="utf-8")
    build_graph(spec({"path": "l.csv", "delimiter": mark}), raw, tmp_path / "one")
    assert MusicGraph.open(tmp_path / "one").keys("user") == ["a"]
    build_graph(spec({"path": "q.csv", "quote": mark}), raw, tmp_path / "two")
    assert MusicGraph.open(tmp_path / "two").keys("user") == ["a, b"]


NUMBERS: dict[str, tuple[str, Any, str]] = {
    "1e999": ("1e999", None, "'1e999' is not a number"),
    "-inf": ("-inf", None, "'-inf' is not a number"),
    "nan": ("nan", None, "'nan' is not a number"),
    "negative": ("-5", None, r"line 3, field 'n': '-5' is not a count, which is 0 or more \(1 of 2 rows read\)"),
    "hex": ("0x10", None, "'0x10' is not a number"),
    "underscore": ("1_000", None, "'1_000' is not a number"),
    "time beyond int64": ("1e300", "n", r"'1e300' is not a time between the years 1 and 9999; perhaps it needs `unit: ms`"),
    "time beyond the calendar": ("9000000000000000000", "n", "is not a time between the years 1 and 9999"),
    "milliseconds": ("1700000000000", "n", "perhaps it needs `unit: ms`"),
    "time before the calendar": ("-1e18", "n", "is not a time between"),
    "milliseconds beyond": ("1e18", {"column": "n", "unit": "ms"}, "perhaps it needs `unit: s`"),
    "year 300000": ("300000-01-01T00:00:00Z", {"column": "n", "unit": "iso"}, "is not an ISO 8601 time"),
    "year -1": ("-0001-01-01", {"column": "n", "unit": "iso"}, "is not an ISO 8601 time"),
    "zone": ("2020-01-01T00:00:00+99:99", {"column": "n", "unit": "iso"}, "is not an ISO 8601 time"),
}  # fmt: skip


@pytest.mark.parametrize("case", NUMBERS)
@pytest.mark.parametrize("repeated", [False, True])
def test_numbers(raw: Path, case: str, repeated: bool) -> None:
    """Also where texts are repeated, which are converted only once."""
    value, time, message = NUMBERS[case]
    rows = [("a", "1"), ("b", value)] + [("c", "1")] * (5000 if repeated else 0)
    if time is not None and time != "n" and time["unit"] == "iso":
        rows = [(user, "2020-01-01" if number == "1" else number) for user, number in rows]
    (raw / "l.csv").write_text("u,s,n\n" + "".join(f"{user},x,{number}\n" for user, number in rows))
    edge = {"weight": "n"} if time is None else {"time": time}
    message = message.replace("1 of 2 rows", "1 of 5,002 rows") if repeated else message
    refused(raw, spec({"path": "l.csv"}, **edge), message)


def test_similarities_may_be_negative(raw: Path, tmp_path: Path) -> None:
    """A similarity is no count."""
    (raw / "l.csv").write_text("a,b,n\nx,y,-0.5\n")
    value = {
        "name": "similar",
        "item": "song",
        "interaction": None,
        "files": {"l": {"path": "l.csv"}},
        "nodes": {"song": [{"file": "l", "key": "a"}, {"file": "l", "key": "b"}]},
        "edges": [{"relation": "similar_to", "file": "l", "src": "a", "dst": "b", "weight": "n"}],
    }
    build_graph(DumpSpec.model_validate(value), raw, tmp_path / "graph")
    weight = MusicGraph.open(tmp_path / "graph").edges("similar_to").weight
    assert weight is not None
    assert weight.tolist() == [-0.5, -0.5]


def test_sums_that_no_weight_can_hold(raw: Path) -> None:
    (raw / "l.csv").write_text("u,s,n\na,x,3e38\na,x,3e38\n")
    refused(raw, spec({"path": "l.csv"}, weight="n"), "1 of 1 weights are NaN or infinite")


def test_vectors_beyond_float32(raw: Path) -> None:
    (raw / "l.csv").write_text("u,s,n\na,x,1\na,y,1e39\n")
    value = spec({"path": "l.csv"}).model_dump(exclude_defaults=True)
    value["features"] = {"song": {"audio": {"file": "l", "key": "s", "columns": ["n"]}}}
    message = r"^l\.csv, line 3, field 'n': '1e39' is not a number that float32 can hold \(1 of 2 rows read\)"
    refused(raw, DumpSpec.model_validate(value), message)


WIDE = ",".join(f"c{number}" for number in range(3000))


def in_little_memory(tmp_path: Path, dump: DumpSpec, gigabytes: float = 2.5) -> str:
    """Build in a process that may not take more memory, and give its error."""
    (tmp_path / "s.yaml").write_text(json.dumps(dump.model_dump(exclude_defaults=True)))
    limit = int(gigabytes * (1 << 30))
    done = subprocess.run(
        [sys.executable, "-m", "hetmusic", "build", "--spec", "s.yaml", "--raw", "raw", "--out", "graph"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "POLARS_MAX_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    lines = done.stderr.splitlines()
    assert len(lines) == (done.returncode != 0), done.stderr
    return done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("ragged", ["error", "drop", "pad"])
@pytest.mark.parametrize("quotes", [False, True])
def test_short_rows_of_a_wide_table(raw: Path, tmp_path: Path, ragged: str, quotes: bool) -> None:
    """A field for each column of each row would be 100 GB."""
    row = '"a",x\n' if quotes else "a,x\n"
    with open(raw / "l.csv", "w") as stream:
        stream.write(f"u,s,{WIDE}\n" + row * 400_000)
    error = in_little_memory(tmp_path, spec({"path": "l.csv", "ragged": ragged}))
    if ragged == "error":
        assert error.startswith("error: l.csv, line 2: 2 fields instead of 3002 (")
    elif ragged == "drop":
        assert "400,000" in error
    else:
        assert error == ""
        assert MusicGraph.open(tmp_path / "graph").num_edges("likes") == 1


def test_too_many_columns(raw: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (raw / "l.csv").write_text(f"u,s,{WIDE}\na,x{',' * 3000}\n")
    build_graph(spec({"path": "l.csv"}), raw, raw.parent / "wide")
    monkeypatch.setattr(csv_layout, "_WIDEST", 3001)
    refused(
        raw, spec({"path": "l.csv"}), r"^l\.csv, line 1: 3,002 columns, more than any table has \(3,001\)"
    )


def test_suggestions_take_no_time() -> None:
    """Of a million names only the first are compared, and of a word only the beginning."""
    assert did_you_mean("column", (f"colum{number}" for number in range(10**7))) != ""
    assert did_you_mean("x" * 10**7, ["x" * 10**6]) == ""


BAD_FILES: dict[str, tuple[str, bytes, str]] = {
    "half a character": (
        "l.jsonl",
        b'{"u": "a", "s": "x"}\n{"u": "\\ud800b", "s": "x"}\n',
        r"^l\.jsonl, line 2, field 'u': '\\ud800b' holds half a character",
    ),
    "half a character as a name": (
        "l.jsonl",
        b'{"u": 1, "\\ud800": 2}\n',
        r"^l\.jsonl: no row has a field 's'",
    ),
    "deep JSON": (
        "l.jsonl",
        b'{"u":' + b"[" * 100_000 + b"]" * 100_000 + b"}\n",
        r"^l\.jsonl, line 1: not valid JSON",
    ),
    "many names": (
        "l.jsonl",
        b"{" + b",".join(b'"k%d": 1' % i for i in range(200_000)) + b"}\n",
        "no row has a field 'u'",
    ),
    "NUL": ("l.csv", b"u,s\na,\0\n", r"^l\.csv: a NUL byte at offset 6, line 2"),
    "UTF-32": ("l.csv", "u,s\na,x\n".encode("utf-32"), r"^l\.csv: a NUL byte"),
    "half UTF-8": ("l.csv", b"u,s\na,\xe2\x82\n", r"^l\.csv is not utf-8: byte 0xe2 at offset 6, line 2"),
    "overlong UTF-8": ("l.csv", b"u,s\na,\xc0\xaf\n", r"^l\.csv is not utf-8: byte 0xc0"),
    "CR alone": ("l.csv", b"u,s\ra,x\r", r"^l\.csv: no column 's'"),
    "blank names": ("l.csv", b",,\na,b,c\n", r"^l\.csv: no column 'u'"),
    "names twice": ("l.csv", b"u,u,s\na,b,c\n", r"^l\.csv: 2 columns are called 'u'"),
    "BOM alone": ("l.csv", b"\xef\xbb\xbf", r"^l\.csv is empty"),
    "blank file": ("l.csv", b" \n\n", r"^l\.csv is empty"),
    "no Parquet": (
        "l.parquet",
        b"PAR1" + b"\0" * 50 + b"PAR1",
        r"^l\.parquet is damaged|^.*l\.parquet cannot be read",
    ),
    "Parquet in name only": ("l.parquet", GOOD.encode(), r"^l\.parquet is damaged or no parquet file"),
    "gzip in name only": (
        "l.csv.gz",
        b"\x1f\x8b" + b"\xff" * 99,
        "the compressed file is damaged or cut off",
    ),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_files(raw: Path, case: str) -> None:
    name, content, message = BAD_FILES[case]
    (raw / name).write_bytes(content)
    refused(raw, spec({"path": name}), message)


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


def test_things_in_the_place_of_files(raw: Path) -> None:
    os.mkfifo(raw / "pipe.csv")
    refused(raw, spec({"path": "pipe.csv"}), r"pipe\.csv is not a file")
    refused(raw, spec({"path": "*.csv"}), r"^pipe\.csv is not a file$")
    (raw / "loop.csv").symlink_to(raw / "loop.csv")
    refused(raw, spec({"path": "loop.csv"}), r"loop\.csv does not exist")


@pytest.mark.parametrize("name", ["l.csv", "l.parquet", "l.db"])
def test_unreadable_files(raw: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (raw / name).write_text(GOOD)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    for module in ("files.is_compressed", "text.open_raw", "csv_files.contains"):
        monkeypatch.setattr(f"hetmusic.graph.raw.{module}", refuse)
    refused(
        raw,
        spec({"path": name, **({"table": "l"} if name == "l.db" else {})}),
        f"{name} cannot be read: Permission denied",
    )


def test_an_endless_line(raw: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "_LONGEST", 1000)
    for name in ("l.csv", "l.jsonl"):
        (raw / name).write_bytes(b"u,s\n" + b"a" * (text._PIECE + 2000))
        refused(
            raw, spec({"path": name}), rf"^{name}, line 2: the line is longer than 1,000 bytes|not valid JSON"
        )


REST = "item: song\nfiles: {l: {path: l.csv}}\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name: !!python/object/apply:os.system [ls]\n", "could not determine a constructor"),
        ("name: !!python/name:os.system\n", "could not determine a constructor"),
        ("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", "aliases"),
        ("a: " + "[" * 60, "levels of nesting"),
        ("rows: " + "9" * 10_000 + "\n", "not valid YAML"),
        ('name: "\\ud800"\n', "not valid YAML"),
        (f"{REST}name: {'1:' * 5000}1\n", "name: Input should be a valid string, not a number so long"),
        (f"{REST}name: {'!' * 5000}\n", "could not determine a constructor|not valid YAML"),
        (f"{REST}name: '{'!' * 5000}'\n", "name: String should match pattern .*, not '!!!!!"),
        ("item: !!float " + "x" * 5000 + "\n", "not valid YAML"),
        ("? {a: 1}\n: 2\n", "a key must be a single word"),
        ("- a\n- b\n", "Input should be"),
        ("7\n", "Input should be"),
        ("# " + "x" * 5_000_000 + "\n", "is larger than 4,194,304 bytes: no such file is written by people"),
    ],
)
def test_specifications(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "s.yaml").write_text(content)
    with pytest.raises(SchemaError, match=message) as caught:
        DumpSpec.load(tmp_path / "s.yaml")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_a_large_specification_takes_no_time(tmp_path: Path) -> None:
    files = "".join(f"  f{number}: {{path: l.csv}}\n" for number in range(20_000))
    assert len(files) < yaml_file._LARGEST
    (tmp_path / "s.yaml").write_text(f"name: x\nitem: song\nfiles:\n{files}")
    with pytest.raises(SchemaError, match=r"s\.yaml:\d+: "):
        DumpSpec.load(tmp_path / "s.yaml")


def test_names_cannot_command_the_terminal(raw: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from hetmusic.cli import main

    name = "l\x1b[31m\x9b2J.csv"
    (raw / name).write_text("u\n")
    (raw / "s.yaml").write_text(json.dumps(spec({"path": name}).model_dump(exclude_defaults=True)))
    with pytest.raises(SystemExit):
        main(["build", "--spec", str(raw / "s.yaml"), "--raw", str(raw), "--out", str(raw.parent / "g")])
    error = capsys.readouterr().err
    assert error.startswith("error: l\\x1b[31m\\x9b2J.csv")
    assert error.strip().isprintable()


TYPES: dict[str, Callable[[], Any]] = {
    "null": lambda: pa.nulls(2),
    "binary": lambda: pa.array([b"\xff", b"a"]),
    "large binary": lambda: pa.array([b"\xff", b"a"], pa.large_binary()),
    "fixed binary": lambda: pa.array([b"\xff\xff", b"ab"], pa.binary(2)),
    "duration": lambda: pa.array([5, 6], pa.duration("s")),
    "half": lambda: pa.array([1.5, 2.5], pa.float16()),
    "map": lambda: pa.array([[("a", 1)], []], pa.map_(pa.string(), pa.int32())),
    "struct": lambda: pa.array([{"a": 1}, None]),
    "list": lambda: pa.array([[1], None]),
    "fixed list": lambda: pa.array([[1, 2], None], pa.list_(pa.int32(), 2)),
    "dictionary": lambda: pa.array(["a", "b"]).dictionary_encode(),
    "unsigned": lambda: pa.array([2**64 - 1, 0], pa.uint64()),
    "zone": lambda: pa.array([1, 2], pa.timestamp("ns", "Nowhere/City")),
    "offset": lambda: pa.array([1, 2], pa.timestamp("us", "+01:00")),
    "view": lambda: pa.array(["a", "b"], pa.string_view()),
    "decimal": lambda: pa.array([1, 2]).cast(pa.decimal256(40, 3)),
}


@pytest.mark.parametrize("kind", TYPES)
def test_every_type_of_parquet(raw: Path, tmp_path: Path, kind: str) -> None:
    pq.write_table(pa.table({"u": TYPES[kind](), "s": ["x", "y"]}), raw / "l.parquet")
    outcome(spec({"path": "l.parquet"}), raw, tmp_path / "graph")


def outcome(dump: DumpSpec, raw: Path, out: Path) -> str:
    """The error of a build, empty if there is a graph, which then is valid; any other exception is a failure."""
    try:
        build_graph(dump, raw, out)
    except UserError as error:
        message = str(error)
    else:
        message = ""
        assert [str(found) for found in validate_graph(out).errors] == []
    assert "\n" not in message
    assert out.exists() == (message == "")
    return message


csv_bytes = st.lists(
    st.sampled_from([b"u", b"s", b"n", b"t", b",", b"\n", b"\r\n", b'"', b"a", b"-1", b"1e999", b"nan", b"\xff", b"\xc3\xa9",
                     b"2020-01-01", b"99999999999", b"\0", b"\xef\xbb\xbf", b" ", b"\x1a", b"\xe2\x80\xa8", b"\r", b"#"]),
    max_size=40,
).map(b"".join)  # fmt: skip
values = st.sampled_from(
    [
        "a",
        "b",
        "",
        " ",
        "1",
        "-1",
        "0",
        "1e5",
        "1e39",
        "inf",
        "é",
        "2020-01-01",
        "x" * 300,
        "\x1b",
        "1700000000",
        "00",
    ]
)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_the_bytes(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Random bytes, or a table with some bytes changed: a valid graph or one clear error, never another exception."""
    raw = tmp_path_factory.mktemp("fuzz") / "raw"
    raw.mkdir()
    rows = data.draw(st.lists(st.tuples(values, values, values, values), min_size=1, max_size=8))
    kind = data.draw(st.sampled_from(["csv", "jsonl", "parquet", "db", "csv.gz", "csv.zip"]))
    path = raw / f"l.{kind}"
    _table(path, kind, rows)
    content = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        for _ in range(data.draw(st.integers(1, 4))):
            at = data.draw(st.integers(0, len(content) - 1))
            content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
            content = content or bytearray(b"\n")
    elif kind == "csv" and data.draw(st.booleans()):
        content = bytearray(b"u,s,n,t\n" * data.draw(st.booleans()) + data.draw(csv_bytes))
    path.write_bytes(content)
    entry: dict[str, Any] = {"path": path.name}
    entry |= {"table": "l"} if kind == "db" else {}
    if kind.startswith("csv"):
        entry |= {
            "quote": data.draw(st.sampled_from(['"', None])),
            "ragged": data.draw(st.sampled_from(["error", "drop", "pad"])),
        }
        entry |= {"encoding": data.draw(st.sampled_from(["utf-8", "latin-1", "cp1252"]))}
    edge = data.draw(
        st.sampled_from(
            [
                {},
                {"weight": "n"},
                {"count_rows": True},
                {"time": "t"},
                {"time": {"column": "t", "unit": "iso"}, "weight": "n"},
            ]
        )
    )
    outcome(spec(entry, **edge), raw, raw.parent / "graph")


def _table(path: Path, kind: str, rows: list[tuple[str, str, str, str]]) -> None:
    frame = pl.DataFrame(rows, ["u", "s", "n", "t"], orient="row")
    text = frame.write_csv()
    if kind == "csv":
        path.write_text(text, encoding="utf-8")
    elif kind == "csv.gz":
        path.write_bytes(gzip.compress(text.encode()))
    elif kind == "csv.zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("l.csv", text)
    elif kind == "jsonl":
        frame.write_ndjson(path)
    elif kind == "parquet":
        frame.write_parquet(path)
    else:
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE l (u, s, n, t)")
            connection.executemany("INSERT INTO l VALUES (?, ?, ?, ?)", rows)
        connection.close()

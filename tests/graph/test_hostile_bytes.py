"""Whatever the bytes of a file: a graph or one clear line."""

from __future__ import annotations

import gzip
import sqlite3
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.graph.hostile import outcome, spec

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

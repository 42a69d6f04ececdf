"""Numbers, types and tables beyond what can be."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hetmusic.graph import MusicGraph
from hetmusic.graph.build import build_graph
from hetmusic.graph.raw import csv_layout
from kg_schema.dump import DumpSpec
from kg_schema.errors import did_you_mean
from tests.graph.hostile import outcome, refused, spec

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

"""Values of tables: keys, numbers, times, and what means nothing."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from hetmusic.graph.raw import parquet_files
from tests.graph.listens import (
    build,
    edges_of,
    spec,
    write_csv,
)


def test_null_markers(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text("who,what,plays,at\nu,x,1,2\n\\N,x,1,2\nu,,1,2\nNA,y,1,2\n")
    graph, report = build(spec({"path": "l.csv", "nulls": ["\\N"]}), tmp_path)
    assert graph.keys("user") == ["NA", "u"]
    user, song = report.find("blank user"), report.find("blank song")
    assert user is not None
    assert song is not None
    assert (user.rows, user.first_lines, song.rows, song.first_lines) == (1, [3], 1, [4])


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

"""Tables that are not as their specification says: one line each that names file, row, field and counts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from hetmusic.errors import DataError
from hetmusic.graph.build import build_graph
from hetmusic.graph.raw.text import read_pieces
from kg_schema.dump import DumpSpec


def spec(file: dict[str, Any], **edge: Any) -> DumpSpec:
    edge = {"relation": "likes", "file": "l", "src": "who", "dst": "what", **edge}
    nodes = {"user": [{"file": "l", "key": "who"}], "song": [{"file": "l", "key": "what"}]}
    value = {"name": "bad", "item": "song", "files": {"l": file}, "nodes": nodes, "edges": [edge]}
    return DumpSpec.model_validate(value)


def parquet(frame: pl.DataFrame, cut: int = 0) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        frame.write_parquet(path)
        if cut:
            path.write_bytes(path.read_bytes()[:-cut])

    return write


def text(content: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(content)


BAD_TABLES: dict[str, tuple[str, Callable[[Path], object], dict[str, Any], dict[str, Any], str]] = {
    "open quote": (
        "l.csv",
        text('who,what\na,"b\nc,d\n'),
        {},
        {},
        "^l.csv, line 2: not valid csv: a quote is never closed",
    ),
    "text after a quote": (
        "l.csv",
        text('who,what\na,b\n"c"x,d\n'),
        {},
        {},
        "^l.csv, line 3: not valid csv: ',' expected after '\"'",
    ),
    "cut last row": (
        "l.csv",
        text("who,what\na,b\nc"),
        {},
        {},
        r"^l.csv, line 3: 1 fields instead of 2 \(1 of 2 rows\): the file seems to be cut off",
    ),
    "ragged with quotes": (
        "l.csv",
        text('who,what\na,b\n"a\nb",c\nd\n'),
        {},
        {},
        r"^l.csv, line 5: 1 fields instead of 2 \(1 of 3 rows\)",
    ),
    "wrong delimiter without header": (
        "l.csv",
        text("a;b\nc;d\n"),
        {"header": False, "columns": ["who", "what"]},
        {},
        "^l.csv, line 1: only one column found with delimiter ','; the line holds a semicolon 1 times",
    ),
    "wrong names without header": (
        "l.csv",
        text("a,b,c\n"),
        {"header": False, "columns": ["who", "what"]},
        {},
        "^l.csv, line 1: 3 fields instead of 2",
    ),
    "promised type": (
        "l.csv",
        text("who,what\na,1\nb,1.0\n"),
        {"types": {"what": "int"}},
        {},
        "^l.csv, line 3, field 'what': '1.0' is not a whole number",
    ),
    "cp1252 without a character": (
        "l.csv",
        lambda path: path.write_bytes(b"who,what\na,\x81\n"),
        {"encoding": "cp1252"},
        {},
        "^l.csv is not cp1252: byte 0x81 at offset 11, line 2$",
    ),
    "time": (
        "l.csv",
        text("who,what,t\na,b,1\nc,d,soon\n"),
        {},
        {"time": "t"},
        "^l.csv, line 3, field 't': 'soon' is not a number",
    ),
    "ISO time": (
        "l.csv",
        text("who,what,t\na,b,01/02/2003\n"),
        {},
        {"time": {"column": "t", "unit": "iso"}},
        "^l.csv, line 2, field 't': '01/02/2003' is not an ISO 8601 time",
    ),
    "JSON": (
        "l.jsonl",
        text('{"who": 1, "what": 2}\n{"who": 1,}\n'),
        {},
        {},
        "^l.jsonl, line 2: not valid JSON ",
    ),
    "cut JSON": (
        "l.jsonl",
        text('{"who": 1, "what": 2}\n{"who": 1, "wh'),
        {},
        {},
        "^l.jsonl, line 2: not valid JSON: the file seems to be cut off",
    ),
    "JSON list": ("l.jsonl", text("[1, 2]\n"), {}, {}, "^l.jsonl, line 1: not a JSON object"),
    "JSON list as value": (
        "l.jsonl",
        text('{"who": [1], "what": 2}\n'),
        {},
        {},
        "^l.jsonl, line 1, field 'who': a list instead of",
    ),
    "no such JSON field": (
        "l.jsonl",
        text('{"whom": 1, "what": 2}\n'),
        {},
        {},
        r"^l.jsonl: no row has a field 'who' \(did you mean 'whom'",
    ),
    "JSON NaN": (
        "l.jsonl",
        text('{"who": 1, "what": 2, "n": NaN}\n'),
        {},
        {"weight": "n"},
        "^l.jsonl, line 1, field 'n': 'NaN' is not a number",
    ),
    "empty JSON": ("l.jsonl", text("\n"), {}, {}, "^l.jsonl is empty"),
    "parquet column": (
        "l.parquet",
        parquet(pl.DataFrame({"who": [1], "whta": [2]})),
        {},
        {},
        r"^l.parquet: no column 'what' \(did you mean 'whta'\?\); the file has 'who', 'whta'",
    ),
    "cut parquet": (
        "l.parquet",
        parquet(pl.DataFrame({"who": [1], "what": [2]}), cut=9),
        {},
        {},
        r"^l.parquet is damaged or no parquet file \(",
    ),
    "not parquet": ("l.parquet", text("who,what\n1,2\n"), {}, {}, "^l.parquet is damaged or no parquet file"),
    "empty parquet": ("l.parquet", text(""), {}, {}, "^l.parquet is empty"),
    "parquet lists": (
        "l.parquet",
        parquet(pl.DataFrame({"who": [[1]], "what": [2]})),
        {},
        {},
        r"^l.parquet, column 'who': List\(Int64\) values instead of single ones",
    ),
    "parquet bytes": (
        "l.parquet",
        parquet(pl.DataFrame({"who": [b"\xff"], "what": [2]})),
        {},
        {},
        "^l.parquet is damaged|not UTF-8",
    ),
    "parquet NaN": (
        "l.parquet",
        parquet(pl.DataFrame({"who": [1, 2], "what": [2, 2], "n": [1.0, float("nan")]})),
        {},
        {"weight": "n"},
        r"^l.parquet, row 2, field 'n': 'NaN' is not a number \(1 of 2 rows read\)",
    ),
}


@pytest.mark.parametrize("case", BAD_TABLES)
def test_bad_tables(tmp_path: Path, case: str) -> None:
    name, write, file, edge, message = BAD_TABLES[case]
    (tmp_path / "raw").mkdir()
    write(tmp_path / "raw" / name)
    with pytest.raises(DataError, match=message) as caught:
        build_graph(spec({"path": name, **file}, **edge), tmp_path / "raw", tmp_path / "graph")
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["raw"], "nothing is left behind"


def test_wrong_bytes_are_located_in_later_pieces_too(tmp_path: Path) -> None:
    path = tmp_path / "l.csv"
    path.write_bytes(b"\xef\xbb\xbfwho,what\n" + b"a,b\n" * 5 + b"c,\xff\n")
    pieces = read_pieces(path, "l.csv", "utf-8", size=6)
    with pytest.raises(DataError, match=r"^l.csv is not utf-8: byte 0xff at offset 34, line 7;"):
        list(pieces)
    assert path.read_bytes()[34] == 0xFF

"""Bad input: one line that names file, row, field and counts, and nothing half-written."""

from __future__ import annotations

import errno
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from hetmusic.errors import DataError, SchemaError, UserError
from hetmusic.graph import MusicGraph, tables
from hetmusic.graph.build import build_graph
from hetmusic.graph.raw.text import read_pieces
from kg_schema.dump import DumpSpec

HETREC = {
    "artists.dat": ("id\tname\turl\tpictureURL", ["1\tA\tu\tp", "2\tB\tu\t", "7\tCafé\tu\tp"]),
    "tags.dat": ("tagID\ttagValue", ["1\tmetal", "2\tseen live"]),
    "user_artists.dat": ("userID\tartistID\tweight", ["2\t1\t10", "2\t2\t20", "3\t7\t5"]),
    "user_friends.dat": ("userID\tfriendID", ["2\t3", "3\t2"]),
    "user_taggedartists.dat": (
        "userID\tartistID\ttagID\tday\tmonth\tyear",
        ["2\t1\t1\t1\t4\t2009", "3\t7\t2\t1\t4\t2009"],
    ),
}

Spoil = Callable[[Path], object]


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """A tiny dump of HetRec's form."""
    folder = tmp_path / "raw"
    folder.mkdir()
    for name, (header, rows) in HETREC.items():
        newline = "\n" if name == "artists.dat" else "\r\n"
        (folder / name).write_bytes("".join(f"{row}{newline}" for row in [header, *rows]).encode())
    return folder


def replace(name: str, old: bytes, new: bytes) -> Spoil:
    def spoil(raw: Path) -> None:
        data = (raw / name).read_bytes()
        assert data.count(old) >= 1
        (raw / name).write_bytes(data.replace(old, new, 1))

    return spoil


def write(name: str, data: bytes) -> Spoil:
    return lambda raw: (raw / name).write_bytes(data)


def cut(name: str, size: int) -> Spoil:
    return lambda raw: (raw / name).write_bytes((raw / name).read_bytes()[:-size])


def make_folder(name: str) -> Spoil:
    def spoil(raw: Path) -> None:
        (raw / name).unlink()
        (raw / name).mkdir()

    return spoil


BAD_HETREC: dict[str, tuple[Spoil, str]] = {
    "missing file": (
        lambda raw: (raw / "tags.dat").unlink(),
        r"raw/tags.dat does not exist \(file 'tags' of dump 'hetrec-lastfm'\)",
    ),
    "a folder instead of a file": (make_folder("tags.dat"), "raw/tags.dat is not a file"),
    "empty file": (write("user_friends.dat", b""), "^user_friends.dat is empty$"),
    "blank file": (write("user_friends.dat", b"\r\n\r\n"), "^user_friends.dat is empty$"),
    "header only": (
        write("user_artists.dat", b"userID\tartistID\tweight\r\n"),
        "none of the 0 rows of user_artists.dat gives an edge user__likes__artist",
    ),
    "wrong delimiter": (
        write("user_artists.dat", b"userID,artistID,weight\r\n2,1,10\r\n"),
        r"^user_artists.dat, line 1: only one column found with delimiter '\\t'; the line holds a comma 2",
    ),
    "cut in the middle of a row": (
        cut("user_artists.dat", 5),
        "^user_artists.dat: the file is cut off: its last line does not end with a line break",
    ),
    "cut in the middle of a number": (cut("user_artists.dat", 2), "user_artists.dat: the file is cut off"),
    "missing column": (
        replace("user_artists.dat", b"weight", b"wieght"),
        r"^user_artists.dat: no column 'weight' \(did you mean 'wieght'\?\); the file has 'userID', ",
    ),
    "a column twice": (
        replace("user_friends.dat", b"friendID", b"userID"),
        "^user_friends.dat: 2 columns are called 'userID'",
    ),
    "non-numeric weight": (
        replace("user_artists.dat", b"2\t2\t20", b"2\t2\tmany"),
        r"^user_artists.dat, line 3, field 'weight': 'many' is not a number \(1 of 3 rows read\)",
    ),
    "blank weight": (
        replace("user_artists.dat", b"\t20", b"\t"),
        "line 3, field 'weight': blank is not a finite",
    ),
    "infinite weight": (
        replace("user_artists.dat", b"20", b"inf"),
        "line 3, field 'weight': 'inf' is not a number",
    ),
    "NaN weight": (
        replace("user_artists.dat", b"20", b"NaN"),
        "line 3, field 'weight': 'NaN' is not a number",
    ),
    "weight beyond float32": (
        replace("user_artists.dat", b"20", b"1e39"),
        "line 3, field 'weight': '1e39' is not a finite number",
    ),
    "decimal comma": (
        replace("user_artists.dat", b"20", b"2,5"),
        "line 3, field 'weight': '2,5' is not a number",
    ),
    "non-numeric id": (
        replace("user_artists.dat", b"2\t2\t20", b"abc\t2\t20"),
        r"^user_artists.dat, line 3, field 'userID': 'abc' is not a whole number \(1 of 3 rows read\)",
    ),
    "non-numeric time": (
        replace("user_taggedartists.dat", b"2009\r\n3", b"MMIX\r\n3"),
        "^user_taggedartists.dat, line 2, field 'year': 'MMIX' is not a whole number",
    ),
    "too few fields": (
        replace("user_artists.dat", b"2\t2\t20", b"2\t2"),
        r"^user_artists.dat, line 3: 2 fields instead of 3 \(1 of 3 rows\); set `ragged: drop`",
    ),
    "too many fields": (
        replace("user_artists.dat", b"2\t2\t20", b"2\t2\t20\t1"),
        r"^user_artists.dat, line 3: 4 fields instead of 3 \(1 of 3 rows\)",
    ),
    "wrong encoding": (
        replace("artists.dat", "é".encode(), b"\xe9"),
        "^artists.dat is not utf-8: byte 0xe9 at offset 43, line 4; if the file is in Latin-1",
    ),
    "UTF-16": (
        lambda raw: (raw / "tags.dat").write_bytes("tagID\ttagValue\r\n1\tmetal\r\n".encode("utf-16")),
        "^tags.dat: a NUL byte at offset 3, line 1: this is not a text file in latin-1",
    ),
    "binary file": (
        lambda raw: (raw / "artists.dat").write_bytes(random.Random(1).randbytes(5000) + b"\n"),
        "^artists.dat(: a NUL byte| is not utf-8)",
    ),
    "no such raw folder": (lambda raw: shutil.rmtree(raw), "^the raw folder .*raw does not exist$"),
    "raw is a file": (
        lambda raw: (shutil.rmtree(raw), raw.write_text("x")),
        "^the raw folder .*raw is not a folder$",
    ),
}


@pytest.mark.parametrize("case", BAD_HETREC)
def test_bad_hetrec(raw: Path, tmp_path: Path, case: str) -> None:
    spoil, message = BAD_HETREC[case]
    assert build_graph("hetrec-lastfm", raw, tmp_path / "good").rows["artists.dat"] == 3
    shutil.rmtree(tmp_path / "good")
    spoil(raw)
    with pytest.raises(DataError, match=message) as caught:
        build_graph("hetrec-lastfm", raw, tmp_path / "graph")
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] in (["raw"], []), "nothing is left behind"


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


def test_unknown_file_ids(raw: Path, tmp_path: Path) -> None:
    given = {"artists": raw / "artists.dat"}
    with pytest.raises(DataError, match="no path given for file 'tags' of dump 'hetrec-lastfm'"):
        build_graph("hetrec-lastfm", given, tmp_path / "graph")
    with pytest.raises(
        DataError, match=r"dump 'hetrec-lastfm' has no file 'artist' \(did you mean 'artists'\?\)"
    ):
        build_graph("hetrec-lastfm", {"artist": raw / "artists.dat"}, tmp_path / "graph")


def test_a_specification_made_in_python_is_checked_too(raw: Path, tmp_path: Path) -> None:
    dump = spec({"path": "user_artists.dat"}, dst_type="album")
    with pytest.raises(SchemaError, match=r"dump 'bad': edges\[0\]"):
        build_graph(dump, raw, tmp_path / "graph")


def test_an_unreadable_file(raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("hetmusic.graph.raw.text._next", refuse)
    with pytest.raises(DataError, match=r"user_artists.dat cannot be read: Permission denied"):
        build_graph("hetrec-lastfm", raw, tmp_path / "graph")


def test_an_existing_folder_is_kept(raw: Path, tmp_path: Path) -> None:
    out = tmp_path / "graph"
    build_graph("hetrec-lastfm", raw, out)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    with pytest.raises(UserError, match=r"graph already exists; choose another --out or pass --overwrite"):
        build_graph("hetrec-lastfm", raw, out)
    replace("user_artists.dat", b"20", b"x")(raw)
    with pytest.raises(DataError, match="'x' is not a number"):
        build_graph("hetrec-lastfm", raw, out, overwrite=True)
    assert before == {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    replace("user_artists.dat", b"\tx", b"\t33")(raw)
    build_graph("hetrec-lastfm", raw, out, overwrite=True)
    assert MusicGraph.open(out, verify=True).interactions.weight.tolist() == [10, 33, 5]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["graph", "raw"]


def test_the_raw_folder_is_never_overwritten(raw: Path) -> None:
    with pytest.raises(DataError, match="raw exists and is not a graph folder"):
        build_graph("hetrec-lastfm", raw, raw, overwrite=True)
    assert (raw / "artists.dat").is_file()


def test_unwritable_output(raw: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(UserError, match=r"cannot write .*file/graph: Not a directory|File exists") as caught:
        build_graph("hetrec-lastfm", raw, tmp_path / "file" / "graph")
    assert "\n" not in str(caught.value)


def test_full_disk(raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, table: pl.DataFrame) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tables, "write_table", full)
    with pytest.raises(UserError, match="No space left on device") as caught:
        build_graph("hetrec-lastfm", raw, tmp_path / "graph")
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]

"""A HetRec dump that is spoiled, and folders that cannot be read or written: one clear line each."""

from __future__ import annotations

import errno
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from hetmusic.errors import DataError, SchemaError, UserError
from hetmusic.graph import MusicGraph, tables
from hetmusic.graph.build import build_graph
from tests.graph.test_build_bad_tables import spec

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

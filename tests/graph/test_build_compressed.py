"""Compressed files: read as they are, within limits; which of several paths counts."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pytest

from hetmusic.errors import DataError
from hetmusic.graph import MusicGraph
from hetmusic.graph.build import build_graph
from hetmusic.graph.raw import streams, text
from tests.graph.formats import CSV, EXPECTED, build, likes, spec


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


def test_endless_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "_LONGEST", 1000)
    (tmp_path / "p.csv").write_bytes(b"who,what,n\n" + b"a" * (text._PIECE + 2000))
    with pytest.raises(DataError, match=r"p\.csv, line 2: the line is longer than 1,000 bytes"):
        build(spec({"path": "p.csv"}), tmp_path)

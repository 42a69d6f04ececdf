"""Links and paths that lead out, marks that no line has, bad files, specifications that command."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from hetmusic.errors import DataError, SchemaError
from hetmusic.graph import MusicGraph
from hetmusic.graph.build import build_graph
from hetmusic.graph.raw import text
from hetmusic.specs import check_spec, init_spec
from kg_schema import yaml_file
from kg_schema.dump import DumpSpec
from tests.graph.hostile import GOOD, refused, spec


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

"""Reading raw files once: pieces, the fast way of splitting them, rows kept in memory or on disk."""

from __future__ import annotations

import functools
import gzip
import hashlib
import os
import threading
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hetmusic.errors import DataError, UserError
from hetmusic.graph.build_report import LINE, Notes
from hetmusic.graph.raw import RawFiles, csv_plain, text
from hetmusic.graph.raw.ahead import one_ahead
from hetmusic.graph.raw.csv_layout import Layout
from hetmusic.graph.raw.kept import KeptRows, Room
from hetmusic.graph.raw.source import Source
from hetmusic.graph.raw.streams import Digest
from kg_schema.dump import DumpSpec
from kg_schema.dump_files import FileSpec


def _source(path: Path, **entry: Any) -> Source:
    spec = FileSpec.model_validate({"path": path.name, "format": "csv", "quote": None, **entry})
    return Source(path, path.name, spec, Notes("test"))


LAYOUT = Layout(3, {"a": 0, "c": 2})
FIELDS = st.text(st.sampled_from('ab\té ."\r#\ufeff\u2028'), max_size=3)
ROWS = st.lists(st.lists(FIELDS, min_size=1, max_size=4), min_size=1, max_size=6)


@settings(max_examples=300, deadline=None)
@given(rows=ROWS, end=st.sampled_from(["", "\n", "\r\n"]), newline=st.sampled_from(["\n", "\r\n"]))
@pytest.mark.parametrize("comment", [None, "#"])
def test_the_fast_way_says_the_same_or_nothing(
    rows: list[list[str]], end: str, newline: str, comment: str | None
) -> None:
    content = (newline.join("\t".join(row) for row in rows) + end).encode()
    entry = {"delimiter": "\t", "ragged": "drop", "comment": comment}
    source = _source(Path("x.txt"), **entry)
    fast = csv_plain._parse(source, content, content.count(b"\n"), LAYOUT)
    slow = csv_plain._split(source, content, 1, LAYOUT) if content else None
    if fast is not None and slow is not None:
        assert not source.notes.report.findings, "whatever is wrong with a line is for the slow way"
        blank = pl.when(pl.col("a", "c") != "").then(pl.col("a", "c"))
        assert fast.rows() == slow.with_columns(blank).drop(LINE).rows()


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (b"a\tb\tc\nd\t\t\n", [("a", "c"), ("d", None)]),
        (b'"a\tb\t"c\n', [('"a', '"c')]),
        ("é\tb\t c ".encode(), [("é", " c ")]),
        (b"a\tb\tc\r\nd\te\tf", [("a", "c"), ("d", "f")]),
    ],
)
def test_the_fast_way_is_taken(content: bytes, rows: list[tuple[str, str | None]]) -> None:
    source = _source(Path("x.txt"), delimiter="\t")
    frame = csv_plain._parse(source, content, content.count(b"\n"), LAYOUT)
    assert frame is not None
    assert frame.rows() == rows


@pytest.mark.parametrize(
    "content",
    [
        b"a\tb\tc\n\nd\te\tf\n",
        b"\na\tb\tc\n",
        b"a\tb\n",
        b"a\tb\tc\nd\te\n",
        b"a\tb\tc\td\n",
        b"a\tb\tc\nd\te\tf\tg\n",
    ],
)
def test_the_fast_way_leaves_wrong_lines_alone(content: bytes) -> None:
    source = _source(Path("x.txt"), delimiter="\t")
    assert csv_plain._parse(source, content, content.count(b"\n"), LAYOUT) is None


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("size", [1, 5, 1 << 20])
def test_checksum_on_the_way(tmp_path: Path, packed: bool, size: int) -> None:
    content = b"\xef\xbb\xbfa\tb\n" + b"1\t2\n" * 99 + b"3"
    path = tmp_path / "x.txt"
    path.write_bytes(gzip.compress(content) if packed else content)
    digest = Digest()
    pieces = list(text.read_pieces(path, "x.txt", "utf-8", size, digest))
    assert b"".join(piece.data for piece in pieces) == content[3:]
    assert [piece.first_line for piece in pieces] == [
        1 + sum(before.breaks for before in pieces[:number]) for number in range(len(pieces))
    ]
    expected = hashlib.sha256(path.read_bytes()).hexdigest()
    path.rename(tmp_path / "moved")  # so that it cannot be read again
    (tmp_path / "x.txt").write_bytes(b"?" * (tmp_path / "moved").stat().st_size)
    assert digest.of(path) == expected


def test_checksum_of_a_file_that_was_not_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes(b"a\n" * 2_000_000)
    digest = Digest()
    pieces = text.read_pieces(path, "x.txt", "utf-8", 10, digest)
    next(pieces)
    pieces.close()
    assert digest.of(path) == hashlib.sha256(path.read_bytes()).hexdigest()


def test_wrong_bytes_of_other_encodings(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes("fü\n".encode("latin-1"))
    (piece,) = text.read_pieces(path, "x.txt", "latin-1")
    assert (piece.text, piece.data, piece.breaks) == ("fü\n", "fü\n".encode(), 1)
    path.write_bytes(b"\x81\n")
    with pytest.raises(DataError, match=r"x\.txt is not cp1252: byte 0x81 at offset 0, line 1"):
        list(text.read_pieces(path, "x.txt", "cp1252"))


def _batch(first_line: int, gap: int = 1) -> pl.DataFrame:
    return pl.DataFrame(
        {
            LINE: range(first_line, first_line + 4 * gap, gap),
            "user": ["u", None, None, "u" if first_line < 9 else "v"],
            "title": [f"{first_line} {i}" for i in range(4)],
            "vector": pl.Series([[0.5, 1.0]] * 4, dtype=pl.Array(pl.Float32, 2)),
        }
    )


@pytest.mark.parametrize("memory", [0, 150, 1 << 20])
def test_kept_rows(tmp_path: Path, memory: int) -> None:
    budget = Room(tmp_path, memory)
    kept = KeptRows(budget)
    batches = [_batch(1), _batch(5), _batch(9, gap=2), _batch(17).clear(), _batch(17)]
    for batch in batches:
        kept.add(batch)
    for _ in range(2):
        assert all(
            found.equals(batch) and found.schema == batch.schema
            for found, batch in zip(kept.batches(), batches, strict=True)
        )
    assert set(kept.codes) == {"user"}
    assert {batch["user"].dtype for batch in kept.coded_batches()} == {pl.UInt32()}
    assert sorted(kept.distinct("user")) == ["u", "v"]
    assert len(kept.distinct("title")) == 16
    assert list(tmp_path.iterdir()) == [], "the file has no name"
    kept.close()
    assert budget.take(memory), "what is in memory or on disk is given back"


def test_keys_are_numbers_even_if_all_differ(tmp_path: Path) -> None:
    kept = KeptRows(Room(tmp_path), {"title", "vector"})
    kept.add(_batch(1))
    assert set(kept.codes) == {"user", "title"}
    assert next(kept.batches()).equals(_batch(1))


def test_kept_rows_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("hetmusic.graph.raw.kept.tempfile.TemporaryFile", full)
    kept = KeptRows(Room(tmp_path, 0))
    with pytest.raises(UserError, match=f"cannot write {tmp_path}: No space left on device"):
        kept.add(_batch(1))


def test_items_made_one_ahead() -> None:
    made = []

    def items() -> Generator[int]:
        try:
            for item in range(9):
                made.append((item, threading.current_thread()))
                yield item
        finally:
            made.append((-1, threading.current_thread()))

    ahead = one_ahead(items())
    assert [next(ahead) for _ in range(3)] == [0, 1, 2]
    ahead.close()
    assert [item for item, _ in made] in ([0, 1, 2, -1], [0, 1, 2, 3, -1])
    assert len({thread for _, thread in made} - {threading.current_thread()}) == 1
    assert list(one_ahead(items())) == list(range(9))


def test_errors_come_where_the_item_would_have() -> None:
    def items() -> Generator[int]:
        yield 1
        raise DataError("no second item")

    ahead = one_ahead(items())
    assert next(ahead) == 1
    with pytest.raises(DataError, match="no second item"):
        next(ahead)


def test_what_nobody_wants_to_the_end_does_not_keep_a_thread(tmp_path: Path) -> None:
    before = threading.active_count()
    (tmp_path / "x.txt").write_text("a,b\n" * 20)
    pieces = text.read_pieces(tmp_path / "x.txt", "x.txt", "utf-8", 8)
    next(pieces)
    assert threading.active_count() == before + 1
    del pieces
    assert threading.active_count() == before


def _fail_after_one_batch(raw: RawFiles) -> None:
    with raw as files:
        batches = files.batches("plays")
        next(batches)
        time.sleep(0.05)
        raise DataError("of the reader of the rows")


def test_an_error_while_other_threads_read_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed, and no error about generators that other threads still run; nor are these threads left behind."""
    before = threading.active_count()
    parse = csv_plain._parse

    def slowly(source: Source, data: bytes, breaks: int, layout: Layout) -> pl.DataFrame | None:
        time.sleep(0.1)
        return parse(source, data, breaks, layout)

    monkeypatch.setattr(csv_plain, "_parse", slowly)
    monkeypatch.setattr(Source, "pieces", functools.partialmethod(Source.pieces, 8))
    (tmp_path / "x.csv").write_text("user,song\n" + "u,s\n" * 50)
    file = {"file": "plays"}
    spec = DumpSpec.model_validate(
        {
            "name": "x",
            "item": "song",
            "interaction": "likes",
            "files": {"plays": {"path": "x.csv", "quote": None}},
            "nodes": {"user": [{**file, "key": "user"}], "song": [{**file, "key": "song"}]},
            "edges": [{**file, "relation": "likes", "src": "user", "dst": "song"}],
        }
    )
    with pytest.raises(DataError, match="of the reader of the rows"):
        _fail_after_one_batch(RawFiles(spec, tmp_path, Notes("x")))
    assert threading.active_count() == before


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
@pytest.mark.parametrize("end", [b"", b"\n"])
def test_pieces_of_many_short_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int, end: bytes
) -> None:
    monkeypatch.setattr(text, "_LINES", limit)
    content = b"\xef\xbb\xbfa\n\n\nb\n\nlonger\nc" + end
    (tmp_path / "x.txt").write_bytes(content)
    pieces = list(text.read_pieces(tmp_path / "x.txt", "x.txt", "utf-8", 12))
    assert b"".join(piece.data for piece in pieces) == content[3:]
    assert all(piece.breaks == piece.data.count(b"\n") <= limit for piece in pieces)
    before = 0
    for piece in pieces:
        assert piece.first_line == 1 + before
        before += piece.breaks

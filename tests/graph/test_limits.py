"""How much of a file may be dropped: the default, --max-dropped, --strict, what a specification says of a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hetmusic.errors import ConfigError, DataError
from hetmusic.graph.build import build_graph
from hetmusic.graph.build_report import BuildReport
from kg_schema.dump import DumpSpec
from tests.graph.joining.dumps import listens, song, write


def spec(**plays: Any) -> DumpSpec:
    """Listens of songs that another file lists."""
    return listens(
        files={
            "plays": {"path": "plays.csv", **plays},
            "songs": {"path": "songs.csv"},
            "errors": {"path": "errors.csv"},
        },
        nodes={
            "user": [{"file": "plays", "key": "user"}],
            "song": [{"file": "songs", "key": "song", "name": "title"}],
        },
        edges=[{"relation": "likes", "file": "plays", "src": "user", "dst": "song"}],
        key_maps=[{"file": "errors", "keys": {"msd-song": "song", "mine/song": "other"}}],
    )


def raw_with(tmp_path: Path, good: int, unknown: int, blank: int = 0, empty: int = 0) -> Path:
    """Rows of known, unknown and blank songs, and empty lines between them."""
    raw = tmp_path / "raw"
    rows = [[f"u{number}", song(1), 1] for number in range(good)]
    rows += [[f"u{number}", song(9), 1] for number in range(unknown)]
    rows += [[f"u{number}", "", 1] for number in range(blank)]
    write(raw, "plays", ["user", "song", "plays"], *rows, *([] for _ in range(empty)))
    write(raw, "songs", ["song", "title"], [song(1), "One"])
    write(raw, "errors", ["song", "other"], [song(1), "x"], [song(9), "y"])
    return raw


def build(raw: Path, dump: DumpSpec | None = None, **options: Any) -> BuildReport:
    report = build_graph(dump or spec(), raw, raw.parent / "graph", overwrite=True, **options)
    assert (raw.parent / "graph" / "graph.json").is_file()
    return report


def refused(raw: Path, message: str, dump: DumpSpec | None = None, **options: Any) -> None:
    with pytest.raises(DataError, match=message):
        build(raw, dump, **options)
    assert sorted(path.name for path in raw.parent.iterdir()) == ["raw"], "nothing is left behind"


def test_the_default(tmp_path: Path) -> None:
    refused(
        raw_with(tmp_path, 180, 15, 5),
        rf"^plays.csv: 20 of 200 rows \(edges user__likes__song\) were dropped: unknown song 15 "
        rf"\('{song(9)}'\), first: line 182; blank song 5, first: line 197; more than 5 % is taken for a mistake "
        r"in the file or the specification; if it is none, go on with --max-dropped 0.1$",
    )


@pytest.mark.parametrize(
    ("good", "unknown", "fine"), [(380, 20, True), (379, 21, False), (2, 10, True), (2, 11, False)]
)
def test_where_the_default_begins(tmp_path: Path, good: int, unknown: int, fine: bool) -> None:
    """Up to 5 %, and up to 10 rows, since a share of few rows says nothing."""
    raw = raw_with(tmp_path, good, unknown)
    if not fine:
        refused(raw, "--max-dropped")
        return
    warnings = build(raw).warnings
    assert len(warnings) == (unknown > 0.05 * (good + unknown))


def test_going_on(tmp_path: Path) -> None:
    raw = raw_with(tmp_path, 180, 15, 5)
    report = build(raw, max_dropped=0.1)
    assert report.warnings == [
        f"plays.csv: 20 of 200 rows (edges user__likes__song) were dropped: unknown song 15 ('{song(9)}'), "
        "first: line 182; blank song 5, first: line 197"
    ]
    assert report.options == {"max_dropped": 0.1}
    refused_again = tmp_path / "again"
    refused_again.mkdir()
    refused(raw_with(refused_again, 180, 15, 5), "more than 9 %", max_dropped=0.09)


def test_a_limit_of_few_rows(tmp_path: Path) -> None:
    """A limit that somebody sets is taken at its word."""
    refused(raw_with(tmp_path, 9, 1), "more than 5 %", max_dropped=0.05)


@pytest.mark.parametrize(("limit", "fine"), [(0.1, True), (0.05, False)])
def test_a_file_may_be_worse(tmp_path: Path, limit: float, fine: bool) -> None:
    raw = raw_with(tmp_path, 180, 20)
    if fine:
        build(raw, spec(max_dropped=limit))
    else:
        refused(raw, "more than 5 %", spec(max_dropped=limit))


def test_an_option_counts_before_the_specification(tmp_path: Path) -> None:
    refused(raw_with(tmp_path, 180, 20), "more than 8 %", spec(max_dropped=0.5), max_dropped=0.08)


def test_strict(tmp_path: Path) -> None:
    message = rf"plays.csv: 1 of 1,000 rows .* unknown song 1 \('{song(9)}'\), first: line 1,001; --strict allows none$"
    refused(raw_with(tmp_path, 999, 1), message, strict=True)
    raw = raw_with(tmp_path, 999, 0)
    assert build(raw, strict=True).options == {"strict": True}


def test_what_is_no_mistake_does_not_count(tmp_path: Path) -> None:
    """Empty lines, and rows that the specification itself leaves out."""
    raw = raw_with(tmp_path, 50, 40, 0, 60)
    dump = spec(exclude=[{"column": "song", "file": "errors", "key": "song"}])
    write(raw, "errors", ["song", "other"], [song(9), "y"])
    report = build(raw, dump, strict=True)
    assert {(f.action, f.reason): f.rows for f in report.findings} == {
        ("left out", "blank line"): 60,
        ("left out", "song is listed in errors.csv"): 40,
    }
    assert report.rows["plays.csv"] == 90
    assert [(p.file, p.part, p.rows, p.used) for p in report.parts] == [
        ("plays.csv", "edges user__likes__song", 90, 50),
        ("songs.csv", "nodes song", 1, 1),
    ]


def test_rows_that_a_reader_drops(tmp_path: Path) -> None:
    raw = raw_with(tmp_path, 80, 0)
    with (raw / "plays.csv").open("a", encoding="utf-8") as stream:
        stream.write("only one field\n" * 20)
    dump = spec(ragged="drop")
    message = (
        r"plays.csv: 20 of 100 rows \(file\) were dropped: wrong number of fields 20, first: line 82; .* 0.2$"
    )
    refused(raw, message, dump)
    report = build(raw, dump, max_dropped=0.2)
    assert report.rows["plays.csv"] == 80


def test_several_files(tmp_path: Path) -> None:
    """The first is told in full, and what lets all of them pass."""
    raw = raw_with(tmp_path, 80, 20)
    (tmp_path / "more").mkdir()
    worse = raw_with(tmp_path / "more", 10, 30)
    dumps = [spec(), spec().model_copy(update={"name": "more"})]
    message = r"^listens/plays.csv: 20 of 100 rows .* \(and 1 more\); .*--max-dropped 0.75$"
    with pytest.raises(DataError, match=message):
        build_graph(dumps, {"listens": raw, "more": worse}, tmp_path / "graph")
    assert not (tmp_path / "graph").exists()


@pytest.mark.parametrize("value", [-0.1, 1.1, "many"])
def test_limits_that_cannot_be(tmp_path: Path, value: object) -> None:
    with pytest.raises(ConfigError, match="build option max_dropped: "):
        build(raw_with(tmp_path, 5, 0), max_dropped=value)

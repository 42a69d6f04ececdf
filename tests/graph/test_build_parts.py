"""Tables in several files: folders and patterns are read as one file whose rows know where they stand."""

from __future__ import annotations

import contextlib
import gzip
import os
import sqlite3
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hetmusic.errors import DataError
from hetmusic.graph import MusicGraph
from hetmusic.graph.build import build_graph
from hetmusic.graph.build_report import BuildReport
from hetmusic.graph.raw.globbing import files_below, matching
from kg_schema.dump import DumpSpec
from tests.graph.formats import likes, spec

HEADER = "who,what,n\n"
EXPECTED = {("a", "x", 2.0), ("b", "y", 3.0), ("c", "x", 4.0)}


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def build(dump: DumpSpec, raw: Path, name: str = "graph") -> tuple[MusicGraph, BuildReport]:
    out = raw.parent / f"{raw.name}-{name}"
    report = build_graph(dump, raw, out)
    return MusicGraph.open(out, verify=True), report


PARTS = {
    "plays/b.csv": HEADER + "b,y,3\n",
    "plays/a.csv": HEADER + "a,x,2\n",
    "plays/deep/c.csv": HEADER + "c,x,4\n",
    "plays/_SUCCESS": "",
    "plays/.hidden.csv": "nonsense",
}


@pytest.mark.parametrize(
    "path", ["plays", "plays/", "plays/**/*.csv", "pl*", "**/?.csv", "*/**", "**/plays/**/**/[abc].csv"]
)
def test_folders_and_patterns(tmp_path: Path, path: str) -> None:
    graph, report = build(spec({"path": path}), write(tmp_path / "raw", PARTS))
    assert likes(graph) == EXPECTED
    assert report.rows == {path: 3}
    assert (report.findings, report.warnings) == ([], [])


def test_the_same_graph_as_from_one_file(tmp_path: Path) -> None:
    one = write(tmp_path / "one", {"plays.csv": HEADER + "a,x,2\nb,y,3\nc,x,4\n"})
    whole, _ = build(spec({"path": "plays.csv"}), one)
    parts, _ = build(spec({"path": "plays"}), write(tmp_path / "parts", PARTS))
    assert parts.checksum == whole.checksum


def test_findings_name_the_part(tmp_path: Path) -> None:
    files = {"plays/1.csv": HEADER + "a,x,2\n,x,1\n\n", "plays/2.csv": HEADER + "b,y,3\nb,,9\n\n,y,1\n"}
    _, report = build(spec({"path": "plays/*.csv"}), write(tmp_path / "raw", files))
    found = {f.reason: (f.file, f.first_lines, f.first_parts) for f in report.findings}
    assert found == {
        "blank user": ("plays/*.csv", [3, 5], ["plays/1.csv", "plays/2.csv"]),
        "blank song": ("plays/*.csv", [3], ["plays/2.csv"]),
        "blank line": ("plays/*.csv", [4, 4], ["plays/1.csv", "plays/2.csv"]),
    }


@pytest.mark.parametrize(
    ("text", "edge", "message"),
    [
        ("b,y,many\n", {}, r"^plays/2\.csv, line 2, field 'n': 'many' is not a number"),
        ("b,y\n", {}, r"^plays/2\.csv, line 2: 2 fields instead of 3"),
        ("\xff,y,1\n", {}, r"^plays/2\.csv is not utf-8: byte 0xff at offset 11, line 2"),
        (
            "b,z,1\n",
            {"on_unknown": "error"},
            r"plays/\*\.csv: 1 of 2 rows .* first: 'z', line 2 of plays/2\.csv",
        ),
    ],
)
def test_errors_name_the_part(tmp_path: Path, text: str, edge: dict[str, str], message: str) -> None:
    raw = write(tmp_path / "raw", {"plays/1.csv": HEADER + "a,x,2\n", "songs.csv": "id\nx\n"})
    (raw / "plays" / "2.csv").write_bytes((HEADER + text).encode("latin-1"))
    dump = spec(
        {"path": "plays/*.csv"},
        {"songs": {"path": "songs.csv"}},
        nodes={"user": [{"file": "plays", "key": "who"}], "song": [{"file": "songs", "key": "id"}]},
        edges=[{"relation": "likes", "file": "plays", "src": "who", "dst": "what", "weight": "n", **edge}],
    )
    with pytest.raises(DataError, match=message):
        build(dump, raw)


def test_folders_are_columns(tmp_path: Path) -> None:
    files = {
        "plays/year=2023/who=a%20b/p.csv": "what,n\nx,1\n",
        "plays/year=2024/who=c/p.csv": "what,n,who\ny,2,nobody\n",
        "plays/year=2024/who=__HIVE_DEFAULT_PARTITION__/p.csv": "what,n\nz,2\n",
    }
    nodes = {
        "user": [{"file": "plays", "key": "who", "attributes": {"year": {"column": "year", "dtype": "int"}}}],
        "song": [{"file": "plays", "key": "what"}],
    }
    graph, report = build(spec({"path": "plays/year=*/*/*.csv"}, nodes=nodes), write(tmp_path / "raw", files))
    assert likes(graph) == {("a b", "x", 1.0), ("c", "y", 2.0)}
    assert graph.nodes("user")["year"].to_list() == [2023, 2024]
    blank = report.find("blank user")
    assert blank is not None
    assert blank.first_parts == ["plays/year=2024/who=__HIVE_DEFAULT_PARTITION__/p.csv"]


def test_every_format(tmp_path: Path) -> None:
    raw = write(
        tmp_path / "raw",
        {"l/1.jsonl": '{"who": "a", "what": "x", "n": 2}\n', "t/1.tsv": "who\twhat\tn\na\tx\t2\n"},
    )
    for kind in ("q", "d", "z", "e"):
        (raw / kind).mkdir()
    frame = pl.DataFrame({"what": ["x"], "n": [2]})
    for who in ("a", "b"):
        (raw / "q" / f"who={who}").mkdir()
        frame.write_parquet(raw / "q" / f"who={who}" / "0.parquet")
        with sqlite3.connect(raw / "d" / f"{who}.db") as connection:
            connection.execute("CREATE TABLE plays (who TEXT, what TEXT, n INT)")
            connection.execute(f"INSERT INTO plays VALUES ('{who}', 'x', 2)")
        connection.close()
        (raw / "z" / f"{who}.csv.gz").write_bytes(gzip.compress(f"{HEADER}{who},x,2\n".encode()))
    both, one = {("a", "x", 2.0), ("b", "x", 2.0)}, {("a", "x", 2.0)}
    entries: list[tuple[dict[str, Any], set[tuple[str, str, float]]]] = [
        ({"path": "l/*.jsonl"}, one),
        ({"path": "t/*.tsv"}, one),
        ({"path": "q/**/*.parquet"}, both),
        ({"path": "q", "format": "parquet"}, both),
        ({"path": "d/*.db", "table": "plays"}, both),
        ({"path": "z/*.csv"}, both),
        ({"path": "z"}, both),
    ]
    for number, (entry, expected) in enumerate(entries):
        graph, _ = build(spec(entry), raw, str(number))
        assert likes(graph) == expected, entry


def test_only_folder_columns_are_read(tmp_path: Path) -> None:
    """As many rows as the files have, though no column of theirs is wanted."""
    for who in ("a", "b"):
        (tmp_path / "raw" / f"who={who}" / "what=x").mkdir(parents=True)
        pl.DataFrame({"n": [1] * 3}).write_parquet(tmp_path / "raw" / f"who={who}" / "what=x" / "0.parquet")
    edges = [{"relation": "likes", "file": "plays", "src": "who", "dst": "what", "count_rows": True}]
    graph, _ = build(spec({"path": "who=*/what=*/*.parquet"}, edges=edges), tmp_path / "raw")
    assert likes(graph) == {("a", "x", 3.0), ("b", "x", 3.0)}


def test_a_path_of_its_own(tmp_path: Path) -> None:
    raw = write(tmp_path / "raw [1]", PARTS)
    for number, path in enumerate([raw / "plays", str(raw).replace("[", "[[]") + "/pl*/**/*.csv"]):
        out = tmp_path / f"g{number}"
        report = build_graph(spec({"path": "x.csv"}), {"plays": path}, out)
        assert likes(MusicGraph.open(out)) == EXPECTED
        assert list(report.rows) == [["plays"], ["raw [[]1]/pl*/**/*.csv"]][number]


def test_provenance_covers_names_and_contents(tmp_path: Path) -> None:
    raw = write(tmp_path / "raw", PARTS)
    sums = []
    for number in range(3):
        graph, _ = build(spec({"path": "plays"}), raw, str(number))
        (file,) = graph.meta.provenance
        assert (file.name, file.bytes) == (
            "plays",
            sum(len(PARTS[n]) for n in PARTS if "/_" not in n and "/." not in n),
        )
        sums.append(file.sha256)
        if number == 0:
            (raw / "plays" / "a.csv").rename(raw / "plays" / "A.csv")
        else:
            (raw / "plays" / "A.csv").write_text(HEADER + "a,x,7\n")
    assert len(set(sums)) == 3


@pytest.mark.parametrize(
    ("entry", "files", "message"),
    [
        ({"path": "plays/*.csv"}, {"plays/a.txt": "x"}, r"raw/plays/\*\.csv does not exist"),
        ({"path": "plays"}, {"plays/_a.txt": "x"}, "raw/plays is not a file, or a folder with some"),
        (
            {"path": "plays"},
            {"plays/a.parquet": "x"},
            r"^plays is read as csv, but plays/a\.parquet looks like parquet: set `format: parquet`, or a `path` such "
            r"as plays/\*\.parquet",
        ),
        (
            {"path": "plays"},
            {"plays/a.csv": HEADER + "a,x,1\n", "plays/b.csv": ""},
            r"^plays/b\.csv is empty",
        ),
        (
            {"path": "plays"},
            {"plays/a.csv": HEADER, "plays/b.csv": "who,n\n"},
            r"^plays/b\.csv: no column 'what'",
        ),
    ],
)
def test_refused(tmp_path: Path, entry: dict[str, str], files: dict[str, str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        build(spec(entry), write(tmp_path / "raw", files))


def test_links_to_folders(tmp_path: Path) -> None:
    raw = write(tmp_path / "raw", PARTS)
    (raw / "plays" / "again").symlink_to(raw / "plays", target_is_directory=True)
    with pytest.raises(DataError, match="plays/again is a link to a folder"):
        build(spec({"path": "plays"}), raw)
    for number in range(40):
        (raw / "plays" / f"loop{number}").symlink_to(raw, target_is_directory=True)
    graph, _ = build(spec({"path": "**/*.csv"}), raw)
    assert likes(graph) == EXPECTED


def fits(path: Sequence[str], steps: Sequence[str]) -> bool:
    """Whether a pattern fits a path, by the definition."""
    if not steps:
        return not path
    if steps[0] == "**":
        return any(fits(path[number:], steps[1:]) for number in range(len(path) + 1))
    return bool(path) and fnmatchcase(path[0], steps[0]) and fits(path[1:], steps[1:])


names = st.text(st.sampled_from("ab=["), min_size=1, max_size=2)
steps = st.text(st.sampled_from("ab=*?[]"), min_size=1, max_size=3)


@settings(max_examples=150, deadline=None)
@given(
    paths=st.lists(st.lists(names, min_size=1, max_size=3), max_size=6),
    pattern=st.lists(steps, min_size=1, max_size=4),
)
def test_patterns_fit_what_they_say(
    tmp_path_factory: pytest.TempPathFactory, paths: list[list[str]], pattern: list[str]
) -> None:
    root = tmp_path_factory.mktemp("tree")
    files = set()
    for parts in [*paths, ["_a"], ["a", ".b"]]:
        with contextlib.suppress(OSError):  # a file where another path has a folder
            (root / Path(*parts[:-1])).mkdir(parents=True, exist_ok=True)
            (root / Path(*parts)).touch()
            files |= (
                {tuple(parts)}
                if not parts[-1].startswith((".", "_")) and (root / Path(*parts)).is_file()
                else set()
            )
    expected = {path for path in files if any(fits(path[:stop], pattern) for stop in range(len(path) + 1))}
    assert matching(root, "/".join(pattern)) == ["/".join(path) for path in sorted(expected)]
    assert files_below(root) == ["/".join(path) for path in sorted(files)]


def test_a_pipe_is_not_read(tmp_path: Path) -> None:
    raw = write(tmp_path / "raw", {"plays/a.csv": HEADER + "a,x,1\n"})
    os.mkfifo(raw / "plays" / "b.csv")
    with pytest.raises(DataError, match=r"^plays/b\.csv is not a file$"):
        build(spec({"path": "plays"}), raw)

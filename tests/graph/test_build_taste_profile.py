"""The Taste Profile as a graph: real rows counted by plain Python, and all forms in which the file is passed on."""

from __future__ import annotations

import gzip
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from hetmusic.errors import DataError
from hetmusic.graph import MusicGraph
from hetmusic.graph.build_report import BuildReport

REAL = "taste_profile_topUsers_10000.txt"
ROWS = [
    ("b80344d063b5ccb3212f76538f3d9e43d87dca9e", "SOAKIMP12A8C130995", 1),
    ("b80344d063b5ccb3212f76538f3d9e43d87dca9e", "SOAPDEY12A81C210A9", 5),
    ("85c1f87fea955d09b4bec2e36aee110927aedf9a", "SOAKIMP12A8C130995", 2),
    ("85c1f87fea955d09b4bec2e36aee110927aedf9a", "SOBADID12A8C138FFF", 7),
]
MISMATCHES = (
    "ERROR: <SOBADID12A8C138FFF TRMMGKQ128F9325E10> Band  -  Song <1>  !=  Other  -  Song\n"
    "ERROR: <SOELSE012A8C138FFF TRMMGKQ128F9325E11> Bänd  -  Song  !=  Other  -  Song\n"
)


def build(raw: Path) -> tuple[MusicGraph, BuildReport]:
    graph = MusicGraph.build("taste-profile", raw=raw, out=raw.parent / f"{raw.name}-graph", overwrite=True)
    return graph, BuildReport.model_validate(graph.meta.build_report)


def plays(graph: MusicGraph) -> dict[tuple[str, str], float]:
    edges, users, songs = graph.edges("likes"), graph.keys("user"), graph.keys("song")
    assert edges.weight is not None
    return {
        (users[s], songs[d]): float(w) for s, d, w in zip(edges.src, edges.dst, edges.weight, strict=True)
    }


def write(raw: Path, separator: str = "\t", newline: str = "\n") -> bytes:
    raw.mkdir(exist_ok=True)
    lines = [separator.join(map(str, row)) + newline for row in ROWS]
    content = "".join(lines).encode()
    (raw / "train_triplets.txt").write_bytes(content)
    return content


def test_the_real_piece(shared_data: Path, tmp_path: Path) -> None:
    path = shared_data / "msd" / REAL
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    rows = [line.split() for line in path.read_text(encoding="ascii").splitlines()]
    assert len(rows) == 39_017
    graph = MusicGraph.build("taste-profile", raw=path.parent, out=tmp_path / "graph")
    assert plays(graph) == {(user, song): float(count) for user, song, count in rows}
    assert graph.keys("user") == sorted({row[0] for row in rows})
    assert graph.keys("song") == sorted({row[1] for row in rows})
    assert (graph.num_nodes("user"), graph.num_nodes("song"), graph.num_edges("likes")) == (
        10_000,
        2_036,
        39_017,
    )
    edges = graph.edges("likes")
    assert edges.weight is not None
    assert edges.weight.sum(dtype=np.float64) == sum(int(row[2]) for row in rows)
    songs = Counter(row[1] for row in rows)
    degrees = np.bincount(edges.dst, minlength=2036)
    assert dict(zip(graph.keys("song"), degrees.tolist(), strict=True)) == songs
    report = BuildReport.model_validate(graph.meta.build_report)
    assert report.rows == {REAL: 39_017}
    assert report.findings == []
    assert report.warnings == [
        "sid_mismatches.txt is absent (it is optional), so nothing was read from it",
        f"{REAL} has 39,017 rows; the complete file has 48,373,586",
    ]


@pytest.mark.parametrize("separator", ["\t", " "])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_every_form_gives_the_same_graph(tmp_path: Path, separator: str, newline: str) -> None:
    write(tmp_path / "raw", separator, newline)
    graph, report = build(tmp_path / "raw")
    assert plays(graph) == {(user, song): float(count) for user, song, count in ROWS}
    assert report.findings == []


def test_compressed_as_it_is_downloaded(tmp_path: Path) -> None:
    content = write(tmp_path / "plain")
    plain, _ = build(tmp_path / "plain")
    for kind in ("zip", "gz"):
        raw = tmp_path / kind
        raw.mkdir()
        if kind == "zip":
            with zipfile.ZipFile(raw / "train_triplets.txt.zip", "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr("train_triplets.txt", content)
        else:
            (raw / "train_triplets.txt.gz").write_bytes(gzip.compress(content))
        graph, _ = build(raw)
        assert graph.checksum == plain.checksum


def test_mismatched_songs_are_left_out(tmp_path: Path) -> None:
    write(tmp_path / "raw")
    (tmp_path / "raw" / "sid_mismatches.txt").write_text(MISMATCHES, encoding="utf-8")
    graph, report = build(tmp_path / "raw")
    assert plays(graph) == {(user, song): float(count) for user, song, count in ROWS[:3]}
    assert "SOBADID12A8C138FFF" not in graph.keys("song")
    found = report.find("song is listed in sid_mismatches.txt")
    assert found is not None
    assert (found.file, found.action, found.rows, found.values) == ("train_triplets.txt", "left out", 1, 1)
    assert (found.first_lines, found.examples) == ([4], ["SOBADID12A8C138FFF"])
    assert report.rows == {"train_triplets.txt": 4, "sid_mismatches.txt": 2}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("u\tSOX\tmany\n", r"train_triplets\.txt, line 5, field 'plays': 'many' is not a whole number"),
        ("u\tSOX\n", r"train_triplets\.txt, line 5: 2 fields instead of 3"),
        ("u\tSOX\t1", "does not end with a line break"),
    ],
)
def test_bad_rows(tmp_path: Path, line: str, message: str) -> None:
    content = write(tmp_path / "raw")
    (tmp_path / "raw" / "train_triplets.txt").write_bytes(content + line.encode())
    with pytest.raises(DataError, match=message):
        build(tmp_path / "raw")
    assert not (tmp_path / "raw-graph").exists()

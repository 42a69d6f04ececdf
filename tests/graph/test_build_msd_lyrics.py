"""musiXmatch's bags of words as a modality: text files, database, words for stems, and the real pieces."""

from __future__ import annotations

from collections import Counter
from math import log, sqrt
from pathlib import Path

import numpy as np
import pytest

from hetmusic.errors import DataError
from hetmusic.features.word_counts import read_counts
from hetmusic.graph import MusicGraph, validate_graph
from hetmusic.graph.build_report import BuildReport
from tests.graph.msd_files import LYRICS, TRACKS, WORDS, write_list, write_lyrics, write_lyrics_database

ONE, THREE = LYRICS
MANY = "mxm_dataset_train.txt"


def build(raw: Path) -> tuple[MusicGraph, BuildReport]:
    graph = MusicGraph.build("musixmatch", raw=raw, out=raw.parent / f"{raw.name}-graph", overwrite=True)
    assert validate_graph(graph.path).valid
    return graph, BuildReport.model_validate(graph.meta.build_report)


def vectors(graph: MusicGraph) -> dict[str, dict[str, float]]:
    """Track -> word -> value, where it is not 0."""
    lyrics = graph.modality("song", "lyrics")
    words = lyrics.info["dimensions"]
    return {
        key: {words[i]: float(row[i]) for i in np.flatnonzero(row)}
        for key, row, there in zip(graph.keys("song"), lyrics.values, lyrics.present, strict=True)
        if there
    }


def texts(graph: MusicGraph, attribute: str = "lyrics_words") -> dict[str, str | None]:
    return dict(zip(graph.keys("song"), graph.nodes("song")[attribute], strict=True))


def test_values_by_hand(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    write_lyrics(tmp_path / "raw" / MANY, [ONE])
    write_lyrics(tmp_path / "raw" / "mxm_dataset_test.txt", [THREE])
    graph, report = build(tmp_path / "raw")
    rarity = log(3 / 2) + 1  # two tracks, and each word is in one of them
    first = {"i": log(4) * rarity, "love": log(3) * rarity}
    length = sqrt(sum(value**2 for value in first.values()))
    found = vectors(graph)
    assert set(found) == {ONE, THREE}
    assert found[ONE] == pytest.approx({word: value / length for word, value in first.items()}, rel=1e-6)
    assert texts(graph) == {ONE: "i love", THREE: "hatr the"}
    assert texts(graph, "lyrics_counts") == {ONE: "i:3 love:2", THREE: "hatr:4 the:1"}
    assert report.findings == []
    assert report.rows == {MANY: 2, "mxm_dataset_test.txt": 2}


def test_the_database_gives_the_same(tmp_path: Path) -> None:
    for name in ("texts", "database", "both"):
        (tmp_path / name).mkdir()
    for name in ("texts", "both"):
        write_lyrics(tmp_path / name / MANY, [ONE])
        write_lyrics(tmp_path / name / "mxm_dataset_test.txt", [THREE])
    for name in ("database", "both"):
        write_lyrics_database(tmp_path / name / "mxm_dataset.db")
    graphs = {name: build(tmp_path / name) for name in ("texts", "database", "both")}
    assert vectors(graphs["database"][0]) == vectors(graphs["texts"][0]) == vectors(graphs["both"][0])
    warnings = graphs["both"][1].warnings
    assert f"{MANY} is not read, since mxm_dataset.db says the same" in warnings


def test_stems_become_words(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    write_lyrics(tmp_path / "raw" / MANY, [ONE, THREE])
    write_list(
        tmp_path / "raw" / "mxm_reverse_mapping.txt", [("hatr", "hatred"), ("i", "i"), ("love", "love")]
    )
    graph, report = build(tmp_path / "raw")
    assert texts(graph) == {ONE: "i love", THREE: "hatred the"}
    found = report.find("no full_word for this word")
    assert found is not None
    assert (found.rows, found.examples, found.action) == (1, ["the"], "repaired")


def test_a_file_that_was_cut_off(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    write_lyrics(tmp_path / "raw" / MANY, [ONE, THREE], end="")
    graph, report = build(tmp_path / "raw")
    assert graph.keys("song") == [ONE]
    found = report.find("last line that was cut off")
    assert found is not None
    assert (found.action, found.rows, found.first_lines) == ("dropped", 1, [4])


@pytest.mark.parametrize(
    "line",
    [
        "TRX",
        "TRX,1",
        "TRX,1,",
        "TRX,1,1:2,x",
        "TRX,1,1:2,5:1",
        "TRX,1,0:1",
        "TRX,1,1:-2",
        "TRX,1,1:2:3",
        "TRX,1,1:x",
    ],
)
def test_lines_that_are_no_bags(tmp_path: Path, line: str) -> None:
    (tmp_path / "raw").mkdir()
    write_lyrics(tmp_path / "raw" / MANY, [ONE, THREE], end=f"\n{line}\r\n\n")
    graph, report = build(tmp_path / "raw")
    assert graph.keys("song") == [ONE, THREE]
    found = report.find("line that is no bag of words")
    assert found is not None
    assert (found.rows, found.first_lines) == (1, [5])
    assert report.find("blank line") is not None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("# only comments\n", r"train\.txt: no line begins with '%' and lists the words"),
        ("TRX,1,1:2\n%a\n", r"train\.txt, line 1: a track before the line that begins with '%'"),
        ("%a\nTRX,1,1:2\n%b\n", r"train\.txt, line 3: a second line begins with '%'"),
        ("", r"train\.txt: no line begins with '%'"),
        ("%a\nTRX,1,\x00\n", "a NUL byte"),
    ],
)
def test_files_that_are_something_else(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / MANY).write_text(content)
    with pytest.raises(DataError, match=message):
        build(tmp_path / "raw")
    assert not (tmp_path / "raw-graph").exists()


def test_pieces_do_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "raw").mkdir()
    write_lyrics(tmp_path / "raw" / MANY, [ONE, THREE] * 20)
    whole, report = build(tmp_path / "raw")
    monkeypatch.setattr("hetmusic.graph.raw.readers.musixmatch._PIECE", 64)
    pieces, same = build(tmp_path / "raw")
    assert (pieces.checksum, same) == (whole.checksum, report)


def test_the_real_pieces(shared_data: Path, tmp_path: Path) -> None:
    raw = shared_data / "msd"
    names = ["mxm_dataset_train.HEAD.txt", "mxm_dataset_test.FIRST8260.txt"]
    if not all((raw / name).is_file() for name in names):
        pytest.skip(f"{raw} has no musiXmatch files")
    full = dict(
        line.split("<SEP>") for line in (raw / "mxm_reverse_mapping.txt").read_text("utf-8").splitlines()
    )
    bags: dict[str, Counter[str]] = {}
    rows = {}
    for name in names:
        text = (raw / name).read_text("utf-8")
        lines = [line for line in text.split("\n") if line and not line.startswith("#")]
        vocabulary = next(line for line in lines if line.startswith("%"))[1:].split(",")
        assert len(vocabulary) == 5000
        tracks = [line.split(",") for line in lines if not line.startswith("%")]
        if not text.endswith("\n"):
            tracks.pop()
        rows[name] = sum(len(parts) - 2 for parts in tracks)
        for parts in tracks:
            pairs = (pair.split(":") for pair in parts[2:])
            bags[parts[0]] = Counter({full[vocabulary[int(i) - 1]]: int(n) for i, n in pairs})
    graph = MusicGraph.build("musixmatch", raw=raw, out=tmp_path / "graph")
    report = BuildReport.model_validate(graph.meta.build_report)
    assert graph.keys("song") == sorted(bags)
    assert len(bags) == 8_373
    assert {name: report.rows[name] for name in names} == rows
    cut = [finding for finding in report.findings if finding.reason == "last line that was cut off"]
    assert [(finding.file, finding.rows, finding.first_lines) for finding in cut] == [
        (names[1], 1, [8278]),
        (names[0], 1, [133]),
    ]
    assert {key: read_counts(text or "") for key, text in texts(graph, "lyrics_counts").items()} == bags
    having = Counter(word for bag in bags.values() for word in bag)
    lyrics = graph.modality("song", "lyrics")
    kept = sorted(having, key=lambda word: (-having[word], word))[:1000]
    assert lyrics.info["dimensions"] == kept
    assert lyrics.info["words_in_the_data"] == len(having)
    place = {word: number for number, word in enumerate(kept)}
    for number, key in enumerate(graph.keys("song")):
        assert set(np.flatnonzero(lyrics.values[number])) == {place[w] for w in bags[key] if w in place}


def test_words_of_the_helper() -> None:
    assert {word for bag in LYRICS.values() for word in bag} <= set(WORDS)
    assert set(LYRICS) <= {row[0] for row in TRACKS}

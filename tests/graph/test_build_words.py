"""Counted words as a modality."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hetmusic.graph import MusicGraph
from hetmusic.graph.build_report import BuildReport
from tests.graph.formats import build, spec


def _words(tmp_path: Path, rows: str, **settings: Any) -> tuple[MusicGraph, BuildReport]:
    (tmp_path / "p.csv").write_text("who,what,n\na,x,1\na,y,1\na,z,1\n")
    (tmp_path / "w.csv").write_text("song,word,count\n" + rows)
    lyrics = {"file": "words", "key": "song", "word": "word", "weight": "count", **settings}
    return build(
        spec({"path": "p.csv"}, {"words": {"path": "w.csv"}}, features={"song": {"lyrics": lyrics}}), tmp_path
    )


def test_words_become_unit_vectors(tmp_path: Path) -> None:
    rows = "x,love,3\nx,the,1\ny,the,2\nx,love,4\nq,the,1\ny,,2\ny,zero,0\n"
    graph, report = _words(tmp_path, rows, text="words")
    lyrics = graph.modality("song", "lyrics")
    assert lyrics.info["dimensions"] == ["the", "love"]
    assert lyrics.present.tolist() == [True, True, False]
    # x: the once, of 2 songs with words both have it; love 3 + 4 times, in one of two
    the, love = np.log(2) * (np.log(3 / 3) + 1), np.log(8) * (np.log(3 / 2) + 1)
    expected = np.array([the, love]) / np.hypot(the, love)
    np.testing.assert_allclose(lyrics.values[0], expected, rtol=1e-6)
    np.testing.assert_allclose(lyrics.values[1], [1.0, 0.0])
    assert graph.nodes("song")["words"].to_list() == ["love the", "the", None]
    found = {f.reason: f.rows for f in report.findings}
    assert found == {"unknown song": 1, "blank word": 1, "count not above 0": 1}


def test_the_text_has_all_words(tmp_path: Path) -> None:
    graph, _ = _words(tmp_path, "x,b,1\ny,b,1\nx,c,9\ny,a,9\n", words=1, text="words")
    assert graph.modality("song", "lyrics").info["dimensions"] == ["b"]
    assert graph.nodes("song")["words"].to_list()[:2] == ["c b", "a b"]


def test_only_the_most_frequent_words_count(tmp_path: Path) -> None:
    graph, _ = _words(tmp_path, "x,b,1\ny,b,1\nx,c,9\ny,a,9\nz,d,9\n", words=2)
    lyrics = graph.modality("song", "lyrics")
    assert lyrics.info["dimensions"] == ["b", "a"], "ties in the order of the alphabet"
    assert lyrics.info["words_in_the_data"] == 4
    assert lyrics.present.tolist() == [True, True, False], "a song without any such word has no vector"


def test_words_with_their_counts(tmp_path: Path) -> None:
    """The most frequent first, in ties those that more songs have; a word with a blank stays one word."""
    rows = "x,love,3\nx,the,1\ny,the,2\nx,love,4\nx,let go,1\nx,half,0.5\n"
    graph, _ = _words(tmp_path, rows, text="words", counts="counted")
    assert graph.nodes("song")["counted"].to_list() == ["love:7 the:1 let_go:1 half:0.5", "the:2", None]
    assert graph.nodes("song")["words"].to_list()[1] == "the"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"counts": "key"}, "every node has this column"),
        ({"text": "w", "counts": "w"}, "`text` is called the same"),
    ],
)
def test_names_of_the_attributes(tmp_path: Path, settings: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _words(tmp_path, "x,love,3\n", **settings)

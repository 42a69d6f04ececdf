"""What ``hetmusic build`` tells a person: files by their names, lists of something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.running import hetmusic
from tests.graph.test_build_ultrastar import SONG, put


def test_files_that_are_merged_are_named(tmp_path: Path) -> None:
    raw = put(tmp_path / "raw", {"a/song.txt": SONG, "a/duet.txt": SONG.replace("Song", "Song [DUET]")})
    shown = hetmusic("build", "ultrastar", "--raw", raw, "--out", tmp_path / "graph").succeeded().out
    assert "merged 1 row of *: other version of a song (first: line 1, 'a/duet.txt')" in shown


@pytest.mark.parametrize("option", ["--items", "--users"])
def test_a_list_of_something_else(option: str, shared_data: Path, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("nobody\n", encoding="utf-8")
    build = ["build", "hetrec-lastfm", "--raw", shared_data / "hetrec-lastfm-2k"]
    what = {"--items": "artist", "--users": "user"}[option]
    failed = hetmusic(*build, option, tmp_path / "list.txt", "--out", tmp_path / "graph")
    assert f"list.txt lists 1 key, which is no {what} of the graph: 'nobody'" in failed.err

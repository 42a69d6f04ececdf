"""``hetmusic build msd`` as a person sees it: files of tracks that are broken are named, a broken database is an error."""

from __future__ import annotations

from tests.cli.running import hetmusic
from tests.graph.msd_files import write_metadata, write_track, write_tree


def test_a_broken_file_is_named(tmp_path):
    write_tree(tmp_path / "raw" / "h5")
    (tmp_path / "raw" / "h5" / "broken.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    shown = hetmusic("build", "msd", "--raw", tmp_path / "raw", "--out", tmp_path / "graph").succeeded().out
    assert "dropped 1 row of h5: no HDF5 file, or one that is cut off (first: line 1, 'broken.h5')" in shown
    failed = hetmusic("build", "msd", "--raw", tmp_path / "raw", "--out", tmp_path / "other", "--strict")
    assert failed.status == 1
    assert failed.err.startswith(
        "error: h5: 1 of 4 rows (file) were dropped: no HDF5 file, or one that is cut off"
    )
    assert failed.err.count("\n") == 1
    assert not (tmp_path / "other").exists()


def test_a_broken_database_is_an_error(tmp_path):
    write_track(tmp_path / "raw" / "h5" / "a.h5")
    path = write_metadata(tmp_path / "raw" / "track_metadata.db")
    path.write_bytes(path.read_bytes()[:50] + b"\xff" * 5000)
    failed = hetmusic("build", "msd", "--raw", tmp_path / "raw", "--out", tmp_path / "graph")
    assert failed.status == 1
    assert failed.err.startswith("error: track_metadata.db cannot be read as an SQLite database (")
    assert failed.err.count("\n") == 1
    assert not (tmp_path / "graph").exists()

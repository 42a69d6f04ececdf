"""Files below the raw folder, and nothing else."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from hetmusic.features import Absent
from hetmusic.features.extraction.paths import OUTSIDE, RawFolder


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    raw = tmp_path / "raw"
    (raw / "sub").mkdir(parents=True)
    (raw / "sub" / "a.wav").write_bytes(b"sound")
    (tmp_path / "secret.wav").write_bytes(b"secret")
    (raw / "link.wav").symlink_to(tmp_path / "secret.wav")
    (raw / "way").symlink_to(tmp_path)
    (raw / "inner").symlink_to(raw / "sub")
    (raw / "empty").touch()
    (raw / "loop").symlink_to(raw / "loop")
    os.mkfifo(raw / "pipe")
    return raw


@pytest.mark.parametrize(
    "path", ["sub/a.wav", "./sub//a.wav", "inner/a.wav", "sub/../sub/a.wav", "inner/../sub/a.wav"]
)
def test_files_are_found(raw: Path, path: str) -> None:
    found, state = RawFolder(raw).find(path)
    assert found.read_bytes() == b"sound"
    assert (state.size, state.mtime) == (5, (raw / "sub" / "a.wav").stat().st_mtime_ns)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("../secret.wav", OUTSIDE),
        ("sub/../../secret.wav", OUTSIDE),
        ("link.wav", OUTSIDE),
        ("way/secret.wav", OUTSIDE),
        ("/etc/passwd", OUTSIDE),
        ("{raw}/sub/a.wav", OUTSIDE),
        ("nowhere", "no such file"),
        ("sub", "no such file"),
        ("sub/a.wav/b", "no such file"),
        ("pipe", "no such file"),
        ("empty", "empty file"),
        ("a\0b", "unreadable path"),
        ("a" * 5000, "unreadable path"),
        ("loop", "unreadable path"),
    ],
)
def test_all_else_is_refused(raw: Path, path: str, reason: str) -> None:
    with pytest.raises(Absent, match=f"^{reason}$"):
        RawFolder(raw).find(path.replace("{raw}", str(raw)))


def test_a_socket_is_no_file(raw: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.path.relpath(raw / "s"))
        with pytest.raises(Absent, match="no such file"):
            RawFolder(raw).find("s")


def test_a_raw_folder_that_is_a_link_itself_will_do(raw: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").symlink_to(raw)
    assert RawFolder(tmp_path / "elsewhere").find("sub/a.wav")[1].size == 5

"""What extractors share that load trained weights: checksums of folders, downloads that are given up."""

from __future__ import annotations

import hashlib
import json
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hetmusic._io import sha256


def folder_checksum(folder: Path, files: Iterable[Path]) -> str:
    """Hex SHA-256 over the names and contents of files in a folder."""
    sums = {path.relative_to(folder).as_posix(): sha256(path) for path in files}
    return hashlib.sha256(json.dumps(sums, sort_keys=True).encode()).hexdigest()


@contextmanager
def network_patience(seconds: float) -> Iterator[None]:
    """Give connections up that are silent for so long: a network that swallows everything makes nobody wait for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def one_line(error: Exception) -> str:
    """The text of a library's error, in one line of moderate length."""
    return " ".join(str(error).split())[:200] or type(error).__name__

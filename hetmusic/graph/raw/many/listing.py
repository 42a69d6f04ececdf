"""The files of a folder in chunks that stay the same when files are added or changed elsewhere in it."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

# A chunk ends where a name's checksum says so, on average after so many files, and at the latest after four times as
# many: so a new file changes its own chunk instead of moving all that follow.
_MEAN = 512
_MOST = 4 * _MEAN


@dataclass(frozen=True)
class Chunk:
    """Some files that are read together."""

    #: number of files in the chunks before
    start: int
    #: relative to the folder, in order
    files: tuple[str, ...]
    #: checksum over names, sizes and times of change
    key: str


def chunks(folder: Path, paths: Iterable[Path], salt: str) -> Iterator[Chunk]:
    """Put files into chunks, never holding more than one of these.

    :param paths: files below the folder, in order.
    :param salt: what else the rows depend on, such as the version of their parser.
    """
    start = 0
    files: list[str] = []
    digest = hashlib.sha256(salt.encode())
    for path in paths:
        name = path.relative_to(folder).as_posix()
        status = path.stat()
        raw = name.encode("utf-8", "surrogateescape")
        digest.update(raw + f"\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
        files.append(name)
        if len(files) >= _MOST or zlib.crc32(raw) % _MEAN == 0:
            yield Chunk(start, tuple(files), digest.hexdigest())
            start += len(files)
            files, digest = [], hashlib.sha256(salt.encode())
    if files:
        yield Chunk(start, tuple(files), digest.hexdigest())

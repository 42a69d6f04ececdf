"""Text files in pieces that end at line breaks, decoded, with errors that say where a wrong byte stands."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

import numpy as np

from hetmusic.errors import DataError
from hetmusic.graph.raw.ahead import one_ahead
from hetmusic.graph.raw.streams import Digest, is_compressed, open_raw

_PIECE = 1 << 24
# A line that goes on beyond its piece may be so long; no table has such a row, and it has to fit into the memory.
_LONGEST = 1 << 24
_LINES = 1 << 20
# So many bytes are compared at once: what is made of them takes memory that was used before.
_BLOCK = 1 << 18
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Piece:
    """Consecutive lines of a file."""

    #: valid UTF-8 without NUL
    data: bytes
    #: 1-based number of the first line
    first_line: int
    #: number of line breaks
    breaks: int

    @cached_property
    def text(self) -> str:
        """The lines as a text."""
        return self.data.decode()


def read_pieces(
    path: Path,
    name: str,
    encoding: str,
    size: int = _PIECE,
    digest: Digest | None = None,
    whole: bool = False,
) -> Generator[Piece]:
    """Read a file, unpacked, in pieces of about ``size`` bytes; each but perhaps the last ends with a line break.

    A byte order mark at the beginning is dropped. The next piece is read by another thread while one is worked on, so
    that two are in memory.

    :param name: how messages call the file.
    :param digest: is given all bytes of the file, as they are on disk.
    :param whole: refuse a file whose last line does not end with a line break.
    :raises DataError: for bytes that the encoding does not have, or that no text has, and for endless lines.
    :raises OSError: if the file cannot be read.
    """
    return one_ahead(_pieces(path, name, encoding, size, digest, whole))


def _pieces(
    path: Path, name: str, encoding: str, size: int, digest: Digest | None, whole: bool
) -> Generator[Piece]:
    encoding = "utf-8" if encoding == "utf-8-sig" else encoding
    line, offset = 1, 0
    with open_raw(path, name, digest) as stream:
        while data := _next(stream, size, name, line):
            skip = len(_BOM) if offset == 0 and encoding == "utf-8" and data.startswith(_BOM) else 0
            checked = _checked(data[skip:], name, encoding, offset + skip, line)
            # of a file that is not compressed the end can be seen at once
            if whole and (not data.endswith(b"\n") or (offset == 0 and _lacks_its_end(path, name))):
                raise DataError(f"{name}: the file is cut off: its last line does not end with a line break")
            offset += len(data)
            for piece in _divided(checked, line):
                yield piece
                line += piece.breaks


def _divided(data: bytes, line: int) -> Iterator[Piece]:
    """Lines as pieces of at most ``_LINES``: very short ones take many times their own size as values of a column."""
    values = np.frombuffer(data, np.uint8)
    blocks = (values[start : start + _BLOCK] for start in range(0, len(values), _BLOCK))
    breaks = sum(int(np.count_nonzero(block == ord("\n"))) for block in blocks)
    if breaks <= _LINES:
        yield Piece(data, line, breaks)
        return
    ends = np.flatnonzero(values == ord("\n")) + 1
    start = 0
    for first in range(0, max(len(ends), 1), _LINES):
        breaks = min(_LINES, len(ends) - first)
        is_last = first + _LINES >= len(ends)
        stop = len(data) if is_last else int(ends[first + _LINES - 1])
        yield Piece(data[start:stop], line + first, breaks)
        start = stop


def _lacks_its_end(path: Path, name: str) -> bool:
    return not is_compressed(path) and not ends_with_newline(path, name)


def ends_with_newline(path: Path, name: str) -> bool:
    """Whether the last byte is a line feed; an empty file has no last line that could lack one."""
    with open_raw(path, name) as stream:
        if stream.seekable():
            stream.seek(max(stream.seek(0, 2) - 1, 0))
        last = b""
        while data := stream.read(_PIECE):
            last = data[-1:]
        return last in (b"", b"\n")


def contains(path: Path, name: str, character: str, encoding: str) -> bool:
    """Whether a character occurs anywhere in the file."""
    wanted = character.encode("utf-8" if encoding == "utf-8-sig" else encoding)
    with open_raw(path, name) as stream:
        while data := stream.read(_PIECE):
            if wanted in data:
                return True
    return False


def _next(stream: BinaryIO, size: int, name: str, line: int) -> bytes:
    data = stream.read(size)
    if not data or data.endswith(b"\n"):
        return data
    rest = stream.readline(_LONGEST + 1)
    if len(rest) > _LONGEST:
        row = line + data.count(b"\n")
        raise DataError(
            f"{name}, line {row:,}: the line is longer than {_LONGEST:,} bytes: this is no table of text"
        )
    # other than data + rest, this lets other threads work while it copies
    return b"".join((data, rest)) if rest else data


def _checked(data: bytes, name: str, encoding: str, offset: int, line: int) -> bytes:
    """The text as UTF-8, once it is known to be one in the encoding that it is said to have."""
    nul = data.find(b"\0")
    if nul >= 0:
        where = _where(data, nul, offset, line)
        raise DataError(f"{name}: a NUL byte at {where}: this is not a text file in {encoding}")
    if data.isascii():
        return data
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        where = _where(data, error.start, offset, line)
        byte = data[error.start]
        hint = "; if the file is in Latin-1, set `encoding: latin-1`" if encoding == "utf-8" else ""
        raise DataError(f"{name} is not {encoding}: byte 0x{byte:02x} at {where}{hint}") from None
    return data if encoding == "utf-8" else text.encode()


def _where(data: bytes, position: int, offset: int, line: int) -> str:
    row = line + data.count(b"\n", 0, position)
    return f"offset {offset + position:,}, line {row:,}"

"""What a decoding process answers: a kind (one byte), a length (four bytes, little-endian), and so many bytes."""

from __future__ import annotations

import struct
from typing import IO

#: mono float32 samples of a block; the end of a sound; why there is none, or none for now; the traceback of our mistake
BLOCK, END, ABSENT, FOR_NOW, BUG = b"B", b"E", b"A", b"N", b"X"

_HEADER = struct.Struct("<cI")


def say(stream: IO[bytes], kind: bytes, content: bytes = b"") -> None:
    """Write a message."""
    stream.write(_HEADER.pack(kind, len(content)) + content)
    stream.flush()


def hear(stream: IO[bytes]) -> tuple[bytes, bytes] | None:
    """Wait for a message: its kind and content, or None where the stream ends first."""
    header = stream.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return None
    kind, length = _HEADER.unpack(header)
    content = stream.read(length)
    return (kind, content) if len(content) == length else None

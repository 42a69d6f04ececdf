"""Raw files as streams of bytes: plain, gzip or zip, told apart by their first bytes, unpacked within a limit."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, cast

from hetmusic._io import sha256
from hetmusic.errors import DataError

# Tables of numbers and names shrink three- to twentyfold. What unpacks to a hundred times its size is no data set.
_RATIO = 100
_ALWAYS = 1 << 26
_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
_BUFFER = 1 << 20


class Digest:
    """The SHA-256 of a file, made while the file is read, so that it need not be read again."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._size = 0

    def restart(self) -> None:
        """Forget what was given: the file is read anew."""
        self._hash, self._size = hashlib.sha256(), 0

    def add(self, data: bytes | memoryview) -> None:
        """The next bytes of the file."""
        self._hash.update(data)
        self._size += len(data)

    def of(self, path: Path) -> str:
        """The digest in hexadecimal; a file of which not everything was read is read now."""
        return self._hash.hexdigest() if self._size == path.stat().st_size else sha256(path)


@contextlib.contextmanager
def open_raw(path: Path, name: str, digest: Digest | None = None) -> Iterator[BinaryIO]:
    """Open a file for reading, unpacked if it is compressed.

    :param name: how messages call the file.
    :param digest: is given what is read from the disk, unless that is a zip file, which is not read from its beginning.
    :raises DataError: if a compressed file is damaged, encrypted, holds several files, or unpacks to more than a
        hundred times its size (and 64 MiB).
    :raises OSError: if the file cannot be read.
    """
    with open(path, "rb") as stream:
        start = stream.read(4)
        stream.seek(0)
        observed = (
            stream
            if digest is None
            else cast(BinaryIO, io.BufferedReader(_Observed(stream, digest), _BUFFER))
        )
        if not start.startswith((_GZIP, _ZIP)):
            yield observed
            return
        limit = max(_ALWAYS, _RATIO * path.stat().st_size)
        try:
            with contextlib.ExitStack() as stack:
                if start.startswith(_GZIP):
                    inner = cast(IO[bytes], stack.enter_context(gzip.GzipFile(fileobj=observed)))
                else:
                    inner = stack.enter_context(_open_member(stream, name, limit))
                yield cast(BinaryIO, io.BufferedReader(_Limited(inner, limit, name), _BUFFER))
        except (
            gzip.BadGzipFile,
            zipfile.BadZipFile,
            EOFError,
            zlib.error,
            lzma.LZMAError,
            NotImplementedError,
        ) as error:
            raise DataError(f"{name}: the compressed file is damaged or cut off ({error})") from None


def is_compressed(path: Path) -> bool:
    """Whether the first bytes are those of a gzip or zip file."""
    with open(path, "rb") as stream:
        return stream.read(4).startswith((_GZIP, _ZIP))


class _Observed(io.RawIOBase):
    """A stream whose bytes a digest is given as well."""

    def __init__(self, inner: BinaryIO, digest: Digest) -> None:
        self._inner, self._digest = inner, digest
        digest.restart()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        count = self._inner.readinto(buffer)  # type: ignore[attr-defined]
        self._digest.add(memoryview(buffer)[:count])
        return int(count)


class _Limited(io.RawIOBase):
    """A stream that refuses to give more bytes than a limit."""

    def __init__(self, inner: IO[bytes], limit: int, name: str) -> None:
        self._inner, self._limit, self._name = inner, limit, name
        self._given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data = self._inner.read(len(buffer))
        self._given += len(data)
        _check_size(self._given, self._limit, self._name)
        buffer[: len(data)] = data
        return len(data)


def _check_size(size: int, limit: int, name: str) -> None:
    if size > limit:
        raise DataError(
            f"{name}: unpacks to more than {limit:,} bytes, a hundred times its size, so it is refused; "
            "if it is what it should be, unpack it first"
        )


def _open_member(stream: BinaryIO, name: str, limit: int) -> IO[bytes]:
    archive = zipfile.ZipFile(stream)
    files = [
        info for info in archive.infolist() if not info.is_dir() and not info.filename.startswith("__MACOSX/")
    ]
    if len(files) > 1:
        wanted = PurePosixPath(name).name.removesuffix(".zip")
        files = [info for info in files if PurePosixPath(info.filename).name == wanted] or files
    if len(files) != 1:
        listed = ", ".join(repr(info.filename) for info in files[:5])
        raise DataError(f"{name}: the zip file holds {len(files):,} files ({listed}); unpack the right one")
    if files[0].flag_bits & 1:
        raise DataError(f"{name}: the zip file is encrypted; unpack it first")
    _check_size(files[0].file_size, limit, name)
    return archive.open(files[0])

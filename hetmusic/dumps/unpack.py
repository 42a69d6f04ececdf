"""Archives, of which only the wanted members are taken: no links, no devices, nothing outside the folder, no bombs."""

from __future__ import annotations

import bz2
import contextlib
import errno
import gzip
import io
import lzma
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import IO, Any, NamedTuple, cast

from hetmusic._io import explaining_failed_write
from hetmusic.errors import DownloadError

# Tables shrink three- to twentyfold. What unpacks to a hundred times its size is no data set.
_RATIO = 100
_ALWAYS = 1 << 26
_MOST_MEMBERS = 4_000_000
# A header of an archive (a name, in practice) that is longer than this is an attack on the memory.
_LONGEST_HEADER = 1 << 24
_CHUNK = 1 << 20
_DAMAGED = (
    tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, lzma.LZMAError, zlib.error, EOFError, NotImplementedError,
    RuntimeError, ValueError, struct.error, OverflowError,
)  # fmt: skip


class _Member(NamedTuple):
    name: str
    #: a folder, a file, or something else
    kind: str
    size: int
    open: Callable[[], IO[bytes]]


def unpack(archive: Path, wanted: Mapping[str, str], folder: Path) -> None:
    """Put members of an archive into a folder; all of them appear there, or none.

    :param wanted: member, or the end of its path, -> where it goes; folders end with ``/``.
    :raises DownloadError: if the archive is damaged, lacks a member, or holds what is dangerous.
    """
    with (
        explaining_failed_write(folder),
        tempfile.TemporaryDirectory(prefix=".unpack.", dir=folder) as scratch,
    ):
        found = _take(archive, wanted, Path(scratch))
        for member, place in wanted.items():
            if member not in found:
                raise DownloadError(
                    f"{archive.name} holds no {member!r}: it is another archive than it should be"
                )
            if place.endswith("/") and (folder / place).exists():
                raise DownloadError(
                    f"{folder / place} is there already; remove it, or leave it and {archive.name} out"
                )
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
        for place in wanted.values():
            (Path(scratch) / place).replace(folder / place)


def _take(archive: Path, wanted: Mapping[str, str], scratch: Path) -> set[str]:
    """Unpack what is wanted into an empty folder."""
    limit = max(_ALWAYS, _RATIO * archive.stat().st_size)
    found: set[str] = set()
    announced = written = 0
    try:
        with _opened(archive, limit) as members:
            for number, member in enumerate(members):
                _check_name(archive, member.name)
                announced += max(member.size, 0)
                _check_size(archive, announced, limit, number)
                key = _wanted(member, wanted)
                if key is None:
                    continue
                place = scratch / _place(member.name, key, wanted[key])
                if member.kind == "folder":
                    place.mkdir(parents=True, exist_ok=True)
                else:
                    written += _copy(archive, member, place, written, limit)
                found.add(key)
    except _DAMAGED as error:
        raise DownloadError(f"{archive.name} is damaged or cut off ({error})") from None
    except OSError as error:
        # the disk's; bz2 reports damage without a number, and a zip's offsets may lead to places that no file has
        if error.errno not in (None, errno.EINVAL):
            raise
        raise DownloadError(f"{archive.name} is damaged or cut off ({error})") from None
    return found


@contextlib.contextmanager
def _opened(archive: Path, limit: int) -> Iterator[Iterator[_Member]]:
    """The members, in the order of the archive; each can be read until the next is asked for."""
    if archive.name.lower().endswith(".zip"):
        with zipfile.ZipFile(archive) as zipped:
            yield _of_zip(zipped)
        return
    with _stream(archive) as stream:
        guarded = cast(IO[bytes], _Guarded(stream, limit))
        with tarfile.open(fileobj=guarded, mode="r:") as tar:
            yield _of_tar(tar)


def _stream(archive: Path) -> IO[bytes]:
    name = archive.name.lower()
    if name.endswith((".gz", ".tgz")):
        return cast(IO[bytes], gzip.open(archive))
    if name.endswith(".bz2"):
        return cast(IO[bytes], bz2.open(archive))
    return cast(IO[bytes], lzma.open(archive)) if name.endswith(".xz") else archive.open("rb")


def _of_tar(tar: Any) -> Iterator[_Member]:
    while (info := tar.next()) is not None:
        tar.members.clear()  # or every member of a large archive stays in memory
        kind = "folder" if info.isdir() else "file" if info.isreg() else _kind(info)
        yield _Member(info.name, kind, info.size, lambda info=info: tar.extractfile(info))  # type: ignore[misc]


def _of_zip(archive: zipfile.ZipFile) -> Iterator[_Member]:
    for info in archive.infolist():
        mode = info.external_attr >> 16
        link = mode & 0o170000 == 0o120000
        kind = (
            "a link" if link else "encrypted" if info.flag_bits & 1 else "folder" if info.is_dir() else "file"
        )
        yield _Member(info.filename, kind, info.file_size, lambda info=info: archive.open(info))  # type: ignore[misc]


def _kind(info: tarfile.TarInfo) -> str:
    return "a link" if info.issym() or info.islnk() else "neither file nor folder"


class _Guarded(io.RawIOBase):
    """A stream that ends at a limit and is never read in large pieces, however long an archive says its headers are."""

    def __init__(self, inner: IO[bytes], limit: int) -> None:
        self._inner, self._limit = inner, limit

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _LONGEST_HEADER:
            raise tarfile.ReadError(f"a header of {size:,} bytes")
        if self._inner.tell() > self._limit + _ALWAYS:
            raise tarfile.ReadError(f"it unpacks to more than {self._limit:,} bytes")
        return self._inner.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._inner.seek(min(offset, self._limit + 2 * _ALWAYS), whence)

    def tell(self) -> int:
        return self._inner.tell()


def _check_name(archive: Path, name: str) -> None:
    parts = name.replace("\\", "/").split("/")
    if ".." in parts or parts[0].endswith(":") or name.startswith(("/", "\\")) or "\0" in name or not name:
        raise DownloadError(f"{archive.name}: {name!r} leaves the folder, so nothing of it is unpacked")


def _check_size(archive: Path, size: int, limit: int, members: int) -> None:
    if size > limit:
        raise DownloadError(f"{archive.name} unpacks to more than {limit:,} bytes, a hundred times its size")
    if members >= _MOST_MEMBERS:
        raise DownloadError(f"{archive.name} holds more than {_MOST_MEMBERS:,} members")


def _wanted(member: _Member, wanted: Mapping[str, str]) -> str | None:
    """What a member is wanted as: its path or the end of it, or a folder that it is in."""
    path = f"/{member.name.removeprefix('./')}"
    for key in wanted:
        if (
            f"/{key}" in f"{path}/"
            if key.endswith("/")
            else path.endswith(f"/{key}") and member.kind != "folder"
        ):
            return key
    return None


def _place(name: str, key: str, place: str) -> PurePosixPath:
    if not key.endswith("/"):
        return PurePosixPath(place)
    below = f"/{name.removeprefix('./')}/".partition(f"/{key}")[2].strip("/")
    return PurePosixPath(place) / below


def _copy(archive: Path, member: _Member, place: Path, written: int, limit: int) -> int:
    """Write a member; how many bytes it really has."""
    if member.kind != "file":
        raise DownloadError(f"{archive.name}: {member.name!r} is {member.kind}, which is not unpacked")
    if place.exists():
        raise DownloadError(f"{archive.name} holds {place.name!r} more than once")
    place.parent.mkdir(parents=True, exist_ok=True)
    size = 0
    with member.open() as source, open(place, "xb") as target:
        while chunk := source.read(_CHUNK):
            size += len(chunk)
            _check_size(archive, written + size, limit, 0)
            target.write(chunk)
    return size

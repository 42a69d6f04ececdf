"""The files below a folder of somebody's own, where anything may lie; what is not read is counted."""

from __future__ import annotations

import itertools
import os
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import ClassVar, NamedTuple

import polars as pl

from hetmusic.errors import DataError
from hetmusic.graph.build_report import Action
from hetmusic.graph.raw.readers.base import Reader
from hetmusic.graph.raw.source import LINE, Source

#: folders in folders; what lies deeper is not read
DEPTH = 32
#: files in all
FILES = 5_000_000
#: what a cover may be called, and its suffixes
COVERS, IMAGES = ("cover", "folder", "front"), (".jpg", ".jpeg", ".png")
#: bytes of a text: the longest lyrics have a few thousand
TEXT = 1 << 20


class Found(NamedTuple):
    """A file that may be read."""

    #: from 1, in the order of the names of all files
    number: int
    #: relative to the folder, with ``/``
    name: str
    path: Path

    @property
    def folder(self) -> str:
        """The folder it lies in, relative as well; empty for the folder itself."""
        return self.name.rpartition("/")[0]

    @property
    def stem(self) -> str:
        """Its name without folder and suffix."""
        return PurePosixPath(self.name).stem

    @property
    def suffix(self) -> str:
        """The suffix with its dot, in lower case."""
        return PurePosixPath(self.name).suffix.lower()


class FolderReader(Reader):
    """Reads a folder of somebody's own as one or more tables; ``table`` of the specification names one of them.

    ``LINE`` is the number of the file. What is dropped or repaired is counted with the first table alone.
    """

    folder: ClassVar = True
    #: what it looks for
    what: ClassVar[str]
    #: table -> its columns
    tables: ClassVar[Mapping[str, Sequence[str]]]

    @abstractmethod
    def rows(self, files: Sequence[Found], counts: Counts) -> Iterable[tuple[str, int, Sequence[str | None]]]:
        """Table, number of the file, and the values in the order of the table's columns; blanks are None."""

    def read(self, source: Source, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        """Yield all rows at once: there are as many as a person has."""
        first = next(iter(self.tables))
        table = source.spec.table or first
        if table not in self.tables:
            raise DataError(f"{source.name}: no table {table!r}; the reader has {', '.join(self.tables)}")
        source.check_columns(list(self.tables[table]), columns)
        counts = Counts()
        files = walk(source.path, counts)
        found = list(self.rows(files, counts))
        if not found:
            raise DataError(f"{source.path} holds no {self.what}")
        rows = sorted((number, *values) for kind, number, values in found if kind == table)
        if table == first:
            counts.note(source)
        schema = {LINE: pl.Int64, **dict.fromkeys(self.tables[table], pl.String)}
        yield pl.DataFrame(rows, schema, orient="row").select(LINE, *columns)


class Counts:
    """What happened to single files, noted in their order when all are read."""

    def __init__(self) -> None:
        self._seen: dict[tuple[Action, str], set[tuple[int, str]]] = {}

    def add(self, action: Action, reason: str, number: int, name: str) -> None:
        """Count a file, once for each reason."""
        self._seen.setdefault((action, reason), set()).add((number, name))

    def note(self, source: Source) -> None:
        """Put everything into the build report."""
        for (action, reason), files in self._seen.items():
            rows = pl.DataFrame(sorted(files), {LINE: pl.Int64, "file": pl.String}, orient="row")
            source.count(action, reason, rows, "file")


def walk(root: Path, counts: Counts) -> list[Found]:
    """All files below a folder by name, but hidden ones, links that leave it, and what is not a file.

    :raises DataError: if there are too many.
    """
    found: list[Found] = []
    entries = sorted(itertools.islice(_entries(root), FILES + 1))
    if len(entries) > FILES:
        raise DataError(f"{root.name} holds more than {FILES:,} files")
    for number, (name, path, reason) in enumerate(entries, 1):
        if reason:
            counts.add("dropped", reason, number, name)
        else:
            found.append(Found(number, name, path))
    return found


def _entries(root: Path) -> Iterator[tuple[str, Path, str]]:
    """Name, path and the reason why it is not read, or an empty text, of each file and of folders that are not read."""
    failed: list[OSError] = []
    real = root.resolve()
    for parent, folders, files in os.walk(root, onerror=failed.append):
        inside = Path(parent).relative_to(root)
        too_deep = len(inside.parts) >= DEPTH
        shown = [folder for folder in folders if not folder.startswith(".")]
        links = {folder for folder in shown if Path(parent, folder).is_symlink()}
        folders[:] = [] if too_deep else [folder for folder in shown if folder not in links]
        for folder in shown:
            if too_deep or folder in links:
                reason = "link to a folder" if folder in links else f"more than {DEPTH} folders deep"
                yield _printable(inside / folder), Path(parent, folder), reason
        for file in files:
            if not file.startswith("."):
                yield _printable(inside / file), Path(parent, file), _reason(inside / file, root, real)
    for error in failed:
        path = Path(os.fsdecode(error.filename))
        yield _printable(path.relative_to(root)), path, "folder that cannot be read"


def _reason(name: Path, root: Path, real: Path) -> str:
    """Why a file is not read, or an empty text.

    :param real: the folder without links.
    """
    try:
        str(name).encode("utf-8")
    except UnicodeEncodeError:
        return "name that is not UTF-8"
    path = root / name
    try:
        if path.is_symlink() and not path.resolve(strict=True).is_relative_to(real):
            return "link that leaves the folder"
        return "" if path.is_file() else "not a file"
    except (OSError, RuntimeError):  # RuntimeError: links in a circle, until Python 3.12
        return "link to nothing"


def _printable(path: Path) -> str:
    """A path with ``/``; bytes that are no UTF-8 are shown as question marks."""
    return path.as_posix().encode("utf-8", "surrogateescape").decode("utf-8", "replace")


class Beside:
    """Finds files by their names, whatever the case of these, as those who wrote them on other systems do."""

    def __init__(self, files: Iterable[Found], counts: Counts) -> None:
        self._files = {found.name.casefold(): found for found in files}
        self._counts = counts

    def find(self, place: str, suffixes: Sequence[str]) -> Found | None:
        """The first file that is called so but for the suffix, and is not empty.

        :param place: name relative to the folder, without suffix.
        """
        for suffix in suffixes:
            found = self._files.get(f"{place}{suffix}".casefold())
            if found is not None and found.path.stat().st_size == 0:
                self._counts.add("dropped", "empty file", found.number, found.name)
            elif found is not None:
                return found
        return None

    def cover(self, folder: str) -> Found | None:
        """The picture in a folder that is called like a cover."""
        for name in COVERS:
            if found := self.find(f"{folder}/{name}" if folder else name, IMAGES):
                return found
        return None


def read_text(found: Found, counts: Counts) -> str | None:
    """The text of a small file, None (and counted) if it is none; what is not UTF-8 is read as Windows-1252.

    Line breaks become ``\\n``.
    """
    try:
        with open(found.path, "rb") as stream:
            data = stream.read(TEXT + 1)
    except OSError:
        counts.add("dropped", "file that cannot be read", found.number, found.name)
        return None
    if len(data) > TEXT:
        counts.add("dropped", f"text of more than {TEXT:,} bytes", found.number, found.name)
        return None
    text = _decode(data, found, counts)
    if "\0" in text:
        counts.add("dropped", "no text", found.number, found.name)
        return None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _decode(data: bytes, found: Found, counts: Counts) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        counts.add("repaired", "not UTF-8, read as Windows-1252", found.number, found.name)
        return data.decode("cp1252", "replace")  # five bytes mean nothing there

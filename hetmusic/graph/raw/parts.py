"""Tables in several files: a folder, or a pattern such as ``year=*/part-*.csv``, read in sorted order as one file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

import polars as pl

from hetmusic.errors import DataError
from hetmusic.graph.build_report import LINE, encoded_line
from hetmusic.graph.format import RawFile
from hetmusic.graph.raw.globbing import files_below
from hetmusic.graph.raw.located import Located
from hetmusic.graph.raw.source import Source
from kg_schema.dump_files import FileSpec, format_of

#: how Hive and Spark write that the column of a folder such as ``year=2024`` has no value
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"

Read = Callable[[Source, Sequence[str]], Iterator[pl.DataFrame]]


def find_parts(place: Located, entry: FileSpec) -> Mapping[str, Path]:
    """The files of a table in several files, in the order in which they are read; empty for one file.

    :return: name -> path.
    :raises DataError: if a folder holds what is no file, a link to another folder, or files of another format.
    """
    found = place.parts
    if not found and place.path.is_dir():
        name = place.name.rstrip("/")
        found = {f"{name}/{below}": place.path / below for below in files_below(place.path)}
    for name, path in found.items():
        format = format_of(name)
        if not path.is_file():
            raise DataError(f"{name} is not a file")
        if entry.reader is None and format not in (None, entry.resolved_format):
            raise DataError(
                f"{place.name} is read as {entry.resolved_format}, but {name} looks like {format}: set "
                f"`format: {format}`, or a `path` such as {name.rpartition('/')[0]}/*{PurePosixPath(name).suffix}"
            )
    return found


def partitioned(found: Mapping[str, Path], source: Source) -> list[Source]:
    """The parts of a source; what they count is counted for the whole."""
    parts = [Source(path, name, source.spec, source.notes, source.is_log) for name, path in found.items()]
    for number, part in enumerate(parts):
        part.whole, part.number = source, number
    return parts


def read_parts(parts: Sequence[Source], columns: Sequence[str], read: Read) -> Iterator[pl.DataFrame]:
    """Read one part after the other; ``LINE`` says which part a row is from, and where it stands in it.

    Folders called ``column=value`` are columns, which count more than those inside the files.
    """
    for part in parts:
        folders = folder_columns(part.name)
        own = [column for column in columns if column not in folders]
        values = [
            pl.lit(folders[column], pl.String).alias(column) if column in folders else pl.col(column)
            for column in columns
        ]
        for batch in read(part, own):
            yield batch.select(encoded_line(part.number, pl.col(LINE)), *values)


def folder_columns(name: str) -> dict[str, str | None]:
    """The columns that the folders of a part give, as in ``year=2024/month=01/part-0.csv``."""
    pairs = [folder.partition("=") for folder in PurePosixPath(name).parts[:-1] if "=" in folder]
    return {unquote(key): None if value == _NO_VALUE else unquote(value) for key, _, value in pairs if key}


def describe_parts(source: Source) -> RawFile:
    """What the provenance says: the checksum covers names and contents of all parts."""
    digest = hashlib.sha256()
    for part in source.parts:
        digest.update(f"{part.name}\0{part.digest.of(part.path)}\n".encode("utf-8", "surrogateescape"))
    return RawFile(name=source.name, bytes=total_size(source), sha256=digest.hexdigest())


def total_size(source: Source) -> int:
    """Bytes of a file, or of all its parts."""
    return sum(part.path.stat().st_size for part in source.parts or [source])

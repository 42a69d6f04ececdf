"""A first look at a raw file: which columns it has, and its first rows, whatever a specification needs of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import polars as pl

from hetmusic.errors import DataError
from hetmusic.graph.build_report import Notes
from hetmusic.graph.raw.files import READERS
from hetmusic.graph.raw.jsonl_files import field_names
from hetmusic.graph.raw.located import check_inside, first_there
from hetmusic.graph.raw.parts import find_parts, folder_columns, partitioned, read_parts
from hetmusic.graph.raw.readers import readers
from hetmusic.graph.raw.source import LINE, Source
from kg_schema.dump_files import FileSpec


@dataclass(frozen=True)
class Peek:
    """The beginning of a table."""

    #: all columns, in the order of the file, those of its folders last
    columns: list[str]
    #: columns of texts, null where blank, and ``LINE``
    rows: pl.DataFrame
    #: whether these are all rows
    complete: bool


def find_source(raw: Path, entry: FileSpec) -> Source:
    """The file that an entry of a specification names.

    :raises DataError: if it is not there.
    """
    place = first_there(raw, entry)
    whole = entry.reader is not None and readers.lookup(entry.reader).folder
    parts = {} if whole else find_parts(place, entry)
    if not (place.path.is_dir() if whole else parts or place.path.is_file()):
        raise DataError(f"{place.name} is not there{place.alternatives}")
    for name, path in (parts or {place.name: place.path}).items():
        check_inside(raw, path, name)
    source = Source(place.path, place.name, entry, Notes(""))
    source.parts = partitioned(parts, source)
    return source


def column_names(source: Source) -> list[str]:
    """The columns that a file has, those of its folders last.

    :raises DataError: if the file cannot be read as specified.
    """
    if source.spec.reader is not None:
        return list(readers.lookup(source.spec.reader).columns)
    if source.spec.known_columns is not None and source.spec.resolved_format != "sqlite":
        found = list(source.spec.known_columns)
    else:
        found = _own_columns(source.parts[0] if source.parts else source)
    return [
        *found,
        *(name for part in source.parts[:1] for name in folder_columns(part.name) if name not in found),
    ]


def peek(source: Source, rows: int, columns: Sequence[str] | None = None) -> Peek:
    """Read the first rows of a file that is a table.

    :param columns: by default all.
    :raises DataError: if the file cannot be read as specified.
    """
    names = column_names(source)
    wanted = list(dict.fromkeys(names if columns is None else columns))
    read = READERS[source.spec.resolved_format]
    found, height, complete = [], 0, True
    batches = read_parts(source.parts, wanted, read) if source.parts else read(source, wanted)
    for batch in batches:
        found.append(batch.head(rows - height))
        height += batch.height
        if height >= rows:
            complete = height == rows and next(iter(batches), None) is None
            break
    source.close()
    blank = pl.DataFrame(schema={LINE: pl.Int64(), **dict.fromkeys(wanted, pl.String())})
    table = pl.concat([blank, *found]).with_columns(pl.col(pl.String).replace("", None))
    return Peek(names, table, complete)


class _Asked(Exception):
    """Carries the names of the columns out of a reader."""


class _Question(Source):
    def check_columns(self, found: Sequence[str], wanted: Iterable[str]) -> NoReturn:
        raise _Asked(list(found))


def _own_columns(source: Source) -> list[str]:
    if source.spec.resolved_format == "jsonl":
        return list(field_names(source))
    question = _Question(source.path, source.name, source.spec, Notes(""))
    try:
        for _ in READERS[source.spec.resolved_format](question, []):
            pass
    except _Asked as answer:
        return list(answer.args[0])
    finally:
        question.close()
    return []

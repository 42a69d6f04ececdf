"""What a parser of one small file is, and how the rows of a chunk of files are put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol

import polars as pl

#: the number of the file within its chunk, from 0
NUMBER = "__number__"
#: the table of what was dropped or repaired, beside those of the parser
NOTES = "notes"
_NOTES = {NUMBER: pl.Int64(), "file": pl.String(), "action": pl.String(), "reason": pl.String()}

#: call it with what was repaired in the file
Note = Callable[[str], None]
#: table -> column -> type
Tables = Mapping[str, Mapping[str, pl.DataType]]


class BadFileError(Exception):
    """A file of which no row can be made; its text is the reason, without the name of the file."""


class Parser(Protocol):
    """Turns one small file into rows of one or more tables."""

    #: counts up whenever the same file gives other rows
    version: ClassVar[int]
    tables: ClassVar[Tables]

    def parse(self, path: Path, note: Note) -> Mapping[str, Sequence[Sequence[Any]]]:
        """The rows of a file by table, values in the order of its columns.

        :raises BadFileError: if it has none.
        """


def parse_chunk(
    parser: Parser, root: Path, files: Sequence[str], skip: Mapping[str, str]
) -> dict[str, pl.DataFrame]:
    """The rows of several files, with their ``NUMBER``, by table, ``NOTES`` among them.

    :param files: relative to ``root``.
    :param skip: files that are not to be touched, and why.
    """
    rows: dict[str, list[tuple[Any, ...]]] = {table: [] for table in parser.tables}
    notes: list[tuple[int, str, str, str]] = []
    for number, file in enumerate(files):
        said: list[str] = []
        shown = file.encode("utf-8", "replace").decode()
        try:
            found = _parse(parser, root / file, skip.get(file), said.append)
        except BadFileError as error:
            notes.append((number, shown, "dropped", str(error)))
            continue
        notes += [(number, shown, "repaired", reason) for reason in dict.fromkeys(said)]
        for table, more in found.items():
            rows[table] += [(number, *row) for row in more]
    tables = {
        table: pl.DataFrame(rows[table], {NUMBER: pl.Int64(), **columns}, orient="row")
        for table, columns in parser.tables.items()
    }
    return {**tables, NOTES: pl.DataFrame(notes, _NOTES, orient="row")}


def _parse(
    parser: Parser, path: Path, skipped: str | None, note: Note
) -> Mapping[str, Sequence[Sequence[Any]]]:
    if skipped is not None:
        raise BadFileError(skipped)
    try:
        return parser.parse(path, note)
    except MemoryError:
        raise BadFileError("file that needs too much memory") from None
    except OSError as error:
        raise BadFileError(f"file that cannot be read ({error.strerror or type(error).__name__})") from None

"""Tables of SQLite databases as batches of text columns; the file is opened for reading only."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from hetmusic.errors import DataError, did_you_mean
from hetmusic.graph.raw.source import LINE, Source

_BATCH = 1 << 17
_MAGIC = b"SQLite format 3\0"
#: how a row's number inside the database is called as a column
ROWID = "rowid"
# bytes of one value; a text that is longer is no name, and a database can announce one of a gigabyte
_LONGEST = 1 << 24


def read_sqlite(source: Source, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    """Read the given columns of the table that the specification names, in the order of the rows.

    ``rowid`` is a column of every table that has row numbers. Numbers become texts in their shortest exact form.

    :raises DataError: if the file is no database or damaged, has no such table, or the table no such column.
    """
    return read_table(source, source.spec.table or "", columns)


def read_table(
    source: Source, table: str, columns: Sequence[str], size: int = _BATCH
) -> Iterator[pl.DataFrame]:
    """The same for any table.

    :param size: rows of a batch.
    """
    with open_database(source.path, source.name) as connection:
        found, ordered = _columns(connection, source, table)
        source.check_columns(found, columns)
        # a column may be wanted twice under one name no more than once, but a table may hold none of them
        names = ", ".join(map(_quoted, columns)) or "1"
        order = f" ORDER BY {ROWID}" if ordered else ""
        rows = connection.execute(f"SELECT {names} FROM {_quoted(table)}{order}")
        start, most = 1, source.path.stat().st_size
        while batch := rows.fetchmany(size):
            yield _frame(source, batch, columns, start)
            start += len(batch)
            if start > most:  # pages that lead to one another again and again
                raise DataError(f"{source.name} is damaged: it gives more rows than it has bytes")


@contextlib.contextmanager
def open_database(path: Path, name: str) -> Iterator[sqlite3.Connection]:
    """Open a database so that nothing can be written, attached or run by what it holds.

    :raises DataError: if the file is no database, or turns out to be damaged inside the block.
    """
    with open(path, "rb") as stream:
        start = stream.read(len(_MAGIC))
    if start != _MAGIC:
        empty = "is empty" if not start else "is not an SQLite database"
        raise DataError(f"{name} {empty}")
    try:
        with contextlib.closing(
            sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        ) as connection:
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("PRAGMA query_only = ON")
            if hasattr(connection, "setlimit"):  # since Python 3.11
                connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST)
            yield connection
    except sqlite3.Error as error:
        raise DataError(f"{name} cannot be read as an SQLite database ({error})") from None


def table_names(connection: sqlite3.Connection) -> list[str]:
    """The plain tables of a database, but for those that SQLite keeps for itself."""
    listed = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table' ORDER BY name")
    plain = [(name, str(sql)) for name, sql in listed if not str(name).startswith("sqlite_")]
    return [name for name, sql in plain if not sql.upper().startswith("CREATE VIRTUAL")]


def _columns(connection: sqlite3.Connection, source: Source, table: str) -> tuple[list[str], bool]:
    """The columns of a table, and whether its rows have numbers."""
    listed = connection.execute("SELECT name, type, sql FROM sqlite_master WHERE type IN ('table', 'view')")
    kinds = {name: (kind, str(sql)) for name, kind, sql in listed}
    if table not in kinds:
        there = ", ".join(repr(name) for name in sorted(kinds)[:20]) or "none"
        raise DataError(
            f"{source.name}: no table {table!r}{did_you_mean(table, kinds)}; the database has {there}"
        )
    kind, statement = kinds[table]
    if kind != "table" or statement.upper().startswith("CREATE VIRTUAL"):
        raise DataError(f"{source.name}: {table!r} is not a plain table, but is computed when it is read")
    found = [str(row[1]) for row in connection.execute(f"PRAGMA table_info({_quoted(table)})")]
    if ROWID in found:
        return found, True
    try:
        connection.execute(f"SELECT {ROWID} FROM {_quoted(table)} LIMIT 1")
    except sqlite3.OperationalError:  # a table without row numbers comes in the order of its primary key
        return found, False
    return [*found, ROWID], True


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _frame(source: Source, rows: list[tuple[Any, ...]], columns: Sequence[str], start: int) -> pl.DataFrame:
    lines = pl.int_range(start, start + len(rows), dtype=pl.Int64, eager=True).alias(LINE)
    values = zip(*rows, strict=True) if columns else ()
    return pl.DataFrame([lines, *(_text(source, *pair) for pair in zip(columns, values, strict=True))])


def _text(source: Source, column: str, values: tuple[Any, ...]) -> pl.Series:
    kinds = set(map(type, values)) - {type(None)}
    if bytes in kinds:
        raise DataError(f"{source.name}, column {column!r}: binary values instead of texts and numbers")
    if len(kinds) == 1 and kinds <= {int, float}:
        return pl.Series(column, values, pl.Int64 if int in kinds else pl.Float64).cast(pl.String)
    return pl.Series(column, [value if value is None else str(value) for value in values], pl.String)

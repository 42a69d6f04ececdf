"""JSON lines: one object per line, as batches of text columns."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import polars as pl

from hetmusic.errors import DataError, did_you_mean
from hetmusic.graph.raw.source import LINE, Source

_BATCH = 1 << 17
# different fields to remember, for the message that one is missing
_FIELDS = 10_000


def read_jsonl(source: Source, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    """Read the given fields as text: numbers exactly as they are written, ``true``/``false``, null as null.

    A field that a row lacks is null there.

    :raises DataError: naming file and line, for an empty file, a line that is no JSON object, a list or
        object where a single value should be, or a field that no row has.
    """
    seen: set[str] = set()
    found: set[str] = set()
    rows: list[list[str | None]] = []
    total = 0
    for line, record in _records(source):
        if len(seen) < _FIELDS:
            seen.update(record)
        found.update(column for column in columns if column in record)
        rows.append([line, *(_text(source, line, column, record.get(column)) for column in columns)])  # type: ignore[list-item]
        total += 1
        if len(rows) == _BATCH:
            yield _frame(source, rows, columns)
            rows = []
    if not total:
        raise DataError(f"{source.name} is empty")
    _check_fields(source, seen | found, columns)
    if rows:
        yield _frame(source, rows, columns)


def field_names(source: Source, rows: int = 1000) -> dict[str, bool]:
    """The fields of the first rows, in the order in which they occur, and whether each holds single values alone.

    :raises DataError: naming file and line, for a line that is no JSON object.
    """
    found: dict[str, bool] = {}
    for _, record in islice(_records(source), rows):
        for name, value in record.items():
            found[name] = found.get(name, True) and not isinstance(value, (dict, list))
    source.close()
    return found


def _records(source: Source) -> Iterator[tuple[int, dict[str, Any]]]:
    # Numbers stay the texts they are written as: 1.0 and 12345678901234567890 may be keys.
    decoder = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)
    blank: list[int] = []
    for piece in source.pieces():
        for line, text in enumerate(piece.text.removesuffix("\n").split("\n"), piece.first_line):
            if not text.strip():
                blank.append(line)
                continue
            try:
                record = decoder.decode(text)
            except (json.JSONDecodeError, RecursionError) as error:
                cut = ": the file seems to be cut off" if source.is_last_line(line) else ""
                raise DataError(f"{source.name}, line {line:,}: not valid JSON{cut} ({error})") from None
            if not isinstance(record, dict):
                raise DataError(f"{source.name}, line {line:,}: not a JSON object")
            yield line, record
    source.count("left out", "blank line", pl.DataFrame({LINE: blank}, {LINE: pl.Int64}))


def _text(source: Source, line: int, column: str, value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    kind = "list" if isinstance(value, list) else "object"
    raise DataError(f"{source.name}, line {line:,}, field {column!r}: a {kind} instead of a single value")


def _frame(source: Source, rows: list[list[str | None]], columns: Sequence[str]) -> pl.DataFrame:
    schema = {LINE: pl.Int64, **dict.fromkeys(columns, pl.String)}
    try:
        return pl.DataFrame(rows, schema, orient="row")
    except UnicodeEncodeError:  # JSON can write halves of characters, such as \ud800, that no text has
        for line, *values in rows:
            for column, value in zip(columns, values, strict=True):
                if value is not None and any("\ud800" <= character <= "\udfff" for character in value):
                    place = f"{source.name}, line {line:,}, field {column!r}"
                    raise DataError(f"{place}: {value[:40]!r} holds half a character") from None
        raise


def _check_fields(source: Source, seen: set[str], columns: Sequence[str]) -> None:
    for column in columns:
        if column not in seen:
            raise DataError(
                f"{source.name}: no row has a field {column!r}{did_you_mean(column, sorted(seen))}"
            )

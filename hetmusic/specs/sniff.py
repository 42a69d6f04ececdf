"""How a text file is written: encoding, delimiter, quotes, header. Guesses, with what makes them doubtful."""

from __future__ import annotations

import codecs
import contextlib
import csv
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hetmusic.errors import DataError
from hetmusic.graph.raw.streams import open_raw
from hetmusic.specs.roles import says_something

_SAMPLE = 1 << 22
#: bytes in which letters outside ASCII are looked for
_SCANNED = 1 << 28
_LINES = 300
#: delimiters that people use, likelier first
_DELIMITERS = ("\t", "<SEP>", ",", ";", "|", "::", " ")
_NUMBER = re.compile(r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$")
_NUMBERED = re.compile(r"\d")
_FEW = 3
_C1 = re.compile(b"[\x80-\x9f]")


@dataclass
class Dialect:
    """Keys of a file's entry in a specification, and what is doubtful about them."""

    options: dict[str, Any] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)


def sniff(path: Path, name: str) -> Dialect:
    """Look at a text file, which may be compressed.

    :raises DataError: if it is empty or no text.
    """
    with open_raw(path, name) as stream:
        data = stream.read(_SAMPLE)
    if not data.strip():
        raise DataError(f"{name} is empty")
    if b"\0" in data:
        raise DataError(f"{name} is no text")
    dialect = Dialect()
    encoding = _encoding(path, name)
    if encoding != "utf-8":
        dialect.options["encoding"] = encoding
        dialect.doubts.append(f"not UTF-8, so perhaps {encoding}")
    text = data.decode(encoding, errors="ignore").removeprefix("\ufeff")
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    lines = [line for line in (lines[:-1] if len(data) == _SAMPLE else lines) if line][:_LINES]
    if _is_json(lines):
        dialect.options["format"] = "jsonl"
        return dialect
    lines = _without_comments(lines, dialect)
    _find_delimiter(lines, name, dialect)
    _find_header(lines, dialect)
    return dialect


def _encoding(path: Path, name: str) -> str:
    decoder = codecs.getincrementaldecoder("utf-8")()
    seen = 0
    with open_raw(path, name) as stream:
        try:
            while (data := stream.read(1 << 20)) and seen < _SCANNED:
                decoder.decode(data)
                seen += len(data)
        except UnicodeDecodeError:
            # Latin-1 has no printable characters where Windows has dashes and typographic quotes
            return (
                "cp1252" if _C1.search(data) and not re.search(b"[\x81\x8d\x8f\x90\x9d]", data) else "latin-1"
            )
    return "utf-8"


def _is_json(lines: Sequence[str]) -> bool:
    try:
        return all(isinstance(json.loads(line), dict) for line in lines[:20])
    except (ValueError, RecursionError):
        return False


def _without_comments(lines: list[str], dialect: Dialect) -> list[str]:
    """Leave out lines that begin with ``#``, unless the first is the header of the others."""
    marked = [line for line in lines if line.startswith("#")]
    rest = [line for line in lines if not line.startswith("#")]
    if not marked or not rest:
        return lines
    separator = _delimiter(rest)
    if (
        len(marked) == 1
        and lines[0] is marked[0]
        and separator
        and lines[0].count(separator) == rest[0].count(separator)
    ):
        return lines
    dialect.options |= {"comment": "#", "quote": None}
    dialect.doubts.append("lines that begin with # are skipped")
    return rest


def _delimiter(lines: Sequence[str]) -> str | None:
    """The delimiter of which most lines hold the same number."""
    best, score = None, (0.5, 0)
    for text in _DELIMITERS:
        counts = Counter(line.count(text) for line in lines)
        count, often = max(counts.items(), key=lambda pair: (pair[0] > 0, pair[1]))
        share = often / len(lines) if count else 0.0
        # a space is in every title: only if all lines agree
        if (share, count) > score and (text != " " or share == 1):
            best, score = text, (share, count) if text != " " else (0.5, 0)
    return best


def _find_delimiter(lines: list[str], name: str, dialect: Dialect) -> None:
    quoted = any('"' in line for line in lines)
    found = _delimiter(lines)
    if quoted:
        fits = [text for text in _DELIMITERS if len(text) == 1 and _quoted_width(lines, text)]
        found = max(fits, key=lambda text: _quoted_width(lines, text) or 0) if fits else found
        if not fits:
            dialect.options["quote"] = None
    default = "\t" if name.lower().removesuffix(".gz").removesuffix(".zip").endswith(".tsv") else ","
    if found is not None and found != default:
        dialect.options["delimiter"] = found
    if found is not None and len(found) > 1:
        dialect.options["quote"] = None
    if found == " ":
        dialect.doubts.append("the delimiter may be a space")


def _quoted_width(lines: Sequence[str], delimiter: str) -> int | None:
    """How many fields every row has if quotes are read; None if they differ, or quotes stand where they cannot."""
    try:
        rows = [
            row
            for row in csv.reader((f"{line}\n" for line in lines), delimiter=delimiter, strict=True)
            if row
        ]
    except csv.Error as error:
        if "end of data" not in str(error):  # a quote may be closed beyond the sample
            return None
        return _quoted_width(lines[: len(lines) // 2], delimiter) if len(lines) > 10 else None
    widths = {len(row) for row in rows}
    return widths.pop() if len(widths) == 1 and widths != {1} else None


def _find_header(lines: list[str], dialect: Dialect) -> None:
    options = dialect.options
    delimiter = options.get("delimiter", "\t" if any("\t" in line for line in lines[:1]) else ",")
    if "quote" in options or not any('"' in line for line in lines):
        rows = [line.split(delimiter) for line in lines]
    else:
        rows = []
        with contextlib.suppress(csv.Error):  # the rows before it tell enough
            rows.extend(csv.reader((f"{line}\n" for line in lines), delimiter=delimiter))
    first, rest = rows[0], [row for row in rows[1:] if len(row) == len(rows[0])]
    verdict = _is_header([field.strip() for field in first], rest)
    if verdict is None:
        dialect.doubts.append("the first line may be a header or not")
    if verdict is False:
        options["header"] = False
        options["columns"] = [f"column_{number}" for number in range(1, len(first) + 1)]
        dialect.doubts.append("there seems to be no header: give the columns names that say what they are")


def _shape(text: str) -> str:
    """What a text looks like: ``SOAKIMP12A8C130995`` is 18 letters and digits, ``user_01`` five of them and two."""
    return re.sub(r"[^\W_]", "x", text)


def _is_header(first: Sequence[str], rest: Sequence[Sequence[str]]) -> bool | None:
    """Whether the first line names the columns; None if that is open (and it is taken for one)."""
    if any(not field or _NUMBER.match(field) for field in first) or len(set(first)) < len(first):
        return False
    if any(map(says_something, first)):
        return True
    for position, name in enumerate(first):
        below = [row[position] for row in rest]
        if below and all(_NUMBER.match(value) for value in below):
            return True
        if name in below or (
            len(below) >= _FEW and _NUMBERED.search(name) and {*map(_shape, below)} == {_shape(name)}
        ):
            return False
    return None if rest else True

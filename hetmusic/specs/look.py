"""What is in a table: its columns with types, how many different values they have, and some of these."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import polars as pl

from hetmusic.errors import DataError
from hetmusic.graph.raw.jsonl_files import field_names
from hetmusic.graph.raw.peek import column_names, find_source, peek
from hetmusic.graph.raw.source import LINE
from kg_schema.dump_files import FileSpec

Kind = Literal["int", "float", "bool", "iso", "text", "blank"]

_INT, _FLOAT = r"^[+-]?(0|[1-9][0-9]{0,17})$", r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_ISO = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?$"
)
#: seconds from 1990 to 2100
_EPOCH = (631_152_000, 4_102_444_800)


@dataclass(frozen=True)
class Column:
    """One column of a table."""

    name: str
    kind: Kind
    #: values that are not blank, and how many of them differ
    rows: int
    different: int
    values: pl.Series = field(repr=False)

    @property
    def unique(self) -> bool:
        """Whether no value is repeated or blank, so that it may be a key."""
        return self.rows == self.different == len(self.values)

    @property
    def time_unit(self) -> str | None:
        """``s``, ``ms`` or ``iso`` if the values may be times."""
        if self.kind == "iso":
            return "iso"
        if self.kind not in ("int", "float"):
            return None
        numbers = self.values.drop_nulls().cast(pl.Float64)
        low, high = numbers.min(), numbers.max()
        for unit, factor in (("s", 1), ("ms", 1000)):
            if (
                isinstance(low, float)
                and isinstance(high, float)
                and _EPOCH[0] * factor <= low <= high <= _EPOCH[1] * factor
            ):
                return unit
        return None

    @property
    def samples(self) -> list[str]:
        """The first different values."""
        return self.values.drop_nulls().unique(maintain_order=True).head(3).to_list()


@dataclass
class Table:
    """A table and how it is read."""

    #: id of the file in the specification
    id: str
    #: keys of the file's entry
    options: dict[str, Any]
    columns: dict[str, Column]
    rows: int
    #: whether these are all rows
    complete: bool
    doubts: list[str]

    @property
    def path(self) -> str:
        """As the specification names it."""
        return str(self.options["path"])


def look_at(raw: Path, file: str, options: dict[str, Any], doubts: list[str], rows: int) -> Table:
    """Read the beginning of a table.

    :param options: keys of its entry, to which is added what turns out to be needed.
    :raises DataError: if it cannot be read.
    """
    options, doubts = dict(options), list(doubts)
    while True:
        entry = FileSpec.model_validate(options)
        source = find_source(raw, entry)
        try:
            wanted = (
                _single_valued(source, doubts) if entry.resolved_format == "jsonl" else column_names(source)
            )
            found = peek(source, rows, [name for name in wanted if wanted.count(name) == 1])
            break
        except DataError as error:
            if "not valid csv" in str(error) and options.get("quote", '"') is not None:
                options["quote"] = None
                doubts.append("quotes are part of the values")
            elif "fields instead of" in str(error) and "ragged" not in options:
                options["ragged"] = "drop"
                doubts.append("some rows have another number of fields")
            else:
                raise
    columns = {name: _column(found.rows[name]) for name in found.rows.columns if name != LINE}
    return Table(file, options, columns, found.rows.height, found.complete, doubts)


def _single_valued(source: Any, doubts: list[str]) -> list[str]:
    fields = field_names(source.parts[0] if source.parts else source)
    nested = [name for name, single in fields.items() if not single]
    if nested:
        doubts.append(f"lists and objects cannot be read: {', '.join(nested)}")
    return [name for name, single in fields.items() if single]


def _column(values: pl.Series) -> Column:
    there = values.drop_nulls()
    return Column(values.name, _kind(there), len(there), there.n_unique(), values)


def _kind(values: pl.Series) -> Kind:
    if values.is_empty():
        return "blank"
    text = values.str.strip_chars()
    for kind, pattern in (("int", _INT), ("float", _FLOAT), ("iso", _ISO), ("bool", r"^(?i:true|false)$")):
        if text.str.contains(pattern).all():
            # numbers that begin with 0 are written for people, such as codes
            return kind if kind != "float" or not text.str.contains(r"^[+-]?0[0-9]").any() else "text"  # type: ignore[return-value]
    return "text"


def file_id(path: str, taken: set[str]) -> str:
    """A short name for a file: that of the file or its folder, in letters, digits and ``_``."""
    parts = [part for part in path.split("/") if not any(c in part for c in "*?[")]
    stem = parts[-1].split(".")[0] if parts else "table"
    base = re.sub(r"\W+", "_", stem).strip("_").lower() or "table"
    name, number = base, 2
    while name in taken:
        name, number = f"{base}_{number}", number + 1
    return name

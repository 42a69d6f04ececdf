"""Columns that are made of others or found in other files, and rows that other files exclude."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import polars as pl

from hetmusic.graph.raw.source import LINE, Source
from kg_schema.dump_files import Lookup

#: between the parts of a combined column
SEPARATOR = "|"


class Rows(Protocol):
    """The files of a dump, as far as lookups need them."""

    def __contains__(self, file: str) -> bool:
        """Whether the file is there."""

    def batches(self, file: str) -> Iterator[pl.DataFrame]:
        """The rows of a file."""

    def source(self, file: str) -> Source:
        """The file itself."""


class Derived:
    """Adds the derived columns of one file, and drops the rows that it excludes."""

    def __init__(self, source: Source, columns: Sequence[str], files: Rows) -> None:
        """Read what is looked up, once.

        :param columns: the columns that are needed, derived ones among them.
        """
        spec = source.spec
        self._source = source
        self._columns = [LINE, *columns]
        lookups = spec.lookups_for(columns)
        parts = {*columns, *(lookup.column for lookup in lookups.values())}
        parts |= {rule.column for rule in spec.exclude}
        self._combine = {name: cols for name, cols in spec.combine.items() if name in parts}
        self._lookups = {name: (lookup, _table(lookup, files)) for name, lookup in lookups.items()}
        self._absent = {lookup.file for lookup, _ in self._lookups.values() if lookup.file not in files}
        self._excluded = [
            (rule.column, files.source(rule.file).name, _values(rule.file, rule.key, files))
            for rule in spec.exclude
            if rule.file in files
        ]

    def add(self, batch: pl.DataFrame) -> pl.DataFrame:
        """The rows that are kept, with exactly the needed columns; what is found nowhere is null."""
        if numbered := self._source.spec.numbered:
            batch = batch.with_columns(pl.col(LINE).cast(pl.String).alias(numbered))
        for name, parts in self._combine.items():
            joined = pl.concat_str([pl.col(part) for part in parts], separator=SEPARATOR)
            batch = batch.with_columns(joined.alias(name))
        for column, file, values in self._excluded:
            named = batch[column].is_in(values.implode()).fill_null(False)
            self._source.count("left out", f"{column} is listed in {file}", batch.filter(named), column)
            batch = batch.filter(~named)
        for name, (lookup, table) in self._lookups.items():
            batch = batch.with_columns(self._found(batch[lookup.column], table).alias(name))
            unknown = batch.filter(pl.col(lookup.column).is_not_null() & pl.col(name).is_null())
            reason = f"no {'single ' if lookup.unique else ''}{name} for this {lookup.column}"
            if lookup.file not in self._absent:  # of that file it is already said that it is not there
                self._source.count("repaired", reason, unknown, lookup.column)
            if lookup.keep:
                batch = batch.with_columns(pl.coalesce(name, lookup.column).alias(name))
        return batch.select(self._columns)

    def _found(self, keys: pl.Series, table: pl.DataFrame) -> pl.Series:
        rows = keys.alias("key").to_frame().join(table, on="key", how="left", maintain_order="left")
        return rows["value"]


def _table(lookup: Lookup, files: Rows) -> pl.DataFrame:
    """Columns ``key`` (unique) and ``value``; of a repeated key the first row or none. Empty if the file is absent."""
    parts = [pl.DataFrame(schema={"key": pl.String(), "value": pl.String()})]
    if lookup.file in files:
        pair = [pl.col(lookup.key).alias("key"), pl.col(lookup.value).alias("value")]
        parts += [batch.select(pair) for batch in files.batches(lookup.file)]
    rows = pl.concat(parts).drop_nulls()
    if lookup.unique:
        rows = rows.unique()
        return rows.filter(~pl.col("key").is_duplicated())
    return rows.unique("key", keep="first", maintain_order=True)


def _values(file: str, column: str, files: Rows) -> pl.Series:
    parts = [pl.Series(column, [], pl.String), *(batch[column] for batch in files.batches(file))]
    return pl.concat(parts).drop_nulls().unique(maintain_order=True)

"""Ids that are blank in a file, found by the names that stand beside them, or made of these names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import polars as pl

from hetmusic.errors import DataError
from hetmusic.graph.raw.derived import SEPARATOR
from hetmusic.graph.raw.source import Source
from kg_schema.dump_files import Resolve

# Names are reduced to different ones whenever so many rows more have been read.
_COMPACT = 1 << 21


class Resolved:
    """Fills the blank ids of a file, and counts how.

    A row takes the id that the same names have elsewhere in the file if it is just one. Where they have none, or
    several, the names become the key, behind the prefix. A row that lacks a name keeps its blank.
    """

    def __init__(self, source: Source, rules: Mapping[str, Resolve], batches: Iterable[pl.DataFrame]) -> None:
        """Read which ids the names have.

        :param rules: column with ids -> where its names are.
        :param batches: all rows of the file with these columns as text, null where blank.
        """
        self._source = source
        pairs = {column: _Pairs(column, rule) for column, rule in rules.items()}
        for batch in batches:
            for seen in pairs.values():
                seen.add(batch)
        self._keys = {column: _Keys(seen) for column, seen in pairs.items()}

    def add(self, batch: pl.DataFrame) -> pl.DataFrame:
        """The rows with the blanks filled."""
        # all are looked up before any is filled: names may be ids of another column
        filled = [self._filled(batch, column, keys) for column, keys in self._keys.items()]
        return batch.with_columns(filled)

    def _filled(self, batch: pl.DataFrame, column: str, keys: _Keys) -> pl.Series:
        blank = batch.select(_blank(column, keys.by)).to_series()
        rows = batch.filter(blank)
        if rows.is_empty():
            return batch[column]
        keys_of_rows, known = keys.find(rows, self._source)
        rows = rows.with_columns(keys_of_rows.alias(column))
        none = f"blank {column}, made of {' and '.join(keys.by)}"
        reasons = [none, f"blank {column}, found by {' and '.join(keys.by)}", f"{none}, which have several"]
        for number, reason in enumerate(reasons):
            self._source.count("repaired", reason, rows.filter(known == number), column)
        at = np.arange(batch.height)
        at[blank.to_numpy()] = batch.height + np.arange(rows.height)
        return pl.concat([batch[column], rows[column]]).gather(at)


def _blank(column: str, by: Iterable[str]) -> pl.Expr:
    return pl.col(column).is_null() & pl.all_horizontal(pl.col(list(by)).is_not_null())


class _Pairs:
    """The different names of a file with their ids; memory grows with these, not with the rows."""

    def __init__(self, column: str, rule: Resolve) -> None:
        self.column, self.rule = column, rule
        schema = dict.fromkeys([*rule.by, column], pl.String)
        self._parts = [pl.DataFrame(schema=schema)]
        self._rows = 0

    def add(self, batch: pl.DataFrame) -> None:
        self._parts.append(batch.select(*self.rule.by, self.column).drop_nulls(self.rule.by).unique())
        self._rows += self._parts[-1].height
        if self._rows > _COMPACT:
            self._parts, self._rows = [pl.concat(self._parts).unique()], 0

    def keys(self) -> pl.DataFrame:
        """Names (unique) that lack their id in some row, with their ``key``, and how many ids they have: ``known``."""
        ids = pl.col(self.column).drop_nulls()
        found = (
            pl.concat(self._parts)
            .unique()
            .group_by(self.rule.by)
            .agg(
                ids.first().alias("id"),
                ids.len().alias("known"),
                pl.col(self.column).has_nulls().alias("wanted"),
            )
            .filter("wanted")
        )
        name = pl.lit(self.rule.prefix) + pl.concat_str(self.rule.by, separator=SEPARATOR)
        key = pl.when(pl.col("known") == 1).then("id").otherwise(name)
        return found.select(*self.rule.by, key.alias("key"), pl.col("known").clip(0, 2).cast(pl.UInt8))


class _Keys:
    """What the blank ids of one column become, found by the hash of the names, which are not kept themselves."""

    def __init__(self, pairs: _Pairs) -> None:
        table = pairs.keys()
        self.by = pairs.rule.by
        self._seed = 0
        while (hashes := self._hash(table)).n_unique() < table.height:
            self._seed += 1
        order = hashes.arg_sort()
        self._hashes = hashes.gather(order).to_numpy()
        self._table = table.select(pl.col("key", "known").gather(order))

    def _hash(self, rows: pl.DataFrame) -> pl.Series:
        return rows.select(self.by).hash_rows(self._seed)

    def find(self, rows: pl.DataFrame, source: Source) -> tuple[pl.Series, pl.Series]:
        """The key for each row, and how many ids its names have: 0, 1 or 2 for more."""
        wanted = self._hash(rows).to_numpy()
        at = np.searchsorted(self._hashes, wanted)
        if not len(self._hashes) or (self._hashes.take(at, mode="clip") != wanted).any():
            raise DataError(f"{source.name} has changed while it was read")
        found = self._table[at]
        return found["key"], found["known"]

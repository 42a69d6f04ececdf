"""How many values of one column occur in another, and which columns would fit better."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from hetmusic.graph.raw.source import LINE

_EXAMPLES = 3
#: spellings that people take for the same: what is done to both sides, in words
_SPELLINGS: dict[str, pl.Expr] = {
    "if case did not count": pl.col("x").str.to_lowercase(),
    "without the spaces around them": pl.col("x").str.strip_chars(),
    "without leading zeros": pl.col("x").str.strip_chars_start("0"),
    "without `.0` at the end": pl.col("x").str.strip_suffix(".0"),
    "without what stands before the last `:` or `/`": pl.col("x").str.replace(r"^.*[:/]", ""),
}


@dataclass(frozen=True)
class Overlap:
    """How many values of a column are keys."""

    #: values that are not blank
    rows: int
    found: int
    #: first values that are no keys, and some keys
    unknown: tuple[str, ...] = ()
    known: tuple[str, ...] = ()

    @classmethod
    def of(cls, values: pl.Series, keys: pl.Series) -> Overlap:
        """Compare a column with keys; blank values do not count."""
        values = values.drop_nulls()
        hits = values.is_in(keys.implode())
        unknown = values.filter(~hits).unique(maintain_order=True).head(_EXAMPLES)
        known = keys.sort().head(_EXAMPLES)
        return cls(len(values), int(hits.sum()), tuple(unknown), tuple(known))

    @property
    def share(self) -> float:
        """From 0 to 1; 0 of nothing."""
        return self.found / self.rows if self.rows else 0.0

    @property
    def percent(self) -> str:
        """For people: never 100 % or 0 % unless it is."""
        if self.found in (0, self.rows):
            return "100 %" if self.found else "0 %"
        return f"{min(max(100 * self.share, 0.1), 99.9):.1f} %"

    @property
    def examples(self) -> str:
        """Values on either side."""
        unknown, known = (", ".join(map(repr, values)) for values in (self.unknown, self.known))
        return f"no node: {unknown}; nodes: {known or 'none'}"


def closest(values: pl.Series, keys: pl.Series, file: str, tables: Mapping[str, pl.DataFrame]) -> str:
    """What would meet: another spelling, another column of the file, or another column of the nodes' tables.

    :param file: the id of the file that the values are from.
    :param tables: first rows of it and of the files with nodes, by id.
    :return: a sentence, or nothing if nothing would be better.
    """
    before = Overlap.of(values, keys).share
    found: list[tuple[float, str]] = []
    for words, spelling in _SPELLINGS.items():
        mine, theirs = (
            series.alias("x").to_frame().select(spelling).to_series() for series in (values, keys)
        )
        found.append((Overlap.of(mine, theirs).share, f"they would fit {words}"))
    for name, table in tables.items():
        for column in (column for column in table.columns if column != LINE):
            other = table[column].drop_nulls()
            if name == file:
                found.append((Overlap.of(other, keys).share, f"column {column!r} of {name!r} fits better"))
            else:
                fits = Overlap.of(values, other.unique()).share
                found.append((fits, f"key {column!r} of {name!r} would fit better"))
    share, words = max(found, key=lambda pair: pair[0])
    return f"{words} ({100 * share:.0f} %)" if share > max(0.5, before + 0.2) else ""

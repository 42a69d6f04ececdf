"""Numbers instead of texts that occur again and again, such as the keys of users."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hetmusic.graph.raw.fixed_width import FixedWidth, width_of

# Texts are looked up once for rows one after the other that have the same, if there are so many of them on average.
_RUN = 4


class Codes:
    """A number for every different text of one column. Which number a text gets means nothing.

    If all texts of the first batch have one width, the texts of that width are found sooner than others
    (:class:`~hetmusic.graph.raw.fixed_width.FixedWidth`).
    """

    def __init__(self) -> None:
        self._fixed: FixedWidth | None = None
        self._dtype = pl.Categorical(pl.Categories.random())
        #: the texts that are not of the one width, in the form that knows polars' numbers for them, as they were seen first
        self._others = [pl.Series("values", [], self._dtype)]
        #: polars' number -> the number that is given; 0 for those not seen yet
        self._given = np.zeros(1 << 10, np.int32)
        self._last = 0
        self._is_empty = True
        #: whether the same text stands in many rows one after the other
        self._in_runs = False
        self._texts: pl.Series | None = None
        self._mapped: dict[Callable[[pl.Series], pl.Series], pl.Series] = {}

    def encode(self, texts: pl.Series) -> pl.Series:
        """The numbers (UInt32) of texts, null for null."""
        nulls = texts.null_count()
        there = texts.drop_nulls() if nulls else texts
        if self._is_empty and len(there):
            width = width_of(there)
            self._fixed = None if width is None else FixedWidth(width)
            self._in_runs = _RUN * int(_begins_run(there).sum()) <= len(there)
            self._is_empty = False
        before = self._count()
        numbers = (self._numbers_of_runs if self._in_runs else self._numbers)(there).view(np.uint32)
        if self._count() > before:
            self._texts = None
            self._mapped.clear()
        if not nulls:
            return pl.Series(texts.name, numbers)
        known = texts.is_not_null()
        all_numbers = np.zeros(len(texts), np.uint32)
        all_numbers[known.to_numpy()] = numbers
        return pl.select(pl.when(known).then(pl.Series(all_numbers)).alias(texts.name)).to_series()

    def decode(self, codes: pl.Series) -> pl.Series:
        """The texts of numbers, null for null."""
        return self.texts.gather(codes).alias(codes.name)

    @property
    def texts(self) -> pl.Series:
        """All texts by their numbers; null for numbers that no text has."""
        if self._texts is None:
            others = pl.concat(self._others)
            first = pl.Series([None], dtype=pl.String) if self._fixed is None else self._fixed.texts()
            at = np.arange(self._count() + 1)
            at[len(first) :] = 0  # the null in front
            at[self._given[others.to_physical().to_numpy()]] = np.arange(len(first), len(first) + len(others))
            self._texts = pl.concat([first, others.cast(pl.String)]).gather(at)
        return self._texts

    def mapped(self, function: Callable[[pl.Series], pl.Series]) -> pl.Series:
        """What a function makes of all texts, by their numbers; computed once."""
        if function not in self._mapped:
            self._mapped[function] = function(self.texts)
        return self._mapped[function]

    def _count(self) -> int:
        return self._last if self._fixed is None else self._fixed.last

    def _numbers_of_runs(self, texts: pl.Series) -> NDArray[np.int32]:
        begins = _begins_run(texts)
        lengths = np.diff(np.flatnonzero(begins.to_numpy()), append=len(texts))
        return np.repeat(self._numbers(texts.filter(begins)), lengths)

    def _numbers(self, texts: pl.Series) -> NDArray[np.int32]:
        if self._fixed is None:
            return self._numbers_of_others(texts)
        numbers = self._fixed.encode(texts)
        if numbers is None:
            is_other = texts.str.len_bytes() != self._fixed.width
            numbers = np.empty(len(texts), np.int32)
            fixed = self._fixed.encode(texts.filter(~is_other))
            assert fixed is not None
            numbers[~is_other.to_numpy()] = fixed
            numbers[is_other.to_numpy()] = self._numbers_of_others(texts.filter(is_other))
        return numbers

    def _numbers_of_others(self, texts: pl.Series) -> NDArray[np.int32]:
        values = texts.alias("values").cast(self._dtype)
        codes = values.to_physical().to_numpy()
        top = int(codes.max(initial=0))
        if top >= len(self._given):
            self._given = np.concatenate([self._given, np.zeros(top + 1, np.int32)])
        numbers = self._given.take(codes)
        if not numbers.all():
            new = values.filter(pl.Series(numbers == 0)).unique()
            self._others.append(new)
            self._given[new.to_physical().to_numpy()] = self._reserve(len(new))
            numbers = self._given.take(codes)
        return numbers

    def _reserve(self, count: int) -> NDArray[np.int32]:
        if self._fixed is not None:
            return self._fixed.reserve(count)
        self._last += count
        return np.arange(self._last + 1 - count, self._last + 1, dtype=np.int32)


def _begins_run(texts: pl.Series) -> pl.Series:
    """Which texts differ from the one before, none of them null."""
    return (texts != texts.shift(1)).fill_null(True)

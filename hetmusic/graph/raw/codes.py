"""Numbers instead of texts that occur again and again, such as the keys of users."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl


class Codes:
    """A number for every different text of one column. Which number a text gets means nothing."""

    def __init__(self) -> None:
        self._dtype = pl.Categorical(pl.Categories.random())
        #: which numbers have been seen
        self._seen = np.zeros(1 << 10, np.bool_)
        #: the texts, in the form that knows their numbers, as they were seen first
        self._values = [pl.Series("values", [], self._dtype)]
        self._texts: pl.Series | None = None
        self._mapped: dict[Callable[[pl.Series], pl.Series], pl.Series] = {}

    def encode(self, texts: pl.Series) -> pl.Series:
        """The numbers (UInt32) of texts, null for null."""
        values = texts.cast(self._dtype)
        codes = values.to_physical()
        numbers = codes.drop_nulls().to_numpy()
        top = int(numbers.max(initial=0))
        if top >= len(self._seen):
            self._seen = np.concatenate([self._seen, np.zeros(top + 1, np.bool_)])
        if not self._seen[numbers].all():
            new = ~self._seen[numbers]
            self._values.append(values.drop_nulls().filter(pl.Series(new)).unique().alias("values"))
            self._seen[numbers] = True
            self._texts = None
            self._mapped.clear()
        return codes

    def decode(self, codes: pl.Series) -> pl.Series:
        """The texts of numbers, null for null."""
        return self.texts.gather(codes).alias(codes.name)

    @property
    def texts(self) -> pl.Series:
        """All texts by their numbers; null for numbers that no text has."""
        if self._texts is None:
            values = pl.concat(self._values)
            at = np.zeros(len(self._seen), np.int64)
            at[values.to_physical().to_numpy()] = np.arange(1, len(values) + 1)
            # numbers without a text point to the null in front
            texts = pl.concat([pl.Series([None], dtype=pl.String), values.cast(pl.String)])
            self._texts = texts.gather(at)
        return self._texts

    def mapped(self, function: Callable[[pl.Series], pl.Series]) -> pl.Series:
        """What a function makes of all texts, by their numbers; computed once."""
        if function not in self._mapped:
            self._mapped[function] = function(self.texts)
        return self._mapped[function]

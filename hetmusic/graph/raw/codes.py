"""Numbers instead of texts that occur again and again, such as the keys of users."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

_SCHEMA = {"code": pl.UInt32(), "text": pl.String()}
# So many lists of values are kept before they are united.
_LISTS = 64


class Codes:
    """A number for every different text of one column. Which number a text gets means nothing."""

    def __init__(self) -> None:
        self._dtype = pl.Categorical(pl.Categories.random())
        self._values: list[pl.Series] = []
        self._texts: pl.Series | None = None
        self._mapped: dict[Callable[[pl.Series], pl.Series], pl.Series] = {}

    def encode(self, texts: pl.Series) -> pl.Series:
        """The numbers (UInt32) of texts, null for null."""
        values = texts.cast(self._dtype)
        self._values.append(values.unique())
        if len(self._values) > _LISTS:
            self._unite()
        self._texts = None
        self._mapped.clear()
        return values.to_physical()

    def decode(self, codes: pl.Series) -> pl.Series:
        """The texts of numbers, null for null."""
        return self.texts.gather(codes).alias(codes.name)

    @property
    def texts(self) -> pl.Series:
        """All texts by their numbers; null for numbers that no text has."""
        if self._texts is None:
            values = self._unite()
            table = pl.DataFrame({"code": values.to_physical(), "text": values.cast(pl.String)}, _SCHEMA)
            top = -1 if table.is_empty() else int(table["code"].max())  # type: ignore[arg-type]
            every = pl.int_range(top + 1, dtype=pl.UInt32, eager=True).alias("code").to_frame()
            self._texts = every.join(table, on="code", how="left", maintain_order="left")["text"]
        return self._texts

    def mapped(self, function: Callable[[pl.Series], pl.Series]) -> pl.Series:
        """What a function makes of all texts, by their numbers; computed once."""
        if function not in self._mapped:
            self._mapped[function] = function(self.texts)
        return self._mapped[function]

    def _unite(self) -> pl.Series:
        empty = pl.Series("values", [], self._dtype)
        united = pl.concat([empty, *(values.alias("values") for values in self._values)])
        self._values = [united.drop_nulls().unique()]
        return self._values[0]

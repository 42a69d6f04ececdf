"""Numbers for texts that all take the same number of bytes, as UUIDs and ids of songs do: a hash table in numpy."""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

#: widths in bytes; a narrower text is no whole word, and wider ones are no ids
NARROWEST, WIDEST = 8, 64
_WORD = 8
# So many texts are looked up at once: their words stay in the cache of a processor.
_BLOCK = 1 << 15
# The table has at least so many places for each text, so that most texts are found where they are looked for first.
_SPARE = 4
# What no word of a text is, since no text in UTF-8 has a byte 255.
_NO_WORD = ~np.uint64(0)

_Bytes = NDArray[np.uint8]
#: texts of ``w`` words, shape ``(w, texts)``
_Words = NDArray[np.uint64]
_Numbers = NDArray[np.int32]
_Places = NDArray[np.int64]


class FixedWidth:
    """A number for every different text of one width: 1, 2 and so on, nearly in the order in which they are seen."""

    def __init__(self, width: int) -> None:
        """Begin without texts.

        :param width: bytes of each text, from :data:`NARROWEST` to :data:`WIDEST`.
        """
        self.width = width
        #: the largest number given
        self.last = 0
        # Where the words of a text begin. The last one overlaps the one before unless they fit.
        self._starts = [min(start, width - _WORD) for start in range(0, width, _WORD)]
        # Odd, and others in every process, so that nobody can prepare texts that all want the same place.
        self._factors = np.random.default_rng().integers(0, 1 << 63, len(self._starts), np.uint64) * 2 + 1
        # Number 0 stands for a free place: its row is no text.
        self._known = np.full((_BLOCK, len(self._starts)), _NO_WORD)
        self._table = np.zeros(_SPARE * _BLOCK, np.int32)

    def encode(self, texts: pl.Series) -> _Numbers | None:
        """The numbers of texts, none of them null; None if any has another width."""
        data = _bytes(texts, self.width)
        if data is None:
            return None
        numbers = np.empty(len(texts), np.int32)
        missed, words_of_missed = [], []
        for start in range(0, len(texts), _BLOCK):
            block = numbers[start : start + _BLOCK]
            words = self._words(data[start * self.width :], len(block))
            np.take(self._table, self._places(words), out=block, mode="clip")
            rows = self._missed(words, block)
            missed.append(rows + start)
            words_of_missed.append(words[:, rows])
        if missed:
            numbers[np.concatenate(missed)] = self._search(np.concatenate(words_of_missed, axis=1))
        return numbers

    def reserve(self, count: int) -> _Numbers:
        """Numbers for texts of other widths, which somebody else looks up."""
        self._make_room(count)
        self.last += count
        return np.arange(self.last + 1 - count, self.last + 1, dtype=np.int32)

    def texts(self) -> pl.Series:
        """The texts by their numbers; null for 0 and for numbers that were reserved."""
        known = self._known[: self.last + 1]
        data = np.empty((len(known), self.width), np.uint8)
        for word, start in zip(np.ascontiguousarray(known.T), self._starts, strict=True):
            data[:, start : start + _WORD] = word.view(np.uint8).reshape(-1, _WORD)
        is_text = known[:, 0] != _NO_WORD
        ends = np.concatenate([[0], np.cumsum(np.where(is_text, self.width, 0))])
        buffers = [None, pa.py_buffer(ends), pa.py_buffer(data[is_text])]
        array = pa.Array.from_buffers(pa.large_string(), len(known), buffers)
        return pl.select(pl.when(pl.Series(is_text)).then(pl.Series(array))).to_series()

    def _words(self, data: _Bytes, count: int) -> _Words:
        words = np.empty((len(self._starts), count), np.uint64)
        for word, start in zip(words, self._starts, strict=True):
            word[:] = np.ndarray((count,), np.uint64, data, start, (self.width,))
        return words

    def _places(self, words: _Words) -> _Places:
        """Where in the table each text is looked for first: the upper bits of a sum of products."""
        sums = words[0] * self._factors[0]
        for word, factor in zip(words[1:], self._factors[1:], strict=True):
            sums += word * factor
        sums >>= np.uint64(65 - len(self._table).bit_length())
        places: _Places = sums.view(np.int64)
        return places

    def _missed(self, words: _Words, numbers: _Numbers) -> _Places:
        """Which texts are not those of the numbers."""
        known = self._known.take(numbers, axis=0, mode="clip").T
        differs = known[0] != words[0]
        for mine, word in zip(known[1:], words[1:], strict=True):
            differs |= mine != word
        return np.flatnonzero(differs)

    def _search(self, words: _Words) -> _Numbers:
        """The numbers of texts, looked for place by place; those that come to a free place are new."""
        self._make_room(words.shape[1])
        numbers = np.zeros(words.shape[1], np.int32)
        left, places = np.arange(len(numbers)), self._places(words)
        while len(left):
            found = self._table.take(places)
            if not found.all():
                free = np.flatnonzero(found == 0)
                self._add(words[:, free], places[free])
                found = self._table.take(places)
            numbers[left] = found
            missed = self._missed(words, found)
            left, words, places = left[missed], words[:, missed], self._next(places[missed])
        return numbers

    def _add(self, words: _Words, places: _Places) -> None:
        """Put texts into free places: of those that want the same one the first, which equal ones find there."""
        first = self._claim(places, np.arange(1, len(places) + 1, dtype=np.int32))
        numbers = self.reserve(int(first.sum()))
        self._table[places[first]] = numbers
        self._known[numbers] = words[:, first].T

    def _claim(self, places: _Places, numbers: _Numbers) -> NDArray[np.bool_]:
        """Write different numbers into the table; which of them are there afterwards."""
        self._table[places[::-1]] = numbers[::-1]  # of several for one place the last remains
        remain: NDArray[np.bool_] = self._table[places] == numbers
        return remain

    def _next(self, places: _Places) -> _Places:
        return (places + 1) & (len(self._table) - 1)

    def _make_room(self, count: int) -> None:
        """Have rows and places for more texts."""
        needed = self.last + 1 + count
        if needed > len(self._known):
            more = np.full((2 * needed, len(self._starts)), _NO_WORD)
            more[: self.last + 1] = self._known[: self.last + 1]
            self._known = more
        if _SPARE * needed > len(self._table):
            self._table = np.zeros(1 << (_SPARE * needed).bit_length(), np.int32)
            left = np.flatnonzero(self._known[: self.last + 1, 0] != _NO_WORD).astype(np.int32)
            places = self._places(self._known[left].T)
            while len(left):
                free = np.flatnonzero(self._table[places] == 0)
                placed = np.zeros(len(left), np.bool_)
                placed[free] = self._claim(places[free], left[free])
                left, places = left[~placed], self._next(places[~placed])


def width_of(texts: pl.Series) -> int | None:
    """The bytes that each text takes, nulls aside; None if they differ or such texts are not numbered here."""
    widths = texts.str.len_bytes()
    low, high = widths.min(), widths.max()
    return low if isinstance(low, int) and low == high and NARROWEST <= low <= WIDEST else None


def _bytes(texts: pl.Series, width: int) -> _Bytes | None:
    """The texts one after the other, none of them null; None if any has another width."""
    if not (texts.str.len_bytes() == width).all():
        return None
    array = texts.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    _, ends, data = array.buffers()
    first = int(np.frombuffer(ends, np.int64, 1, 8 * array.offset)[0])
    return np.frombuffer(data, np.uint8, len(texts) * width, first)

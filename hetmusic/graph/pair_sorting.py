"""Rows of pairs in the order of the pairs: a 64-bit number for each row, sorted in chunks, the next by another thread."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hetmusic.graph.raw.ahead import one_ahead

_BITS = 64
# So many rows are sorted at once if the first bits of the pairs are spread well.
_CHUNK_BITS = 23
# With more chunks than this it is faster to sort the order instead.
_MOST_CHUNKS_BITS = 6
# Rows of a chunk are collected in arrays so large (32 MiB) that the system gets them back as soon as they are not needed.
_PART = 1 << 22
# So many are worked on at once: temporary arrays of a few MB are taken from memory that was used before.
_BLOCK = 1 << 19

_Packed = NDArray[np.uint64]
_Rows = NDArray[np.int64]


class PairSorter:
    """Collects the pairs of rows, of which each takes 8 bytes, and sorts them."""

    def __init__(self, size: int, num_src: int, num_dst: int) -> None:
        """Begin without rows.

        :param size: largest number of rows.
        :param num_src: number of nodes at the source end.
        :param num_dst: number of nodes at the destination end.
        """
        self._height = 0
        self._dst_bits = _bits(num_dst)
        pair_bits, row_bits = _bits(num_src) + self._dst_bits, _bits(size)
        chunk_bits = min(max(pair_bits + row_bits - _BITS, row_bits - _CHUNK_BITS, 0), pair_bits)
        # A code and the number of its row are packed into one number and sorted together, which is several times faster than
        # sorting the order. Where they have too many bits, or would take too much memory at once, the rows are sorted
        # chunk by chunk, which the first bits of their codes tell apart.
        self._is_packed = chunk_bits <= _MOST_CHUNKS_BITS
        self._row_bits = np.uint64(row_bits if self._is_packed else 0)
        self._shift = np.uint64(pair_bits - chunk_bits if self._is_packed else pair_bits)
        self._chunks = [_Chunk(min(_PART, size)) for _ in range(1 << chunk_bits if self._is_packed else 1)]

    def add(self, src: NDArray[np.integer[Any]], dst: NDArray[np.integer[Any]]) -> None:
        """The next rows."""
        codes = src.astype(np.uint64)
        codes <<= np.uint64(self._dst_bits)
        codes |= dst.astype(np.uint64)
        of_chunk = (codes >> self._shift).astype(np.uint8)
        if self._is_packed:  # what has no room of the bits that tell the chunk falls out
            codes <<= self._row_bits
            codes |= np.arange(self._height, self._height + len(codes), dtype=np.uint64)
        for number, chunk in enumerate(self._chunks):
            chunk.add(codes[of_chunk == number] if len(self._chunks) > 1 else codes)
        self._height += len(codes)

    def blocks(self) -> Iterator[tuple[_Rows, NDArray[np.int64]]]:
        """The numbers of the rows in the order of their pairs, rows of one pair as they came; and their codes. Once.

        They come in blocks that do not divide a pair.
        """
        if not self._is_packed:
            codes = self._chunks[0].take()
            order = np.argsort(codes, kind="stable")
            yield order, codes[order].astype(np.int64)
            return
        for number, packed in enumerate(one_ahead(self._sorted())):
            start = 0
            while start < len(packed):
                last = packed[min(start + _BLOCK, len(packed)) - 1] >> self._row_bits
                stop = int(np.searchsorted(packed, (last + np.uint64(1)) << self._row_bits))
                if stop <= start:  # the last code there is, whose successor has no room
                    stop = len(packed)
                block = packed[start:stop]
                order = (block & ((np.uint64(1) << self._row_bits) - np.uint64(1))).astype(np.int64)
                codes = block >> self._row_bits
                codes |= np.uint64(number) << self._shift
                yield order, codes.astype(np.int64)
                start = stop

    def split(self, codes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The source and destination of codes."""
        return codes >> self._dst_bits, codes & ((1 << self._dst_bits) - 1)

    def _sorted(self) -> Generator[_Packed]:
        for chunk in self._chunks:
            packed = chunk.take()
            packed.sort()
            yield packed


class _Chunk:
    """Numbers in arrays of one size that are filled one after the other."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._parts: list[_Packed] = []
        self._left = 0

    def add(self, numbers: _Packed) -> None:
        """More numbers."""
        while len(numbers):
            if not self._left:
                # pages are taken from the memory only once they are written to
                self._parts.append(np.empty(self._size, np.uint64))
                self._left = self._size
            count = min(self._left, len(numbers))
            start = self._size - self._left
            self._parts[-1][start : start + count] = numbers[:count]
            self._left -= count
            numbers = numbers[count:]

    def take(self) -> _Packed:
        """All numbers as they came, which are forgotten."""
        parts, self._parts = self._parts, []
        if parts:
            parts[-1] = parts[-1][: self._size - self._left]
        whole = np.empty(sum(map(len, parts)), np.uint64)
        done = len(whole)
        while parts:  # from the last to the first, so that each is given back once it is copied
            part = parts.pop()
            whole[done - len(part) : done] = part
            done -= len(part)
        return whole


def _bits(size: int) -> int:
    """How many bits hold every number below a size."""
    return max(size - 1, 1).bit_length()

"""Order, repetitions, loops and directions among pairs of node indices, in pieces of bounded size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
_CHUNK = 1 << 22


def codes(src: NDArray[np.int32], dst: NDArray[np.int32]) -> Ints:
    """One int64 for each pair, in the order of (src, dst) as long as dst is not negative; shape ``(n,)``."""
    return (src.astype(np.int64) << 32) | dst.astype(np.uint32)


def decode(code: Ints) -> list[tuple[int, int]]:
    """The pairs behind codes."""
    src, dst = code >> 32, code.astype(np.uint32).astype(np.int32)
    return list(zip(src.tolist(), dst.tolist(), strict=True))


@dataclass(frozen=True)
class Order:
    """What is wrong with the order of rows."""

    #: number of rows that come before a smaller one
    descents: int
    #: number of rows that repeat another row
    repeated: int
    #: codes of the first repeated pairs
    examples: Ints


def check_order(src: NDArray[np.int32], dst: NDArray[np.int32], examples: int) -> Order:
    """Look for rows out of order and repeated pairs; rows in order are read once, others are sorted."""
    descents, repeated = 0, 0
    found: list[Ints] = []
    for start in range(0, max(len(src) - 1, 0), _CHUNK):
        piece = slice(start, start + _CHUNK + 1)  # one more, since neighbours are compared
        code = codes(src[piece], dst[piece])
        descents += int((code[1:] < code[:-1]).sum())
        same = code[1:][code[1:] == code[:-1]]
        repeated += len(same)
        found.append(same[:examples])
    if descents:  # equal rows need not be neighbours
        code = np.sort(codes(src, dst))
        same = code[1:][code[1:] == code[:-1]]
        return Order(descents, len(same), np.unique(same)[:examples])
    return Order(0, repeated, np.unique(np.concatenate(found))[:examples] if found else np.empty(0, np.int64))


def both_directions(src: NDArray[np.int32], dst: NDArray[np.int32]) -> Ints:
    """Codes (smaller index first) of the pairs that occur as (a, b) and as (b, a)."""
    back = src > dst
    return np.intersect1d(codes(src[~back], dst[~back]), codes(dst[back], src[back]))


def only_in_one(first: Ints, second: Ints) -> Ints:
    """Codes that only one of two sets of pairs has."""
    return np.setxor1d(first, second)

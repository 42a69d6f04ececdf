"""Arithmetic that the strategies share: positions within a user, and how many interactions a part gets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hetmusic.errors import SplitError

# 0.29 * 100 is 28.999999999999996 in floating point, but means 29
_ROUNDING = 1e-9


def rank_within(users: NDArray[Any], *keys: NDArray[Any]) -> NDArray[np.int64]:
    """Position of each row among the rows of its user, sorted by the keys, of which the first one decides.

    :return: 0 for the smallest, shape ``(len(users),)``.
    """
    order = np.lexsort((*reversed(keys), users))
    grouped = users[order]
    begins = (
        np.flatnonzero(np.r_[True, grouped[1:] != grouped[:-1]]) if len(grouped) else np.empty(0, np.int64)
    )
    sizes = np.diff(np.r_[begins, len(grouped)])
    rank = np.empty(len(users), np.int64)
    rank[order] = np.arange(len(users)) - np.repeat(begins, sizes)
    return rank


def group_sizes(users: NDArray[Any]) -> NDArray[np.int64]:
    """Number of rows of each row's user, shape ``(len(users),)``."""
    sizes: NDArray[np.int64] = np.bincount(users)[users] if len(users) else np.empty(0, np.int64)
    return sizes


def held_out_counts(
    sizes: NDArray[np.int64], valid_share: float, test_share: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many of n interactions are validated and tested on, by RecBole's rounding.

    A part gets floor(share * n); then, first for test and after it for validation, a part that would be empty
    takes one interaction from training as long as training has more than one.

    :param sizes: n, any shape.
    :return: numbers for validation and for test, of the same shape.
    """
    valid, test = (
        np.floor(share * sizes + _ROUNDING).astype(np.int64) for share in (valid_share, test_share)
    )
    train = sizes - valid - test
    for part, share in ((test, test_share), (valid, valid_share)):
        takes = (part == 0) & (train > 1) & (share > 0)
        part += takes
        train = train - takes
    return valid, test


def check_ratios(ratios: Sequence[float]) -> tuple[float, float, float]:
    """Check shares of train, validation and test.

    :raises SplitError: if they are not three shares that sum to 1, with something to train on.
    """
    values = tuple(float(ratio) for ratio in ratios)
    if len(values) != 3 or min(values) < 0 or values[0] <= 0 or not np.isclose(sum(values), 1.0, atol=1e-6):
        raise SplitError(
            f"ratios of train, valid and test must sum to 1 with train above 0, not {list(ratios)}"
        )
    return values


def check_share(name: str, value: float) -> float:
    """Check a share in [0, 1).

    :raises SplitError: if it is outside.
    """
    if not 0 <= value < 1:
        raise SplitError(f"{name} must be at least 0 and less than 1, not {value}")
    return float(value)

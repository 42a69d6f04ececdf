"""Which training interactions carry no message in a step."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: size of the table that a step's named interactions are looked up in first; a power of two
_TABLE = 1 << 16


class LeftOut:
    """The interactions that a step leaves out of message passing, in both directions."""

    def of(self, ids: NDArray[Any]) -> NDArray[np.bool_]:
        """Whether each of some interactions is left out.

        :param ids: their positions among the training interactions, shape ``(n,)``.
        """
        raise TypeError(f"{type(self).__name__} must implement of()")

    def mask(self, count: int) -> NDArray[np.bool_]:
        """The same for all of them, in order."""
        return self.of(np.arange(count))


class LeftOutMask(LeftOut):
    """Interactions named by a mask, for steps over the whole graph.

    :param mask: bool ``(number of training interactions,)``.
    """

    def __init__(self, mask: NDArray[np.bool_]) -> None:
        self._mask = mask

    def of(self, ids: NDArray[Any]) -> NDArray[np.bool_]:  # noqa: D102
        out: NDArray[np.bool_] = self._mask[ids]
        return out

    def mask(self, count: int) -> NDArray[np.bool_]:  # noqa: D102
        return self._mask


class LeftOutByChance(LeftOut):
    """A share of the interactions, decided for each when it is asked for: a step costs the same however many there are.

    Whether interaction k is left out depends on k and a key alone (the finaliser of SplitMix64, Steele et al. 2014), so both
    directions agree.

    :param share: in [0, 1].
    :param key: another one every step.
    :param named: further interactions to leave out, whatever chance says.
    """

    def __init__(self, share: float, key: int, named: NDArray[np.int64] | None = None) -> None:
        self.share = share
        self._key = np.uint64(key)
        self._named = None if named is None or not len(named) else np.sort(named)
        #: whether any of the named has an id with these last bits: says no to most ids without a search
        self._some = np.zeros(_TABLE, dtype=bool)
        if self._named is not None:
            self._some[self._named & (_TABLE - 1)] = True

    def of(self, ids: NDArray[Any]) -> NDArray[np.bool_]:  # noqa: D102
        out = np.zeros(len(ids), dtype=bool) if self.share == 0 else _uniform(ids, self._key) < self.share
        if self._named is not None:
            asked = np.flatnonzero(self._some[ids & (_TABLE - 1)])
            place = np.minimum(np.searchsorted(self._named, ids[asked]), len(self._named) - 1)
            out[asked] |= self._named[place] == ids[asked]
        return np.asarray(out)


def _uniform(ids: NDArray[Any], key: np.uint64) -> NDArray[np.float64]:
    """A number in [0, 1) for every id."""
    x = ids.astype(np.uint64)
    x *= np.uint64(0x9E3779B97F4A7C15)
    x += key
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        x ^= x >> np.uint64(shift)
        x *= np.uint64(factor)
    x ^= x >> np.uint64(31)
    return (x >> np.uint64(11)).astype(np.float64) * 2.0**-53

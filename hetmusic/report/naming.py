"""Names of clusters and groups by what is typical of them: what they have more of than the whole, not what is frequent."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: a trait counts as typical of a part if it makes up at least this share of it, unless another is given,
_LEAST_SHARE = 0.02
#: and this many times what it makes up of the whole
_LEAST_LIFT = 1.25
#: the share of the whole that is added to every part, so that a single mention in a small part is no rule
_PRIOR = 0.002


def lifts(part: Floats, whole: Floats) -> Floats:
    """How many times more a part has of each trait than the whole, shape ``(num_traits,)``; 0 where the whole has none.

    :param part: shares of traits that sum to 1, or zeros; ``whole`` likewise.
    """
    mixed = (part + _PRIOR * whole) / (1 + _PRIOR)
    return np.asarray(np.divide(mixed, whole, out=np.zeros_like(mixed), where=whole > 0))


def typical(part: Floats, whole: Floats, count: int, least_share: float = _LEAST_SHARE) -> list[int]:
    """Indices of the traits with the highest lift, of those that the part has enough of; perhaps none.

    Equal lifts are decided by share, then by index.
    """
    found = lifts(part, whole)
    enough = np.flatnonzero((part >= least_share) & (found >= _LEAST_LIFT))
    order = np.lexsort((enough, -part[enough], -found[enough].round(9)))
    return [int(index) for index in enough[order][:count]]


def in_words(genres: Sequence[str], emotions: Sequence[str], otherwise: str) -> str:
    """``doom metal, sludge; dark``, or what is to be said where nothing is typical."""
    parts = [", ".join(genres), ", ".join(emotions)]
    return "; ".join(part for part in parts if part) or otherwise

"""What lists are like beside their hits: how well known, how concentrated, how true to a user's range of genres.

See ``docs/metrics.md``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: how much of the wanted distribution is mixed into the given one, so that a genre missing there costs a finite amount
ALPHA = 0.01


def self_information(listeners: NDArray[Any], num_users: int) -> Floats:
    """Bits of surprise that a user knows an item: ``log2(num_users / listeners)`` (Zhou et al. 2010).

    :param listeners: number of users who have the item in training, shape ``(num_items,)``; none counts as one.
    """
    return np.asarray(np.log2(num_users / np.maximum(listeners, 1)))


def novelty(items: NDArray[np.int32], information: Floats) -> Floats:
    """Mean self-information of each list, shape ``(num_users,)``; NaN for an empty one.

    :param items: lists, shape ``(num_users, k)``; -1 for an empty place.
    :param information: of every item, from :func:`self_information`.
    """
    filled = items >= 0
    with np.errstate(invalid="ignore"):
        total = np.where(filled, information[items], 0.0).sum(axis=1)
        return np.asarray(total / filled.sum(axis=1))


def gini(counts: NDArray[Any]) -> float:
    """Gini coefficient of how often each candidate is recommended: 0 if all are alike, near 1 if few are all there is.

    ``sum_i (2 i - n - 1) c_i / (n sum c)`` over the n counts in ascending order, i from 1.

    :param counts: of all candidates, those that are never recommended included.
    :return: 0 where nothing is recommended.
    """
    ordered = np.sort(np.asarray(counts, dtype=np.float64))
    if not ordered.sum() > 0:
        return 0.0
    ranks = np.arange(1, len(ordered) + 1)
    return float(((2 * ranks - len(ordered) - 1) * ordered).sum() / (len(ordered) * ordered.sum()))


def miscalibration(wanted: Floats, given: Floats, alpha: float = ALPHA) -> Floats:
    """Kullback-Leibler divergence of genres in the lists from those in the users' histories (Steck 2018), in nats.

    ``sum_g p(g) log(p(g) / ((1 - alpha) q(g) + alpha p(g)))``: 0 if a list has every genre in the history's proportion,
    at most ``log(1 / alpha)``.

    :param wanted: p, shape ``(num_users, num_genres)``, rows that sum to 1; a row of zeros is a user without genres.
    :param given: q, likewise.
    :return: shape ``(num_users,)``; NaN where either row is zero.
    """
    mixed = (1 - alpha) * given + alpha * wanted
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(wanted > 0, wanted * np.log(wanted / mixed), 0.0)
    known = (wanted.sum(axis=1) > 0) & (given.sum(axis=1) > 0)
    return np.where(known, terms.sum(axis=1).clip(min=0), np.nan)

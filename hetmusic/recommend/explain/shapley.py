"""Shapley values of a score: what each part adds to it, averaged over all orders in which the parts could come."""

from __future__ import annotations

from dataclasses import dataclass
from math import factorial

import numpy as np
from numpy.typing import NDArray

#: with more parts than this, orders are drawn instead of all subsets computed
MOST_EXACT = 8
#: about so many subsets are computed where orders are drawn
_BUDGET = 256


@dataclass(frozen=True)
class ShapleyPlan:
    """The subsets of parts whose values are needed, and how they make Shapley values.

        phi_p = sum over S without p of |S|! (n - |S| - 1)! / n! · (v(S + p) - v(S))

    (Shapley 1953; Lundberg and Lee 2017 of models). All subsets of up to :data:`MOST_EXACT` parts are computed. Of more,
    orders are drawn, each with its reverse, and a part's value is its mean gain over them (Castro et al. 2009): unbiased,
    and base and values still add up to the score exactly, since the gains of every single order do.
    """

    #: which parts each subset has, bool ``(num_subsets, num_parts)``; the empty one first, the full one last
    subsets: NDArray[np.bool_]
    #: phi = weights @ v, shape ``(num_parts, num_subsets)``
    weights: NDArray[np.float64]
    exact: bool

    def values(self, of_subsets: NDArray[np.float64]) -> NDArray[np.float64]:
        """Shapley values.

        :param of_subsets: the value of every subset, shape ``(num_subsets, ...)``.
        :return: shape ``(num_parts, ...)``.
        """
        return np.asarray(np.tensordot(self.weights, of_subsets, axes=1))


def plan_shapley(num_parts: int, additive: bool = False) -> ShapleyPlan:
    """Say which subsets of parts to compute.

    :param additive: whether values of subsets are known to be sums over their parts: then single parts are enough.
    """
    if additive:
        return _additive(num_parts)
    return _exact(num_parts) if num_parts <= MOST_EXACT else _drawn(num_parts)


def _additive(n: int) -> ShapleyPlan:
    """phi_p = v({p}) - v({}); the full set is computed for what it is."""
    subsets = np.concatenate([np.zeros((1, n), bool), np.eye(n, dtype=bool), np.ones((1, n), bool)])
    weights = np.concatenate([-np.ones((n, 1)), np.eye(n), np.zeros((n, 1))], axis=1)
    return ShapleyPlan(subsets, weights, exact=True)


def _exact(n: int) -> ShapleyPlan:
    numbers = np.arange(2**n)
    subsets = (numbers[:, None] >> np.arange(n)) & 1 == 1
    weights = np.zeros((n, 2**n))
    for part in range(n):
        without = numbers[~subsets[:, part]]
        size = subsets[without].sum(axis=1)
        share = np.array([factorial(s) * factorial(n - s - 1) / factorial(n) for s in size])
        weights[part, without | (1 << part)] = share
        weights[part, without] = -share
    return ShapleyPlan(subsets, weights, exact=True)


def _drawn(n: int) -> ShapleyPlan:
    rng = np.random.default_rng(0)  # the same explanation every time
    drawn = [rng.permutation(n) for _ in range(max(1, _BUDGET // (2 * n)))]
    orders = [order for one in drawn for order in (one, one[::-1])]
    found: dict[bytes, int] = {}
    subsets: list[NDArray[np.bool_]] = []

    def number(subset: NDArray[np.bool_]) -> int:
        key = subset.tobytes()
        if key not in found:
            found[key] = len(subsets)
            subsets.append(subset.copy())
        return found[key]

    number(np.zeros(n, bool))
    gains = []
    for order in orders:
        subset = np.zeros(n, bool)
        before = 0
        for part in order:
            subset[part] = True
            after = number(subset)
            gains.append((part, before, after))
            before = after
    # the full set comes last
    full = found[np.ones(n, bool).tobytes()]
    place = np.arange(len(subsets))
    place[full:] -= 1
    place[full] = len(subsets) - 1
    weights = np.zeros((n, len(subsets)))
    for part, before, after in gains:
        weights[part, place[after]] += 1 / len(orders)
        weights[part, place[before]] -= 1 / len(orders)
    ordered = np.empty((len(subsets), n), bool)
    ordered[place] = subsets
    return ShapleyPlan(ordered, weights, exact=False)

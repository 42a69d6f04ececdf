"""The lists of recommendations that an evaluation judges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hetmusic.evaluation.result import Evaluation
from hetmusic.ranking import CATALOGUE_METRICS, USER_METRICS, RankedHits, UserItems


@dataclass(frozen=True)
class Lists:
    """A list for every evaluated user, and what was to be found."""

    #: int32 ``(num_users, k)``, best first; -1 for an empty place
    items: NDArray[np.int32]
    #: the lists' hits, and how many items were to be found
    judged: RankedHits
    #: indices of the evaluated users, ascending, shape ``(num_users,)``
    users: NDArray[np.int64]
    #: every user's held-out items
    held_out: UserItems
    #: the part that was to be found, e.g. ``"test"``, and those whose items were left out, e.g. ``"train+valid"``
    part: str
    mask: str
    #: size of the ranked catalogue (before masking)
    num_candidates: int

    def evaluation(self, names: Sequence[str], ks: Sequence[int]) -> Evaluation:
        """Metrics of the lists at several cutoffs, none of them longer than the lists."""
        per_user = {
            f"{name}@{k}": self.judged.measure(name, k) for name in names if name in USER_METRICS for k in ks
        }
        values = {key: float(value.mean()) for key, value in per_user.items()}
        for name in names:
            if name in CATALOGUE_METRICS:
                values |= {
                    f"{name}@{k}": CATALOGUE_METRICS[name](self.items[:, :k], self.num_candidates) for k in ks
                }
        return Evaluation(values, per_user, self.users, self.part, self.mask, self.num_candidates)

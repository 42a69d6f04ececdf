"""Explains the lists of a run, many users at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hetmusic.errors import RunError
from hetmusic.models import MMGNN
from hetmusic.recommend.explain.batch import Batch
from hetmusic.recommend.explain.copies import Ints
from hetmusic.recommend.explain.encoding import Encoder, Floats
from hetmusic.recommend.explain.explanation import Explanation
from hetmusic.recommend.explain.facts import Pairs
from hetmusic.recommend.explain.surroundings import Surroundings
from hetmusic.recommend.recommendation import Recommendation
from hetmusic.recommend.stored_run import StoredRun
from hetmusic.training.tensors import GraphTensors

#: users explained at a time: what they have in common is computed once
_USERS = 256
#: stored scores and those of the model may differ by this much of their size: other machines round otherwise
_TOLERANCE = 1e-3
#: part of a score that steering towards a mood is
MOOD = "mood"


@dataclass(frozen=True)
class Asked:
    """A user's list, to be explained."""

    user: int
    items: NDArray[np.int64]
    recommendations: Sequence[Recommendation]
    #: what steering has added to the model's scores, shape ``(len(items),)``; None: nothing
    mood: Floats | None = None


class Explainer:
    """A run's model, ready to explain.

    :param run: a finished run whose graph is there.
    :param model: its model, with the best weights.
    :param tensors: the training graph; it may have one more user than the run, a newcomer.
    """

    def __init__(self, run: StoredRun, model: MMGNN, tensors: GraphTensors) -> None:
        self._run = run
        self._model, self._tensors = model, tensors
        self._use(Encoder(model, tensors))

    def explain(self, lists: Sequence[Asked]) -> list[list[Explanation]]:
        """Explain lists, in their order.

        :raises RunError: if the model does not score as the run has stored.
        """
        found: list[list[Explanation]] = []
        for first in range(0, len(lists), _USERS):
            found += self._some(lists[first : first + _USERS])
        return found

    def _use(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._around = Surroundings(self._run, encoder)

    def _some(self, lists: Sequence[Asked]) -> list[list[Explanation]]:
        pairs = _pairs_of(lists)
        if not len(pairs.rows):
            return [[] for _ in lists]
        stored = _listed_scores(lists)
        work = Batch(self._encoder, self._around, pairs)
        if not self._encoder.whole_graph and not _close(work.towers.total, stored):
            self._use(Encoder(self._model, self._tensors, whole_graph=True))
            work = Batch(self._encoder, self._around, pairs)
        if not _close(work.towers.total, stored):
            raise RunError(
                f"{self._run.path}: the model scores {work.towers.total[0]:.4f} where {stored[0]:.4f} is stored; its "
                "weights and its embeddings are not of one fit"
            )
        added = {MOOD: _moods(lists)} if any(one.mood is not None for one in lists) else {}
        explained = iter(work.explanations([r for one in lists for r in one.recommendations], added))
        return [[next(explained) for _ in one.items] for one in lists]


def _pairs_of(lists: Sequence[Asked]) -> Pairs:
    users = np.array([one.user for one in lists], dtype=np.int64)
    wanted: Ints = np.concatenate([one.items for one in lists]).astype(np.int64)
    items, columns = np.unique(wanted, return_inverse=True)
    rows = np.repeat(np.arange(len(lists)), [len(one.items) for one in lists])
    return Pairs(users, items, rows, columns.reshape(-1))


def _moods(lists: Sequence[Asked]) -> Floats:
    """What steering has added to every score; nothing where it was not asked for."""
    return np.concatenate([np.zeros(len(one.items)) if one.mood is None else one.mood for one in lists])


def _listed_scores(lists: Sequence[Asked]) -> Floats:
    """The scores in the lists, without what steering has added."""
    return np.array([item.score for one in lists for item in one.recommendations]) - _moods(lists)


def _close(found: Floats, stored: Floats) -> bool:
    return bool((np.abs(found - stored) <= _TOLERANCE * np.maximum(1.0, np.abs(stored))).all())

"""Explains the lists of a run, many users at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hetmusic.errors import RunError
from hetmusic.models.mmgnn import EMOTION, MMGNN
from hetmusic.recommend.explain.copies import Ints
from hetmusic.recommend.explain.decompose import Decomposition, over_relations, over_towers
from hetmusic.recommend.explain.encoding import Encoder, Floats
from hetmusic.recommend.explain.explanation import Evidence, Explanation, Reason
from hetmusic.recommend.explain.facts import Deletion, Facts, Pairs
from hetmusic.recommend.explain.reasons import TINY, Draft, Effects, ReasonWriter
from hetmusic.recommend.explain.surroundings import Surroundings
from hetmusic.recommend.recommendation import Recommendation
from hetmusic.recommend.stored_run import StoredRun
from hetmusic.training.tensors import GraphTensors

#: users explained at a time: what they have in common is computed once
_USERS = 256
#: stored scores and those of the model may differ by this much of their size: other machines round otherwise
_TOLERANCE = 1e-3
#: reasons with less than this share of the effect of the strongest are not given
_SHARE = 0.01
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
        work = _Batch(self._encoder, self._around, pairs)
        if not self._encoder.whole_graph and not _close(work.towers.total, stored):
            self._use(Encoder(self._model, self._tensors, whole_graph=True))
            work = _Batch(self._encoder, self._around, pairs)
        if not _close(work.towers.total, stored):
            raise RunError(
                f"{self._run.path}: the model scores {work.towers.total[0]:.4f} where {stored[0]:.4f} is stored; its "
                "weights and its embeddings are not of one fit"
            )
        if any(one.mood is not None for one in lists):
            work.add(MOOD, _moods(lists))
        explained = iter(work.explanations([r for one in lists for r in one.recommendations]))
        return [[next(explained) for _ in one.items] for one in lists]


class _Batch:
    """Everything about the lists of some users."""

    def __init__(self, encoder: Encoder, around: Surroundings, pairs: Pairs) -> None:
        self._encoder, self._around, self._pairs = encoder, around, pairs
        self._users = encoder.neighbourhood(encoder.user, pairs.users)
        self._items = encoder.neighbourhood(encoder.item, pairs.items)
        self._vectors = encoder.encode(self._users), encoder.encode(self._items)
        self.towers = over_towers(encoder, *self._vectors, pairs.items, pairs.rows, pairs.columns)
        self._added: list[tuple[str, Floats]] = []

    def add(self, name: str, term: Floats) -> None:
        """Something that was added to the model's scores."""
        self._added.append((name, term))

    def explanations(self, recommendations: Sequence[Recommendation]) -> list[Explanation]:
        pairs = self._pairs
        relations = over_relations(self._encoder, self._users, self._items, pairs.rows, pairs.columns)
        towers = self.towers
        for name, term in self._added:
            towers, relations = towers.plus(name, term), relations.plus(name, term)
        deletion = Deletion(self._encoder, pairs, *self._vectors)
        effects = _effects(deletion, pairs)
        drafts = self._drafts(deletion, effects, towers)
        lost = deletion.joint(
            np.arange(len(drafts)),
            [[fact for draft in part for fact in draft.user_facts] for part in drafts],
            [[fact for draft in part for fact in draft.item_facts] for part in drafts],
        )
        return [
            self._explanation(
                pair, towers, relations, recommendations[pair], deletion, effects[pair], drafts[pair], lost
            )
            for pair in range(len(drafts))
        ]

    def _drafts(
        self, deletion: Deletion, effects: Sequence[Effects], towers: Decomposition
    ) -> list[list[Draft]]:
        """Per pair, the reasons that have an effect as a whole, the strongest first."""
        writer = ReasonWriter(self._around, deletion.user_facts, deletion.item_facts)
        drafts = [writer.drafts(one) for one in effects]
        every = [(pair, draft) for pair, part in enumerate(drafts) for draft in part]
        joint = deletion.joint(
            np.array([pair for pair, _ in every], dtype=np.int64),
            [draft.user_facts for _, draft in every],
            [draft.item_facts for _, draft in every],
        )
        for (_, draft), effect in zip(every, joint, strict=True):
            draft.effect = float(effect)
        if EMOTION in towers.names:
            felt = towers.contributions[towers.names.index(EMOTION)]
            for pair, part in enumerate(drafts):
                if mood := writer.mood(effects[pair], float(felt[pair])):
                    part.append(mood)
        return [_worth_saying(part) for part in drafts]

    def _explanation(
        self,
        pair: int,
        towers: Decomposition,
        relations: Decomposition,
        of: Recommendation,
        deletion: Deletion,
        effects: Effects,
        drafts: Sequence[Draft],
        lost: Floats,
    ) -> Explanation:
        about_user, about_item = (
            (deletion.user_facts, effects.user_facts, effects.of_user, effects.user),
            (deletion.item_facts, effects.item_facts, effects.of_item, effects.item),
        )
        reasons = []
        for draft in drafts:
            evidence = self._evidence(draft.user_facts, *about_user) + self._evidence(
                draft.item_facts, *about_item
            )
            reasons.append(Reason(draft.kind, draft.text, draft.effect or 0.0, tuple(evidence)))
        score = float(towers.total[pair])
        return Explanation(
            of.item_key,
            of.name,
            of.score,
            of.rank,
            towers.parts(pair),
            relations.parts(pair),
            tuple(reasons),
            score - float(lost[pair]),
        )

    def _evidence(
        self, chosen: Sequence[int], facts: Facts, inside: slice, effects: Floats, target: int
    ) -> list[Evidence]:
        found = []
        for fact in chosen:
            edge_type = facts.edge_types[facts.relation[fact]]
            source = self._around.node(edge_type.src, int(facts.source[fact]))
            effect = float(effects[fact - inside.start])
            found.append(
                Evidence(edge_type.relation, source, self._around.node(edge_type.dst, target), effect)
            )
        return found


def _worth_saying(drafts: Sequence[Draft]) -> list[Draft]:
    """Those that have an effect which is not small beside that of the strongest, this one first."""
    least = max(TINY, _SHARE * max((draft.effect or 0.0 for draft in drafts), default=0.0))
    chosen = [draft for draft in drafts if (draft.effect or 0.0) > least]
    return sorted(chosen, key=lambda draft: -(draft.effect or 0.0))


def _effects(deletion: Deletion, pairs: Pairs) -> list[Effects]:
    of_users, of_items = deletion.single()
    return [
        Effects(
            int(pairs.users[row]),
            int(pairs.items[column]),
            deletion.user_facts.of(row),
            of_users[pair],
            deletion.item_facts.of(column),
            of_items[pair],
        )
        for pair, (row, column) in enumerate(zip(pairs.rows, pairs.columns, strict=True))
    ]


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

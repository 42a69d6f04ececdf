"""Everything that is said about the lists of some users, computed together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from hetmusic.models.mmgnn import EMOTION
from hetmusic.recommend.explain.decompose import Decomposition, over_relations, over_towers
from hetmusic.recommend.explain.encoding import Encoder, Floats
from hetmusic.recommend.explain.explanation import Evidence, Explanation, Reason
from hetmusic.recommend.explain.facts import Deletion, Facts, Pairs
from hetmusic.recommend.explain.reasons import TINY, Draft, Effects, ReasonWriter
from hetmusic.recommend.explain.surroundings import Surroundings
from hetmusic.recommend.recommendation import Recommendation

#: reasons with less than this share of the effect of the strongest are not given
_SHARE = 0.01


class Batch:
    """Pairs of users and items, to be explained.

    :param around: puts evidence into words.
    """

    def __init__(self, encoder: Encoder, around: Surroundings, pairs: Pairs) -> None:
        self._encoder, self._around, self._pairs = encoder, around, pairs
        self._users = encoder.neighbourhood(encoder.user, pairs.users)
        self._items = encoder.neighbourhood(encoder.item, pairs.items)
        self._vectors = encoder.encode(self._users), encoder.encode(self._items)
        #: what the towers give to the scores
        self.towers = over_towers(encoder, *self._vectors, pairs.items, pairs.rows, pairs.columns)

    def explanations(
        self, recommendations: Sequence[Recommendation], added: Mapping[str, Floats]
    ) -> list[Explanation]:
        """Explain every pair.

        :param recommendations: what each pair is in its user's list.
        :param added: what was added to the model's scores, by name, each of shape ``(num_pairs,)``.
        """
        pairs = self._pairs
        relations = over_relations(self._encoder, self._users, self._items, pairs.rows, pairs.columns)
        towers = self.towers
        for name, term in added.items():
            towers, relations = towers.plus(name, term), relations.plus(name, term)
        deletion = Deletion(self._encoder, pairs, *self._vectors)
        effects = _effects(deletion, pairs)
        drafts = self._drafts(deletion, effects, towers)
        left = towers.total - deletion.joint(
            np.arange(len(drafts)),
            [[fact for draft in part for fact in draft.user_facts] for part in drafts],
            [[fact for draft in part for fact in draft.item_facts] for part in drafts],
        )
        return [
            Explanation(
                of.item_key,
                of.name,
                of.score,
                of.rank,
                towers.parts(pair),
                relations.parts(pair),
                tuple(self._reason(draft, deletion, effects[pair]) for draft in drafts[pair]),
                float(left[pair]),
            )
            for pair, of in enumerate(recommendations)
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

    def _reason(self, draft: Draft, deletion: Deletion, effects: Effects) -> Reason:
        of_user = [
            self._evidence(deletion.user_facts, fact, effects.without(fact), effects.user)
            for fact in draft.user_facts
        ]
        of_item = [
            self._evidence(deletion.item_facts, fact, effects.without(fact, of_item=True), effects.item)
            for fact in draft.item_facts
        ]
        return Reason(draft.kind, draft.wording, draft.effect, (*of_user, *of_item))

    def _evidence(self, facts: Facts, fact: int, effect: float, target: int) -> Evidence:
        edge_type = facts.edge_types[facts.relation[fact]]
        source = self._around.node(edge_type.src, int(facts.source[fact]))
        return Evidence(edge_type.relation, source, self._around.node(edge_type.dst, target), effect)


def _worth_saying(drafts: Sequence[Draft]) -> list[Draft]:
    """Those that have an effect which is not small beside that of the strongest, this one first."""
    least = max(TINY, _SHARE * max((draft.effect for draft in drafts), default=0.0))
    return sorted((draft for draft in drafts if draft.effect > least), key=lambda draft: -draft.effect)


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

"""From facts and their effects to a few reasons a pair."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from hetmusic.graph.types import EdgeType
from hetmusic.recommend.explain import words
from hetmusic.recommend.explain.encoding import Floats
from hetmusic.recommend.explain.facts import Facts
from hetmusic.recommend.explain.surroundings import Surroundings
from hetmusic.recommend.explain.wording import Wording

#: facts that a reason names
NAMED = 3
#: plays of a user that are searched for what they have in common with an item, those with the strongest effect
_SEARCHED = 20
#: facts with less than this share of the effect of the reason's first are not named
_SHARE = 0.1
#: effects below this are rounding
TINY = 1e-5


@dataclass
class Draft:
    """A reason, with the facts that it means."""

    kind: str
    wording: Wording
    user_facts: list[int] = field(default_factory=list)
    item_facts: list[int] = field(default_factory=list)
    #: how much the score falls without all of the facts
    effect: float = 0.0


@dataclass(frozen=True)
class Effects:
    """A pair's facts and how much its score falls without each alone."""

    user: int
    item: int
    user_facts: slice
    of_user: Floats
    item_facts: slice
    of_item: Floats

    def without(self, fact: int, of_item: bool = False) -> float:
        """How much the score falls without one fact.

        :param of_item: whether it is one about the item.
        """
        effects, inside = (self.of_item, self.item_facts) if of_item else (self.of_user, self.user_facts)
        return float(effects[fact - inside.start])

    def strongest(self, facts: Sequence[int], of_item: bool = False) -> list[int]:
        """Those that are worth naming.

        :param facts: about the user or the item, strongest first.
        """
        least = _SHARE * self.without(facts[0], of_item) if facts else 0.0
        return [fact for fact in facts[:NAMED] if self.without(fact, of_item) >= least]


class ReasonWriter:
    """Writes the reasons of pairs.

    :param around: the graph around users and items.
    """

    def __init__(self, around: Surroundings, user_facts: Facts, item_facts: Facts) -> None:
        self.around = around
        self.user_facts, self.item_facts = user_facts, item_facts

    def drafts(self, effects: Effects) -> list[Draft]:
        """Reasons that speak for a pair; no fact is in two of them."""
        helping = _helping(effects.of_user, effects.user_facts)
        plays, friends, others = self._sorted_out(helping)
        about = self._about_item(effects)
        found = list(self._plays(effects, plays, about))
        found += self._friends(effects, friends)
        for edge_type, facts in others.items():
            named = effects.strongest(facts)
            wording = words.about_user(edge_type, self._names(self.user_facts, named))
            found.append(Draft(edge_type.relation, wording, named))
        found += self._shared(effects, plays, about)
        return found

    def mood(self, effects: Effects, effect: float) -> Draft | None:
        """The reason that an emotion tower's part of the score is.

        :param effect: that part.
        """
        if effect <= TINY:
            return None
        plays = self._sorted_out(_helping(effects.of_user, effects.user_facts))[0]
        found = self.around.alike_in_mood(effects.item, self.user_facts.source[plays])
        if found is None:
            return None
        word, alike = found
        return Draft("emotion", words.in_mood(word, *self._played(effects.user, alike)), effect=effect)

    def _sorted_out(self, helping: Sequence[int]) -> tuple[list[int], list[int], dict[EdgeType, list[int]]]:
        """Facts about a user: what is played, friends, and others by relation."""
        plays: list[int] = []
        friends: list[int] = []
        others: dict[EdgeType, list[int]] = {}
        for fact in helping:
            edge_type = self.user_facts.edge_types[self.user_facts.relation[fact]]
            if edge_type.src == self.around.item_type:
                plays.append(fact)
            elif edge_type.src == self.around.user_type:
                friends.append(fact)
            else:
                others.setdefault(edge_type, []).append(fact)
        return plays, friends, others

    def _about_item(self, effects: Effects) -> dict[EdgeType, list[int]]:
        found: dict[EdgeType, list[int]] = {}
        for fact in _helping(effects.of_item, effects.item_facts):
            found.setdefault(self.item_facts.edge_types[self.item_facts.relation[fact]], []).append(fact)
        return found

    def _plays(
        self, effects: Effects, plays: Sequence[int], about: dict[EdgeType, list[int]]
    ) -> Iterator[Draft]:
        """Plays with the same artist or album, those called similar, and the others; facts about the item that tie them
        are taken out of ``about``."""
        owned: dict[tuple[EdgeType, int], list[int]] = {}
        alike: list[int] = []
        rest: list[int] = list(plays[_SEARCHED:])
        for fact in reversed(plays[:_SEARCHED]):
            source = int(self.user_facts.source[fact])
            if tie := self.around.owner_of_both(effects.item, source):
                owned.setdefault(tie, []).insert(0, fact)
            elif self.around.are_similar(effects.item, source):
                alike.insert(0, fact)
            else:
                rest.insert(0, fact)
        for (edge_type, owner), facts in owned.items():
            named = effects.strongest(facts)
            wording = words.same_owner(edge_type.src, *self._played_facts(effects.user, named))
            yield Draft("plays", wording, named, self._taken(about, edge_type, [owner]))
        if named := effects.strongest(alike):
            wording = words.similar(*self._played_facts(effects.user, named))
            sources = [int(self.user_facts.source[fact]) for fact in named]
            ties = [t for t in about if t.relation == words.SIMILAR]
            yield Draft(
                "plays", wording, named, [fact for t in ties for fact in self._taken(about, t, sources)]
            )
        if named := effects.strongest(rest):
            yield Draft("plays", words.goes_with(*self._played_facts(effects.user, named)), named)

    def _taken(
        self, about: dict[EdgeType, list[int]], edge_type: EdgeType, sources: Sequence[int]
    ) -> list[int]:
        facts = about.get(edge_type, [])
        taken = [fact for fact in facts if self.item_facts.source[fact] in sources]
        about[edge_type] = [fact for fact in facts if fact not in taken]
        return taken

    def _friends(self, effects: Effects, helping: Sequence[int]) -> Iterator[Draft]:
        """Friends who play the item, and others whose taste speaks for it."""
        every = [
            fact
            for fact in range(effects.user_facts.start, effects.user_facts.stop)
            if self.user_facts.edge_types[self.user_facts.relation[fact]].src == self.around.user_type
        ]
        listeners = self.around.listeners(effects.item)
        playing = {int(self.user_facts.source[fact]) for fact in every} & listeners
        named = [fact for fact in helping if int(self.user_facts.source[fact]) in playing]
        if named := effects.strongest(named):
            wording = words.friends_play(self._names(self.user_facts, named), len(playing))
            yield Draft("friends", wording, named)
        others = [fact for fact in helping if int(self.user_facts.source[fact]) not in playing]
        if others := effects.strongest(others):
            yield Draft("friends' taste", words.friends_taste(self._names(self.user_facts, others)), others)

    def _shared(
        self, effects: Effects, plays: Sequence[int], about: dict[EdgeType, list[int]]
    ) -> Iterator[Draft]:
        """What is known about the item, and about plays as well."""
        sources = [int(self.user_facts.source[fact]) for fact in plays[:_SEARCHED]]
        for edge_type, facts in about.items():
            chosen = effects.strongest(facts, of_item=True)
            if not chosen:
                continue
            nodes = {int(self.item_facts.source[fact]) for fact in chosen}
            alike = [item for item in sources if nodes & self.around.about(item, edge_type)][:2]
            names, often = self._played(effects.user, alike)
            wording = words.about_item(edge_type, self._names(self.item_facts, chosen), names, often)
            yield Draft(edge_type.relation, wording, item_facts=chosen)

    def _names(self, facts: Facts, chosen: Sequence[int]) -> list[str]:
        nodes = [
            self.around.node(facts.edge_types[facts.relation[fact]].src, int(facts.source[fact]))
            for fact in chosen
        ]
        # a bare number is no name of a person
        return [
            f"user {n.key}" if n.type == self.around.user_type and n.name == n.key else n.name for n in nodes
        ]

    def _played_facts(self, user: int, facts: Sequence[int]) -> tuple[list[str], bool]:
        return self._played(user, [int(self.user_facts.source[fact]) for fact in facts])

    def _played(self, user: int, items: Sequence[int]) -> tuple[list[str], bool]:
        """Names of items, and whether the user plays all of them often."""
        names = [self.around.node(self.around.item_type, item).name for item in items]
        return names, bool(items) and all(self.around.plays_often(user, item) for item in items)


def _helping(effects: Floats, facts: slice) -> list[int]:
    """Numbers of the facts without which the score falls, those with the largest effect first."""
    order = np.argsort(-effects, kind="stable")
    return [facts.start + int(k) for k in order if effects[k] > TINY]

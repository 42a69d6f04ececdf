"""What an explanation says; plain data, without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hetmusic.recommend.explain.wording import Wording


@dataclass(frozen=True)
class Parts:
    """A score taken apart: ``base`` and the contributions add up to it."""

    #: the score without any of the parts
    base: float
    #: Shapley value of every part, the largest first
    contributions: Mapping[str, float]
    #: whether all subsets of the parts were computed; else orders were drawn
    exact: bool = True

    @property
    def total(self) -> float:
        """The score."""
        return self.base + sum(self.contributions.values())


@dataclass(frozen=True)
class Node:
    """A node as people know it."""

    #: node type
    type: str
    #: original id
    key: str
    #: its name; the key where it has none
    name: str


@dataclass(frozen=True)
class Evidence:
    """An edge that the model's messages pass, in the direction of the message."""

    relation: str
    source: Node
    target: Node
    #: how much the score falls when this edge alone is removed
    effect: float


@dataclass(frozen=True)
class Reason:
    """Something that speaks for an item, in words, with the edges that it means."""

    #: ``plays``, ``friends``, ``friends' taste``, a relation's name, or ``emotion``
    kind: str
    #: the sentence, with its names kept apart
    wording: Wording
    #: how much the score falls when all of its edges are removed
    effect: float
    #: strongest first; of an ``emotion`` there are none
    evidence: tuple[Evidence, ...]

    @property
    def text(self) -> str:
        """The sentence as people read it."""
        return str(self.wording)


@dataclass(frozen=True)
class Explanation:
    """Why an item is in a user's list."""

    #: original id of the item
    item_key: str
    #: its name; the key where it has none
    name: str
    #: the model's score
    score: float
    #: place in the list, from 1
    rank: int
    #: over the towers of the model, and whatever else its score is made of
    towers: Parts
    #: over the relations that the towers read; the score once more, from a base of its own
    relations: Parts
    #: strongest first
    reasons: tuple[Reason, ...]
    #: the score when all the evidence of the reasons is removed
    score_without_evidence: float

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it (docs/explanations.md)."""
        return {
            "item_key": self.item_key,
            "name": self.name,
            "score": self.score,
            "rank": self.rank,
            "explanation": {
                "towers": _parts(self.towers),
                "relations": _parts(self.relations),
                "reasons": [_reason(reason) for reason in self.reasons],
                "score_without_evidence": _rounded(self.score_without_evidence),
            },
        }


def _parts(parts: Parts) -> dict[str, Any]:
    contributions = {name: _rounded(value) for name, value in parts.contributions.items()}
    return {"base": _rounded(parts.base), "contributions": contributions, "exact": parts.exact}


def _reason(reason: Reason) -> dict[str, Any]:
    evidence = [
        {
            "relation": edge.relation,
            "source": vars(edge.source),
            "target": vars(edge.target),
            "effect": _rounded(edge.effect),
        }
        for edge in reason.evidence
    ]
    return {"kind": reason.kind, "text": reason.text, "effect": _rounded(reason.effect), "evidence": evidence}


def _rounded(value: float) -> float:
    return round(value, 7) + 0.0  # no -0

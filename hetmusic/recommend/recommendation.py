"""One line of a list of recommendations."""

from __future__ import annotations

from dataclasses import dataclass

#: what somebody is called whom the run has never seen
NEWCOMER = "(new)"


@dataclass(frozen=True)
class Recommendation:
    """An item recommended to a user."""

    #: original id of the item
    item_key: str
    #: its name; the key where it has none
    name: str
    #: the model's score, comparable within one user's list
    score: float
    #: place in the list, from 1
    rank: int

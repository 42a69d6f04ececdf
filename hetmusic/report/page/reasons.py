"""Why users get what they get: what the run's model says, or where it cannot be asked, what is alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hetmusic.errors import UserError
from hetmusic.recommend.explain import words
from hetmusic.recommend.explain.wording import Wording

if TYPE_CHECKING:
    from hetmusic.recommend import Run
    from hetmusic.recommend.explain.explanation import Explanation

#: reasons shown for a recommendation, the strongest
MOST = 3
#: users explained at a time
_USERS = 256
#: contributions to a score that round to less are left out
_LEAST = 0.005


@dataclass(frozen=True)
class Reasons:
    """Why users get what they get."""

    #: a list of reasons for every recommendation of every user
    why: list[list[list[Wording]]]
    #: ways to take a score apart, e.g. ``towers``, each with the names of its parts; none if they are not known
    parts: dict[str, list[str]] = field(default_factory=dict)
    #: way -> a number for every part, of every recommendation of every user
    shares: dict[str, list[list[list[float]]]] = field(default_factory=dict)


#: user indices, their lists, and what they play -> reasons for every place of every list
Explain = Callable[[Sequence[int], Sequence[Sequence[int]], Sequence[NDArray[np.int32]]], Reasons]


def best_reasons(run: Run, on_step: Callable[[str], None]) -> tuple[Explain, str]:
    """What gives the reasons of a run, and a sentence about what they are.

    The model's own explanations need the graph and weights; where they cannot be had, what is alike is said instead.
    """
    try:
        run.explain(run.user_keys[0], 1)
    except UserError as problem:
        return alike(run), (
            f"Below each recommendation: what they play that it is most alike to, by the cosine of the learned vectors. The "
            f"model itself cannot be asked why: {problem}."
        )
    return explained(run, on_step), (
        "Below each recommendation: the plays, friends and facts without which the model's score falls most, and what the "
        "score is made of (Shapley values)."
    )


def explained(run: Run, on_step: Callable[[str], None]) -> Explain:
    """Reasons by the model: see ``docs/explanations.md``."""

    def explain(
        users: Sequence[int], lists: Sequence[Sequence[int]], played: Sequence[NDArray[np.int32]]
    ) -> Reasons:
        length = max(1, max(map(len, lists), default=1))
        found: list[list[Explanation]] = []
        for first in range(0, len(users), _USERS):
            on_step(
                f"reasons for users {first + 1:,} to {min(first + _USERS, len(users)):,} of {len(users):,}"
            )
            keys = [run.user_keys[user] for user in users[first : first + _USERS]]
            found += run.explain(keys, length).values()
        why = [[[reason.wording for reason in one.reasons[:MOST]] for one in mine] for mine in found]
        towers = _shares([[one.towers.contributions for one in mine] for mine in found])
        relations = _shares([[one.relations.contributions for one in mine] for mine in found])
        ways = {name: way for name, way in (("towers", towers), ("relations", relations)) if way[0]}
        return Reasons(
            why, {name: way[0] for name, way in ways.items()}, {n: way[1] for n, way in ways.items()}
        )

    return explain


def _shares(
    contributions: Iterable[Iterable[Mapping[str, float]]],
) -> tuple[list[str], list[list[list[float]]]]:
    """Names of all parts that ever count, and the numbers in this order."""
    whole = [list(mine) for mine in contributions]
    counts = dict.fromkeys(
        n for mine in whole for one in mine for n, value in one.items() if abs(value) >= _LEAST
    )
    names = list(counts)
    return names, [[[round(one.get(name, 0.0), 2) for name in names] for one in mine] for mine in whole]


def alike(run: Run) -> Explain:
    """Reasons by likeness: the three items that the user plays which are most alike to what is recommended.

    Likeness is the cosine of the items' learned vectors. It says what a recommendation resembles, not what made it.
    """
    from hetmusic.recommend.similar import taste

    vectors = np.asarray(taste(run)[1], dtype=np.float32)
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)

    def explain(
        users: Sequence[int], lists: Sequence[Sequence[int]], played: Sequence[NDArray[np.int32]]
    ) -> Reasons:
        found = zip(played, lists, strict=True)
        return Reasons([list(_alike_of(unit, run.item_names, mine, items)) for mine, items in found])

    return explain


def _alike_of(
    unit: NDArray[np.float32], names: Sequence[str], history: NDArray[np.int32], recommended: Sequence[int]
) -> Iterator[list[Wording]]:
    if not len(history):
        yield from ([] for _ in recommended)
        return
    for item in recommended:
        cosines = (unit[history] @ unit[item]).round(6)
        nearest = np.argsort(-cosines, kind="stable")[:MOST]
        like = [names[history[place]] for place in nearest if cosines[place] > 0]
        yield [words.similar(like, often=False)] if like else []

"""Data of the search: what users play, what is recommended to them, and why; all users, or a sample that fits."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hetmusic.report.page.catalogue import Catalogue
from hetmusic.report.page.reasons import Explain

if TYPE_CHECKING:
    from hetmusic.graph import MusicGraph
    from hetmusic.recommend import Recommendation, Run

#: length of the lists, unless another is asked for
TOP = 10
#: items of a history that are shown, the most played ones
HISTORY = 50
#: users that are looked at in a run of more
MOST_USERS = 2_000
#: characters that the users' data may take, without the names of items
BUDGET = 4_000_000


@dataclass(frozen=True)
class Users:
    """Data of the search, and whom it covers."""

    data: dict[str, Any]
    #: users that are in it, and users of the run
    number: int
    total: int
    #: key of one with a typical history
    example: str


def users_data(
    run: Run, catalogue: Catalogue, explain: Explain, *, top: int = TOP, budget: int = BUDGET, seed: int = 0
) -> Users:
    """Put the data of the search together.

    :param explain: gives the reasons.
    :param top: length of the lists.
    :param budget: the most characters of JSON; with more, users are drawn from the seed.
    """
    records = _records(run, catalogue, _sample(np.arange(run.info.num_users), MOST_USERS, seed), explain, top)
    data = records.coded()
    size = len(json.dumps(data))
    if size > budget:
        count = len(records.users)
        records = records.select(_sample(np.arange(count), max(1, int(count * budget / size)), seed))
        data = records.coded()
    # numbers of items are given out now, so that the names of those of users who were left out are not in the page
    for name in ("history", "recommended", "held_out"):
        data[name] = [catalogue.numbers(items) for items in data[name]]
    keys = [run.user_keys[user] for user in records.users]
    names = [run.user_names[user] for user in records.users]
    lengths = np.array(data["played"])
    example = int(np.argsort(np.abs(lengths - np.median(lengths)), kind="stable")[0])
    data |= {"keys": keys, "names": None if names == keys else names}
    return Users(data, len(keys), run.info.num_users, keys[example])


class Numbered(dict[str, int]):
    """Texts by small numbers, given out as they come: what comes often is written once."""

    def __missing__(self, text: str) -> int:
        self[text] = len(self)
        return self[text]


@dataclass(frozen=True)
class _Records:
    """Columns with an entry a user; items are the run's indices, reasons are as they come."""

    users: NDArray[np.int64]
    columns: dict[str, list[Any]]
    #: of a score, by way of taking it apart; the numbers are columns called ``shares of`` the way
    parts: dict[str, list[str]]

    def select(self, keep: NDArray[np.int64]) -> _Records:
        """Some of the users."""
        return _Records(
            self.users[keep], {k: [v[i] for i in keep] for k, v in self.columns.items()}, self.parts
        )

    def coded(self) -> dict[str, Any]:
        """The columns, with numbers in place of the texts of the reasons and the names in them, and both of these."""
        texts, words = Numbered(), Numbered()
        why = [
            [[[texts[w.template], *(words[name] for name in w.names)] for w in one] for one in mine]
            for mine in self.columns["why"]
        ]
        plain = {name: column for name, column in self.columns.items() if not name.startswith(_SHARES)}
        shares = {way: self.columns[_SHARES + way] for way in self.parts}
        return {
            "plays": None, **plain, "why": why, "reasons": list(texts), "words": list(words), "parts": self.parts,
            "shares": shares,
        }  # fmt: skip


_SHARES = "shares of "


def _records(
    run: Run, catalogue: Catalogue, users: NDArray[np.int64], explain: Explain, top: int
) -> _Records:
    lists = run.recommend([run.user_keys[user] for user in users], top)
    ranked = [[run.item_index[found.item_key] for found in one] for one in lists.values()]
    played, plays = histories(run, catalogue.graph, users)
    reasons = explain(users.tolist(), ranked, played)
    columns: dict[str, list[Any]] = {
        "history": [items[:HISTORY].tolist() for items in played],
        "played": [len(items) for items in played],
        "recommended": ranked,
        "scores": [_scores(one) for one in lists.values()],
        "held_out": _held_out(run, users, ranked),
        "why": reasons.why,
    }
    if plays is not None:
        columns["plays"] = [numbers[:HISTORY].tolist() for numbers in plays]
    columns |= {_SHARES + way: shares for way, shares in reasons.shares.items()}
    return _Records(users, columns, reasons.parts)


def _scores(recommended: Sequence[Recommendation]) -> list[float]:
    return [round(found.score, 4) for found in recommended]


def histories(
    run: Run, graph: MusicGraph | None, wanted: NDArray[np.int64]
) -> tuple[list[NDArray[np.int32]], list[NDArray[np.int64]] | None]:
    """What some users play in training and validation, most often first, and how often, if the graph says.

    :param wanted: indices of users, ascending.
    """
    parts = [edges.select(np.isin(edges.src, wanted)) for edges in (run.split.train, run.split.valid)]
    users = np.concatenate([edges.src for edges in parts]).astype(np.int64)
    items = np.concatenate([edges.dst for edges in parts])
    weight = None
    if graph is not None and (every := graph.interactions).weight is not None:
        stored = every.src.astype(np.int64) * run.info.num_items + every.dst
        weight = every.weight[np.searchsorted(stored, users * run.info.num_items + items)]
    order = np.lexsort((items, np.zeros(len(items)) if weight is None else -weight, users))
    ends = np.searchsorted(users[order], wanted[1:])
    plays = None if weight is None else np.split(weight[order].round().astype(np.int64), ends)
    return np.split(items[order], ends), plays


def _held_out(run: Run, users: NDArray[np.int64], ranked: list[list[int]]) -> list[list[int]]:
    """Which of the recommended items are in the test part of that user."""
    test = run.split.test.select(np.isin(run.split.test.src, users))
    pairs = set(zip(test.src.tolist(), test.dst.tolist(), strict=True))
    return [
        [i for i in mine if (user, i) in pairs] for user, mine in zip(users.tolist(), ranked, strict=True)
    ]


def _sample(numbers: NDArray[np.int64], most: int, seed: int) -> NDArray[np.int64]:
    if len(numbers) <= most:
        return numbers
    return np.sort(np.random.default_rng(seed).choice(numbers, most, replace=False))


def coverage_text(users: Users) -> str:
    """Whom the search knows, in a sentence."""
    if users.number == users.total:
        return f"Knows all {users.total:,} users."
    return f"Knows {users.number:,} of {users.total:,} users, drawn at random so that the file stays small."

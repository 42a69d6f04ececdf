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
    from hetmusic.recommend import Recommendation, Run

#: length of the lists
TOP = 10
#: items of a history that are shown, the most played ones
HISTORY = 50
#: users that are looked at in a run of more
MOST_USERS = 2_000
#: characters that the users' data may take, without names of items
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
    run: Run, catalogue: Catalogue, explain: Explain, budget: int = BUDGET, seed: int = 0
) -> Users:
    """Put the data of the search together.

    :param explain: gives the reasons.
    :param budget: the most characters of JSON; with more, users are drawn from the seed.
    """
    chosen = _sample(np.arange(run.info.num_users), MOST_USERS, seed)
    records = _records(run, catalogue, chosen, explain)
    size = len(json.dumps(records.columns))
    if size > budget:
        fitting = max(1, int(len(chosen) * budget / size))
        keep = _sample(np.arange(len(chosen)), fitting, seed)
        # a catalogue of its own would hold the names of everybody's items
        chosen, records = chosen[keep], records.select(keep)
    keys = [run.user_keys[user] for user in chosen]
    names = [run.user_names[user] for user in chosen]
    data = {
        "keys": keys,
        "names": None if names == keys else names,
        "reasons": records.texts,
        "words": records.words,
        "parts": records.parts,
        **records.numbered(catalogue),
    }
    lengths = np.array(records.columns["played"])
    example = int(np.argsort(np.abs(lengths - np.median(lengths)), kind="stable")[0])
    return Users(data, len(chosen), run.info.num_users, keys[example])


class Numbered(dict[str, int]):
    """Texts by small numbers, given out as they come: what comes often is written once."""

    def __missing__(self, text: str) -> int:
        self[text] = len(self)
        return self[text]


@dataclass(frozen=True)
class _Records:
    """Columns with an entry a user; items are the run's indices."""

    columns: dict[str, list[Any]]
    #: of the reasons, and the names in them
    texts: list[str]
    words: list[str]
    #: of a score, by way of taking it apart
    parts: dict[str, list[str]]

    def select(self, keep: NDArray[np.int64]) -> _Records:
        return _Records(
            {k: [v[i] for i in keep] for k, v in self.columns.items()}, self.texts, self.words, self.parts
        )

    def numbered(self, catalogue: Catalogue) -> dict[str, Any]:
        """The columns with the page's numbers of items."""
        found: dict[str, Any] = dict(self.columns)
        for name in ("history", "recommended", "held_out"):
            found[name] = [catalogue.numbers(items) for items in self.columns[name]]
        found.setdefault("plays", None)
        found["shares"] = {way: found.pop(f"shares of {way}") for way in self.parts}
        return found


def _records(run: Run, catalogue: Catalogue, users: NDArray[np.int64], explain: Explain) -> _Records:
    lists = run.recommend([run.user_keys[user] for user in users], TOP)
    ranked = [[run.item_index[found.item_key] for found in one] for one in lists.values()]
    played, plays = histories(run, catalogue)
    reasons = explain(users.tolist(), ranked, played)
    texts, words = Numbered(), Numbered()
    why = [
        [[[texts[text], *(words[name] for name in names)] for text, names in one] for one in mine]
        for mine in reasons.why
    ]
    columns: dict[str, list[Any]] = {
        "history": [played[user][:HISTORY].tolist() for user in users],
        "played": [len(played[user]) for user in users],
        "recommended": ranked,
        "scores": [_scores(one) for one in lists.values()],
        "held_out": _held_out(run, users, ranked),
        "why": why,
    }
    if plays is not None:
        columns["plays"] = [plays[user][:HISTORY].tolist() for user in users]
    columns |= {f"shares of {way}": shares for way, shares in reasons.shares.items()}
    return _Records(columns, list(texts), list(words), reasons.parts)


def _scores(recommended: Sequence[Recommendation]) -> list[float]:
    return [round(found.score, 4) for found in recommended]


def histories(
    run: Run, catalogue: Catalogue
) -> tuple[list[NDArray[np.int32]], list[NDArray[np.int64]] | None]:
    """What every user plays in training and validation, most often first, and how often, if the graph says."""
    split, graph = run.split, catalogue.graph
    users = np.concatenate([split.train.src, split.valid.src])
    items = np.concatenate([split.train.dst, split.valid.dst])
    weight = None
    if graph is not None and (every := graph.interactions).weight is not None:
        stored = every.src.astype(np.int64) * run.info.num_items + every.dst
        wanted = users.astype(np.int64) * run.info.num_items + items
        weight = every.weight[np.searchsorted(stored, wanted)]
    order = np.lexsort((items, np.zeros(len(items)) if weight is None else -weight, users))
    ends = np.cumsum(np.bincount(users, minlength=run.info.num_users))[:-1]
    plays = None if weight is None else np.split(weight[order].round().astype(np.int64), ends)
    return np.split(items[order], ends), plays


def _held_out(run: Run, users: NDArray[np.int64], ranked: list[list[int]]) -> list[list[int]]:
    """Which of the recommended items are in the test part of that user."""
    test = run.split.test
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

"""The metrics against trec_eval, the reference implementation of information retrieval."""

from __future__ import annotations

import numpy as np
import pytest
import pytrec_eval

from hetmusic.ranking import RankedHits, top_k
from tests.ranking.helpers import TableScorer, user_items

NUM_USERS, NUM_ITEMS, DEEPEST = 60, 200, 50
CUTOFFS = (1, 5, 10, 50)
#: ours -> trec_eval's name
NAMES = {"precision": "P", "recall": "recall", "ndcg": "ndcg_cut", "hitrate": "success", "map": "map_cut"}


@pytest.fixture(scope="module")
def ranked() -> tuple[np.ndarray, list[list[int]]]:
    """Lists of random scores, and between 1 and 60 relevant items a user."""
    rng = np.random.default_rng(5)
    relevant = [
        sorted(rng.choice(NUM_ITEMS, rng.choice([1, 2, 30, 60]), replace=False).tolist())
        for _ in range(NUM_USERS)
    ]
    table = rng.random((NUM_USERS, NUM_ITEMS))
    for user, items in enumerate(relevant):
        table[user, items] += 0.02  # better than chance, far from perfect
    return top_k(TableScorer(table), np.arange(NUM_USERS), DEEPEST)[0], relevant


def trec_eval(lists: np.ndarray, relevant: list[list[int]], measures: set[str]) -> list[dict[str, float]]:
    truth = {f"u{user}": {f"i{item}": 1 for item in items} for user, items in enumerate(relevant)}
    run = {
        f"u{user}": {f"i{item}": float(-rank) for rank, item in enumerate(items)}
        for user, items in enumerate(lists)
    }
    found = pytrec_eval.RelevanceEvaluator(truth, measures).evaluate(run)
    return [found[f"u{user}"] for user in range(len(lists))]


@pytest.mark.parametrize("k", CUTOFFS)
@pytest.mark.parametrize("name", NAMES)
def test_same_as_trec_eval(name: str, k: int, ranked) -> None:
    lists, relevant = ranked
    judged = RankedHits.judge(lists, np.arange(NUM_USERS), user_items(relevant, NUM_ITEMS))
    theirs = np.array(
        [row[f"{NAMES[name]}_{k}"] for row in trec_eval(lists, relevant, {f"{NAMES[name]}.{k}"})]
    )
    if name == "map":  # trec_eval divides by |R|, we by min(|R|, K)
        theirs = theirs * judged.num_relevant / np.minimum(judged.num_relevant, k)
    assert 0 < theirs.mean() < 1
    np.testing.assert_allclose(judged.measure(name, k), theirs, atol=1e-12)


@pytest.mark.parametrize("k", CUTOFFS)
def test_same_reciprocal_rank_as_trec_eval(k: int, ranked) -> None:
    lists, relevant = ranked
    judged = RankedHits.judge(lists, np.arange(NUM_USERS), user_items(relevant, NUM_ITEMS))
    theirs = [row["recip_rank"] for row in trec_eval(lists[:, :k], relevant, {"recip_rank"})]
    np.testing.assert_allclose(judged.measure("mrr", k), theirs, atol=1e-12)

"""Every metric against values computed by hand."""

from __future__ import annotations

from math import log2

import numpy as np
import pytest

from hetmusic.errors import ConfigError
from hetmusic.ranking import CATALOGUE_METRICS, METRIC_NAMES, USER_METRICS, RankedHits, cutoffs, metric_names
from hetmusic.ranking import parse_metric as parse
from tests.ranking.helpers import user_items

# two hits at ranks 2 and 4 of three relevant items; no hit of one; one relevant item at rank 1
LISTS = np.array([[9, 1, 8, 2], [1, 2, 3, 4], [5, 0, 1, 2]], dtype=np.int32)
RELEVANT = user_items([[1, 2, 3], [0], [5]], 10)
JUDGED = RankedHits.judge(LISTS, np.arange(3), RELEVANT)

EXPECTED = {
    ("precision", 4): [2 / 4, 0, 1 / 4],
    ("precision", 2): [1 / 2, 0, 1 / 2],
    ("precision", 1): [0, 0, 1],
    ("recall", 4): [2 / 3, 0, 1],
    ("recall", 2): [1 / 3, 0, 1],
    ("ndcg", 4): [(1 / log2(3) + 1 / log2(5)) / (1 + 1 / log2(3) + 1 / log2(4)), 0, 1],
    ("ndcg", 2): [(1 / log2(3)) / (1 + 1 / log2(3)), 0, 1],
    ("ndcg", 1): [0, 0, 1],
    ("hitrate", 4): [1, 0, 1],
    ("hitrate", 1): [0, 0, 1],
    ("mrr", 4): [1 / 2, 0, 1],
    ("mrr", 1): [0, 0, 1],
    ("map", 4): [(1 / 2 + 2 / 4) / 3, 0, 1],
    ("map", 2): [(1 / 2) / 2, 0, 1],
}


@pytest.mark.parametrize(("name", "k"), EXPECTED)
def test_values_by_hand(name: str, k: int) -> None:
    np.testing.assert_allclose(JUDGED.measure(name, k), EXPECTED[name, k], rtol=0, atol=1e-15)


def test_every_metric_has_a_case_and_a_definition() -> None:
    assert {name for name, _ in EXPECTED} == set(USER_METRICS)
    assert set(METRIC_NAMES) == {"precision", "recall", "ndcg", "hitrate", "mrr", "map", "coverage"}
    assert all(function.__doc__ for function in (*USER_METRICS.values(), *CATALOGUE_METRICS.values()))


def test_coverage_counts_distinct_items_and_no_empty_places() -> None:
    lists = np.array([[0, 1], [1, -1], [7, 0]], dtype=np.int32)
    assert CATALOGUE_METRICS["coverage"](lists, 10) == 3 / 10
    assert CATALOGUE_METRICS["coverage"](lists[:, :1], 10) == 3 / 10
    assert CATALOGUE_METRICS["coverage"](lists[1:2, 1:], 10) == 0


def test_a_short_list_has_misses_in_its_empty_places() -> None:
    judged = RankedHits.judge(np.array([[3, -1, -1]], np.int32), np.array([0]), user_items([[3, 9]], 10))
    assert judged.measure("precision", 3).tolist() == [1 / 3]
    assert judged.measure("recall", 3).tolist() == [1 / 2]


def test_users_without_relevant_items_are_refused() -> None:
    with pytest.raises(ValueError, match="1 of 2 users have no held-out item"):
        RankedHits.judge(LISTS[:2], np.arange(2), user_items([[1], []], 10))


@pytest.mark.parametrize("k", [0, 5])
def test_a_cutoff_beyond_the_lists_is_refused(k: int) -> None:
    with pytest.raises(ValueError, match="lists with 4 places"):
        JUDGED.measure("ndcg", k)


def test_reading_metric_keys() -> None:
    assert parse("ndcg@10") == ("ndcg", 10)
    for key, message in {
        "ndgc@10": r"unknown metric 'ndgc' \(did you mean 'ndcg'\?\)",
        "ndcg": "not a metric with a cutoff",
        "ndcg@": "not a metric with a cutoff",
        "ndcg@-1": "not a metric with a cutoff",
        "ndcg@0": "cutoff 0 is not a positive whole number",
        "ndcg@²": "not a metric with a cutoff",
    }.items():
        with pytest.raises(ConfigError, match=message):
            parse(key)


def test_choice_of_metrics_and_cutoffs() -> None:
    assert metric_names(None) == METRIC_NAMES
    assert metric_names("map") == ("map",)
    assert cutoffs([20, 5]) == (5, 20)
    for names in ([], ["map", "map"], ["hit_rate"]):
        with pytest.raises(ConfigError):
            metric_names(names)
    for ks in ([], [5, 5], [0], [-3], [2.5], [True]):
        with pytest.raises(ConfigError):
            cutoffs(ks)  # type: ignore[arg-type]

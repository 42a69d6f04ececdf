"""Ranking metrics and exact full-catalogue top-K, with numpy alone."""

from hetmusic.ranking.metrics import (
    CATALOGUE_METRICS,
    METRIC_NAMES,
    USER_METRICS,
    RankedHits,
    cutoffs,
    metric_names,
    parse_metric,
)
from hetmusic.ranking.scorer import EmbeddingScorer, Scorer
from hetmusic.ranking.seen import SeenItems, UserItems
from hetmusic.ranking.topk import ScoreError, top_k

__all__ = [
    "CATALOGUE_METRICS",
    "METRIC_NAMES",
    "USER_METRICS",
    "EmbeddingScorer",
    "RankedHits",
    "ScoreError",
    "Scorer",
    "SeenItems",
    "UserItems",
    "cutoffs",
    "metric_names",
    "parse_metric",
    "top_k",
]

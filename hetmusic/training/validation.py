"""What is measured after an epoch: the metric that decides which weights are kept, and those beside it."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hetmusic.errors import ConfigError
from hetmusic.graph.splits import Split
from hetmusic.graph.types import Edges
from hetmusic.models.schema import GraphSchema
from hetmusic.ranking import USER_METRICS, EmbeddingScorer, RankedHits, UserItems, parse_metric, top_k
from hetmusic.training.config import FitConfig, TrainingConfig


class Validation:
    """Ranks the catalogue for users of the validation part, with training items masked.

    :param split: what was trained on, and what is looked for.
    :raises ConfigError: if a metric is none of users' lists.
    """

    def __init__(self, split: Split, config: FitConfig, schema: GraphSchema) -> None:
        self._split, self._config, self._schema = split, config, schema
        self._metrics = _metrics(config.training)

    def measure(self, scorer: EmbeddingScorer, device: str) -> dict[str, float]:
        """The mean over users of every metric, by the name it was asked for.

        :param device: where the catalogue is ranked.
        """
        users = validation_users(self._split, self._config)
        longest = max(k for _, k in self._metrics.values())
        ranked, _ = top_k(scorer, users, longest, self._seen, self._split.items, device=device)
        judged = RankedHits.judge(ranked, users, self._held_out)
        return {key: float(judged.measure(name, k).mean()) for key, (name, k) in self._metrics.items()}

    @cached_property
    def _seen(self) -> UserItems:
        return self._user_items(self._split.train)

    @cached_property
    def _held_out(self) -> UserItems:
        return self._user_items(self._split.valid)

    def _user_items(self, pairs: Edges) -> UserItems:
        count, schema = self._schema.num_nodes, self._schema
        return UserItems.from_edges(
            [pairs], num_users=count[schema.user_type], num_items=count[schema.item_type]
        )


def validation_users(split: Split, config: FitConfig) -> NDArray[np.int32]:
    """The users with validation interactions, or so many of them as ``training.validation_users`` says, by the seed."""
    users, most = np.unique(split.valid.src), config.training.validation_users
    if most is None or most >= len(users):
        return users
    return np.sort(np.random.default_rng(config.seed).choice(users, most, replace=False))


def _metrics(training: TrainingConfig) -> dict[str, tuple[str, int]]:
    """Name and length of lists of every metric, by the text that asks for it; the first decides."""
    metrics = {key: parse_metric(key) for key in [training.metric, *training.also_measured]}
    for key, (name, _) in metrics.items():
        if name not in USER_METRICS:
            setting = "metric" if key == training.metric else "also_measured"
            raise ConfigError(
                f"training.{setting} = {key!r} is a property of the catalogue, not of users' lists; "
                f"use one of {', '.join(USER_METRICS)}"
            )
    return metrics

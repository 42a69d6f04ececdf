"""What every recommender that is compared has in common: settings, a problem to learn, a scorer that comes out."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from pydantic import ValidationError

from hetmusic._resolve import Resolver
from hetmusic.errors import ConfigError, SplitError, did_you_mean
from hetmusic.evaluation import evaluate
from hetmusic.graph import MusicGraph
from hetmusic.graph.splits import Split
from hetmusic.graph.view import TrainingView
from hetmusic.models.config import StrictModel
from hetmusic.ranking import Scorer, parse_metric

#: told about every validation of an iterative fit: its number from 0 on, and the value; may raise to end the fit
Report = Callable[[int, float], None]


@dataclass(frozen=True)
class Problem:
    """What is to be learnt: a graph, its split, and the metric that choices go by.

    Recommenders see the training interactions and everything else through :attr:`view`; validation interactions
    choose between epochs and settings; test interactions are for :meth:`test` alone.
    """

    graph: MusicGraph
    split: Split
    #: validation metric, e.g. ``ndcg@10``
    metric: str = "ndcg@10"

    def __post_init__(self) -> None:
        parse_metric(self.metric)
        if not len(self.split.valid):
            raise SplitError("the split has no validation interactions, so nothing can be chosen on it")

    @cached_property
    def view(self) -> TrainingView:
        """What training may see."""
        return TrainingView(self.graph, self.split)

    @property
    def num_users(self) -> int:
        """Number of users of the graph."""
        return self.graph.num_nodes(self.graph.user_type)

    @property
    def num_items(self) -> int:
        """Number of items of the graph, candidates or not."""
        return self.graph.num_nodes(self.graph.item_type)

    @cached_property
    def train(self) -> sp.csr_matrix:
        """Training interactions as a binary matrix, float32 ``(num_users, num_items)``, sorted indices."""
        edges = self.split.train
        ones = np.ones(len(edges), dtype=np.float32)
        matrix = sp.csr_matrix((ones, (edges.src, edges.dst)), shape=(self.num_users, self.num_items))
        matrix.sum_duplicates()
        matrix.data[:] = 1.0
        return matrix

    def validate(self, scorer: Scorer) -> float:
        """The metric on validation interactions, training items masked."""
        name, k = parse_metric(self.metric)
        return evaluate(scorer, self.split, part="valid", metrics=[name], ks=[k])[f"{name}@{k}"]


@dataclass(frozen=True)
class Fitted:
    """A trained recommender."""

    scorer: Scorer
    #: the problem's metric on validation interactions
    valid: float
    #: wall-clock seconds of the fit, validation included
    seconds: float
    #: whatever is worth telling, JSON-serialisable, e.g. ``{"epochs": 42}``
    info: dict[str, Any] = field(default_factory=dict)


class Recommender:
    """A model with its settings, not yet trained.

    A subclass gives ``Settings`` (unknown keys are errors) and :meth:`train`; it registers itself by name with
    ``@recommenders.register("name")``.

    :param settings: values of ``Settings``; those left out have their defaults.
    :raises ConfigError: naming the model and the key.
    """

    Settings: ClassVar[type[StrictModel]] = StrictModel

    def __init__(self, **settings: Any) -> None:
        self.settings = self.parse(settings)

    @classmethod
    def parse(cls, settings: Mapping[str, Any]) -> Any:
        """Check settings."""
        try:
            return cls.Settings.model_validate(dict(settings))
        except ValidationError as problem:
            first = problem.errors()[0]
            key = ".".join(str(part) for part in first["loc"])
            if first["type"] == "extra_forbidden":
                known = cls.Settings.model_fields
                hint = did_you_mean(key, known) or f"; known: {', '.join(known) or 'none'}"
                raise ConfigError(f"model {cls.__name__} has no setting {key!r}{hint}") from None
            message = first["msg"].removeprefix("Value error, ")
            raise ConfigError(f"model {cls.__name__}: {key} = {first['input']!r}: {message}") from None

    def complete_settings(self) -> dict[str, Any]:
        """All settings, nested, with those that were not given."""
        settings: dict[str, Any] = self.settings.model_dump(mode="json")
        return settings

    def check(self) -> None:
        """Check what takes longer than :meth:`parse`, such as plug-ins; called once before an experiment runs anything.

        :raises ConfigError: naming the key.
        """

    def fit(
        self, problem: Problem, seed: int = 0, folder: Path | None = None, report: Report | None = None
    ) -> Fitted:
        """Train.

        :param seed: of initial weights and draws; models without randomness ignore it.
        :param folder: where a model that writes files may write them; None if nothing is to be kept.
        :param report: told about the validations of an iterative fit.
        :raises UserError: for a problem that the model cannot be trained on, such as a graph without the modality
            that it reads.
        """
        started = time.perf_counter()
        scorer, info = self.train(problem, seed, folder, report)
        valid = problem.validate(scorer)
        return Fitted(scorer, valid, time.perf_counter() - started, info)

    def train(
        self, problem: Problem, seed: int, folder: Path | None, report: Report | None
    ) -> tuple[Scorer, dict[str, Any]]:
        """Learn from the training interactions; see :meth:`fit`.

        :return: the scorer, and what is worth telling about the fit.
        """
        raise TypeError(f"{type(self).__name__} must implement train()")


recommenders: Resolver[Recommender] = Resolver("model", Recommender, "hetmusic.recommenders")

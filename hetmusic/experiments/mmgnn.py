"""MM-GNN as one recommender among others: ``mmgnn``, or ``mmgnn:PRESET``."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from hetmusic._toml import merge
from hetmusic.errors import ConfigError
from hetmusic.models.config import StrictModel
from hetmusic.ranking import EmbeddingScorer, Scorer
from hetmusic.rivals import Problem, Recommender, Report, recommenders
from hetmusic.training.config import FitConfig
from hetmusic.training.events import TrainingObserver
from hetmusic.training.load_config import with_settings

#: settings that an experiment decides for all of its models
DECIDED_ELSEWHERE = ("split", "seed")


@recommenders.register("mmgnn")
class Mmgnn(Recommender):
    """The model of ``hetmusic fit``.

    Settings are the keys of its configuration, nested or dotted (``{"training.lr": 0.003}``), on top of ``preset``.
    Split and seed are those of the problem and the fit, and the metric of early stopping is the problem's.
    """

    Settings: ClassVar[type[StrictModel]] = FitConfig

    @classmethod
    def parse(cls, settings: Mapping[str, Any]) -> FitConfig:
        """Check settings."""
        values = nested(settings)
        for key in DECIDED_ELSEWHERE:
            if key in values:
                raise ConfigError(f"model mmgnn: {key!r} is no setting of a model; the experiment decides it")
        preset = values.pop("preset", "default")
        return with_settings(str(preset), values, "model mmgnn")

    def complete_settings(self) -> dict[str, Any]:
        """All settings, those that plug-ins take and that were not given included."""
        from hetmusic.training.plugins import argument_defaults

        return merge(nested(argument_defaults(self.settings)), super().complete_settings())

    def check(self) -> None:  # noqa: D102
        from hetmusic.training.plugins import check_plugins

        check_plugins(self.settings)

    def train(  # noqa: D102
        self, problem: Problem, seed: int, folder: Path | None, report: Report | None
    ) -> tuple[Scorer, dict[str, Any]]:
        # torch takes seconds to import, and checking settings needs none of it
        from hetmusic.fitting import fit

        config: FitConfig = self.settings
        training = config.training.model_copy(update={"metric": problem.metric})
        config = config.model_copy(update={"seed": seed, "training": training})
        with tempfile.TemporaryDirectory(prefix="hetmusic-") as temporary:
            out = Path(temporary) / "run" if folder is None else folder
            watcher = _Watcher(problem.metric, report)
            run = fit(problem.graph, config, out, [watcher], split=problem.split)
            users, items = np.array(run.user_embeddings), np.array(run.item_embeddings)
            info = {"epochs": watcher.epochs, "best_epoch": run.metrics["best_epoch"], **watcher.info}
        return EmbeddingScorer(users, items), info


def nested(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted keys as tables: ``{"a.b": 1, "a": {"c": 2}}`` -> ``{"a": {"b": 1, "c": 2}}``."""
    result: dict[str, Any] = {}
    for key, value in settings.items():
        inner: Any = nested(value) if isinstance(value, Mapping) else value
        for part in reversed(key.split(".")):
            inner = {part: inner}
        result = merge(result, inner)
    return result


class _Watcher(TrainingObserver):
    """Passes validations on, and remembers what is worth telling."""

    def __init__(self, metric: str, report: Report | None) -> None:
        self._key = f"valid_{metric}"
        self._report = report
        self._validations = 0
        self.epochs = 0
        self.info: dict[str, Any] = {}

    def on_start(self, info: Mapping[str, Any]) -> None:
        self.info = {key: info[key] for key in ("parameters", "device", "propagation")}

    def on_epoch(self, record: Mapping[str, Any]) -> None:
        self.epochs = int(record["epoch"]) + 1
        if self._key not in record:
            return
        if self._report is not None:
            self._report(self._validations, float(record[self._key]))
        self._validations += 1

"""Keeps a logger that fails from ending the run."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hetmusic.errors import UserError
from hetmusic.training.events import TrainingObserver

logger = logging.getLogger(__name__)


class Guarded(TrainingObserver):
    """Passes everything on to a logger until it fails.

    :param name: what it is called in the warning.
    :param inner: the logger.
    """

    def __init__(self, name: str, inner: TrainingObserver) -> None:
        self.name = name
        self.inner: TrainingObserver | None = inner

    def on_run(self, folder: Path, config: Mapping[str, Any]) -> None:  # noqa: D102
        self._tell("on_run", folder, config)

    def on_start(self, info: Mapping[str, Any]) -> None:  # noqa: D102
        self._tell("on_start", info)

    def on_batch(self, done: int, total: int, loss: float) -> None:  # noqa: D102
        self._tell("on_batch", done, total, loss)

    def on_epoch(self, record: Mapping[str, Any]) -> None:  # noqa: D102
        self._tell("on_epoch", record)

    def on_end(self, reason: str) -> None:  # noqa: D102
        self._tell("on_end", reason)

    def on_result(self, metrics: Mapping[str, float]) -> None:  # noqa: D102
        self._tell("on_result", metrics)

    def _tell(self, event: str, *arguments: Any) -> None:
        if self.inner is None:
            return
        try:
            getattr(self.inner, event)(*arguments)
        except Exception as problem:
            if event == "on_run" and isinstance(problem, UserError):
                raise
            self.inner = None
            logger.warning(
                "logger %s failed in %s (%s: %s) and is told nothing more of this run",
                self.name, event, type(problem).__name__, problem, exc_info=True,
            )  # fmt: skip

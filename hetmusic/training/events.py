"""What a trainer tells whoever watches: the progress bars of the command line, experiment loggers, tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any


class TrainingObserver:
    """Does nothing; subclasses override what they want to hear.

    One instance watches one run, in the order of the methods here. A run that is gone on with (``--resume``) has a new one.
    """

    def on_run(self, folder: Path, config: Mapping[str, Any]) -> None:
        """When the run folder is there, before anything is trained.

        :param folder: the run folder.
        :param config: the complete configuration, tables in tables, as in ``config.toml``.
        """

    def on_start(self, info: Mapping[str, Any]) -> None:
        """Before the first epoch: sizes, device, number of parameters, first epoch."""

    def on_batch(self, done: int, total: int, loss: float) -> None:
        """After each step of an epoch."""

    def on_epoch(self, record: Mapping[str, Any]) -> None:
        """After each epoch, with the line that goes to ``history.jsonl``."""

    def on_end(self, reason: str) -> None:
        """After the last epoch; ``reason`` is why it was the last: ``epochs``, ``early stopping``, ``interrupted`` or ``an
        error in epoch N``."""

    def on_result(self, metrics: Mapping[str, float]) -> None:
        """When the run is finished, with the validation metrics of the best weights; not after an interruption."""

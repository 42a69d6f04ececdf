"""What a trainer tells whoever watches: the progress bars of the command line, experiment loggers, tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any


class TrainingObserver:
    """Does nothing; subclasses override what they want to hear."""

    def on_start(self, info: Mapping[str, Any]) -> None:
        """Before the first epoch: sizes, device, number of parameters, first epoch."""

    def on_batch(self, done: int, total: int, loss: float) -> None:
        """After each step of an epoch."""

    def on_epoch(self, record: Mapping[str, Any]) -> None:
        """After each epoch, with the line that goes to ``history.jsonl``."""

    def on_end(self, reason: str) -> None:
        """After the last epoch; ``reason`` is why it was the last: ``epochs``, ``early stopping`` or ``interrupted``."""


class TensorBoardObserver(TrainingObserver):
    """Writes loss and validation metrics for TensorBoard.

    :param folder: where the event files go.
    """

    def __init__(self, folder: Path) -> None:
        # imported here: TensorBoard is optional
        from torch.utils.tensorboard import SummaryWriter

        # where TensorFlow is installed it makes the folder, and fails with errors of its own
        folder.mkdir(parents=True, exist_ok=True)
        self._writer = SummaryWriter(str(folder))

    def on_epoch(self, record: Mapping[str, Any]) -> None:
        """Write every number of the record."""
        for name, value in record.items():
            if isinstance(value, int | float) and name != "epoch":
                self._writer.add_scalar(name, value, record["epoch"])

    def on_end(self, reason: str) -> None:
        """Flush the files."""
        self._writer.close()

"""The figures of a run for TensorBoard."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import tomli_w

from hetmusic.errors import EnvironmentProblem
from hetmusic.training.loggers.base import RunLogger, loggers


@loggers.register("tensorboard")
class TensorBoardLogger(RunLogger):
    """Event files: curves by epoch, the configuration as text, hyperparameters beside the final metrics.

    :param folder: where the event files go; None is ``tensorboard`` in the run folder.
    :raises EnvironmentProblem: if TensorBoard is not installed.
    """

    def __init__(self, folder: str | None = None) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise EnvironmentProblem(
                "TensorBoard is not installed: run `pip install 'hetmusic[report]'`"
            ) from None
        self._make_writer = SummaryWriter
        self._folder = None if folder is None else _made(Path(folder))
        self._config: dict[str, Any] = {}
        self._last_epoch = 0

    def on_run(self, folder: Path, config: Mapping[str, Any]) -> None:
        """Keep what the run is."""
        self._folder = self._folder or _made(folder / "tensorboard")
        self._config = dict(config)

    def on_start(self, info: Mapping[str, Any]) -> None:
        """Open the files; what an interrupted run wrote of the epochs to come is hidden by TensorBoard."""
        first = info["first_epoch"]
        self._writer = self._make_writer(str(self._folder), purge_step=first or None)
        if not first:
            self._writer.add_text("config", f"```toml\n{tomli_w.dumps(self._config)}```", 0)

    def on_epoch(self, record: Mapping[str, Any]) -> None:
        """Write every number of the record."""
        self._last_epoch = record["epoch"]
        for name, value in record.items():
            if isinstance(value, int | float) and name != "epoch":
                self._writer.add_scalar(name, value, self._last_epoch)

    def on_end(self, reason: str) -> None:
        """Close the files."""
        self._writer.add_text("training ended", reason, self._last_epoch)
        self._writer.close()

    def on_result(self, metrics: Mapping[str, float]) -> None:
        """Write hyperparameters and final metrics for the tab that compares runs."""
        values = {f"best/{name}": value for name, value in metrics.items()}
        self._writer.add_hparams(dict(flat(self._config)), values, run_name=".", global_step=self._last_epoch)
        self._writer.close()


def flat(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, bool | int | float | str]]:
    """Tables in tables as dotted keys; what is no number, truth value or text is written as text."""
    for key, value in config.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value if isinstance(value, bool | int | float | str) else str(value)


def _made(folder: Path) -> Path:
    # where TensorFlow is installed TensorBoard makes the folder itself, and fails with errors of its own
    folder.mkdir(parents=True, exist_ok=True)
    return folder

"""Progress of training: bars on a terminal, a line an epoch elsewhere."""

from __future__ import annotations

import contextlib
import shlex
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from hetmusic.run_layout import RUN_FILE
from hetmusic.training.events import TrainingObserver


class ProgressBars(TrainingObserver):
    """One bar for the epochs, one for the steps of the epoch, and the best validation value so far."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed}/{task.total}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=Console(stderr=True),
            transient=True,
        )
        self._epochs = self._progress.add_task("epochs", total=None, note="")
        self._steps = self._progress.add_task("steps", total=None, note="")

    def on_start(self, info: Mapping[str, Any]) -> None:
        """Show the bars."""
        self._progress.reset(self._epochs, total=info["epochs"], completed=info["first_epoch"])
        self._progress.reset(self._steps, total=info["steps_per_epoch"])
        self._progress.start()

    def on_batch(self, done: int, total: int, loss: float) -> None:
        """Move the lower bar."""
        self._progress.update(self._steps, completed=done, total=total, note=f"loss {loss:.4f}")

    def on_epoch(self, record: Mapping[str, Any]) -> None:
        """Move the upper bar."""
        self._progress.update(self._epochs, completed=record["epoch"] + 1, note=_validation(record))
        self._progress.reset(self._steps)

    def on_end(self, reason: str) -> None:
        """Take the bars away and say why training ended."""
        self._progress.stop()
        click.echo(f"training ended: {reason}", err=True)


class EpochLines(TrainingObserver):
    """A line an epoch, for logs and pipes."""

    def on_start(self, info: Mapping[str, Any]) -> None:
        """Say what is about to run."""
        epochs, steps = info["epochs"] - info["first_epoch"], info["steps_per_epoch"]
        several = f", {info['processes']} processes" if info.get("processes", 1) > 1 else ""
        start = f", from epoch {info['first_epoch']}" if info["first_epoch"] else ""
        click.echo(
            f"training {info['parameters']:,} parameters on {info['device']} ({info['propagation']} propagation{several}): "
            f"at most {_count(epochs, 'epoch')} of {_count(steps, 'step')}{start}",
            err=True,
        )

    def on_epoch(self, record: Mapping[str, Any]) -> None:
        """Say how the epoch went."""
        line = f"epoch {record['epoch']}: loss {record['loss']:.4f}, {_validation(record)} ({record['seconds']:.1f} s)"
        click.echo(line, err=True)

    def on_end(self, reason: str) -> None:
        """Say why training ended."""
        click.echo(f"training ended: {reason}", err=True)


def observers(quiet: bool) -> list[TrainingObserver]:
    """Whoever shows progress."""
    if quiet:
        return []
    return [ProgressBars() if sys.stderr.isatty() else EpochLines()]


@contextlib.contextmanager
def resumable(folder: Path | None) -> Iterator[None]:
    """Say on Ctrl-C how to go on with the run in ``folder``."""
    try:
        yield
    except KeyboardInterrupt:
        if folder is None or not (folder / RUN_FILE).is_file():
            raise KeyboardInterrupt("nothing was written") from None
        raise KeyboardInterrupt(f"go on with: hetmusic fit --resume {shlex.quote(str(folder))}") from None


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _validation(record: Mapping[str, Any]) -> str:
    values = [f"{key} {value:.4f}" for key, value in record.items() if key.startswith(("start_", "valid_"))]
    measured, best = any(key.startswith("valid_") for key in record), record["best_epoch"]
    # before any validation there is no best epoch either
    kept = "best: the start" if best < 0 and values and measured else f"best epoch {best}"
    return ", ".join([*values, kept])

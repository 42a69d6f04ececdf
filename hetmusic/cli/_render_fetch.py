"""Progress of downloads: a bar on a terminal, a line a file elsewhere."""

from __future__ import annotations

import sys

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from hetmusic.dumps.fetch import FetchObserver


def watching(quiet: bool) -> FetchObserver:
    """Whoever should watch."""
    if quiet:
        return FetchObserver()
    return _Bar() if sys.stderr.isatty() else _Lines()


class _Lines(FetchObserver):
    def on_start(self, file: str) -> None:
        click.echo(f"downloading {file}", err=True)


class _Bar(FetchObserver):
    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task: TaskID | None = None

    def on_start(self, file: str) -> None:
        self._task = self._progress.add_task(file, total=None)
        self._progress.start()

    def on_bytes(self, file: str, done: int, total: int | None) -> None:
        if self._task is not None:
            self._progress.update(self._task, completed=done, total=total)

    def on_end(self, file: str) -> None:
        if self._task is not None:
            self._progress.remove_task(self._task)
            self._task = None
        self._progress.stop()

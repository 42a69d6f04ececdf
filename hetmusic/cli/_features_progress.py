"""Progress of an extraction: bars on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from hetmusic.features.extraction.watching import Watcher

#: seconds between two lines
_EVERY = 10.0


class _Rate(ProgressColumn):
    """Items a second."""

    def render(self, task: Task) -> Text:
        return Text("" if task.speed is None else f"{task.speed:,.1f}/s")


class Bars(Watcher):
    """One bar for what happens now."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            _Rate(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )

    def begin(self, what: str, total: int) -> None:
        """Show a bar."""
        self._task = self._progress.add_task(what, total=total)
        self._progress.start()

    def advance(self, done: int = 1) -> None:
        """Move it."""
        self._progress.advance(self._task, done)

    def end(self) -> None:
        """Take it away."""
        self._progress.stop()
        self._progress.remove_task(self._task)


class Lines(Watcher):
    """A line every ten seconds, for logs and pipes."""

    def begin(self, what: str, total: int) -> None:
        """Start to count."""
        self._what, self._total, self._done = what, total, 0
        self._began = self._said = time.monotonic()

    def advance(self, done: int = 1) -> None:
        """Count, and say so if it is time."""
        self._done += done
        now = time.monotonic()
        if now - self._said > _EVERY:
            self._said = now
            rate = self._done / (now - self._began)
            left = (self._total - self._done) / rate
            click.echo(
                f"{self._what}: {self._done:,} of {self._total:,}, {rate:,.1f} a second, {_duration(left)} left",
                err=True,
            )


def watcher(quiet: bool) -> Watcher:
    """Whoever should watch."""
    if quiet:
        return Watcher()
    return Bars() if sys.stderr.isatty() else Lines()


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return (
        f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
    )

"""Who watches an extraction."""

from __future__ import annotations


class Watcher:
    """Told what happens; does nothing unless a subclass does."""

    def begin(self, what: str, total: int) -> None:
        """Something of ``total`` steps begins: ``"audio: reading files"``, ``"audio: log-mel-statistics"``."""

    def advance(self, done: int = 1) -> None:
        """Some steps are done."""

    def end(self) -> None:
        """What began is over, done or not."""

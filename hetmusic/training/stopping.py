"""When to stop."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class EarlyStopping:
    """Stops after ``patience`` validations in a row without a better value (higher is better)."""

    patience: int
    #: best value so far; None before the first validation
    best: float | None = None
    #: epoch of the best value; -1 before the first validation
    best_epoch: int = -1
    #: validations since
    stale: int = 0

    def update(self, value: float, epoch: int) -> bool:
        """Take a validation value.

        :return: whether it is the best so far.
        """
        if self.best is None or value > self.best:
            self.best, self.best_epoch, self.stale = value, epoch, 0
            return True
        self.stale += 1
        return False

    @property
    def should_stop(self) -> bool:
        """Whether patience has run out."""
        return self.stale >= self.patience

"""When to stop."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class EarlyStopping:
    """Stops after ``patience`` validations in a row without a better value (higher is better)."""

    patience: int
    #: best value so far
    best: float = float("-inf")
    #: epoch of the best value
    best_epoch: int = -1
    #: validations since
    stale: int = 0

    def update(self, value: float, epoch: int) -> bool:
        """Take a validation value.

        :return: whether it is the best so far.
        """
        if value > self.best:
            self.best, self.best_epoch, self.stale = value, epoch, 0
            return True
        self.stale += 1
        return False

    @property
    def should_stop(self) -> bool:
        """Whether patience has run out."""
        return self.stale >= self.patience

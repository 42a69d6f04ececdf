"""How large a batch should be: as large as pays, as small as memory wants."""

from __future__ import annotations

import logging
import sys

_log = logging.getLogger(__name__)

#: what the first batches may have, in the extractor's units
FIRST = 8
#: batches above this bring nothing on any device
LARGEST = 65_536
#: a larger batch has to be so much faster to be kept
_GAIN = 1.05
#: batches and seconds that a size is measured for, after a first batch that warms up
_BATCHES, _SECONDS = 2, 0.25
#: bytes by which batches may raise the memory of the process above what it was before the first
MEMORY = 768 << 20


class BatchSize:
    """Grows while throughput grows, and shrinks when memory ends.

    :param fixed: a size that the user wants; only memory can make it smaller.
    """

    def __init__(self, fixed: int | None = None) -> None:
        self.size = fixed or FIRST
        self._growing = fixed is None
        self._best: tuple[float, int] | None = None
        self._peak = _peak_memory()
        self._allowed = self._peak + MEMORY
        self._warm, self._units, self._time, self._count = False, 0, 0.0, 0

    def shrink(self, size: int) -> None:
        """Memory ended: never more than this from now on."""
        self.size, self._growing = max(1, size), False

    def measured(self, units: int, seconds: float) -> None:
        """Learn from a batch.

        :param units: its size.
        :param seconds: the time that the model took.
        """
        if not self._growing or self._too_much_memory():
            return
        if 2 * units < self.size:  # the last of a catalogue, or cut by memory: says nothing about this size
            return
        if not self._warm:
            self._warm = True
            return
        self._units, self._time, self._count = self._units + units, self._time + seconds, self._count + 1
        if self._count >= _BATCHES and self._time >= _SECONDS:
            self._decide(self._units / self._time)

    def _decide(self, rate: float) -> None:
        if self._best is not None and rate < self._best[0] * _GAIN:
            self.size, self._growing = self._best[1], False
            _log.info("batch size %d: %.1f units a second", self.size, self._best[0])
            return
        self._best = (rate, self.size)
        if 2 * self.size > LARGEST:
            self._growing = False
            return
        self.size *= 2
        self._restart()

    def _restart(self) -> None:
        self._warm, self._units, self._time, self._count = False, 0, 0.0, 0

    def _too_much_memory(self) -> bool:
        """Whether the last batch raised the peak above what is allowed; the size is halved then."""
        peak, before = _peak_memory(), self._peak
        self._peak = peak
        if peak <= max(before, self._allowed):
            return False
        self.shrink(self.size // 2)
        _log.info("batch size %d: more would take too much memory", self.size)
        return True


def _peak_memory() -> int:
    """The most bytes that the process has had in memory; 0 where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit

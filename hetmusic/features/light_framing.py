"""Frames of a sound that comes in blocks: the same as those of the whole."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]


class Framing:
    """Hands on what holds whole frames, and keeps the samples that later frames need again."""

    def __init__(self, length: int, hop: int) -> None:
        """Begin a sound.

        :param length: samples of a frame.
        :param hop: samples from the beginning of a frame to that of the next.
        """
        self.length, self.hop = length, hop
        self._rest = np.zeros(0, dtype=np.float32)

    def push(self, block: FloatArray) -> FloatArray:
        """The samples of all frames that have become whole, from the first one's beginning to the last one's end."""
        sound = np.concatenate([self._rest, block])
        whole = max((len(sound) - self.length) // self.hop + 1, 0)
        self._rest = sound[whole * self.hop :].copy()
        return sound[: (whole - 1) * self.hop + self.length] if whole else sound[:0]

    def rest(self) -> FloatArray:
        """The samples from the beginning of the first frame that is not whole."""
        return self._rest

"""An opened sound file, as the libraries that decode hand it on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hetmusic.features.extractor import Absent

#: samples per second of what comes out
SAMPLE_RATE = 16_000
#: so much is heard of a file at most, however much it unpacks to
LONGEST_SECONDS = 86_400.0
#: sampling rates that are believed, in Hz
_RATES = range(4_000, 384_001)
#: numbers of channels that are believed
_CHANNELS = range(1, 65)
#: samples of each channel in a block that is decoded at once
BLOCK = 1 << 16

UNREADABLE = "not a readable sound file"


class UnreadableError(Exception):
    """A library cannot decode a file; another one may."""


class DamagedError(UnreadableError):
    """A library has decoded a part of a file and cannot go on."""


class MissingLibraryError(Exception):
    """A library that might decode a file is not installed; the text says so."""


@dataclass(frozen=True)
class Source:
    """What is known of a sound before it is decoded, and its samples."""

    #: samples per second
    rate: int
    #: samples of each channel by the header, or None where headers only estimate that
    announced: int | None
    #: float32, shape ``(samples, channels)``, full scale being [-1, 1]; may end early, or raise :class:`DamagedError`
    blocks: Iterator[NDArray[np.float32]]


def check_layout(rate: int, channels: int) -> None:
    """Refuse what no recording has.

    :raises Absent: if the rate or the number of channels is implausible.
    """
    if channels not in _CHANNELS:
        raise Absent("implausible number of channels")
    if rate not in _RATES:
        raise Absent("implausible sampling rate")

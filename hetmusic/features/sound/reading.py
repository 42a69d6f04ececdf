"""Sound files in mono at 16 kHz, decoded by processes that a damaged file may crash or hang."""

from __future__ import annotations

import atexit
import math
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hetmusic.errors import FeatureError
from hetmusic.features.light_base import require_file
from hetmusic.features.sound.process import DecodingProcess
from hetmusic.features.sound.source import LONGEST_SECONDS

FloatArray = NDArray[np.float32]


def sound_blocks(
    path: Path, *, offset: float = 0.0, max_seconds: float = LONGEST_SECONDS, guarded: bool = True
) -> Iterator[FloatArray]:
    """A sound file, block by block: mono, float32 in [-1, 1], 16,000 samples a second.

    Memory does not grow with the file's length. What can be decoded of a damaged file is used, unless it is less than
    half of what the header announces.

    :param offset: seconds at the beginning that are left out.
    :param max_seconds: only so much is heard after that.
    :param guarded: decode in another process, which is started again when a file crashes or hangs it. Without it,
        decoding takes place in this one, in which FFmpeg or libsndfile may then fail as they like.
    :raises Absent: before, between or after the blocks: if the file is missing, not readable, damaged, too short
        (25 ms), silent (-80 dB of full scale) or implausible. What was yielded before is then of no use.
    """
    check_listening(offset, max_seconds)
    require_file(path)
    # the process may have been started in another folder
    task = (os.path.abspath(path), float(offset), float(max_seconds))  # noqa: PTH100  keeps links as they are
    if not guarded:
        from hetmusic.features.sound.blocks import decoded

        yield from (block for block in decoded(path, *task[1:]) if len(block))
        return
    process = _idle.take()
    try:
        yield from process.decode(*task)
    finally:
        _idle.put(process)


def read_sound(
    path: Path, *, offset: float = 0.0, max_seconds: float = LONGEST_SECONDS, guarded: bool = True
) -> FloatArray:
    """A sound file as one array (3.8 MB a minute), shape ``(samples,)``; see :func:`sound_blocks`.

    :raises Absent: as there.
    """
    return np.concatenate(list(sound_blocks(path, offset=offset, max_seconds=max_seconds, guarded=guarded)))


def check_listening(offset: float, max_seconds: float) -> None:
    """Refuse settings that no part of a sound answers to.

    :raises FeatureError: if one is.
    """
    if not 0.0 <= offset < math.inf:
        raise FeatureError(f"offset is a number of seconds from 0 on, not {offset!r}")
    if not 0.0 < max_seconds < math.inf:
        raise FeatureError(f"max_seconds is a number of seconds above 0, not {max_seconds!r}")


def idle_processes() -> list[int]:
    """The process ids of the decoders that wait for work."""
    return _idle.numbers()


class _Idle:
    """Processes that wait for work: as many as threads have decoded at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._processes: list[DecodingProcess] = []

    def take(self) -> DecodingProcess:
        with self._lock:
            return self._processes.pop() if self._processes else DecodingProcess()

    def put(self, process: DecodingProcess) -> None:
        with self._lock:
            self._processes.append(process)

    def numbers(self) -> list[int]:
        with self._lock:
            return [number for process in self._processes if (number := process.number) is not None]

    def close(self) -> None:
        """End them all."""
        with self._lock:
            while self._processes:
                self._processes.pop().stop()

    def forget(self) -> None:
        """Begin anew, in a process forked off from one whose decoders these are."""
        self._lock = threading.Lock()
        self._processes = []


_idle = _Idle()
atexit.register(_idle.close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.forget)

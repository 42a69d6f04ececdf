"""MP3, Ogg (Vorbis, Opus), FLAC, WAV, AIFF and more through libsndfile."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from hetmusic.features.sound.source import BLOCK, DamagedError, Source, UnreadableError, check_layout


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Source]:
    """Open a file.

    :raises UnreadableError: if libsndfile cannot read it.
    :raises Absent: if its header is implausible.
    """
    # by descriptor, so that an extension such as .raw is not believed
    descriptor = os.open(path, os.O_RDONLY)
    try:
        stream = soundfile.SoundFile(descriptor, closefd=False)
    except Exception as error:  # what it raises depends on the format
        os.close(descriptor)
        raise UnreadableError from error
    try:
        check_layout(stream.samplerate, stream.channels)
        announced = None if stream.format == "MP3" or stream.frames >= 1 << 62 else stream.frames
        yield Source(stream.samplerate, announced, _blocks(stream))
    finally:
        stream.close()
        os.close(descriptor)


def _blocks(stream: soundfile.SoundFile) -> Iterator[NDArray[np.float32]]:
    position = 0
    while True:
        block = np.empty((BLOCK, stream.channels), dtype=np.float32)
        try:
            block = stream.read(out=block)
        except Exception as error:  # damaged somewhere in this block
            yield block[: _got(stream, position)]
            raise DamagedError from error
        if not len(block):
            return
        yield block
        position += len(block)


def _got(stream: soundfile.SoundFile, position: int) -> int:
    """Samples of each channel that came before a reading error."""
    try:
        got = stream.tell() - position
    except Exception:  # it may have lost its place
        return 0
    return got if 0 < got <= BLOCK else 0

"""Decoding, mixing down and resampling in this process, which a damaged file can end: only a worker should do it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from hetmusic.features.extractor import Absent, AbsentForNow
from hetmusic.features.light_base import require_file
from hetmusic.features.sound import with_pyav, with_soundfile
from hetmusic.features.sound.source import (
    LONGEST_SECONDS,
    SAMPLE_RATE,
    UNREADABLE,
    DamagedError,
    MissingLibraryError,
    Source,
    UnreadableError,
)

FloatArray = NDArray[np.float32]

#: fewest samples that are a sound (25 ms)
_FEWEST = 400
#: root mean square below which a sound is silence (-80 dB of full scale)
_SILENCE = 1e-4
#: magnitude that no recording reaches: lossy decoders overshoot full scale by far less
_BEYOND = 2.0
#: share of samples that may be beyond that or no numbers at all; more, and the file is none of sound
_BAD_SHARE = 0.01
#: share of the announced length that has to be there
_ENOUGH = 0.5


def decoded(path: Path, offset: float, max_seconds: float) -> Iterator[FloatArray]:
    """Mono at 16 kHz in [-1, 1], block by block; blocks may be empty.

    :param offset: seconds at the beginning that are left out.
    :param max_seconds: only so much is heard after that.
    :raises Absent: if there is nothing to hear, even after the last block.
    """
    require_file(path)
    with _opened(path) as source:
        tally = _Tally()
        mono = _mono(source, tally)
        yield from tally.heard(_window(_resampled(mono, source.rate), offset, max_seconds))
        tally.judge(source.announced)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Source]:
    """The file by the first library that gets a sample out of it.

    :raises Absent: if none does.
    """
    absence = Absent(UNREADABLE)
    for library in (with_soundfile, with_pyav):
        with contextlib.ExitStack() as stack:
            try:
                source = stack.enter_context(library.opened(path))
                first = next((block for block in source.blocks if len(block)), None)
            except UnreadableError:
                continue
            except MissingLibraryError as error:
                absence = AbsentForNow(str(error))
                continue
            except OSError:
                raise AbsentForNow("unreadable path") from None
            if first is not None:
                yield Source(source.rate, source.announced, _to_the_end(path, source, first))
                return
    raise absence


def _to_the_end(path: Path, source: Source, first: FloatArray) -> Iterator[FloatArray]:
    """All blocks of a sound; where its library gives up, FFmpeg leaves the damaged part out and goes on."""
    yield first
    position = len(first)
    try:
        for block in source.blocks:
            yield block
            position += len(block)
    except DamagedError:
        yield from _after(path, position, source.rate)


def _after(path: Path, position: int, rate: int) -> Iterator[FloatArray]:
    """What FFmpeg gets out of a file from a sample on, if anything."""
    with (
        contextlib.suppress(UnreadableError, MissingLibraryError, Absent, OSError),
        with_pyav.opened(path) as source,
    ):
        for block in source.blocks if source.rate == rate else ():
            yield block[max(position, 0) :]
            position -= len(block)


@dataclass
class _Tally:
    """What shows in the end whether a file was one of sound."""

    #: samples of each channel that were decoded, and how many of them are no numbers or beyond full scale
    decoded: int = 0
    bad: int = 0
    #: whether decoding went on to the end of the file, or to where it is damaged
    ended: bool = False
    #: samples that are heard, at 16 kHz, and the sum of their squares
    samples: int = 0
    energy: float = 0.0

    def heard(self, blocks: Iterable[FloatArray]) -> Iterator[FloatArray]:
        for block in blocks:
            self.samples += len(block)
            self.energy += float(np.dot(block, block))
            yield block

    def judge(self, announced: int | None) -> None:
        if self.bad > _BAD_SHARE * self.decoded:
            raise Absent("samples that are no numbers or far beyond full scale")
        if self.ended and announced is not None and self.decoded < _ENOUGH * announced:
            raise Absent("cut off before half of its length")
        if self.samples < _FEWEST:
            raise Absent("too short")
        if self.energy < _SILENCE**2 * self.samples:
            raise Absent("silent")


def _mono(source: Source, tally: _Tally) -> Iterator[FloatArray]:
    """The mean of the channels, in [-1, 1]; what is no number becomes 0."""
    for block in source.blocks:
        mono = block[:, 0].copy()
        for channel in range(1, block.shape[1]):
            mono += block[:, channel]
        if block.shape[1] > 1:
            mono *= np.float32(1.0 / block.shape[1])
        tally.decoded += len(mono)
        if not (mono.max(initial=0.0) <= 1.0 and mono.min(initial=0.0) >= -1.0):  # true of nan as well
            tally.bad += int(np.count_nonzero(~(np.abs(mono) <= _BEYOND)))
            mono = np.clip(np.nan_to_num(mono, nan=0.0, posinf=0.0, neginf=0.0), -1.0, 1.0)
        yield mono
    tally.ended = True


def _resampled(blocks: Iterable[FloatArray], rate: int) -> Iterator[FloatArray]:
    if rate == SAMPLE_RATE:
        yield from blocks
        return
    stream = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ")
    for block in blocks:
        yield np.clip(stream.resample_chunk(block), -1.0, 1.0)
    yield np.clip(stream.resample_chunk(np.zeros(0, np.float32), last=True), -1.0, 1.0)


def _window(blocks: Iterable[FloatArray], offset: float, max_seconds: float) -> Iterator[FloatArray]:
    """The part that is wanted, empty blocks before it; nothing is decoded after it."""
    start = round(offset * SAMPLE_RATE)
    stop = start + round(min(max_seconds, LONGEST_SECONDS) * SAMPLE_RATE)
    position = 0
    for block in blocks:
        yield block[max(start - position, 0) : max(stop - position, 0)]
        position += len(block)
        if position >= stop:
            return

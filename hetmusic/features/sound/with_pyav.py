"""M4A, AAC, WMA and what else FFmpeg decodes, through PyAV."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hetmusic.features.sound.source import BLOCK, MissingLibraryError, Source, UnreadableError, check_layout

#: Containers of recordings. Playlists (HLS, DASH, concat) are none of them: they make FFmpeg open other files and
#: addresses; neither are text, pictures and headerless formats, which almost any bytes are taken for.
_CONTAINERS = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dsf,dts,eac3,flac,flv,matroska,matroska,webm,mov,mov,mp4,m4a,3gp,3g2,mj2,"
    "mp3,mpc,mpc8,mpegts,ogg,tak,tta,w64,wav,wv"
)
#: why a file is absent where PyAV might have read it
NEEDS_PYAV = "not a sound file that libsndfile reads, and PyAV is not installed"
#: containers without a table of contents, whose length is a guess by the bit rate
_GUESSED = {"mp3", "aac", "ac3", "eac3", "dts", "mpegts", "amr"}


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Source]:
    """Open a file's first audio stream.

    :raises UnreadableError: if FFmpeg cannot read it.
    :raises MissingLibraryError: if PyAV is not installed.
    :raises Absent: if its header is implausible.
    """
    try:
        import av
    except ImportError as error:
        raise MissingLibraryError(NEEDS_PYAV) from error
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(path.open("rb"))
        try:
            # a file object, not a name: FFmpeg is given no way to open anything else
            container = stack.enter_context(
                av.open(file, options={"format_whitelist": _CONTAINERS}, metadata_errors="ignore")
            )
            stream: Any = container.streams.audio[0]
            stream.thread_type = "NONE"
            rate, channels = int(stream.rate or 0), int(stream.channels or 0)
            announced = None if container.format.name in _GUESSED else _samples(stream, rate)
        except Exception as error:  # what it raises depends on the format
            raise UnreadableError from error
        check_layout(rate, channels)
        yield Source(rate, announced, _blocks(container, stream))


def _samples(stream: Any, rate: int) -> int | None:
    """The length that the header announces."""
    if stream.duration is None or stream.time_base is None:
        return None
    return int(stream.duration * stream.time_base * rate)


def _blocks(container: Any, stream: Any) -> Iterator[NDArray[np.float32]]:
    """The sound in blocks; packets hold a few milliseconds each."""
    parts: list[NDArray[np.float32]] = []
    for part in _parts(container, stream):
        parts.append(part)
        if sum(map(len, parts)) >= BLOCK:
            yield np.concatenate(parts)
            parts.clear()
    if parts:
        yield np.concatenate(parts)


def _parts(container: Any, stream: Any) -> Iterator[Any]:
    """What can be decoded, damaged packets left out; ends where the format changes."""
    from av import AudioResampler, FFmpegError

    # interleaved: PyAV reads beyond its memory where each of more than eight channels has an array of its own
    to_float = AudioResampler(format="flt")
    try:
        for packet in container.demux(stream):
            for frame in _frames(packet, FFmpegError):
                for part in to_float.resample(frame):
                    yield part.to_ndarray().reshape(part.samples, -1)
    except (FFmpegError, ValueError):  # a damaged container; a frame of another rate or layout
        return


def _frames(packet: Any, damage: type[Exception]) -> list[Any]:
    try:
        return list(packet.decode())
    except damage:
        return []

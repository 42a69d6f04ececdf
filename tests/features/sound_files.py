"""Sound files of every format that can be written, and broken ones."""

from __future__ import annotations

import struct
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import soundfile

#: format -> subtype, as soundfile writes them
_WITH_SOUNDFILE = {
    "wav": ("WAV", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "aiff": ("AIFF", "PCM_24"),
}
#: format -> container and codec, as PyAV writes them
_WITH_PYAV = {"m4a": ("ipod", "aac"), "aac": ("adts", "aac"), "wma": ("asf", "wmav2")}
FORMATS = [*_WITH_SOUNDFILE, *_WITH_PYAV]


def tone(hertz: float, seconds: float = 0.5, rate: int = 16_000) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)


def write_sound(path: Path, sound: np.ndarray, rate: int) -> Path:
    """Write mono or ``(samples, channels)`` sound in the format that the extension names."""
    kind = path.suffix[1:]
    if kind in _WITH_SOUNDFILE:
        container, subtype = _WITH_SOUNDFILE[kind]
        soundfile.write(path, sound, rate, format=container, subtype=subtype)
        return path
    container, codec = _WITH_PYAV[kind]
    channels = np.atleast_2d(np.asarray(sound, np.float32).T)
    with av.open(str(path), "w", format=container) as out:
        stream = out.add_stream(codec, rate=rate, layout="mono" if len(channels) == 1 else "stereo")
        stream.bit_rate = 128_000
        for start in range(0, channels.shape[1], 1024):
            part = np.ascontiguousarray(channels[:, start : start + 1024])
            frame = av.AudioFrame.from_ndarray(part, format="fltp", layout=stream.layout.name)
            frame.sample_rate, frame.pts = rate, start
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def write_wav(path: Path, octets: bytes, *, rate: int = 16_000, width: int = 2, channels: int = 1) -> Path:
    with wave.open(str(path), "wb") as stream:
        stream.setparams((channels, width, rate, 0, "NONE", ""))
        stream.writeframes(octets)
    return path


def pcm16(sound: np.ndarray) -> bytes:
    return np.rint(sound * 32767).astype("<i2").tobytes()


def broken(good: dict[str, bytes], count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Names and contents of files that something is wrong with.

    :param good: the content of a good file of each format.
    """
    rng = np.random.default_rng(seed)
    kinds, ways = list(good), list(_WAYS)
    for number in range(count):
        kind = kinds[number % len(kinds)]
        way = ways[number // len(kinds) % len(ways)]
        yield f"{number}-{way}.{kind}", _WAYS[way](good[kind], good[kinds[rng.integers(len(kinds))]], rng)


def _cut(content: bytes, _: bytes, rng: np.random.Generator) -> bytes:
    return content[: rng.integers(len(content))]


def _beheaded(content: bytes, _: bytes, rng: np.random.Generator) -> bytes:
    return content[rng.integers(1, 200) :]


def _flipped(content: bytes, places: np.ndarray, rng: np.random.Generator) -> bytes:
    octets = np.frombuffer(content, np.uint8).copy()
    octets[places] ^= (1 << rng.integers(0, 8, len(places))).astype(np.uint8)
    return octets.tobytes()


def _flipped_anywhere(content: bytes, _: bytes, rng: np.random.Generator) -> bytes:
    return _flipped(content, rng.integers(0, len(content), rng.integers(1, 60)), rng)


def _flipped_header(content: bytes, _: bytes, rng: np.random.Generator) -> bytes:
    return _flipped(content, rng.integers(0, 120, rng.integers(1, 12)), rng)


def _flipped_end(content: bytes, _: bytes, rng: np.random.Generator) -> bytes:
    """Containers such as MP4 have their tables at the end."""
    return _flipped(content, len(content) - rng.integers(1, 800, rng.integers(1, 12)), rng)


def _extreme_numbers(content: bytes, _: bytes, rng: np.random.Generator) -> bytes:
    """Sizes, rates, counts that nothing has, in either order of bytes."""
    octets = bytearray(content)
    for place in rng.integers(0, 200, rng.integers(1, 4)):
        number = int(rng.choice([0, 1, 0x7F, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]))
        octets[place : place + 4] = struct.pack(rng.choice(["<I", ">I"]), number)
    return bytes(octets)


def _swapped_header(content: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    length = int(rng.integers(4, 400))
    return other[:length] + content[length:]


def _noise_inside(content: bytes, _: bytes, rng: np.random.Generator) -> bytes:
    start, length = rng.integers(len(content)), rng.integers(1, len(content))
    return (content[:start] + rng.bytes(int(length)) + content[start + length :])[: len(content)]


def _repeated(content: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    return content[: rng.integers(len(content))] + other + content


def _random(content: bytes, _: bytes, rng: np.random.Generator) -> bytes:
    return content[: rng.integers(12)] + rng.bytes(int(rng.integers(1, 5000)))


def _text(_: bytes, __: bytes, rng: np.random.Generator) -> bytes:
    words = [
        "RIFF",
        "la",
        "OggS",
        "<html>",
        "ID3",
        "\0",
        "ü",
        "#EXTM3U",
        "ffconcat version 1.0\n",
        "file /etc/hosts\n",
    ]
    return " ".join(rng.choice(words, 200)).encode()


def _nothing(_: bytes, __: bytes, rng: np.random.Generator) -> bytes:
    return bytes(int(rng.integers(3)) * 1000)


_WAYS: dict[str, Callable[[bytes, bytes, np.random.Generator], bytes]] = {
    way.__name__[1:]: way
    for way in (
        _cut,
        _beheaded,
        _flipped_anywhere,
        _flipped_header,
        _flipped_end,
        _extreme_numbers,
        _swapped_header,
        _noise_inside,
        _repeated,
        _random,
        _text,
        _nothing,
    )
}

"""Sound as statistics of its log-mel spectrum, brightness and rhythm."""

from __future__ import annotations

import wave
from math import gcd
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hetmusic.features.extractor import Absent, extractors
from hetmusic.features.light_base import LightExtractor, require_file
from hetmusic.features.light_mel import FRAME, HOP, SAMPLE_RATE, frames, mel_filters, power_spectrum

#: sampling rates that are believed, in Hz
_RATES = range(4_000, 384_001)
#: root mean square below which a sound is silence (-80 dB of full scale)
_SILENCE = 1e-4
#: rise of the mean log-mel energy from frame to frame, in nepers of power, that counts as an onset
_ONSET = 0.7
#: shortest time between two onsets, in frames (50 ms)
_ONSET_GAP = 5


@extractors.register("log-mel-statistics")
class AudioStatistics(LightExtractor):
    """Mean and standard deviation of each log-mel band, of brightness and noisiness, and the onset rate.

    The last five values are the spectral centroid's mean and standard deviation (as shares of 8 kHz), the
    zero-crossing rate's mean and standard deviation (share of samples), and the onsets per second.

    :param bands: number of mel bands; a vector has ``2 * bands + 5`` values.
    :param max_seconds: only so much from the beginning of a file is heard.
    """

    kind = "audio"
    name = "log-mel-statistics"

    def __init__(self, bands: int = 40, *, max_seconds: float = 120.0) -> None:
        self.bands, self.max_seconds = bands, max_seconds

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return 2 * self.bands + 5

    def prepare(self, item: Path) -> NDArray[np.floating[Any]]:
        """The vector of one sound file."""
        return sound_statistics(read_wav(item, self.max_seconds), self.bands)


def sound_statistics(sound: NDArray[np.floating[Any]], bands: int) -> NDArray[np.float64]:
    """Describe a mono sound at 16 kHz, shape ``(2 * bands + 5,)``; see :class:`AudioStatistics`.

    :raises Absent: if the sound is shorter than one frame (25 ms) or silent.
    """
    if len(sound) < FRAME:
        raise Absent("too short")
    if np.sqrt(np.mean(np.square(sound))) < _SILENCE:
        raise Absent("silent")
    power = power_spectrum(sound)
    log_mel = np.log(power @ mel_filters(bands).T + 1e-6)
    position = np.linspace(0.0, 1.0, power.shape[1])
    centroid = (power @ position) / (power.sum(axis=1) + 1e-9)
    crossings = np.mean(np.diff(np.signbit(frames(sound)), axis=1), axis=1)
    spread = [statistic(value) for value in (centroid, crossings) for statistic in (np.mean, np.std)]
    return np.concatenate([log_mel.mean(axis=0), log_mel.std(axis=0), spread, [onset_rate(log_mel)]])


def onset_rate(log_mel: NDArray[np.float64]) -> float:
    """Onsets per second: frames whose mean rise over the bands is a peak above a fixed threshold.

    :param log_mel: shape ``(frames, bands)``.
    """
    rise = np.maximum(np.diff(log_mel, axis=0), 0.0).mean(axis=1)
    onsets, last = 0, -_ONSET_GAP
    for frame in np.flatnonzero(rise > _ONSET):
        around = rise[max(frame - 2, 0) : frame + 3]
        if rise[frame] == around.max() and frame - last >= _ONSET_GAP:
            onsets, last = onsets + 1, int(frame)
    return onsets * SAMPLE_RATE / (len(log_mel) * HOP)


def read_wav(path: Path, max_seconds: float) -> NDArray[np.float32]:
    """Read the beginning of a PCM WAV file of any width, rate and channels as mono at 16 kHz in [-1, 1].

    :raises Absent: if it is missing or not such a file.
    """
    require_file(path)
    try:
        with wave.open(str(path), "rb") as stream:
            channels, width, rate = stream.getnchannels(), stream.getsampwidth(), stream.getframerate()
            if rate not in _RATES:
                raise Absent("not a readable PCM WAV file")
            # a header may announce gigabytes that are not there
            there = path.stat().st_size // (channels * width)
            content = stream.readframes(min(stream.getnframes(), int(max_seconds * rate), there))
    # a header can be broken in many ways; wave lets the odd KeyError or struct error through
    except Absent:
        raise
    except Exception as error:
        raise Absent("not a readable PCM WAV file") from error
    sound = _samples(content, width, channels).mean(axis=1)
    if rate != SAMPLE_RATE and len(sound):
        from scipy.signal import resample_poly

        common = gcd(rate, SAMPLE_RATE)
        sound = resample_poly(sound, SAMPLE_RATE // common, rate // common)
    return np.asarray(sound, dtype=np.float32)


def _samples(content: bytes, width: int, channels: int) -> NDArray[np.float32]:
    """PCM bytes as numbers in [-1, 1], shape ``(samples, channels)``.

    What a cut-off file has of its last sample is left out.

    :param width: bytes per sample; one byte is unsigned, more are signed little-endian.
    """
    whole = len(content) // (width * channels) * width * channels
    octets = np.frombuffer(content[:whole], dtype=np.uint8)
    if width == 1:
        return ((octets.astype(np.float32) - 128.0) / 128.0).reshape(-1, channels)
    if width not in (2, 3, 4):
        raise Absent("not a readable PCM WAV file")
    # to 32 bits by putting zero bytes below the lowest one
    padded = np.zeros((len(octets) // width, 4), dtype=np.uint8)
    padded[:, 4 - width :] = octets.reshape(-1, width)
    return (padded.view("<i4").ravel() / np.float32(2.0**31)).astype(np.float32).reshape(-1, channels)

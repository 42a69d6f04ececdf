"""Sound as statistics of timbre, pitch, brightness and rhythm."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hetmusic.errors import FeatureError
from hetmusic.features.extractor import extractors
from hetmusic.features.light_base import LightExtractor
from hetmusic.features.light_framing import Framing
from hetmusic.features.light_spectrum import (
    FRAME,
    HOP,
    PITCH_FRAME,
    PITCH_HOP,
    cepstral_basis,
    chroma,
    mel_filters,
    power_sums,
)
from hetmusic.features.moments import Moments
from hetmusic.features.sound import SAMPLE_RATE, sound_blocks
from hetmusic.features.sound.reading import check_listening

FloatArray = NDArray[np.float32]

#: cepstral coefficients, the first being loudness
COEFFICIENTS = 13
#: rise of the mean log-mel energy from frame to frame, in nepers of power, that counts as an onset
_ONSET = 0.7
#: shortest time between two onsets, in frames (50 ms)
_ONSET_GAP = 5


@extractors.register("log-mel-statistics")
class AudioStatistics(LightExtractor):
    """Statistics of log-mel bands, MFCC, pitch classes, brightness, noisiness and onsets; no weights.

    :func:`sound_statistics` says what stands where in a vector. At 40 bands it has 135 values.

    :param bands: number of mel bands between 60 and 7,600 Hz.
    :param max_seconds: only so much is heard.
    :param offset: seconds at the beginning that are left out.
    """

    kind = "audio"
    name = "log-mel-statistics"
    version = "2"

    def __init__(self, bands: int = 40, *, max_seconds: float = 120.0, offset: float = 0.0) -> None:
        if not COEFFICIENTS <= bands <= 128:
            raise FeatureError(f"bands is between {COEFFICIENTS} and 128, not {bands}")
        check_listening(offset, max_seconds)
        self.bands, self.max_seconds, self.offset = bands, max_seconds, offset

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return 2 * (self.bands + COEFFICIENTS + 12 + 2) + 1

    def prepare(self, item: Path) -> NDArray[np.floating[Any]]:
        """The vector of one sound file."""
        blocks = sound_blocks(item, offset=self.offset, max_seconds=self.max_seconds)
        return sound_statistics(blocks, self.bands)


def sound_statistics(blocks: Iterable[FloatArray], bands: int) -> NDArray[np.float64]:
    """Describe a mono sound at 16 kHz of at least one frame (25 ms) that comes in blocks of any lengths.

    For each of these, the means of all values and then their standard deviations, over time:

    - ``bands`` log-mel energies, in nepers of power;
    - 13 mel-frequency cepstral coefficients (orthonormal DCT-II of the log-mel energies);
    - 12 pitch classes, C first, as shares of a half-second's magnitude; sounds shorter than that have zeros;
    - the spectral centroid as a share of 8 kHz, and the zero-crossing rate as a share of samples;

    and last the onsets per second: ``2 * (bands + 27) + 1`` values.
    """
    timbre, pitch = _Timbre(bands), Moments(12)
    short, long = Framing(FRAME, HOP), Framing(PITCH_FRAME, PITCH_HOP)
    for block in blocks:
        if len(whole := short.push(block)):
            timbre.add(whole)
        if len(whole := long.push(block)):
            pitch.add(chroma(whole))
    groups = [timbre.log_mel, timbre.mfcc, pitch, timbre.brightness]
    statistics = [value for group in groups for value in (group.mean, group.sd)]
    return np.concatenate([*statistics, [timbre.onset_rate()]])


class _Timbre:
    """What is heard in frames of 25 ms."""

    def __init__(self, bands: int) -> None:
        self.log_mel, self.mfcc, self.brightness = Moments(bands), Moments(COEFFICIENTS), Moments(2)
        # every figure that is linear in the power spectrum, in one product
        everything = np.ones(mel_filters(bands).shape[1])
        position = np.linspace(0.0, 1.0, len(everything))
        self._weights = np.vstack([mel_filters(bands), position, everything])
        self._cepstrum = cepstral_basis(bands, COEFFICIENTS).T.astype(np.float32)
        self._last: FloatArray | None = None
        self._rises: list[FloatArray] = []

    def add(self, sound: FloatArray) -> None:
        """Take in whole frames."""
        sums = power_sums(sound, self._weights)
        log_mel = np.log(sums[:, :-2] + np.float32(1e-6))
        self.log_mel.add(log_mel)
        self.mfcc.add(log_mel @ self._cepstrum)
        centroid = sums[:, -2] / (sums[:, -1] + np.float32(1e-9))
        self.brightness.add(np.stack([centroid, zero_crossings(sound)], axis=1))
        before = log_mel[:1] if self._last is None else self._last
        self._rises.append(np.maximum(np.diff(log_mel, axis=0, prepend=before), 0.0).mean(axis=1))
        self._last = log_mel[-1:]

    def onset_rate(self) -> float:
        """Onsets per second."""
        rises = np.concatenate(self._rises)
        return onsets(rises) * SAMPLE_RATE / (len(rises) * HOP)


def zero_crossings(sound: FloatArray) -> FloatArray:
    """Share of samples in each frame at which the sign changes, shape ``(frames,)``."""
    changes = np.diff(np.signbit(sound)).cumsum(dtype=np.int64)
    start = np.arange(0, len(sound) - FRAME + 1, HOP)
    before = np.where(start > 0, changes[start - 1], 0)
    return ((changes[start + FRAME - 2] - before) / np.float32(FRAME - 1)).astype(np.float32)


def onsets(rises: FloatArray) -> int:
    """Peaks above a fixed threshold.

    :param rises: from each frame to the next, the log-mel energy's rise averaged over the bands.
    """
    count, last = 0, -_ONSET_GAP
    for frame in np.flatnonzero(rises > _ONSET):
        around = rises[max(frame - 2, 0) : frame + 3]
        if rises[frame] == around.max() and frame - last >= _ONSET_GAP:
            count, last = count + 1, int(frame)
    return count

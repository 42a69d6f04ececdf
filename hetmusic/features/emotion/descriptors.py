"""What of a sound goes with its emotion: tempo, mode, loudness, brightness, timbre, harmony; through librosa.

The groups are those that music psychology names as cues of expressed emotion (Juslin & Laukka 2004; Gabrielsson & Lindström
2010).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hetmusic.features.emotion.tonality import tonality
from hetmusic.features.extractor import Absent

FloatArray = NDArray[np.float64]

#: samples per second that everything here assumes
SAMPLE_RATE = 16_000
#: samples per Fourier transform (64 ms) and from one to the next (32 ms)
FFT, HOP = 1024, 512
#: likewise for harmony, where semitones of low notes have to be told apart (256 ms, 128 ms)
_LONG_FFT, _LONG_HOP = 4096, 2048
_MELS, _MFCC, _CONTRAST_BANDS = 64, 13, 5
#: shortest sound that is described, in samples (a quarter of a second)
_SHORTEST = SAMPLE_RATE // 4
#: power of a frame below which nothing is heard (-100 dB of full scale)
_FLOOR = 1e-10
#: root mean square below which a sound is silence (-80 dB of full scale)
_SILENCE = 1e-4
#: periods between which a pulse is looked for, in seconds (30 to 240 beats per minute)
_PULSE = (0.25, 2.0)

#: what each number of a vector is, in order
DESCRIPTORS: tuple[str, ...] = (
    "tempo",  # octaves above 120 beats per minute
    "pulse_clarity",  # largest autocorrelation of the onset strength, in [0, 1]
    "onset_mean", "onset_sd",  # rise of the mel spectrum from frame to frame, dB
    "loudness_mean", "loudness_sd", "loudness_range",  # dB of full scale; the range is between the 5th and 95th percentile
    "quiet_share",  # share of frames below the root mean square of the whole
    "mode", "key_clarity",  # see tonality.Tonality
    "centroid_mean", "centroid_sd", "bandwidth_mean", "bandwidth_sd", "rolloff_mean", "rolloff_sd",  # octaves above 1 kHz
    "flatness_mean", "flatness_sd",  # nepers: 0 is noise, far below 0 a tone
    "crossings_mean", "crossings_sd",  # share of samples at which the sign changes
    *(f"contrast_{band}" for band in range(_CONTRAST_BANDS + 1)),  # peaks above valleys of octave bands, dB
    *(f"mfcc_{number}_mean" for number in range(1, _MFCC)),
    *(f"mfcc_{number}_sd" for number in range(1, _MFCC)),
    "chroma_entropy",  # 0 for one pitch class, 1 for all alike
    *(f"chroma_{step}" for step in range(12)),  # share of each pitch class, in semitones above the tonic
)  # fmt: skip


def describe_sound(sound: NDArray[np.floating]) -> FloatArray:
    """Describe a mono sound at 16 kHz in [-1, 1], shape ``(len(DESCRIPTORS),)``.

    :raises Absent: if it is shorter than a quarter of a second, or silent.
    """
    import librosa

    if len(sound) < _SHORTEST:
        raise Absent("too short")
    if np.sqrt(np.mean(np.square(sound, dtype=np.float64))) < _SILENCE:
        raise Absent("silent")
    sound = np.asarray(sound, np.float32)
    magnitude = _magnitude(sound, FFT, HOP)
    power = magnitude**2
    mel = librosa.feature.melspectrogram(S=power, sr=SAMPLE_RATE, n_fft=FFT, n_mels=_MELS)
    decibel = librosa.power_to_db(mel, ref=1.0, amin=_FLOOR, top_db=None)
    parts = (
        _rhythm(decibel),
        _loudness(power),
        _harmony(_magnitude(sound, _LONG_FFT, _LONG_HOP)),
        _spectrum(magnitude, sound),
        _timbre(decibel),
    )
    found = {name: value for part in parts for name, value in part.items()}
    return np.array([found[name] for name in DESCRIPTORS], np.float64)


def _magnitude(sound: NDArray[np.float32], fft: int, hop: int) -> FloatArray:
    import librosa

    # a sound that is shorter than a window is padded, so that librosa has nothing to warn of
    padded = np.pad(sound, (0, max(fft - len(sound), 0)))
    magnitude: FloatArray = np.abs(librosa.stft(padded, n_fft=fft, hop_length=hop)).astype(np.float64)
    return magnitude


def _rhythm(decibel: FloatArray) -> dict[str, float]:
    import librosa

    onset = librosa.onset.onset_strength(S=decibel, sr=SAMPLE_RATE, hop_length=HOP)
    tempo = float(
        librosa.feature.tempo(onset_envelope=onset, sr=SAMPLE_RATE, hop_length=HOP, max_tempo=240.0)[0]
    )
    return {
        "tempo": float(np.log2(tempo / 120.0)) if tempo > 0 else 0.0,
        "pulse_clarity": pulse_clarity(onset),
        **_mean_sd("onset", onset),
    }


def pulse_clarity(onset: NDArray[np.floating], hop: float = HOP / SAMPLE_RATE) -> float:
    """Largest autocorrelation of the onset strength at a lag between 0.25 and 2 s, in [0, 1].

    The mean is taken off first, and each lag's sum is divided by the sum at lag 0; 0 where nothing changes or the sound is
    shorter than the shortest lag.

    :param hop: seconds from one value to the next.
    """
    values = np.asarray(onset, np.float64) - np.mean(onset)
    energy = float(values @ values)
    first, last = round(_PULSE[0] / hop), min(round(_PULSE[1] / hop), len(values) - 1)
    if energy <= 1e-12 or last < first:
        return 0.0
    padded = np.fft.rfft(values, 2 * len(values))
    products = np.fft.irfft(np.abs(padded) ** 2)[first : last + 1]
    return float(np.clip(products.max() / energy, 0.0, 1.0))


def _loudness(power: FloatArray) -> dict[str, float]:
    # Parseval: both halves of the spectrum; a Hann window has a mean square of 3/8
    frames = 2.0 * power.sum(axis=0) / (FFT * FFT * 0.375)
    level = 10.0 * np.log10(np.maximum(frames, _FLOOR))
    low, high = np.percentile(level, [5, 95])
    quiet = float(np.mean(frames < frames.mean()))
    return {**_mean_sd("loudness", level), "loudness_range": float(high - low), "quiet_share": quiet}


def _harmony(magnitude: FloatArray) -> dict[str, float]:
    import librosa

    # magnitude, not power: a soft note is one of the chord as well
    chroma = librosa.feature.chroma_stft(S=magnitude, sr=SAMPLE_RATE, n_fft=_LONG_FFT, tuning=0.0).mean(
        axis=1
    )
    key = tonality(chroma)
    share = np.roll(chroma, -key.tonic) / max(float(chroma.sum()), 1e-12)
    entropy = float(-(share * np.log(np.maximum(share, 1e-12))).sum() / np.log(12.0))
    steps = {f"chroma_{step}": float(value) for step, value in enumerate(share)}
    return {"mode": key.mode, "key_clarity": key.clarity, "chroma_entropy": entropy, **steps}


def _spectrum(magnitude: FloatArray, sound: NDArray[np.floating]) -> dict[str, float]:
    import librosa

    feature: Any = librosa.feature
    how = {"S": magnitude, "sr": SAMPLE_RATE, "n_fft": FFT}
    flatness = feature.spectral_flatness(S=magnitude)[0]
    signs = np.signbit(sound)
    contrast = feature.spectral_contrast(**how, n_bands=_CONTRAST_BANDS).mean(axis=1)
    crossings = librosa.util.frame(signs[1:] != signs[:-1], frame_length=FFT, hop_length=HOP).mean(axis=0)
    return {
        **_mean_sd("centroid", _octaves(feature.spectral_centroid(**how)[0])),
        **_mean_sd("bandwidth", _octaves(feature.spectral_bandwidth(**how)[0])),
        **_mean_sd("rolloff", _octaves(feature.spectral_rolloff(**how)[0])),
        **_mean_sd("flatness", np.log(np.maximum(flatness, _FLOOR))),
        **_mean_sd("crossings", crossings),
        **{f"contrast_{band}": float(value) for band, value in enumerate(contrast)},
    }


def _timbre(decibel: FloatArray) -> dict[str, float]:
    import librosa

    # the first coefficient is loudness, which is described already
    mfcc = librosa.feature.mfcc(S=decibel, n_mfcc=_MFCC)[1:]
    both = [_mean_sd(f"mfcc_{number}", row) for number, row in enumerate(mfcc, 1)]
    return {name: value for pair in both for name, value in pair.items()}


def _octaves(hertz: FloatArray) -> FloatArray:
    """Octaves above 1 kHz; what lies below 20 Hz, as in digital silence, counts as 20 Hz."""
    octaves: FloatArray = np.log2(np.maximum(hertz, 20.0) / 1000.0)
    return octaves


def _mean_sd(name: str, values: NDArray[np.floating]) -> dict[str, float]:
    return {f"{name}_mean": float(np.mean(values)), f"{name}_sd": float(np.std(values))}

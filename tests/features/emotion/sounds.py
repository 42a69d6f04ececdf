"""Sounds that are made of what the tests ask for."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE = 16_000


def sine(hertz: float, seconds: float = 2.0, amplitude: float = 1.0) -> NDArray[np.float64]:
    wanted: NDArray[np.float64] = amplitude * np.sin(
        2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE
    )
    return wanted


def tone(note: int, seconds: float) -> NDArray[np.float64]:
    """A note (69 is A at 440 Hz) with three harmonics that fades out."""
    pitch = 440.0 * 2.0 ** ((note - 69) / 12)
    sound = sum(0.6**k * sine(pitch * (k + 1), seconds, 0.1) for k in range(4))
    return np.asarray(sound * np.linspace(1, 0, round(seconds * RATE)) ** 0.3)


def cadence(tonic: int, minor: bool, seconds: float = 0.5) -> NDArray[np.float64]:
    """Tonic, subdominant, dominant, tonic; the dominant is major in both modes (harmonic minor)."""
    third = 3 if minor else 4
    chords = ([0, third, 7], [5, 5 + third, 12], [7, 11, 14], [0, third, 7])
    return np.concatenate([sum(tone(tonic + step, seconds) for step in chord) for chord in chords])


def clicks(beats_a_minute: float, seconds: float = 8.0) -> NDArray[np.float64]:
    """A short noise at every beat."""
    sound = np.zeros(round(seconds * RATE))
    burst = 0.3 * np.random.default_rng(0).standard_normal(400) * np.exp(-np.arange(400) / 80)
    for start in np.arange(0, len(sound) - 400, 60 / beats_a_minute * RATE).round().astype(int):
        sound[start : start + 400] = burst
    return sound


def write_wav(path: Path, sound: NDArray[np.floating]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as stream:
        stream.setnchannels(1)
        stream.setsampwidth(2)
        stream.setframerate(RATE)
        stream.writeframes(np.rint(np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
    return path

"""Short sounds whose pitch, brightness, roughness and tempo depend on the style a song shows."""

from __future__ import annotations

import io
import wave

import numpy as np

from hetmusic.synth.taste import FloatArray

SAMPLE_RATE = 16_000
_HARMONICS = 8


def style_sounds(styles: int, rng: np.random.Generator) -> FloatArray:
    """Parameters of each style's sound, shape ``(styles, 4)``.

    Columns: pitch in octaves above 110 Hz, brightness in [0, 1], roughness (share of noise) and beats per
    second. Each column is an evenly spaced range in an order of its own, so that no two styles are close in
    all of them.
    """
    ranges = ((0.0, 2.5), (0.1, 0.9), (0.02, 0.5), (2.0, 9.0))
    return np.stack([rng.permutation(np.linspace(low, high, styles)) for low, high in ranges], axis=1)


def synthesise(parameters: FloatArray, seconds: float, rng: np.random.Generator) -> FloatArray:
    """A mono sound at 16 kHz in [-1, 1], shape ``(round(seconds * 16000),)``.

    :param parameters: one row as of :func:`style_sounds`; it is varied a little, as recordings differ.
    """
    pitch, brightness, roughness, tempo = parameters * (1 + 0.05 * rng.standard_normal(4))
    time = np.arange(max(1, round(seconds * SAMPLE_RATE))) / SAMPLE_RATE
    base = 110.0 * 2.0**pitch
    tone = np.zeros_like(time)
    for harmonic in range(1, _HARMONICS + 1):
        phase = rng.uniform(0, 2 * np.pi)
        tone += brightness ** (harmonic - 1) * np.sin(2 * np.pi * base * harmonic * time + phase)
    tone /= np.abs(tone).max()
    noise = np.clip(rng.standard_normal(len(time)) / 3, -1, 1)
    beat = np.exp(-6.0 * ((time * tempo + rng.random()) % 1.0))
    sound: FloatArray = 0.8 * (0.15 + 0.85 * beat) * ((1 - roughness) * tone + roughness * noise)
    return sound


def wav_bytes(sound: FloatArray) -> bytes:
    """A sound in [-1, 1] as a 16-bit mono WAV file."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as stream:
        stream.setnchannels(1)
        stream.setsampwidth(2)
        stream.setframerate(SAMPLE_RATE)
        stream.writeframes(np.rint(np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
    return buffer.getvalue()

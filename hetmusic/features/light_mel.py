"""Short-time spectra and mel bands in numpy."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

#: samples per second that everything here assumes
SAMPLE_RATE = 16_000
#: samples per frame (25 ms), per hop (10 ms) and per Fourier transform
FRAME, HOP, FFT = 400, 160, 512


def hertz_to_mel(hertz: FloatArray | float) -> FloatArray:
    """The mel scale of O'Shaughnessy (1987), as in HTK: ``2595 log10(1 + f / 700)``."""
    return 2595.0 * np.log10(1.0 + np.asarray(hertz) / 700.0)


def mel_to_hertz(mel: FloatArray | float) -> FloatArray:
    """Inverse of :func:`hertz_to_mel`."""
    return 700.0 * (10.0 ** (np.asarray(mel) / 2595.0) - 1.0)


@functools.lru_cache(maxsize=8)
def mel_filters(bands: int, low: float = 60.0, high: float = 7_600.0) -> FloatArray:
    """Triangular filters, evenly spaced in mel, each row summing to 1; shape ``(bands, FFT // 2 + 1)``.

    A row that would fall between two Fourier bins takes the nearest bin, so that no band is empty.
    """
    edges = mel_to_hertz(np.linspace(hertz_to_mel(low), hertz_to_mel(high), bands + 2))
    bins = np.arange(FFT // 2 + 1) * SAMPLE_RATE / FFT
    left, centre, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    filters = np.clip(
        np.minimum((bins - left) / (centre - left), (right - bins) / (right - centre)), 0.0, None
    )
    empty = np.flatnonzero(filters.sum(axis=1) == 0.0)
    filters[empty, np.rint(edges[1:-1][empty] * FFT / SAMPLE_RATE).astype(int)] = 1.0
    filters /= filters.sum(axis=1, keepdims=True)
    filters.flags.writeable = False
    return filters


def frames(sound: NDArray[np.floating]) -> NDArray[np.floating]:
    """Overlapping frames of a sound of at least one frame, shape ``(frames, FRAME)``, a read-only view."""
    return np.lib.stride_tricks.sliding_window_view(sound, FRAME)[::HOP]


def power_spectrum(sound: NDArray[np.floating]) -> FloatArray:
    """Power of Hann-windowed frames, shape ``(frames, FFT // 2 + 1)``."""
    return np.abs(np.fft.rfft(frames(sound) * np.hanning(FRAME + 1)[:-1], FFT)) ** 2

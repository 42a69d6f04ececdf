"""Short-time spectra, mel bands, cepstra and pitch classes in numpy, in single precision and many frames at once."""

from __future__ import annotations

import functools

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from hetmusic.features.sound import SAMPLE_RATE

FloatArray = NDArray[np.float64]
SingleArray = NDArray[np.float32]

#: samples per frame (25 ms), per hop (10 ms) and per Fourier transform
FRAME, HOP, FFT = 400, 160, 512
#: samples per frame and hop for pitch (0.51 and 0.26 s): bins of 2 Hz tell semitones apart from the A below middle C on
PITCH_FRAME, PITCH_HOP = 8192, 4096
#: the notes that pitch classes are made of: C3 to B7, by their MIDI numbers
_NOTES = (48, 107)
#: frames that are transformed at once: few enough to stay in the processor's cache
_AT_ONCE = 256


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
    slopes = np.minimum((bins - left) / (centre - left), (right - bins) / (right - centre))
    filters: FloatArray = np.clip(slopes, 0.0, None)
    empty = np.flatnonzero(filters.sum(axis=1) == 0.0)
    filters[empty, np.rint(edges[1:-1][empty] * FFT / SAMPLE_RATE).astype(int)] = 1.0
    filters /= filters.sum(axis=1, keepdims=True)
    filters.flags.writeable = False
    return filters


@functools.lru_cache(maxsize=8)
def cepstral_basis(bands: int, coefficients: int) -> FloatArray:
    """Rows of the orthonormal DCT-II, shape ``(coefficients, bands)``: log-mel energies -> MFCC."""
    order, band = np.arange(coefficients)[:, None], np.arange(bands)
    basis: FloatArray = np.sqrt(2.0 / bands) * np.cos(np.pi * order * (2 * band + 1) / (2 * bands))
    basis[0] /= np.sqrt(2.0)
    basis.flags.writeable = False
    return basis


@functools.lru_cache(maxsize=1)
def pitch_classes() -> FloatArray:
    """Which Fourier bin of a pitch frame is of which class, C first; shape ``(12, PITCH_FRAME // 2 + 1)``, ones and zeros.

    A bin belongs to the nearest note of equal temperament (A4 = 440 Hz).
    """
    hertz = np.arange(PITCH_FRAME // 2 + 1) * SAMPLE_RATE / PITCH_FRAME
    notes = np.rint(69.0 + 12.0 * np.log2(np.maximum(hertz, 1.0) / 440.0)).astype(int)
    heard = (notes >= _NOTES[0]) & (notes <= _NOTES[1])
    classes: FloatArray = ((notes % 12 == np.arange(12)[:, None]) & heard).astype(np.float64)
    classes.flags.writeable = False
    return classes


def frames(sound: NDArray[np.floating], length: int = FRAME, hop: int = HOP) -> NDArray[np.floating]:
    """Overlapping frames of a sound of at least one frame, shape ``(frames, length)``, a read-only view."""
    return np.lib.stride_tricks.sliding_window_view(sound, length)[::hop]


def power_sums(sound: SingleArray, weights: FloatArray) -> SingleArray:
    """Weighted sums of each Hann-windowed frame's power spectrum, shape ``(frames, sums)``.

    :param weights: shape ``(sums, FFT // 2 + 1)``. Most weights of mel filters are zero, but a product with so small a
        matrix takes less time than the transform.
    """
    window = np.hanning(FRAME + 1)[:-1].astype(np.float32)
    # a power is the sum of two squares, which the product adds up as well
    twice = np.repeat(weights.T, 2, axis=0).astype(np.float32)
    every = frames(sound)
    result = np.empty((len(every), len(weights)), dtype=np.float32)
    for start in range(0, len(every), _AT_ONCE):
        spectrum = scipy.fft.rfft(every[start : start + _AT_ONCE] * window, FFT, axis=1)
        parts = spectrum.view(np.float32)
        np.square(parts, out=parts)
        np.matmul(parts, twice, out=result[start : start + _AT_ONCE])
    return result


def chroma(sound: SingleArray) -> SingleArray:
    """Shares of the twelve pitch classes in the magnitude of each pitch frame, C first, shape ``(frames, 12)``.

    Frames without any of the notes are left out.
    """
    window = np.hanning(PITCH_FRAME + 1)[:-1].astype(np.float32)
    every = frames(sound, PITCH_FRAME, PITCH_HOP)
    classes = pitch_classes().T.astype(np.float32)
    result = np.empty((len(every), 12), dtype=np.float32)
    for row, frame in enumerate(every):
        result[row] = np.abs(scipy.fft.rfft(frame * window)) @ classes
    total = result.sum(axis=1, keepdims=True)
    result /= np.maximum(total, 1e-6)
    heard: SingleArray = result[total[:, 0] > 1e-6]
    return heard

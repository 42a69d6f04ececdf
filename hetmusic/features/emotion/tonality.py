"""Key and mode of a sound, from how strong the twelve pitch classes are in it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

#: how well each pitch class fits a key, from the tonic upwards in semitones (Krumhansl & Kessler 1982, probe tones)
MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)


class Tonality(NamedTuple):
    """The key that fits best."""

    #: pitch class of its tonic, 0 being C
    tonic: int
    #: correlation with the best major key less that with the best minor key: above 0 for major, below for minor
    mode: float
    #: correlation with the best key of all, in [-1, 1]: how clear the key is
    clarity: float


def tonality(chroma: NDArray[np.floating]) -> Tonality:
    """Find the key by correlating pitch classes with the profiles of all 24 keys (Krumhansl 1990).

    :param chroma: strength of each pitch class from C upwards, shape ``(12,)``; where all are equally strong there is no
        key, and mode and clarity are 0.
    """
    centred = np.asarray(chroma, np.float64) - np.mean(chroma)
    length = np.linalg.norm(centred)
    if length <= 1e-12:
        return Tonality(0, 0.0, 0.0)
    fits = _profiles() @ (centred / length)
    major, minor = fits[:12], fits[12:]
    return Tonality(
        int(np.argmax(fits)) % 12, float(major.max() - minor.max()), float(np.clip(fits.max(), -1.0, 1.0))
    )


def _profiles() -> NDArray[np.float64]:
    """The profiles of the keys, centred and of length 1, shape ``(24, 12)``: major from C upwards, then minor."""
    rows = np.array([np.roll(profile, tonic) for profile in (MAJOR, MINOR) for tonic in range(12)])
    rows -= rows.mean(axis=1, keepdims=True)
    normalised: NDArray[np.float64] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return normalised
